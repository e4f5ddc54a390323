"""Where each BERT family keeps its layers, heads, neurons and values: one row per shape, keyed by `config.model_type`.

Paths are relative to the base model (layers) and to a layer (the rest). Two addresses read and edit everything:
the *input* of the attention's output projection is all heads side by side, and the *input* of the second
feed-forward matrix is the neurons. Rows are checked by behaviour (encoder/check.py), not trusted.
"""

from typing import NamedTuple


class Family(NamedTuple):
    """`layers` may hold `*` for a numbered step; a module called n times (ALBERT) stands for n layers.

    `value_layout` says where value vectors lie in the output of the `value` module: "heads" (all of it, head by
    head), "last third" (fused query, key, value) or "last third of each head". `caveat` is printed by `check`.
    `into_heads` and `into_neurons` are the matrices whose outputs are the heads' queries, keys and values, and the neurons: what
    encoder/cut.py takes rows out of; empty where nothing can be taken out.
    """

    layers: str
    head: str | None
    neuron: str
    value: str | None
    value_layout: str = "heads"
    caveat: str = ""
    into_heads: tuple[str, ...] = ()
    into_neurons: tuple[str, ...] = ()


_BERT = Family(
    "encoder.layer.*", "attention.output.dense", "output.dense", "attention.self.value",
    into_heads=("attention.self.query", "attention.self.key", "attention.self.value"), into_neurons=("intermediate.dense",),
)  # fmt: skip
_LLAMA_LIKE = Family(
    "layers.*", "self_attn.o_proj", "mlp.down_proj", "self_attn.v_proj",
    into_heads=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), into_neurons=("mlp.gate_proj", "mlp.up_proj"),
)  # fmt: skip

FAMILIES: dict[str, Family] = {
    **dict.fromkeys(
        (
            "bert", "roberta", "camembert", "xlm-roberta", "electra", "rembert", "ernie", "roformer", "megatron-bert",
            "data2vec-text", "roberta-prelayernorm", "esm", "big_bird", "luke",
        ),
        _BERT,
    ),
    "sandwich_bert": _BERT._replace(
        caveat="feed-forward sublayers run later than their layer's attention: neurons of layer l are those of module l - k"
    ),
    "longformer": _BERT._replace(caveat="attention is a sliding window: weights are not a token × token map", into_heads=()),
    "deberta": _BERT._replace(value="attention.self.in_proj", value_layout="last third of each head", into_heads=()),
    "deberta-v2": _BERT._replace(value="attention.self.value_proj", into_heads=()),
    "convbert": _BERT._replace(caveat="half of each layer's mixing is a convolution: heads are not attention × value", into_heads=()),
    "mobilebert": _BERT._replace(caveat="embeddings mix neighbouring tokens: silencing all heads leaves one token of leakage", into_heads=(), into_neurons=()),
    "nystromformer": _BERT._replace(caveat="attention is approximated and a convolution of values is added", into_heads=()),
    "fnet": Family("encoder.layer.*", None, "output.dense", None, caveat="no attention: tokens are mixed by a Fourier transform", into_neurons=("intermediate.dense",)),
    "distilbert": Family(
        "transformer.layer.*", "attention.out_lin", "ffn.lin2", "attention.v_lin",
        into_heads=("attention.q_lin", "attention.k_lin", "attention.v_lin"), into_neurons=("ffn.lin1",),
    ),
    "albert": Family(
        "encoder.albert_layer_groups.*.albert_layers.*", "attention.dense", "ffn_output", "attention.value",
        into_heads=("attention.query", "attention.key", "attention.value"), into_neurons=("ffn",),
    ),
    "mpnet": Family(
        "encoder.layer.*", "attention.attn.o", "output.dense", "attention.attn.v",
        into_heads=(), into_neurons=("intermediate.dense",),
    ),
    "modernbert": Family("layers.*", "attn.Wo", "mlp.Wo", "attn.Wqkv", "last third", into_heads=("attn.Wqkv",), into_neurons=("mlp.Wi",)),
    **dict.fromkeys(("eurobert", "nomic_bert", "gte"), _LLAMA_LIKE),
    "jina_embeddings_v3": _LLAMA_LIKE._replace(neuron="mlp.fc2", into_neurons=("mlp.fc1",)),
}  # fmt: skip

AFTER_PADDING = frozenset(
    ("roberta", "camembert", "xlm-roberta", "data2vec-text", "roberta-prelayernorm", "longformer", "luke", "mpnet", "esm")
)  # fmt: skip
"""Families whose positions are counted from the padding id plus one, as in RoBERTa."""

CUT = "cut-"
"""Prefix of the model type of an encoder with parts taken out (encoder/cut.py)."""

AROUND = {"exits-": "bertology.compress.inference.ramps", "tokens-": "bertology.compress.inference.extraction"}
"""Prefixes of the model types of a family's own classification model with something around it, and the rooms that make them known by `register`."""

OWN = {
    "bilstm": "bertology.compress.teaching.bilstm",
    "static": "bertology.compress.teaching.static_model",
    "waldorf": "bertology.compress.teaching.waldorf",
}
"""Model types of ours that are no BERT; the rooms' `register` makes them known and gives them a row."""


def kind(config: object) -> str:
    """The family that a config belongs to; an encoder with parts taken out, or with something around it, is of the family of the whole one."""
    found = str(config.model_type)  # type: ignore[attr-defined]
    for prefix in (*AROUND, CUT):
        found = found.removeprefix(prefix)
    return found
