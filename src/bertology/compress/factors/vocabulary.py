"""A smaller vocabulary: subwords that a corpus never uses go, from the tokenizer and from the embeddings.

A size lever and no speed lever: embeddings are a fifth of BERT-base's weights and none of its time. Texts made of the words of the
corpus are read exactly as before; other words fall into smaller pieces, of which single characters always stay.
"""

import copy
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedTokenizerFast

from bertology.encoder.encoder import Encoder
from bertology.encoder.load import wrap
from bertology.record.errors import BadCorpus, BadRequest


def trimmed(encoder: Encoder, texts: Iterable[str], *, least: int = 1) -> Encoder:
    """A copy that knows the subwords in at least `least` places of the texts, special tokens, and single characters.

    Of byte-level and merge vocabularies, what the kept ones are merged from stays as well. Raises BadRequest for a tokenizer without a
    fast form, BadCorpus for texts without a subword.
    """
    tokenizer = encoder.tokenizer
    if not tokenizer.is_fast:
        raise BadRequest(f"the tokenizer of {encoder.name} has no fast form.", "Convert it first.")
    counts = np.zeros(len(tokenizer), dtype=np.int64)
    for made in tokenizer.backend_tokenizer.encode_batch(list(texts)):
        np.add.at(counts, made.ids, 1)
    if not counts.any():
        raise BadCorpus("the texts hold no subword.", "Give text in the encoder's language.")
    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    special = {t["content"] for t in spec["added_tokens"]} | set(tokenizer.all_special_tokens)
    prefix = spec["model"].get("continuing_subword_prefix") or ""
    single = lambda token: len(token.removeprefix(prefix)) == 1 or (token.startswith("<0x") and token.endswith(">"))
    kept = {t for t, i in vocabulary.items() if counts[i] >= least or t in special or single(t)}
    kind = spec["model"]["type"]
    if kind == "BPE":
        merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in spec["model"]["merges"]]
        made_of = {a + b: (a, b) for a, b in merges}
        waiting = list(kept)
        while waiting:
            for part in made_of.get(waiting.pop(), ()):
                if part not in kept:
                    kept.add(part)
                    waiting.append(part)
    order = sorted((t for t in kept if t in vocabulary), key=vocabulary.__getitem__)
    new = {token: k for k, token in enumerate(order)}
    spec = _renumbered(spec, new, kind)
    fast = tokenizer.backend_tokenizer.from_str(json.dumps(spec))
    less = copy.deepcopy(tokenizer)
    less._tokenizer = fast
    old = torch.tensor([vocabulary[token] for token in order], device=encoder.device)
    model: Any = copy.deepcopy(encoder.model)
    _select_rows(model, old, int(encoder.config.vocab_size))
    config = model.config
    config.vocab_size = len(order)
    for name in ("pad", "bos", "eos", "cls", "sep", "mask", "unk"):
        token = getattr(tokenizer, f"{name}_token", None)
        if getattr(config, f"{name}_token_id", None) is not None and token in new:
            setattr(config, f"{name}_token_id", new[token])
    return wrap(model, _fresh(less, fast), name=encoder.name, has_mlm=encoder.has_mlm)


def _fresh(tokenizer: Any, fast: Any) -> Any:
    """The same tokenizer class around another backend."""
    named = {k: v for k, v in tokenizer.special_tokens_map.items() if isinstance(v, str)}
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        **named,
        model_input_names=tokenizer.model_input_names,
        model_max_length=tokenizer.model_max_length,
    )


def _renumbered(spec: dict[str, Any], new: dict[str, int], kind: str) -> dict[str, Any]:
    """A tokenizer's description over the tokens of `new` and their numbers."""
    model = spec["model"]
    if kind == "Unigram":
        model["vocab"] = [[t, s] for t, s in model["vocab"] if t in new]
        model["unk_id"] = next(
            (k for k, (t, _) in enumerate(model["vocab"]) if t in ("<unk>", "[UNK]")), model.get("unk_id")
        )
        order = [t for t, _ in model["vocab"]]
        if order != sorted(new, key=new.__getitem__)[: len(order)]:
            raise BadRequest("the vocabulary of this tokenizer does not come in the order of its numbers.", "Keep it.")
    else:
        model["vocab"] = {t: new[t] for t in model["vocab"] if t in new}
    if kind == "BPE":
        pair = lambda m: tuple(m.split(" ")) if isinstance(m, str) else tuple(m)
        model["merges"] = [m for m in model["merges"] if all(part in new for part in (*pair(m), "".join(pair(m))))]
    for token in spec["added_tokens"]:
        token["id"] = new[token["content"]]
    spec["added_tokens"].sort(key=lambda t: t["id"])
    post = spec.get("post_processor") or {}
    for name, given in (post.get("special_tokens") or {}).items():
        given["ids"] = [new[t] for t in given.get("tokens", [name])]
    for name in ("cls", "sep"):
        if isinstance(post.get(name), list):
            post[name][1] = new[post[name][0]]
    return spec


def _select_rows(model: nn.Module, old: torch.Tensor, size: int) -> None:
    """Keeps these rows of every matrix and bias that has a row a subword; tied ones stay tied."""
    done: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for name, p in list(module._parameters.items()):
            if p is None or not p.shape or p.shape[0] != size:
                continue
            if not (isinstance(module, nn.Embedding) or name == "bias" or isinstance(module, nn.Linear)):
                continue
            if id(p) not in done:
                done[id(p)] = nn.Parameter(p.detach().index_select(0, old), p.requires_grad)
            module._parameters[name] = done[id(p)]
            if isinstance(module, nn.Embedding):
                module.num_embeddings = len(old)
                if module.padding_idx is not None:
                    module.padding_idx = int((old == module.padding_idx).nonzero()[0, 0])
            elif isinstance(module, nn.Linear):
                module.out_features = len(old)
