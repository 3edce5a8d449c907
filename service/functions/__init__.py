"""Stored functions: named by their content, with declared inputs and bound data, usable wherever a question is."""
