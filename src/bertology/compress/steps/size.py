"""What a wish of size leaves: bytes, shares of the layers' parameters, numbers of layers."""

from typing import Any

from torch import nn

from bertology.compress.inference.latency import latency, layer_parameters
from bertology.compress.recipe import Work
from bertology.encoder.cut import only
from bertology.encoder.encoder import Encoder
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest

BATCH, LENGTH = 32, 32
"""The shape that a speed-up is measured at."""


def size_in_bytes(encoder: Any) -> int:
    """Bytes of all parameters as they are held; tied ones count once."""
    return sum(p.numel() * p.element_size() for p in encoder.model.parameters())


def share_to_keep(work: Work) -> float:
    """The share of the layers' parameters that a wish of parameters or bytes leaves. Raises BadRequest where none is left."""
    if work.goal.keep is not None:
        return work.goal.keep
    whole, wish = work.whole, work.goal.bytes or 0
    rest = size_in_bytes(whole) - 4 * layer_parameters(whole)
    share = (wish - rest) / (4 * layer_parameters(whole))
    if share <= 0:
        raise BadRequest(
            f"all but the layers of {whole.name} take {rest:,} bytes; {work.goal} was asked.",
            "Ask for more, trim the vocabulary, or fewer bits a weight.",
        )
    if share >= 1:
        raise BadRequest(f"{whole.name} takes {size_in_bytes(whole):,} bytes; {work.goal} was asked.", "Ask for less.")
    return share


def layers_for(whole: Encoder, work: Work, share: float) -> int:
    """How many layers the wish allows. Raises BadRequest with the best reachable where one layer is too many."""
    if whole.n_layers < 2:
        raise BadRequest(f"{whole.name} has one layer.", "It cannot lose any.")
    goal = work.goal
    if goal.keep is not None:
        share = goal.keep
    if goal.kind in ("", "keep"):
        return min(max(1, round(share * whole.n_layers)), whole.n_layers - 1)
    best, full = "", latency(whole, batch=BATCH, length=LENGTH) if goal.speedup is not None else 0.0
    for n in range(whole.n_layers - 1, 0, -1):
        less = only(whole, range(1, n + 1))
        if goal.bytes is not None:
            held = size_in_bytes(less)
            met, best = held <= goal.bytes, f"{held:,} bytes"
        else:
            reached = full / latency(less, batch=BATCH, length=LENGTH)
            met, best = reached >= 0.95 * (goal.speedup or 1), f"{reached:.1f} times as fast"
        if met:
            return n
    raise BadRequest(f"{whole.name} with one layer is {best}; {goal} was asked.", "Ask for less, or another recipe.")


def layer_matrices(encoder: Encoder) -> dict[str, Any]:
    """Linear maps inside the layers, by module name in the model."""
    inside = {id(m) for layer in layer_modules(encoder.base, encoder.family) for m in layer.modules()}
    return {n: m for n, m in encoder.model.named_modules() if id(m) in inside and isinstance(m, nn.Linear)}
