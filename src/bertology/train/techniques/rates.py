"""The optimizer of a fine-tuning: rates by depth, with or without Adam's bias correction."""

from typing import TYPE_CHECKING, Any

import torch

from bertology.train.classifier import layer_of
from bertology.train.optimizer import AdamW
from bertology.train.techniques.technique import Tuning

if TYPE_CHECKING:
    from bertology.train.finetune import FineTuning


def optimizer_of(tuning: Tuning, recipe: "FineTuning") -> torch.optim.Optimizer:
    """One group a (depth, decayed or not); rates are peak x what the techniques say of the depth.

    All parameters get a group, frozen ones too, so that gradual unfreezing needs no new optimizer.
    """
    head, groups = tuning.encoder.n_layers + 1, {}
    for name, p in tuning.model.named_parameters():
        depth = layer_of(name, tuning.encoder)
        groups.setdefault((depth, p.ndim >= 2 and "embed" not in name.lower()), []).append(p)
    made = []
    for (depth, decayed), params in sorted(groups.items()):
        peak = recipe.head_rate if depth == head and recipe.head_rate is not None else recipe.rate
        for technique in recipe.techniques:
            peak *= technique.rate(tuning, depth)
        made.append({"params": params, "weight_decay": recipe.decay if decayed else 0.0, "peak": peak})
    if not recipe.bias_correction:
        return _UncorrectedAdam(made, recipe.rate)
    template = AdamW(recipe.rate)
    return torch.optim.AdamW(made, lr=recipe.rate, betas=template.betas, eps=template.epsilon, fused=True)


class _UncorrectedAdam(torch.optim.AdamW):
    """BERT's original optimizer: Adam without bias correction (what Mosbach et al. 2021 advise against)."""

    def __init__(self, groups: list[dict[str, Any]], rate: float) -> None:
        super().__init__(groups, lr=rate, betas=(0.9, 0.999), eps=1e-6)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state.update(exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
                state["exp_avg"].lerp_(p.grad, 1 - b1)
                state["exp_avg_sq"].mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.addcdiv_(state["exp_avg"], state["exp_avg_sq"].sqrt().add_(group["eps"]), value=-group["lr"])
