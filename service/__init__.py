"""The HTTP service and the command line around the engine: wire formats, admission, pages.  No mathematics."""
