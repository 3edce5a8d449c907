"""More digits than float64 has, for whole questions: when, how, and in which process."""
