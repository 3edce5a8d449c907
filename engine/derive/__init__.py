"""Transforms that make graphs of derivatives out of graphs."""
