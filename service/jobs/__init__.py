"""Optimisation jobs: accepted, queued, run in processes of their own, told and kept."""
