"""Tokenizers trained on the spot, and every recipe at a small scale: three steps, finite, with gradients in all parts."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bertology.record.errors import BadCorpus, BadRequest, UnknownFamily
from bertology.train import loop
from bertology.train.architecture import Architecture, n_parameters
from bertology.train.optimizer import Lamb
from bertology.train.pretrain import pretrain, read_log
from bertology.train.reading import Reading
from bertology.train.recipe import plain
from bertology.train.recipes import RECIPES, recipe, small
from bertology.train.tokenizer import SPECIAL, read_tokenizer, train_tokenizer
from tests.train.prose import WORDS, prose

KINDS = ("wordpiece", "bpe", "unigram")
SIZE = {"wordpiece": 120, "bpe": 300, "unigram": 120}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prose(tmp_path_factory.mktemp("text") / "text.txt", documents=20)


def made(kind: str, text: Path, **options: Any) -> Any:
    return train_tokenizer([text], **{"size": SIZE[kind], "kind": kind, **options})


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_has_at_most_its_size_and_the_special_tokens_first(kind: str, text: Path) -> None:
    tokenizer = made(kind, text)
    assert SIZE[kind] * 0.5 < len(tokenizer) <= SIZE[kind]
    assert [tokenizer.convert_tokens_to_ids(token) for token in SPECIAL] == [0, 1, 2, 3, 4]
    assert set(tokenizer.all_special_ids) == {0, 1, 2, 3, 4}
    ids = tokenizer("The cat [MASK] again.")["input_ids"]
    assert ids[0] == tokenizer.cls_token_id and ids[-1] == tokenizer.sep_token_id
    assert ids.count(tokenizer.mask_token_id) == 1
    assert tokenizer.unk_token_id not in ids


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_text_gives_the_same_tokenizer(kind: str, text: Path) -> None:
    first, second = (made(kind, text).backend_tokenizer.to_str() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_comes_back_from_disk_as_it_was(kind: str, text: Path, tmp_path: Path) -> None:
    tokenizer = made(kind, text)
    tokenizer.save_pretrained(tmp_path)
    again = read_tokenizer(tmp_path)
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()
    pair = ("The small cat.", "It sees a bird!")
    assert dict(again(*pair)) == dict(tokenizer(*pair))


@pytest.mark.parametrize("kind", KINDS)
def test_text_comes_back_from_its_subwords(kind: str, text: Path) -> None:
    tokenizer = made(kind, text)
    said = "the quiet farmer watches every river"
    assert tokenizer.decode(tokenizer(said)["input_ids"], skip_special_tokens=True).strip() == said


@pytest.mark.parametrize("kind", KINDS)
def test_case_is_kept_only_where_it_is_wanted(kind: str, text: Path) -> None:
    upper, lower = "The Old Dog", "the old dog"
    low, kept = made(kind, text), made(kind, text, lowercase=False)
    assert low(upper)["input_ids"] == low(lower)["input_ids"]
    assert kept(upper)["input_ids"] != kept(lower)["input_ids"]


@pytest.mark.parametrize("kind", KINDS)
def test_segments_are_marked_only_where_they_are_wanted(kind: str, text: Path) -> None:
    pair = made(kind, text)("a cat", "a dog")
    end = pair["input_ids"].index(3) + 1
    assert pair["token_type_ids"] == [0] * end + [1] * (len(pair["input_ids"]) - end)
    assert "token_type_ids" not in made(kind, text, segments=False)("a cat", "a dog")


def test_frequent_words_are_subwords_of_their_own(text: Path) -> None:
    tokenizer = made("wordpiece", text, size=200)
    assert sum(len(tokenizer.tokenize(word)) == 1 for word in WORDS) > 0.7 * len(WORDS)
    assert tokenizer.tokenize("catdog")[1].startswith("##")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kind": "morphemes"}, "'morphemes' is not known"),
        ({"size": 49}, "49 is too small"),
        ({"size": 200, "kind": "bpe"}, "200 has no room for the characters alone"),
        ({"size": 50, "kind": "wordpiece", "lowercase": False}, "50 has no room"),
    ],
)
def test_a_tokenizer_that_cannot_be_is_refused(options: dict[str, Any], says: str, text: Path) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        train_tokenizer([text], **{"size": 120, **options})
    assert caught.value.do


@pytest.mark.parametrize("kind", KINDS)
def test_text_that_cannot_be_read_is_the_readers_error(kind: str, tmp_path: Path) -> None:
    with pytest.raises(BadCorpus, match=r"nowhere\.txt"):
        train_tokenizer([tmp_path / "nowhere.txt"], size=300, kind=kind)


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=tmp_path.name):
        read_tokenizer(tmp_path)


# Recipes


def tiny(name: str) -> Any:
    return small(recipe(name), layers=1, width=32, heads=2, vocabulary=300, length=48, tokens_per_step=4 * 48)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_with_gradients_in_all_its_parts(
    name: str, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Any] = []
    monkeypatch.setattr(loop.Run, "keep", lambda run: None)
    monkeypatch.setattr(loop.Run, "finish", lambda run: runs.append(run))
    pretrain(tiny(name), [text], tmp_path / "run", tokens=1200, checkpoints=1, precision="float32", attention="sdpa")
    (run,) = runs
    log = list(read_log(tmp_path / "run"))
    assert len(log) >= 3
    chance = math.log(len(run.tokenizer))
    parts = [part for o in run.recipe.objectives for part in o.weights()]
    for line in log:
        assert all(0 < line[part] < 2 * chance for part in parts)
        assert 0 < line["norm"] < math.inf
    (batch, *_) = run._batches()
    layer = next(p for n, p in run.model.base_model.named_parameters() if "embed" not in n and p.ndim == 2)
    for k, objective in enumerate(run.recipe.objectives):
        head = run.heads[str(k)] if str(k) in run.heads else None  # noqa: SIM401
        losses = objective.losses(Reading(run.model, batch), head)
        assert losses.keys() == objective.weights().keys() == objective.counts(batch).keys()
        reached: set[str] = set()
        for part, loss in losses.items():
            in_model = gradients(loss, run.model)
            in_head = gradients(loss, head) if head is not None else {}
            assert in_model, f"{part} moves nothing"
            assert part == "generator" or id(layer) in in_model, f"{part} does not reach the layers"
            reached |= set(in_head.values())
        owned = {n for n, p in head.named_parameters() if p.requires_grad} if head is not None else set()
        assert owned <= reached, f"never trained: {owned - reached}"


def gradients(loss: Tensor, module: nn.Module) -> dict[int, str]:
    """The parameters that a loss reaches, by identity, with their names."""
    named = dict(module.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()), retain_graph=True, allow_unused=True)
    return {
        id(p): n for (n, p), g in zip(named.items(), found, strict=True) if g is not None and bool(g.abs().max() > 0)
    }


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_its_name_its_papers_and_an_identity_that_json_keeps(name: str) -> None:
    chosen = recipe(name)
    assert chosen.name == name
    assert chosen.cites
    assert json.loads(json.dumps(chosen.identity)) == chosen.identity
    assert [other for other, r in RECIPES.items() if r.identity == chosen.identity] == [name]


def test_an_identity_changes_with_every_detail() -> None:
    base = recipe("bert")
    changed = [
        replace(base, clip=0.5),
        replace(base, copies=None),
        replace(base, layout=replace(base.layout, count=3)),
        replace(base, architecture=replace(base.architecture, options=(("hidden_act", "relu"),))),
        replace(base, optimizer=Lamb(1e-4)),
    ]
    assert len({json.dumps(r.identity) for r in (base, *changed)}) == 6
    assert plain(frozenset({"b", "a"})) == ["a", "b"]


def test_an_unknown_recipe_is_answered_with_those_there_are() -> None:
    with pytest.raises(BadRequest, match="burt") as caught:
        recipe("burt")
    assert "primer-mini" in caught.value.do


def test_small_keeps_what_makes_a_recipe_and_shrinks_the_rest() -> None:
    for name, full in RECIPES.items():
        reduced = small(full, layers=3, width=64, heads=2, length=96, vocabulary=500, tokens_per_step=960)
        for kept in ("name", "cites", "objectives", "copies", "packed", "tokenizer", "lowercase", "clip"):
            assert getattr(reduced, kept) == getattr(full, kept), name
        shape = reduced.architecture
        assert (shape.family, shape.layers, shape.width, shape.heads) == (full.architecture.family, 3, 64, 2)
        assert type(reduced.layout) is type(full.layout) and reduced.layout.length == 96 <= shape.positions
        assert type(reduced.optimizer) is type(full.optimizer)
        assert dict(shape.options).get("embedding_size", 0) <= 64


# Architecture


def test_a_model_is_drawn_from_its_seed_alone(text: Path) -> None:
    tokenizer, shape = made("wordpiece", text), Architecture(layers=1, heads=2, width=16, feed_forward=32)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, same, other = (shape.build(tokenizer, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    weight = lambda model: model.bert.encoder.layer[0].attention.self.query.weight
    assert torch.equal(weight(one), weight(same))
    assert not torch.equal(weight(one), weight(other))


def test_parameters_that_are_shared_count_once(text: Path) -> None:
    tokenizer = made("wordpiece", text)
    shape = Architecture("albert", layers=1, heads=2, width=16, feed_forward=32, options=(("embedding_size", 8),))
    deep = replace(shape, layers=6)
    assert n_parameters(shape.build(tokenizer, 0)) == n_parameters(deep.build(tokenizer, 0))


def test_the_vocabulary_is_padded_to_a_multiple_of_64_and_special_ids_are_the_tokenizers(text: Path) -> None:
    tokenizer = made("wordpiece", text)
    config = Architecture(layers=1, heads=2, width=16).config(tokenizer)
    assert config.vocab_size % 64 == 0 and 0 <= config.vocab_size - len(tokenizer) < 64
    assert (config.pad_token_id, config.cls_token_id, config.sep_token_id) == (0, 2, 3)


@pytest.mark.parametrize(
    ("change", "error"), [({"family": "gpt2"}, UnknownFamily), ({"width": 30, "heads": 4}, BadRequest)]
)
def test_an_impossible_shape_is_refused(change: dict[str, Any], error: type[Exception], text: Path) -> None:
    with pytest.raises(error):
        Architecture(**change).config(made("wordpiece", text))
