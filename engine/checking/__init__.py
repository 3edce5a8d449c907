"""Checking claimed values and gradients: the witnesses heard, their agreement, the verdict."""
