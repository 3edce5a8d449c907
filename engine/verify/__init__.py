"""Independent witnesses of values and derivatives."""
