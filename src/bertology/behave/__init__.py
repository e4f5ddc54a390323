"""What a masked language model does: pseudo-log-likelihoods, gaps, minimal pairs, n-gram baselines."""

from bertology.behave.gaps import Filled, Gap, fill
from bertology.behave.minimal_pairs import PairAccuracy, accuracy
from bertology.behave.ngrams import NGrams
from bertology.behave.pll import METHODS, Scores, score

__all__ = ["METHODS", "Filled", "Gap", "NGrams", "PairAccuracy", "Scores", "accuracy", "fill", "score"]
