"""Primitives: one record each, and the functions of the language that are made of them."""
