"""The run of a fine-tuning: words and subwords, scores and intervals, seeds, races, stages, pivots, the optimizer."""

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from bertology.encoder import Encoder
from bertology.record.errors import BadCorpus, BadRequest, ForeignRun, NotFinite
from bertology.train.classifier import Scored, batches, classifier, encoded, evaluate, layer_of
from bertology.train.draft import IGNORED
from bertology.train.finetune import FineTuning, Outcome, Run, encoded_parts, finetune, interval, one_seed, save
from bertology.train.finetuning_recipes import RECIPES
from bertology.train.optimizer import set_rate
from bertology.train.task import Example, Task, task
from bertology.train.techniques import Adapters, LoRA
from bertology.train.techniques.pivots import PivotMLM, adapted, information, pivots
from bertology.train.techniques.rates import optimizer_of
from bertology.train.techniques.several import race, staged, trunk_of
from bertology.train.techniques.technique import Tuning
from tests.encoder.tiny import tiny
from tests.train.test_techniques import FAST, some


def fingerprint(encoder: Encoder) -> str:
    return type(encoder).fingerprint.func(encoder)


# Words and subwords


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "bpe-prefix", "unigram"])
def test_a_word_is_labelled_at_its_first_subword_whatever_the_tokenizer(kind: str) -> None:
    encoder = tiny("bert", kind=kind, vocab_size=400)
    words, tags = ("unbelievable", "cats", "'s", "sit"), ("A", "B", "A", "B")
    of = Task("w", "token", ("A", "B"), *3 * [(Example(words, tags),)])
    (line,) = encoded(encoder, of, of.train)
    assert [w for w in line["words"] if w >= 0] == [0, 1, 2, 3]
    assert [x for x in line["labels"] if x != IGNORED] == [0, 1, 0, 1]
    assert len(line["input_ids"]) > 6 and line["words"][0] == line["words"][-1] == -1
    pieces = encoder.tokenizer.convert_ids_to_tokens(line["input_ids"])
    for word, text in enumerate(words):
        piece = pieces[line["words"].index(word)].strip("Ġ▁")
        assert piece == "" or text.lower().startswith(piece.lower())


def test_words_that_were_cut_or_have_no_subword_are_wrong_and_the_others_keep_their_places() -> None:
    encoder = tiny("bert")
    words = ("\u200b", "cats", "sit")  # the first is a character that the tokenizer deletes
    of = Task("w", "token", ("A", "B"), *3 * [(Example(words, ("A", "A", "A")),)])
    lines = encoded(encoder, of, of.train)
    assert [w for w in lines[0]["words"] if w >= 0] == [1, 2]
    model = classifier(encoder, of, 0)
    with torch.no_grad():
        model.classifier.weight.zero_(), model.classifier.bias.copy_(torch.tensor([1.0, 0.0]))
    scores, said = evaluate(model, lines, of, 0, encoder.device, of.test)
    assert said[0] == (None, "A", "A") and scores[0] == pytest.approx(2 / 3)
    assert Scored(said, of.test, of).score() == pytest.approx(2 / 3)
    short = encoded(encoder, of, of.train, most=3)
    assert evaluate(model, short, of, 0, encoder.device, of.test)[1][0].count(None) >= 2


def test_pairs_have_two_segments_and_encoding_leaves_the_tokenizer_as_it_was() -> None:
    encoder = tiny("bert")
    before = encoder.tokenizer.backend_tokenizer.to_str()
    of = Task("p", "pair", ("A", "B"), *3 * [(Example(("the cats", "a dog"), "A"),)])
    (line,) = encoded(encoder, of, of.train, most=100)
    assert set(line["token_type_ids"]) == {0, 1} and encoder.tokenizer.backend_tokenizer.to_str() == before


def test_batches_hold_every_example_once_and_padding_is_masked() -> None:
    encoder, of = tiny("bert"), some()
    lines = encoded(encoder, of, of.train)
    for rng in (None, np.random.default_rng(0)):
        made = list(batches(lines, of, 5, 0, encoder.device, rng))
        assert sorted(i for b in made for i in b.index) == list(range(len(lines)))
        for batch in made:
            for row, i in enumerate(batch.index):
                assert int(batch.inputs["attention_mask"][row].sum()) == len(lines[i]["input_ids"])
    orders = [[i for b in batches(lines, of, 5, 0, encoder.device, np.random.default_rng(s)) for i in b.index] for s in (0, 0, 1)]  # fmt: skip
    assert orders[0] == orders[1] != orders[2]


def test_the_trunk_of_a_classifier_is_the_encoder_and_its_head_follows_the_seed() -> None:
    encoder, of = tiny("bert"), some()
    one, again, other = (classifier(encoder, of, seed) for seed in (0, 0, 1))
    base = encoder.base.state_dict()
    own = one.base_model.state_dict()
    assert all(torch.equal(own[k], v) for k, v in base.items() if k in own)
    assert torch.equal(one.classifier.weight, again.classifier.weight)
    assert not torch.equal(one.classifier.weight, other.classifier.weight)
    assert one.config.id2label == {0: "cat", 1: "dog"}


def test_depths_of_parameters() -> None:
    bert, modern, albert = tiny("bert"), tiny("modernbert"), tiny("albert")
    depth = {
        "bert.embeddings.word_embeddings.weight": 0, "bert.encoder.layer.0.output.dense.weight": 1, "bert.encoder.layer.1.output.dense.bias": 2,
        "bert.pooler.dense.weight": 3, "classifier.weight": 3, "encoder.layer.1.output.dense.bias": 2,
    }  # fmt: skip
    assert {name: layer_of(name, bert) for name in depth} == depth
    assert layer_of("model.final_norm.weight", modern) == 2 and layer_of("head.dense.weight", modern) == 3
    assert layer_of("albert.encoder.embedding_hidden_mapping_in.weight", albert) == 0
    assert layer_of("albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight", albert) == 1
    groups = tiny("albert", num_hidden_groups=2, num_hidden_layers=2)
    assert layer_of("albert.encoder.albert_layer_groups.1.albert_layers.0.ffn.weight", groups) == 2


# Scores


def scored(kind: str, labels: tuple[str, ...], said: list[Any], true: list[Any]) -> Scored:
    examples = tuple(Example(("x",) * (len(t) if isinstance(t, tuple) else 1), t) for t in true)
    of = Task("s", kind, labels, examples, examples, examples)  # type: ignore[arg-type]
    array = np.empty(len(said), dtype=object)
    array[:] = said
    return Scored(array, examples, of)


def test_accuracy_f1_of_spans_and_spearman_by_hand() -> None:
    assert scored("sentence", ("a", "b"), ["a", "b", "a", "a"], ["a", "b", "b", "b"]).score() == 0.5
    words = scored("token", ("N", "V"), [("N", "N", None), ("V",)], [("N", "V", "N"), ("V",)])
    assert words.score() == 0.5  # of four words two
    # two spans said of which one is right, three true: precision 1/2, recall 1/3, F1 2/5
    tags = scored("token", ("B-X", "I-X", "O"), [("B-X", "I-X", "O"), ("B-X", "O", "O")], [("B-X", "I-X", "O"), ("B-X", "I-X", "B-X")])  # fmt: skip
    assert tags.score() == pytest.approx(0.4)
    assert tags.score(np.array([0, 0])) == 1.0 and tags.score(np.array([1])) == 0.0
    ranks = scored("regression", (), [1.0, 2.0, 3.0, 5.0], [1.0, 3.0, 2.0, 9.0])
    assert ranks.score() == pytest.approx(1 - 6 * 2 / (4 * 15))  # squared rank differences 0, 1, 1, 0
    assert scored("regression", (), [1.0, 1.0, 1.0], [1.0, 2.0, 3.0]).score() == 0.0


def test_dev_is_scored_against_dev_even_when_it_is_as_large_as_test() -> None:
    """Numbers whose dev and test answers differ: a score against the wrong part would not be the model's own."""
    encoder, of = tiny("bert"), some("regression", 60)
    assert len(of.dev) == len(of.test)
    lines = encoded_parts(encoder, of)
    outcome = one_seed(encoder, of, replace(FAST, epochs=1), lines, 0, 0)
    _, said = evaluate(outcome.model, lines["dev"], of, 0, encoder.device, of.dev)
    assert outcome.dev[-1] == Scored(said, of.dev, of).score() != Scored(said, of.test, of).score()


def test_the_interval_covers_the_truth_of_many_tests() -> None:
    """Seeds of true accuracies 0.6 to 0.8, 60 test examples: about 95 % of the intervals hold 0.7."""
    rng = np.random.default_rng(0)
    examples = tuple(Example((str(k),), "a") for k in range(60))
    of = Task("t", "sentence", ("a", "b"), examples, examples, examples)
    covered = 0
    for trial in range(100):
        outcomes = []
        for seed, p in enumerate(rng.uniform(0.6, 0.8, 8)):
            said = np.where(rng.random(60) < p, "a", "b").astype(object)
            outcomes.append(Outcome(seed, (said == "a").astype(float), said, [0.0], 0.0, 0, None))
        estimate, spread = interval(outcomes, of, draws=100, seed=trial)
        covered += estimate.low <= 0.7 <= estimate.high
        values = [float((o.predictions == "a").mean()) for o in outcomes]
        assert estimate.value == pytest.approx(np.mean(values)) and spread == pytest.approx(np.std(values, ddof=1))
    assert 88 <= covered <= 100
    assert estimate.unit == "accuracy" and estimate.n == 60


def test_the_interval_resamples_as_many_seeds_as_there_are() -> None:
    """Eight seeds, half all right and half all wrong: the mean of eight draws is binomial, its 95 % from 1/8 to 7/8."""
    examples = tuple(Example((str(k),), "a") for k in range(5))
    of = Task("t", "sentence", ("a", "b"), examples, examples, examples)
    said = {x: np.array([x] * 5, dtype=object) for x in "ab"}
    outcomes = [Outcome(k, np.zeros(5), said["ab"[k % 2]], [0.0], 0.0, 0, None) for k in range(8)]
    estimate, _ = interval(outcomes, of, draws=4000)
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.125, 0.875)


# Seeds


def test_a_task_is_learnt_the_same_seed_gives_the_same_and_seeds_differ() -> None:
    encoder = tiny("bert", hidden_dropout_prob=0.1)
    before, state = fingerprint(encoder), torch.get_rng_state()
    tuned = finetune(encoder, some(), replace(FAST, epochs=8), seeds=2, models="all")
    again = finetune(encoder, some(), replace(FAST, epochs=8), seeds=[0])
    assert tuned.estimate.value > 0.9 > tuned.task.majority
    first, other = (dict(o.model.named_parameters()) for o in tuned.outcomes)  # type: ignore[union-attr]
    for name, p in again.best.model.named_parameters():  # type: ignore[union-attr]
        assert torch.equal(p, first[name])
    assert not torch.equal(first["bert.encoder.layer.0.output.dense.weight"], other["bert.encoder.layer.0.output.dense.weight"])  # fmt: skip
    assert fingerprint(encoder) == before and torch.equal(torch.get_rng_state(), state)
    assert tuned.outcomes[0].dev == again.outcomes[0].dev and len(again.outcomes[0].dev) == 8


def test_the_order_of_the_data_has_seeds_of_its_own() -> None:
    encoder = tiny("bert")
    tuned = finetune(encoder, some(), FAST, seeds=[0, 0, 1], order_seeds=[0, 1, 1], models="all")
    a, b, c = (dict(o.model.named_parameters())["bert.encoder.layer.0.output.dense.weight"] for o in tuned.outcomes)  # type: ignore[union-attr]
    assert not torch.equal(a, b) and not torch.equal(b, c)
    with pytest.raises(BadRequest, match="order seeds"):
        finetune(encoder, some(), FAST, seeds=2, order_seeds=[1])
    with pytest.raises(BadRequest, match="no seed"):
        finetune(encoder, some(), FAST, seeds=0)


def test_only_the_best_model_is_kept_unless_all_are_asked_for() -> None:
    tuned = finetune(tiny("bert"), some(), FAST, seeds=3)
    assert [o.model is not None for o in tuned.outcomes].count(True) == 1 and tuned.best.model is not None
    assert tuned.best.dev[-1] == max(o.dev[-1] for o in tuned.outcomes)


def test_keeping_the_best_epoch_ends_with_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dev scores are given: the second of four epochs is the best, the third equals it."""
    encoder, of = tiny("bert"), some()
    scores, weights = iter([0.1, 0.8, 0.8, 0.3]), []

    def score(run: Run) -> float:
        weights.append(run.tuning.model.get_parameter("classifier.weight").detach().clone())
        return next(scores)

    monkeypatch.setattr(Run, "score_dev", score)
    run = Run(encoder, of, replace(FAST, epochs=4, keep="best"), encoded_parts(encoder, of), 0, 0)
    run.go()
    model: Any = run.finish().model
    assert torch.equal(model.classifier.weight, weights[1]) and not torch.equal(weights[1], weights[3])


def test_a_run_that_paused_ends_as_one_that_did_not() -> None:
    encoder, of = tiny("bert", hidden_dropout_prob=0.1), some()
    lines = encoded_parts(encoder, of)
    whole = one_seed(encoder, of, FAST, lines, 3, 3)
    run = Run(encoder, of, FAST, lines, 3, 3)
    for share in (0.2, 0.5, 0.55):
        run.go(share)
        run.score_dev()
        torch.rand(5)  # what others draw in between does not matter
    run.go()
    paused = run.finish()
    for p, q in zip(whole.model.parameters(), paused.model.parameters(), strict=True):  # type: ignore[union-attr]
        assert torch.equal(p, q)
    assert whole.dev == paused.dev and len(whole.dev) == 2


def test_stopping_after_a_share_takes_that_share_of_the_steps() -> None:
    encoder, of = tiny("bert"), some()
    steps: list[tuple[int, int]] = []
    note = lambda done, total: steps.append((done, total))
    outcome = one_seed(encoder, of, replace(FAST, epochs=5), encoded_parts(encoder, of), 0, 0, note, stop_after=0.3)
    assert steps[-1] == (6, 20) and len(outcome.dev) == 2  # four steps an epoch: one epoch's end, and the stop


def test_fractions_of_an_epoch_are_whole_steps_and_nonsense_is_refused() -> None:
    encoder, of, steps = tiny("bert"), some(), []
    finetune(encoder, of, replace(FAST, epochs=0.5), progress=lambda what, done, total: steps.append((done, total)))
    assert steps[-1] == (2, 2)
    with pytest.raises(BadRequest):
        FineTuning(epochs=0)


def test_a_diverging_run_says_so() -> None:
    with pytest.raises(NotFinite, match="learning rate"):
        finetune(tiny("bert"), some(), replace(FAST, rate=1e30, epochs=9))


def test_a_race_goes_on_with_the_best_and_as_if_it_had_never_stopped() -> None:
    encoder, of, plan = tiny("bert"), some(n=100), replace(FAST, epochs=2)
    before = fingerprint(encoder)
    raced = race(encoder, of, plan, seeds=4, at=0.5, keep=2)
    kept = [o.seed for o in raced.tuned.outcomes]
    assert set(raced.early) == {0, 1, 2, 3} and len(kept) == 2
    assert min(raced.early[s] for s in kept) >= max(raced.early[s] for s in raced.early if s not in kept)
    assert raced.budget == pytest.approx(4 * 0.5 + 2 * 0.5)
    alone = finetune(encoder, of, plan, seeds=kept, models="all")
    for one, two in zip(raced.tuned.outcomes, alone.outcomes, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(one.model.parameters(), two.model.parameters(), strict=True))  # type: ignore[union-attr]
    assert fingerprint(encoder) == before
    for wrong in (dict(at=1.5), dict(keep=0), dict(keep=9)):
        with pytest.raises(BadRequest):
            race(encoder, of, plan, seeds=4, **wrong)


def test_stages_hand_on_the_trunk_and_take_a_new_head() -> None:
    encoder, first, second = tiny("bert"), some(), some("regression")
    before = fingerprint(encoder)
    stages = staged(encoder, [(first, replace(FAST, techniques=(LoRA(2),))), (second, replace(FAST, rate=1e-9, decay=0.0))], seeds=[4])  # fmt: skip
    assert [t.task.kind for t in stages] == ["sentence", "regression"] and fingerprint(encoder) == before
    alone = finetune(encoder, first, replace(FAST, techniques=(LoRA(2),)), seeds=[4])
    after: Any = stages[1].best.model
    trunk: Any = alone.best.model
    assert after.config.num_labels == 1 and after.classifier.weight.shape[0] == 1
    for name, p in trunk.bert.named_parameters():
        assert torch.allclose(p, after.bert.get_parameter(name), atol=1e-6), name
    assert stages[0].outcomes[0].dev == alone.outcomes[0].dev
    with pytest.raises(BadRequest, match="Adapters would stay"):
        staged(encoder, [(first, replace(FAST, techniques=(Adapters(4),))), (second, FAST)])
    with pytest.raises(BadRequest, match="not kept"):
        trunk_of(alone.best._replace(model=None), encoder, first)


# The optimizer


def test_without_bias_correction_the_first_steps_are_larger_as_the_formulas_say() -> None:
    """One step of a constant gradient g: rate with correction, rate (1 - b1) / sqrt(1 - b2) without."""
    encoder, of = tiny("bert"), some()
    moved = {}
    for corrected in (True, False):
        model = classifier(encoder, of, 0)
        tuning = Tuning(model, encoder, of, 0, {})
        plan = replace(FAST, rate=1e-3, decay=0.0, bias_correction=corrected)
        optimizer = optimizer_of(tuning, plan)
        set_rate([optimizer], 1.0)
        before = model.classifier.bias.detach().clone()
        model.classifier.bias.grad = torch.full((2,), 3.0)
        optimizer.step()
        moved[corrected] = float((before - model.classifier.bias.detach())[0])
    assert moved[True] == pytest.approx(1e-3, rel=1e-3)
    assert moved[False] == pytest.approx(1e-3 * 0.1 / math.sqrt(0.001), rel=1e-3)


# What is on disk


def test_the_folder_says_what_was_done_and_takes_no_other_run(tmp_path: Path) -> None:
    encoder, of = tiny("bert"), some()
    tuned = finetune(encoder, of, replace(FAST, name="mine"), seeds=2)
    place = save(tuned, encoder, tmp_path / "out")
    content = json.loads((place / "finetuning.json").read_text())
    assert content["estimate"]["value"] == pytest.approx(np.mean([s["score"] for s in content["seeds"]]), abs=1e-6)
    assert content["identity"]["seeds"] == [0, 1] and content["majority"] == of.majority and content["best"] == tuned.best.seed  # fmt: skip
    assert content["seeds"][0]["trained"] == sum(p.numel() for p in tuned.best.model.parameters())  # type: ignore[union-attr]
    save(tuned, encoder, place)  # the same again is no other run
    with pytest.raises(ForeignRun, match="recipe"):
        save(tuned._replace(recipe=replace(tuned.recipe, rate=1e-5)), encoder, place)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(ForeignRun, match="not empty"):
        save(tuned, encoder, tmp_path / "full")


def test_trained_parameters_are_those_that_ever_moved() -> None:
    encoder = tiny("bert")
    frozen = finetune(encoder, some(), replace(RECIPES["features"], epochs=1))
    model: Any = frozen.best.model
    assert frozen.best.trained == sum(p.numel() for p in (*model.classifier.parameters(), *model.bert.pooler.parameters()))  # fmt: skip
    gradual = finetune(encoder, some(), replace(RECIPES["gradual"], epochs=2))
    assert gradual.best.trained == sum(p.numel() for p in model.parameters())


# Pivots


SOURCE = [f"{'good' if k % 2 else 'bad'} cats sit {'on a mat' if k % 3 else 'here'}" for k in range(60)]
TARGET = [f"the {'good' if k % 2 else 'bad'} dogs sing {'on a mat' if k % 5 else 'there'}" for k in range(60)]
LABELLED = [Example((text,), "up" if "good" in text else "down") for text in SOURCE]


def test_pivots_are_frequent_in_both_domains_and_tell_the_label() -> None:
    found = pivots(SOURCE, TARGET, LABELLED, n=2, least=20)
    assert set(found) == {"good", "bad"}
    more = pivots(SOURCE, TARGET, LABELLED, n=99, least=20)
    assert "cats" not in more and "dogs" not in more  # each in one domain only
    assert more[:2] == ("bad", "good")
    with pytest.raises(BadCorpus, match="none tells"):
        pivots(SOURCE, ["nothing shared"], LABELLED, least=1)
    with pytest.raises(BadCorpus):
        pivots(SOURCE, TARGET, LABELLED, least=61)


def test_information_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    present, label = rng.random(200) < 0.3, rng.integers(3, size=200)
    found = information(Counter(label[present].tolist()), Counter(label.tolist()))
    assert found == pytest.approx(mutual_info_score(present, label) / math.log(2))
    assert information(Counter(a=5, b=5), Counter(a=10, b=10)) == pytest.approx(0.0, abs=1e-12)
    assert information(Counter(a=10), Counter(a=10, b=10)) == pytest.approx(1.0)


@pytest.mark.parametrize("family", ["bert", "modernbert", "distilbert"])
def test_pivot_mlm_learns_the_pivots_in_the_upper_layers_and_returns_an_encoder(family: str) -> None:
    encoder = tiny(family)
    before = fingerprint(encoder)
    plan = PivotMLM(pivots=2, layers=1, epochs=30, learning_rate=1e-2, batch=40)
    after = adapted(encoder, SOURCE, TARGET, LABELLED, plan)
    assert fingerprint(encoder) == before and after.has_mlm and "pivot" in after.name
    own = dict(encoder.model.named_parameters())
    for name, p in after.model.named_parameters():
        if layer_of(name, encoder) < 2:
            assert torch.equal(p, own[name]), name
    assert not all(torch.equal(p, own[n]) for n, p in after.model.named_parameters() if layer_of(n, encoder) == 2)
    tok = encoder.tokenizer
    guess = {}
    pieces = len(tok("good", add_special_tokens=False)["input_ids"])
    text = "the " + " ".join(["[MASK]"] * pieces) + " dogs sing there"
    ids = torch.tensor([tok(text)["input_ids"]])
    wanted = {i for w in ("good", "bad") for i in tok(w, add_special_tokens=False)["input_ids"]}
    at = (ids[0] == tok.mask_token_id).nonzero()[0, 0]
    for who in (encoder, after):
        with torch.inference_mode():
            p = who.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, at].softmax(-1)
        guess[who.name] = float(p[list(wanted)].sum())
    assert guess[after.name] > 4 * guess[encoder.name]
    short = replace(plan, epochs=1)
    after, again = (adapted(encoder, SOURCE, TARGET, LABELLED, short) for _ in range(2))
    assert all(torch.equal(p, q) for p, q in zip(after.model.parameters(), again.model.parameters(), strict=True))
    finetune(after, task("t", LABELLED + [Example((t,), "up") for t in TARGET[:8]]), replace(FAST, epochs=1))


def test_pivot_mlm_refuses_what_it_cannot_do() -> None:
    with pytest.raises(BadRequest, match="no masked-language-model head"):
        adapted(tiny("bert", mlm=False), SOURCE, TARGET, LABELLED)
    with pytest.raises(BadRequest, match="shares weights"):
        adapted(tiny("albert"), SOURCE, TARGET, LABELLED)
    with pytest.raises(BadCorpus, match="stands"):
        adapted(tiny("bert"), SOURCE, TARGET, LABELLED, words=["zebra"])
    with pytest.raises(BadRequest):
        PivotMLM(rate=0.0)


# Real data


def test_a_real_task_is_read_encoded_and_trained_on(data: Path) -> None:
    from bertology.train.task import read

    file = data / "sick" / "SICK_train.txt.gz"
    if not file.is_file():
        pytest.skip(f"no {file}")
    of = read(file, label="relatedness_score").limited(64)
    tuned = finetune(tiny("bert"), replace(of, dev=of.dev[:50], test=of.test[:50]), replace(FAST, epochs=1))
    assert -1 <= tuned.estimate.low <= tuned.estimate.value <= tuned.estimate.high <= 1
