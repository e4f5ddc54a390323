"""Pre-training objectives: one file an idea, each with its paper."""
