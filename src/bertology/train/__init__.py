"""Pre-training and fine-tuning: recipes, objectives, regimes, the loop."""
