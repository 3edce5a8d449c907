"""Text to tree to graph, and every error with its position."""
