"""Interpreters of graphs, and their budgets."""
