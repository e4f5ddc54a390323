"""First floor: one pass over a corpus, many ears; what they keep is summed, merged, cached."""

from bertology.observe.attention import AttentionMass
from bertology.observe.links import LinkAttention
from bertology.observe.planner import Planner
from bertology.observe.reading import observing, summarise
from bertology.observe.statistic import Derived, Statistic
from bertology.observe.vectors import SentenceVectors, WordVectors
from bertology.observe.wishes import Asking, make, measure, together

__all__ = [
    "Asking", "AttentionMass", "Derived", "LinkAttention", "Planner", "SentenceVectors", "Statistic", "WordVectors",
    "make", "measure", "observing", "summarise", "together",
]  # fmt: skip
