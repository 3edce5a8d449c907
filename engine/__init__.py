"""The differentiation engine: text in, values and exact derivatives out.  It knows nothing of HTTP."""
