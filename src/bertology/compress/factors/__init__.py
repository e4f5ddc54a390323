"""Fewer numbers for the same matrices: thin factors, layers that share, a smaller vocabulary."""
