"""Recipes, objectives, techniques and regimes cite works that have an entry in a bibliography."""

import inspect
import re
from pathlib import Path

import bertology
from bertology.claims.registry import references
from bertology.compress.recipes import RECIPES as COMPRESSIONS
from bertology.train import finetuning_recipes, objectives, recipes, regimes


def cited() -> dict[str, str]:
    found = {
        key: r.name
        for r in (*recipes.RECIPES.values(), *finetuning_recipes.RECIPES.values(), *COMPRESSIONS.values())
        for key in r.cites
    }
    for technique in finetuning_recipes.TECHNIQUES.values():
        found |= dict.fromkeys(technique.cites, technique.__name__)
    for name, kind in vars(regimes).items():
        if inspect.isclass(kind):
            found |= dict.fromkeys(getattr(kind, "cites", ()), name)
    for file in Path(objectives.__file__).parent.glob("*.py"):
        for keys in re.findall(r"cites: ClassVar = \((.*?)\)", file.read_text(encoding="utf-8")):
            found |= dict.fromkeys(re.findall(r'"(.*?)"', keys), file.stem)
    return found


def test_every_work_that_training_cites_has_an_entry() -> None:
    own = (Path(bertology.__file__).parent / "train" / "references.bib").read_text(encoding="utf-8")
    known = set(references()) | set(re.findall(r"@\w+\{(.+?),", own))
    lacking = {key: where for key, where in cited().items() if key not in known}
    assert not lacking
    assert len(cited()) > 30
