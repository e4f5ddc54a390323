"""Weights, heads, neurons, layers and hidden dimensions go: by importance, by learnt gates, by movement, to a measured speed."""
