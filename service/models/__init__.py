"""Stored models: named by their content, with numbered versions of their parameters, usable wherever a question is."""
