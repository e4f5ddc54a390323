"""Distillation on running text, before any task: a student reads masked text beside its teacher and copies it.

DistilBERT's triple loss (Sanh et al. 2019), MiniLM (Wang et al. 2020), TinyBERT's general stage (Jiao et al. 2020) and pre-trained distillation (Turc et al. 2019)
differ in their terms only (compress/teaching/distil.py). Without a language-model head on both sides what layers show is copied alone.
"""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bertology.compress.teaching.distil import Attention, Logits, Seen, SoftTargets, Term
from bertology.compress.teaching.layer_maps import layer_map
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.head import mlm_logits
from bertology.encoder.load import wrap
from bertology.encoder.sites import Site
from bertology.intervene.inputs import MaskWords, masked
from bertology.record.errors import BadRequest, NotApplicable, NotFinite
from bertology.train.optimizer import AdamW, Schedule, named_parameters, set_rate


def distil_on_text(
    student: Encoder,
    teacher: Encoder,
    text: Corpus,
    terms: Sequence[Term] = (SoftTargets(),),
    *,
    hard: float = 1.0,
    masking: float = 0.15,
    epochs: float = 1.0,
    tokens: int = 4096,
    rate: float = 5e-4,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Encoder:
    """The student after `epochs` over the text, in batches of up to `tokens` padded subwords: hard x MLM + sum of the terms.

    `hard` is ignored where the student has no language-model head. The given encoders stay. Raises BadRequest for another tokenizer
    or number of heads, NotApplicable where an encoder does not show what a term reads.
    """
    if student.tokenizer.get_vocab() != teacher.tokenizer.get_vocab():
        raise BadRequest(f"{teacher.name} and {student.name} have different tokenizers.", "Give two of one tokenizer.")
    kinds = sorted({k for term in terms for k in term.reads})
    for who in (student, teacher):
        if lacking := sorted(set(kinds) - who.has):
            raise NotApplicable(f"{who.name} shows no {' and no '.join(lacking)}")
        if any(isinstance(term, SoftTargets | Logits) for term in terms) and "mlm" not in who.has:
            raise NotApplicable(f"{who.name} has no masked-language-model head, so its predictions cannot be copied")
    if any(isinstance(term, Attention) for term in terms) and student.n_heads != teacher.n_heads:
        raise BadRequest(
            f"{student.name} has {student.n_heads} heads, {teacher.name} {teacher.n_heads}.", "Take ValueRelations."
        )
    pairs = {t: layer_map(t.layers, student.n_layers, teacher.n_layers) if t.layers else () for t in terms}
    learner = wrap(deepcopy(student.model), student.tokenizer, name=student.name, has_mlm=student.has_mlm)
    predicts = "mlm" in learner.has and "mask" in learner.has
    adapter = nn.ModuleDict()
    if "hidden" in kinds and student.width != teacher.width:
        adapter["map"] = nn.Linear(student.width, teacher.width, bias=False).to(student.device)
    adapt = lambda layer, states: adapter["map"](states) if len(adapter) else states
    batches = list(learner.batches(text, token_budget=tokens, attention="attention" in kinds))
    total = max(1, round(epochs * len(batches)))
    optimizers = AdamW(rate).build(named_parameters(learner.model, adapter))
    schedule, sites = Schedule(0.05), frozenset(Site(k) for k in kinds)
    parameters = [*learner.model.parameters(), *adapter.parameters()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for step in range(total):
            epoch, k = divmod(step, len(batches))
            batch = batches[int(np.random.default_rng([seed, epoch]).permutation(len(batches))[k])]
            given = MaskWords(masking, seed * 1000 + epoch).change(batch, learner) if predicts else batch
            set_rate(optimizers, schedule.factor(step / total))
            mine = learner.observe(given, sites, gradients=True)
            theirs = teacher.observe(given, sites)
            states = mine.hidden(learner.n_layers)
            loss = states.new_zeros(())
            said = taught = states.new_zeros(0, 1)
            if predicts:
                where, true = masked(given)
                said = mlm_logits(learner.model, states[where])
                loss = hard * cross_entropy(said.float(), true[where])
                if "mlm" in teacher.has:
                    with torch.no_grad():
                        taught = mlm_logits(teacher.model, theirs.hidden(teacher.n_layers)[where])
            everywhere = torch.ones(len(said), dtype=torch.bool, device=states.device)
            a, b = (Seen(x, o, given.mask, everywhere, False) for x, o in ((said, mine), (taught, theirs)))
            for term in terms:
                loss = loss + term.weight * term.loss(a, b, pairs[term], adapt)
            if not math.isfinite(float(loss.detach())):
                raise NotFinite(f"distillation: the loss of step {step} is {float(loss.detach())}.", "Lower the rate.")
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            progress("distilling on text", step + 1, total)
    return learner
