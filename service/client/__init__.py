"""What talks to a running server from a terminal."""
