"""Models: layers, losses and initialisers.  A definition lowers to a program, and is differentiated as one."""
