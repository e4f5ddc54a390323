"""The embedded corpus: a feature grammar of English that generates sentences together with their gold annotation."""

from bertology.corpus.grammar.agreement import agreement
from bertology.corpus.grammar.minimal_pairs import minimal_pairs
from bertology.corpus.grammar.passages import segment_pairs, text, treebank
from bertology.corpus.grammar.senses import senses
from bertology.corpus.grammar.taxonomy import word_pairs

__all__ = ["agreement", "minimal_pairs", "segment_pairs", "senses", "text", "treebank", "word_pairs"]
