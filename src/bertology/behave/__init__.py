"""What a masked language model does: pseudo-log-likelihoods, minimal pairs, n-gram baselines."""

from bertology.behave.minimal_pairs import PairAccuracy, accuracy
from bertology.behave.ngrams import NGrams
from bertology.behave.pll import METHODS, Scores, score

__all__ = ["METHODS", "NGrams", "PairAccuracy", "Scores", "accuracy", "score"]
