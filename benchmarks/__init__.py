"""What Adjoint is measured by.  `python -m benchmarks [name …]` runs all or some; nothing here asserts a time."""
