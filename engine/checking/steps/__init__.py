"""Checking the steps of somebody's optimiser: each one made again from where the claimed iterates stand."""
