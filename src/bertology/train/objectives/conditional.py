"""MLM that is told a label: as a segment embedding (Wu et al. 2019) or as words in front (Kumar et al. 2020)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from bertology.record.errors import BadRequest
from bertology.train.draft import IGNORED, Draft, Piece, Source
from bertology.train.objectives.mlm import MLM, LabelObjective


@dataclass(frozen=True)
class ConditionalMLM(LabelObjective):
    """`labels[d]` is the class of the d-th document of the text.

    As "segment", every position's segment id is the label (the architecture needs as many segments); as "words", the
    label's subwords `names[label]` stand behind [CLS] as a segment of their own, and are never masked.
    """

    cites: ClassVar = ("wu-2019b", "kumar-2020")
    labels: tuple[int, ...] = ()
    how: Literal["segment", "words"] = "segment"
    names: tuple[tuple[int, ...], ...] = ()
    mlm: MLM = field(default_factory=MLM)

    def arrange(
        self, pieces: tuple[Piece, ...], source: Source, rng: np.random.Generator
    ) -> tuple[tuple[Piece, ...], dict[str, Any]]:
        document = source.stream.document_of(pieces[0][0])
        if document >= len(self.labels):
            raise BadRequest(
                f"document {document} has no label, there are {len(self.labels)}.", "Give one label a document."
            )
        return pieces, {"condition": self.labels[document]}

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        self.mlm.corrupt(draft, source, rng)
        label = int(draft.targets["condition"])
        if self.how == "segment":
            draft.segments[:] = label
            return
        name = np.array([*self.names[label], source.symbols.sep])
        for array, value in (("ids", name), ("clean", name), ("words", -1), ("segments", 0), ("labels", IGNORED)):
            old = getattr(draft, array)
            setattr(draft, array, np.concatenate([old[:1], np.broadcast_to(value, len(name)), old[1:]]))
        draft.positions = np.arange(len(draft.ids))

    def weights(self) -> Mapping[str, float]:
        return {"mlm": self.mlm.weight}
