"""The types of layers: one record each."""
