"""ALBERT made from an encoder is that encoder where nothing is shared or thinned, and near it where its layers are alike."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from bertology.compress.factors.sharing import distance, shared
from bertology.compress.teaching.distil import SoftTargets
from bertology.compress.teaching.on_text import distil_on_text
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder, head, load, wrap
from bertology.encoder.cut import cut
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.finetune import FineTuning, finetune
from tests.compress.test_on_text import TEXT as PROSE
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

BLOCKS = ("bert", "roberta", "electra", "data2vec-text", "camembert")
TEXT = Corpus("sharing", tuple(sentence(t.split(), f"s{k}") for k, t in enumerate(("The cats sleep .", "Birds sing near the old dog ."))))  # fmt: skip


def output(encoder: Encoder, text: str = "the cats sit on mats") -> torch.Tensor:
    ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
    with torch.inference_mode():
        return encoder.model(input_ids=ids, attention_mask=torch.ones_like(ids))[0]


@pytest.mark.parametrize("family", BLOCKS)
@pytest.mark.parametrize("mlm", [True, False])
def test_with_a_group_for_each_layer_and_full_embeddings_it_is_the_encoder_itself(family: str, mlm: bool) -> None:
    whole = tiny(family, mlm=mlm, num_hidden_layers=3)
    wide = 16 if family == "electra" else 32
    same = shared(whole, groups=3, embedding=wide)
    assert same.config.model_type == "albert"
    assert type(same.model).__name__ == ("AlbertForMaskedLM" if mlm else "AlbertModel")
    assert (output(same) - output(whole)).abs().max() < 1e-4 * output(whole).abs().max()


def alike(family: str = "bert") -> Encoder:
    """Three equal layers, on embeddings of rank 10 but for the mean of a row."""
    whole = tiny(family, num_hidden_layers=3, scale=3.0)
    place = whole.base.embeddings
    dice = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in whole.base.encoder.layer:  # type: ignore[union-attr]
            layer.load_state_dict(whole.base.encoder.layer[0].state_dict())  # type: ignore[union-attr,index]
        low = torch.randn(10, 32, generator=dice)
        for table in (place.word_embeddings, place.position_embeddings, place.token_type_embeddings):  # type: ignore[union-attr]
            n = table.weight.shape[0]
            table.weight.copy_(torch.randn(n, 10, generator=dice) @ low + torch.randn(n, 1, generator=dice))
    return whole


@pytest.mark.parametrize("layer", ["mean", 2])
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_equal_layers_and_embeddings_of_low_rank_are_shared_without_loss(family: str, layer: object) -> None:
    whole = alike(family)
    less = shared(whole, layer=layer, embedding=12)  # type: ignore[arg-type]
    assert less.n_parameters < 0.6 * whole.n_parameters
    assert distance(less, whole, TEXT).cosine > 1 - 1e-5
    assert distance(shared(whole, embedding=4), whole, TEXT).cosine < 0.999


def test_one_layer_is_that_layer_and_the_mean_is_between() -> None:
    whole = tiny("bert", num_hidden_layers=4)
    weight = lambda k: whole.base.encoder.layer[k].intermediate.dense.weight  # type: ignore[union-attr,index]
    shares = lambda encoder, g=0: encoder.base.encoder.albert_layer_groups[g].albert_layers[0].ffn.weight
    assert torch.equal(shares(shared(whole, layer=3)), weight(2))
    halves = shared(whole, groups=2)
    assert torch.allclose(shares(halves), (weight(0) + weight(1)) / 2)
    assert torch.allclose(shares(halves, 1), (weight(2) + weight(3)) / 2)
    assert halves.n_layers == 4


@pytest.mark.parametrize("family", ["bert", "roberta", "electra"])
def test_it_is_saved_and_loaded_by_transformers_own_class(family: str, tmp_path: Path) -> None:
    less = shared(tiny(family), embedding=8)
    less.model.save_pretrained(tmp_path)
    less.tokenizer.save_pretrained(tmp_path)
    assert torch.equal(output(load(tmp_path)), output(less))
    assert type(AutoModel.from_pretrained(tmp_path)).__name__ == "AlbertModel"


@pytest.mark.parametrize("family", ["bert", "roberta"])
@pytest.mark.parametrize("kind", ["sentence", "token"])
def test_a_tuned_model_keeps_its_task_head(family: str, kind: str) -> None:
    encoder = tiny(family)
    model = finetune(encoder, some(kind), FineTuning(epochs=1, batch=8, rate=1e-3)).best.model
    tuned = wrap(model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]
    same = shared(tuned, groups=2, embedding=32)
    assert type(same.model).__name__ == f"AlbertFor{'Sequence' if kind == 'sentence' else 'Token'}Classification"
    assert (output(same) - output(tuned)).abs().max() < 1e-4
    assert same.config.id2label == tuned.config.id2label


def test_the_start_is_far_and_distillation_brings_it_nearer() -> None:
    whole = tiny("bert", num_hidden_layers=2)
    less = shared(whole, embedding=24)
    before = distance(less, whole, PROSE)
    assert distance(whole, whole, PROSE).divergence == pytest.approx(0, abs=1e-6)
    assert before.divergence > 0.05
    taught = distil_on_text(less, whole, PROSE, (SoftTargets(temperature=1.0),), hard=0.0, epochs=20, tokens=256, rate=2e-3)  # fmt: skip
    assert distance(taught, whole, PROSE).divergence < 0.7 * before.divergence


def test_what_cannot_be_shared_is_refused() -> None:
    for family in ("albert", "distilbert", "modernbert", "deberta-v2", "fnet"):
        with pytest.raises(NotApplicable, match=f"the block of {family} is not BERT's"):
            shared(tiny(family))
    with pytest.raises(NotApplicable, match="share first, then cut"):
        shared(cut(tiny("bert"), head(1, 0)))
    with pytest.raises(BadRequest, match="embeddings of 64 dimensions from 32"):
        shared(tiny("bert"), embedding=64)
    with pytest.raises(BadRequest, match="layer 3 of 2"):
        shared(tiny("bert"), layer=3)
    with pytest.raises(BadRequest, match="3 groups of 2 layers"):
        shared(tiny("bert"), groups=3)
    electra = tiny("electra")
    tuned = wrap(finetune(electra, some(), FineTuning(epochs=1)).best.model, electra.tokenizer, has_mlm=False)  # type: ignore[arg-type]
    with pytest.raises(NotApplicable, match="share it before it is tuned"):
        shared(tuned)
