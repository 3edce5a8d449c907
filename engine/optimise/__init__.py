"""Optimisation: update rules and their schedules, and methods that choose their points themselves."""
