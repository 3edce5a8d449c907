"""Control flow in graphs: choices and loops, functions with rules of their own, and their transforms."""
