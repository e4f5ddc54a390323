"""Distances of neighbouring words against plain loops."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine, jensenshannon

from bertology.corpus.sentence import Corpus, sentence
from bertology.observe.reading import summarise
from bertology.probe.syntactic_distances import SyntacticDistances, jensen_shannon
from tests.encoder.tiny import tiny

WORDS = (["seton", "cats", ",", "sit"], ["the", "dog", "sleep", "."], ["birds", "sing", "near", "mats"])
SPANS = {"constituent": ((0, 4, "S"), (0, 2, "NP"))}


def corpus() -> Corpus:
    return Corpus("c", tuple(sentence(WORDS[k % 3], f"{k}", spans=SPANS) for k in range(60)))


def test_every_cell_is_the_distance_it_is_named_for() -> None:
    encoder, c = tiny("bert"), corpus()
    (found,) = summarise(encoder, c, SyntacticDistances())
    assert len(found.cells) == len(found.flat) == 3 + 3 + 2
    seen = list(found.on("dev", c)) + list(found.on("test", c))
    assert len(seen) == len(found.sentence) > 10
    lines = {line.index: line for line in encoder.encode(c).lines}
    for k in range(3):
        at = next(i for i, s in enumerate(found.sentence.tolist()) if s % 3 == k)
        line = lines[int(found.sentence[at])]
        ids = torch.from_numpy(line.ids)[None]
        encoder.model.set_attn_implementation("eager")
        with torch.inference_mode():
            out = encoder.base(input_ids=ids, output_hidden_states=True, output_attentions=True)
        words = [w for w, form in enumerate(WORDS[k]) if form not in ",."]
        mean = lambda rows, w, line=line: rows[list(line.pieces[w])].mean(0).double().numpy()
        for gap, (a, b) in enumerate(pairwise(words)):
            value = dict(zip(found.cells, found.flat[:, found.start[at] + gap].tolist(), strict=True))
            for layer in range(3):
                x, y = (mean(out.hidden_states[layer][0], w) for w in (a, b))
                assert value["cosine", layer] == pytest.approx(cosine(x, y), abs=1e-4)
                assert value["Euclidean", layer] == pytest.approx(np.linalg.norm(x - y), rel=1e-3)
                if layer:
                    heads = out.attentions[layer - 1][0]
                    each = [jensenshannon(mean(h, a), mean(h, b)) ** 2 for h in heads]
                    assert value["Jensen-Shannon", layer] == pytest.approx(np.mean(each), abs=1e-4)


def test_divergence_is_zero_of_equals_and_log_two_of_strangers() -> None:
    p, q = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]), torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    assert jensen_shannon(p, q).tolist() == pytest.approx([0, np.log(2)], abs=1e-6)


def test_sentences_without_a_constituent_to_find_are_left_out() -> None:
    c = corpus()
    flat = Corpus("f", tuple(sentence(s.words, s.id, spans={"constituent": ((0, 4, "S"),)}) for s in c))
    (found,) = summarise(tiny("bert"), flat, SyntacticDistances(attention=False))
    assert len(found.cells) == 6
    assert not list(found.on("all", flat))
