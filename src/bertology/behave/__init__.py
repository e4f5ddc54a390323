"""What a masked language model does: pseudo-log-likelihoods, minimal pairs, masked choices."""

from bertology.behave.pll import METHODS, Scores, score

__all__ = ["METHODS", "Scores", "score"]
