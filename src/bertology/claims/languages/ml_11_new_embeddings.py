"""A monolingual encoder transfers if only its input embeddings are learned anew (Artetxe et al. 2020; Tran 2020)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.corpus.corpora import ENGLISH, Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.probe.cross_lingual import CrossTagging, CrossTags, Reader
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.relearn import Relearning

TOKENS = 500_000
SEEDS = (0, 1, 2)
WORDS = 6000
FAKE = "fake"


class Second(NamedTuple):
    """The second language: its name, text to learn its embeddings from, and a treebank to be read in."""

    code: str
    text: Corpus
    treebank: Corpus


@claim(
    id="ml-11",
    section="8 (v1)",
    says="A monolingual encoder transfers if only its input embeddings are learned anew.",
    cites=("artetxe-2019", "tran-2020"),
    method="""The encoder's body is frozen; new embeddings, and the output layer tied to them, are learnt by masked language modelling on text of a second
    language from three seeds. A linear probe for parts of speech, fitted on the top layer in English with the old embeddings, then
    reads the second language with the new ones. Random bodies are treated alike. The second language is the first with both raw text and a
    treebank, else Fake-English (K et al.): the text `raw` with a new identity for every subword. Holds if the probe does better on the encoder
    than on random bodies, and better than the language's most frequent tag, over seeds.""",
    expects={"lead over random bodies": above(0.0), "lead over the most frequent tag": above(0.0)},
    needs=("training", "raw", "mlm", "mask", "treebank:upos"),
)
def new_embeddings_are_enough(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    second = second_language(corpora)
    numbers = [seed * 100 + s for s in SEEDS]
    bodies = [*[encoder] * len(numbers), *(encoder.randomised(k) for k in numbers)]
    learnt = yield from make(
        *(
            Relearning(who, second.text, TOKENS, second.code == FAKE, k)
            for who, k in zip(bodies, [*numbers, *numbers], strict=True)
        )
    )
    tags = yield from make(*(_reading(who, new, second, corpora) for who, new in zip(bodies, learnt, strict=True)))
    own, random = tags[: len(numbers)], tags[len(numbers) :]
    zero_shot, of_random = (np.array([_accuracy(t, second.code) for t in arm]) for arm in (own, random))
    usual = np.array([_usual(t, second.code) for t in own])
    values = {
        "lead over random bodies": repeats.difference(zero_shot, of_random, unit="points"),
        "lead over the most frequent tag": repeats.difference(zero_shot, usual, unit="points"),
        "accuracy in the second language": repeats.mean(zero_shot, unit="%"),
        "accuracy in English": repeats.mean([_accuracy(t, ENGLISH) for t in own], unit="%"),
    }
    baselines = {
        "random bodies": repeats.mean(of_random, unit="%"),
        "most frequent tag": repeats.mean(usual, unit="%"),
    }
    note = (
        f"Scale: {encoder.name}, {encoder.n_layers} layers of width {encoder.width}; {TOKENS:,} tokens of {second.text.name} "
        f"({'Fake-English' if second.code == FAKE else second.code}), read on {second.treebank.name}; {len(numbers)} seeds. "
        "The studies train for hundreds of times as many tokens and fine-tune on inference and question answering."
    )
    return Finding(values, baselines, note=note)


def second_language(corpora: Corpora) -> Second:
    """The first language with raw text and a treebank with parts of speech; Fake-English where none is given. Raises NotApplicable for raw
    text of a language without a treebank."""
    raw = {code: text for code, text in corpora.in_languages("raw").items() if code != ENGLISH}
    for code, text in raw.items():
        treebank = corpora.in_languages("treebank").get(code)
        if treebank is not None and treebank.having("upos"):
            return Second(code, text, treebank)
    if raw:
        code = next(iter(raw))
        raise NotApplicable(
            f"raw text is given in {', '.join(raw)}, and no treebank of it: give --corpus treebank.{code}=FILE"
        )
    return Second(FAKE, corpora.raw, corpora.treebank)


def _reading(body: Encoder, new: Encoder, second: Second, corpora: Corpora) -> CrossTagging:
    readers = (Reader(ENGLISH, body, corpora.treebank), Reader(second.code, new, second.treebank))
    return CrossTagging(readers, words=WORDS, sources=(ENGLISH,), layers=(body.n_layers,))


def _accuracy(tags: CrossTags, code: str) -> float:
    return 100 * float(tags.right(ENGLISH, code)[tags.target(code).part("test")].mean())


def _usual(tags: CrossTags, code: str) -> float:
    there: NDArray[np.bool_] = tags.target(code).part("test")
    return 100 * float((tags.target(code).gold == tags.target(code).usual)[there].mean())
