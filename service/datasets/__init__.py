"""Datasets: files of numbers that are uploaded once and then used by name."""
