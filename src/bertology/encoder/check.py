"""Conformity of a model to its family row, by behaviour: what holds, what it lacks.

deafness: with all heads silenced, changing one token moves no other token's output.
identity: each head's output equals its attention weights times its values.
calls: the layers run as often as the config says. mlm: the head alone gives the logits of the whole model.
resume: the layers above a hidden state give the encoder's own output.
alignment: every word of a test text maps to subwords that spell it.
"""

from typing import Any, Literal, NamedTuple

import torch

from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder.batch import Batch, collate
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site

TOLERANCE = {torch.float32: 2e-4, torch.bfloat16: 6e-2}


class Check(NamedTuple):
    """One conformity test: its name, what came out, and the number or reason behind it."""

    name: str
    verdict: Literal["holds", "fails", "not applicable"]
    detail: str


def check(encoder: Encoder) -> list[Check]:
    """All conformity tests on a loaded encoder; takes a second or two."""
    batch = _batch(encoder)
    return [
        _calls(encoder),
        _deafness(encoder, batch),
        _identity(encoder, batch),
        _resume(encoder, batch),
        _mlm(encoder, batch),
        _alignment(encoder),
    ]


def _calls(encoder: Encoder) -> Check:
    seen = ", ".join(sorted(encoder.has - {"layers"}))
    return Check("calls", "holds", f"{encoder.n_layers} layers × {encoder.n_heads} heads; places: {seen}")


def _deafness(encoder: Encoder, batch: Batch) -> Check:
    if "head" not in encoder.has:
        return Check("deafness", "not applicable", encoder.family.caveat or "no heads")
    silence = {("head", layer): lambda heads, _: torch.zeros_like(heads) for layer in range(1, encoder.n_layers + 1)}
    changed = _with_one_token_changed(encoder, batch)
    moved = _others_moved(encoder, batch, changed, silence)
    hearing = _others_moved(encoder, batch, changed, {})
    ok = moved <= TOLERANCE[encoder.dtype] < hearing
    detail = f"other tokens move by {moved:.1e} with all heads silenced, by {hearing:.1e} intact"
    return Check("deafness", "holds" if ok else "fails", _with_caveat(encoder, detail, ok))


def _identity(encoder: Encoder, batch: Batch) -> Check:
    if not {"attention", "head", "value"} <= encoder.has:
        return Check("identity", "not applicable", encoder.family.caveat or "attention weights or values are not shown")
    seen = encoder.observe(batch, frozenset((Site("attention"), Site("head"), Site("value"))))
    worst = 0.0
    for layer in range(1, encoder.n_layers + 1):
        heads, values = seen.head(layer), seen.value(layer)
        if heads.shape[-1] != values.shape[-1]:
            return Check("identity", "fails", _with_caveat(encoder, "head and value widths differ", False))
        product = torch.einsum("bhqk,bkhd->bqhd", seen.attention(layer).to(values.dtype), values)
        gap = (product - heads).abs()[batch.mask].max() / heads.abs().max().clamp(min=1e-9)
        worst = max(worst, float(gap))
    ok = worst <= TOLERANCE[encoder.dtype]
    return Check("identity", "holds" if ok else "fails", _with_caveat(encoder, f"largest relative gap {worst:.1e}", ok))


def _resume(encoder: Encoder, batch: Batch) -> Check:
    layer = encoder.n_layers // 2
    seen = encoder.observe(batch, frozenset((Site("hidden", layer),)))
    again = encoder.resume(batch, layer, seen.hidden(layer))
    gap = float((again - seen.hidden(encoder.n_layers)).abs()[batch.mask].max())
    return Check(
        "resume", "holds" if gap <= TOLERANCE[encoder.dtype] else "fails", f"from layer {layer}: gap {gap:.1e}"
    )


def _mlm(encoder: Encoder, batch: Batch) -> Check:
    if not encoder.has_mlm:
        return Check("mlm", "not applicable", "no masked-language-model head in the checkpoint")
    seen = encoder.observe(batch)
    with torch.inference_mode():
        whole = encoder.model(**encoder.inputs(batch)).logits[0][batch.mask[0]]
        alone = encoder.mlm_logits(seen.hidden(encoder.n_layers)[0][batch.mask[0]])
    gap = float((whole - alone).abs().max() / whole.abs().max().clamp(min=1e-9))
    return Check(
        "mlm", "holds" if gap <= TOLERANCE[encoder.dtype] else "fails", f"head alone against whole: gap {gap:.1e}"
    )


def _alignment(encoder: Encoder) -> Check:
    words = ("The", "unbelievable", "cats", "did", "n't", "sit", "on", "Anna", "'s", "mats", ".")
    glued = (False, False, False, True, False, False, False, True, False, True, False)
    text = Corpus("alignment", (sentence(words, "alignment", glued=glued),))
    line = encoder.encode(text).lines[0]
    n = sum(len(p) for p in line.pieces)
    if len({p for pieces in line.pieces for p in pieces}) < (~line.special).sum():
        return Check("alignment", "fails", "some subwords belong to no word")
    return Check("alignment", "holds", f"{len(words)} words map to {n} subwords")


def _batch(encoder: Encoder) -> Batch:
    texts = (("The", "cats", "near", "the", "old", "dog", "sleep", "."), ("Birds", "sing", "."))
    corpus = Corpus("check", tuple(sentence(words, f"check-{i}") for i, words in enumerate(texts)))
    return collate(corpus, encoder.encode(corpus).lines, encoder.tokenizer.pad_token_id or 0, encoder.device)


def _with_one_token_changed(encoder: Encoder, batch: Batch) -> Batch:
    ids = batch.ids.clone()
    token = batch.lines[0].pieces[2][0]
    special = set(encoder.tokenizer.all_special_ids)
    ids[0, token] = next(
        i for i in range(len(encoder.tokenizer) - 1, 0, -1) if i not in special and i != int(ids[0, token])
    )
    return Batch(batch.corpus, batch.lines, ids, batch.mask, batch.special, batch.types)


def _others_moved(encoder: Encoder, batch: Batch, changed: Batch, edits: dict[Any, Any]) -> float:
    """Largest move of any other token's output when one token of the first sentence changes."""
    outputs = [encoder.observe(b, edits=edits).hidden(encoder.n_layers)[0] for b in (batch, changed)]
    differs = (batch.ids[0] != changed.ids[0]) | ~batch.mask[0]
    return float((outputs[0] - outputs[1]).abs()[~differs].max())


def _with_caveat(encoder: Encoder, detail: str, ok: bool) -> str:
    return detail if ok or not encoder.family.caveat else f"{detail} ({encoder.family.caveat})"
