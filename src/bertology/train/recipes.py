"""Recipes by name: each a published way to pre-train, scaled by `small` to what a laptop can do."""

from dataclasses import replace

from bertology.record.errors import BadRequest
from bertology.train.architecture import Architecture
from bertology.train.layout import Blocks, Pieces, Sentences
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.missing_text import Deletion, Infilling
from bertology.train.objectives.mlm import MLM, TranslationLM
from bertology.train.objectives.replaced_tokens import ReplacedTokens
from bertology.train.objectives.sentences import NSP, SOP, Distance, NextPrevious, Reordering
from bertology.train.objectives.span_boundary import SpanBoundary
from bertology.train.objectives.two_stream import EveryToken, MPNet, PermutationLM, PseudoMaskedLM
from bertology.train.objectives.units import NGrams, Subwords, WholeWords
from bertology.train.objectives.word_order import WordOrder
from bertology.train.optimizer import AdamW, Lamb, Muon, Schedule
from bertology.train.recipe import Recipe

_BASE = Architecture()

bert = Recipe(
    "bert", ("devlin-2019",), _BASE, objectives=(MLM(), NSP()), layout=Pieces(512, 2), copies=10,
    optimizer=AdamW(1e-4), schedule=Schedule(0.01), tokens_per_step=131_072, vocabulary=30_522,
)  # fmt: skip
"""Devlin et al. 2019: MLM and next sentence, masks drawn once for each of 10 copies of the data."""

bert_wwm = replace(
    bert, name="bert-wwm", cites=("devlin-2019", "cui-2019"), objectives=(MLM(Masking(units=WholeWords())), NSP())
)
"""BERT's later release with whole-word masking."""

roberta = Recipe(
    "roberta", ("liu-2019b",), replace(_BASE, family="roberta", segments=1), layout=Sentences(512),
    optimizer=AdamW(6e-4, betas=(0.9, 0.98)), tokens_per_step=4_194_304, vocabulary=50_265, tokenizer="bpe", lowercase=False,
)  # fmt: skip
"""Liu et al. 2019: dynamic masks, no next-sentence objective, large batches, byte-level BPE."""

albert = Recipe(
    "albert", ("lan-2020",), replace(_BASE, family="albert", options=(("embedding_size", 128),)),
    objectives=(MLM(Masking(units=NGrams())), SOP()), layout=Pieces(512, 2), optimizer=Lamb(1.76e-3),
    tokens_per_step=2_097_152, vocabulary=30_000, tokenizer="unigram",
)  # fmt: skip
"""Lan et al. 2020: one layer's weights used in all, factorised embeddings, n-gram masks, sentence order, LAMB."""

electra = Recipe(
    "electra", ("clark-2020",), replace(_BASE, family="electra", options=(("embedding_size", 768),)),
    objectives=(ReplacedTokens(),), layout=Sentences(512), optimizer=AdamW(2e-4), tokens_per_step=131_072, vocabulary=30_522,
)  # fmt: skip
"""Clark et al. 2020: a generator replaces tokens, the model tells which."""

spanbert = replace(
    bert,
    name="spanbert",
    cites=("joshi-2020",),
    objectives=(SpanBoundary(),),
    layout=Sentences(512),
    copies=None,
    lowercase=False,
)
"""Joshi et al. 2020: spans, the span boundary objective, single segments."""

structbert = replace(
    bert, name="structbert", cites=("wang-2019a",), objectives=(WordOrder(), NextPrevious()), copies=None
)
"""Wang et al. 2019: shuffled trigrams and next, previous or random sentence."""

ernie2 = replace(
    bert,
    name="ernie2",
    cites=("sun-2019c",),
    objectives=(MLM(Masking(units=WholeWords())), Reordering()),
    layout=Pieces(512, 3),
    copies=None,
)
"""Sun et al. 2020, the parts that need no further labels: whole words (phrases with `Phrases`) and sentence reordering."""

ernie2_distance = replace(
    ernie2, name="ernie2-distance", objectives=(MLM(Masking(units=WholeWords())), Distance()), layout=Pieces(512, 2)
)
"""The same with sentence distance."""

xlnet = replace(
    bert,
    name="xlnet",
    cites=("yang-2019b",),
    objectives=(PermutationLM(),),
    layout=Sentences(512),
    copies=None,
    lowercase=False,
)
"""Yang et al. 2019: permutation language modelling with two streams, on a BERT encoder."""

mpnet = replace(xlnet, name="mpnet", cites=("song-2020",), objectives=(MPNet(),))
"""Song et al. 2020: permuted prediction that sees all places."""

cloze = replace(xlnet, name="cloze", cites=("baevski-2019",), objectives=(EveryToken(),))
"""Baevski et al. 2019: every token predicted from all others in one pass."""

infilling = replace(xlnet, name="infilling", cites=("lewis-2019",), objectives=(Infilling(),))
"""Lewis et al. 2020: spans become one [MASK]; an encoder tells how much is missing, and what."""

deletion = replace(xlnet, name="deletion", cites=("lewis-2019",), objectives=(Deletion(),))
"""Lewis et al. 2020: subwords vanish without a mark."""

unknown_as_mask = replace(
    xlnet, name="unk-mask", cites=("clinchant-2019",), objectives=(MLM(Masking(symbol="unknown")),)
)
"""Clinchant et al. 2019: [UNK] is the mask symbol."""

stream = replace(
    xlnet,
    name="xlm",
    cites=("lample-2019",),
    objectives=(MLM(Masking(units=Subwords(rare_first=True))),),
    layout=Blocks(256),
)
"""Lample & Conneau 2019: streams of text, rare subwords masked more often."""

tlm = replace(stream, name="xlm-tlm", objectives=(TranslationLM(),), layout=Pieces(256, 2))
"""Lample & Conneau 2019: translation language modelling on files of two columns."""

unilm2 = replace(xlnet, name="unilm2", cites=("bao-2020",), objectives=(PseudoMaskedLM(),))
"""Bao et al. 2020: masked and partially autoregressive prediction in one pass."""

primer_mini = Recipe(
    "primer-mini", ("devlin-2019", "warner-2024", "jordan-2024"),
    Architecture(
        family="modernbert", layers=6, heads=4, width=256, feed_forward=384, positions=512, dropout=0.0,
        options=(("local_attention", 128), ("global_attn_every_n_layers", 1)),
    ),
    objectives=(MLM(Masking(rate=0.2)),), layout=Blocks(64, from_sentences=True), optimizer=Muon(rate=6e-3), schedule=Schedule(0.03),
    tokens_per_step=4096, vocabulary=8192,
)  # fmt: skip
"""The embedded encoder: a small modern block (pre-norm, rotary, GeGLU), trained on public-domain novels in about an hour."""

primer_multi = replace(
    primer_mini, name="primer-multi", layout=Blocks(128, from_sentences=True), lowercase=False, vocabulary=26_000
)
"""primer-mini for many languages at once: a cased vocabulary three times as large, and examples that hold sentences of any script."""

RECIPES = {
    r.name: r
    for r in (
        bert, bert_wwm, roberta, albert, electra, spanbert, structbert, ernie2, ernie2_distance, xlnet, mpnet, cloze,
        infilling, deletion, unknown_as_mask, stream, tlm, unilm2, primer_mini, primer_multi,
    )
}  # fmt: skip


def recipe(name: str) -> Recipe:
    """The recipe of a name. Raises BadRequest with the names there are."""
    if name not in RECIPES:
        raise BadRequest(f"there is no recipe {name!r}.", f"Choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]


def small(
    of: Recipe,
    *,
    layers: int = 4,
    width: int = 128,
    heads: int = 4,
    length: int = 128,
    vocabulary: int = 4096,
    tokens_per_step: int = 4096,
) -> Recipe:
    """A recipe at the scale of a laptop: its objectives and regime, a small model, short examples and batches.

    The peak learning rate is raised to 1e-3, which small models take.
    """
    options = tuple(
        (name, min(value, width)) if name == "embedding_size" else (name, value)
        for name, value in of.architecture.options
    )
    shape = replace(
        of.architecture,
        layers=layers,
        width=width,
        heads=heads,
        feed_forward=4 * width,
        positions=max(length, 128),
        options=options,
    )
    return replace(
        of, architecture=shape, layout=replace(of.layout, length=length), vocabulary=vocabulary,  # type: ignore[type-var]
        tokens_per_step=tokens_per_step, optimizer=replace(of.optimizer, rate=1e-3), schedule=replace(of.schedule, warmup=0.06),  # type: ignore[type-var]
    )  # fmt: skip
