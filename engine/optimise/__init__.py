"""First-order optimisation: update rules, learning-rate schedules, clipping of gradients."""
