"""One module per resource; each translates between HTTP and the rest, and does nothing else."""
