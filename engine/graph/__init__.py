"""Typed graphs of primitives: what they are, how they are built, checked and simplified."""
