"""Chemical reactions whose atom mapping is known by construction, and the reaction ALBERT of the package rxnmapper.

A product is written from the very fragments of its reactants, so that each of its atoms has a known origin. The model's paper
(Schwaller et al. 2021) reads the mapping off one attention head; the package names it: layer 10 (from 0), head 5.
"""

import re
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from bertology.corpus.sentence import Corpus, Sentence

SMILES = r"\[[^\]]+\]|Br|Cl|>>|[BCNOPSFIbcnops]|[()=#\-+\\/:~@?*$]|\.|%[0-9]{2}|[0-9]"
ATOM = re.compile(r"\[[^\]]+\]|Br|Cl|[BCNOPSFIbcnops]")
ACYL = (
    "CC",
    "CCC",
    "CC(C)",
    "c1ccccc1",
    "c1ccc(F)cc1",
    "C1CCCCC1",
    "CCOC",
    "c1ccncc1",
    "CC(F)(F)",
    "c1ccsc1",
    "CCCC",
    "Clc1ccccc1",
)
AMINE = (
    "CC",
    "CCC",
    "CC(C)C",
    "c1ccccc1",
    "Cc1ccccc1",
    "CCOC",
    "C1CCCC1",
    "CCN(C)C",
    "CCF",
    "Cc1ccncc1",
    "CCCO",
    "c1ccc(Cl)cc1",
)
TEMPLATES = (
    # reactants and product as fragments; equal letters are the same atoms
    (("{a}", "C(=O)", "O", ".", "N", "{b}"), ("{a}", "C(=O)", "N", "{b}")),
    (("{a}", "C(=O)", "O", ".", "O", "{b}"), ("{a}", "C(=O)", "O#2", "{b}")),
    (("{a}", "C(=O)", "Cl", ".", "N", "{b}"), ("{a}", "C(=O)", "N", "{b}")),
    (("{a}", "S(=O)(=O)", "Cl", ".", "N", "{b}"), ("{a}", "S(=O)(=O)", "N", "{b}")),
)


def folder() -> Path:
    """The model's folder in the installed package; skips when it is not installed."""
    import importlib.util

    spec = importlib.util.find_spec("rxnmapper")
    if spec is None or spec.origin is None:
        pytest.skip("the package rxnmapper is not installed (pip install --no-deps rxnmapper)")
    return Path(spec.origin).parent / "models" / "transformers" / "albert_heads_8_uspto_all_1310k"


def prepared(target: Path) -> Path:
    """A copy of the pickled model with a fast SMILES tokenizer beside it."""
    source = folder()
    shutil.copytree(
        source,
        target,
        ignore=shutil.ignore_patterns(
            "training_args.bin", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"
        ),
    )
    vocabulary = {token: i for i, token in enumerate((source / "vocab.txt").read_text().split("\n")) if token}
    tok = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tok.pre_tokenizer = pre_tokenizers.Split(Regex(SMILES), behavior="isolated")
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    special = dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
    PreTrainedTokenizerFast(tokenizer_object=tok, **special).save_pretrained(target)
    return target


def reactions(seed: int = 0) -> Corpus:
    """All templates over all fragments: links "mapped" run from each product atom to the reactant atom it was."""
    found = [
        _reaction(template, a, b, f"reaction-{t}-{i}")
        for t, template in enumerate(TEMPLATES)
        for i, (a, b) in enumerate(product(ACYL, AMINE))
    ]
    order = np.random.default_rng(seed).permutation(len(found))
    return Corpus("reactions", tuple(found[i] for i in order), licence="CC0-1.0", citation="Generated from templates.")


def _reaction(template: tuple[tuple[str, ...], tuple[str, ...]], a: str, b: str, name: str) -> Sentence:
    text, origin = "", dict[tuple[str, int], list[int]]()
    links, words, starts = [], [], []
    for side, fragments in enumerate(template):
        text += ">>" if side else ""
        used: dict[str, int] = {}
        for fragment in fragments:
            key, _, which = fragment.partition("#")
            nth = int(which) - 1 if which else used.get(key, 0)
            used[key] = nth + 1
            piece = {"{a}": a, "{b}": b}.get(key, key)
            atoms = [len(text) + m.start() for m in ATOM.finditer(piece)]
            if side == 0:
                origin[key, nth] = atoms
            else:
                links += list(zip(atoms, origin[key, nth], strict=True))
            text += piece
    for match in re.finditer(SMILES, text):
        words.append(match.group())
        starts.append(match.start())
    place = {start: i for i, start in enumerate(starts)}
    mapped = tuple((place[p], place[r], "atom") for p, r in links)
    return Sentence(name, text, tuple(words), tuple(starts), links={"mapped": mapped})
