"""Models against PyTorch: the table of cases, what PyTorch made of them, and the script that records it."""
