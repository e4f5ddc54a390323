"""Named fine-tuning recipes: the standard one, and for each technique of the survey's section 5.4 one with published settings."""

from dataclasses import replace

from bertology.record.errors import BadRequest
from bertology.train.finetune import FineTuning
from bertology.train.techniques import (
    L2SP,
    SMART,
    Adapters,
    ComplementaryLayers,
    Curriculum,
    FreeLB,
    FreezeBottom,
    GradualUnfreezing,
    LayerwiseDecay,
    LoRA,
    Mixout,
    NormalisedCLS,
    Pooling,
    ProjectedAttention,
    ReinitialiseTop,
    Rollback,
    ScalarMix,
    SqueezeExcite,
    Technique,
)

TECHNIQUES: dict[str, type[Technique]] = {
    "adapters": Adapters, "complementary": ComplementaryLayers, "curriculum": Curriculum, "freelb": FreeLB,
    "freeze": FreezeBottom, "gradual": GradualUnfreezing, "l2sp": L2SP, "llrd": LayerwiseDecay, "lora": LoRA, "mixout": Mixout,
    "cls-norm": NormalisedCLS, "pals": ProjectedAttention, "pooling": Pooling, "reinit": ReinitialiseTop, "rollback": Rollback,
    "mix": ScalarMix, "smart": SMART, "squeeze-excite": SqueezeExcite,
}  # fmt: skip
"""The techniques of one run by name. Of several runs: `techniques.several.staged` and `race`; before it: `techniques.pivots.adapted`."""


def with_techniques(name: str, *techniques: Technique, of: FineTuning | None = None, **changes: object) -> FineTuning:
    """A recipe with more techniques, citing what they cite."""
    base = of or FineTuning()
    cites = tuple(dict.fromkeys((*base.cites, *(key for t in techniques for key in t.cites))))
    return replace(base, name=name, cites=cites, techniques=(*base.techniques, *techniques), **changes)  # type: ignore[arg-type]


standard = FineTuning()
"""Devlin et al. 2019: 3 epochs, batches of 32, rate 5e-5, linear warm-up over a tenth and decay."""

long = replace(standard, name="long", cites=("mosbach-2021", "zhang-2021"), epochs=20, rate=2e-5)
"""Mosbach et al. 2021: 20 epochs at 2e-5 with bias correction; for small sets."""

no_bias_correction = replace(standard, name="no-bias-correction", bias_correction=False)
"""Devlin et al. 2019 as released: an optimizer without bias correction."""

_FROZEN = replace(standard, rate=1e-3)

RECIPES: dict[str, FineTuning] = {
    r.name: r
    for r in (
        standard,
        long,
        no_bias_correction,
        with_techniques("features", FreezeBottom(), of=_FROZEN),
        with_techniques("features-mix", FreezeBottom(), ScalarMix(), of=_FROZEN),
        with_techniques("mix", ScalarMix()),
        with_techniques("squeeze-excite", SqueezeExcite()),
        with_techniques("complementary", ComplementaryLayers()),
        with_techniques("pooling-mean", Pooling("mean")),
        with_techniques("pooling-max", Pooling("max")),
        with_techniques("cls-norm", NormalisedCLS()),
        with_techniques("freelb", FreeLB()),
        with_techniques("smart", SMART()),
        with_techniques("mixout", Mixout(0.9)),
        with_techniques("l2sp", L2SP(), decay=0.0),
        with_techniques("adapters", Adapters(), of=_FROZEN),
        with_techniques("pals", ProjectedAttention(), of=_FROZEN),
        with_techniques("lora", LoRA(), of=replace(standard, rate=5e-4)),
        with_techniques("freeze-embeddings", FreezeBottom(0)),
        with_techniques("freeze-bottom", FreezeBottom(3)),
        with_techniques("gradual", GradualUnfreezing(None), epochs=5),
        with_techniques("llrd", LayerwiseDecay(0.95)),
        with_techniques("reinit-top", ReinitialiseTop(1)),
        with_techniques("rollback", Rollback(1)),
        with_techniques("curriculum", Curriculum()),
    )
}
"""Every recipe by name. Frozen encoders take the higher rate that their few parameters need."""


def recipe(name: str) -> FineTuning:
    """The recipe of a name. Raises BadRequest with the names there are."""
    if name not in RECIPES:
        raise BadRequest(f"there is no fine-tuning recipe {name!r}.", f"Choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]


__all__ = ["RECIPES", "TECHNIQUES", "long", "no_bias_correction", "recipe", "standard", "with_techniques"]
