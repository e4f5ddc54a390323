"""Drafts in rows: packed without padding where the model allows it, else one a row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from bertology.train.draft import IGNORED, Draft


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """Rows of subwords. `words` is -1 at special tokens and padding; `example` numbers the draft that each position came from, -1 on padding.

    `visible` is None when every position may attend to its whole row, else (row, query, key). `firsts` holds the (row,
    column) of each draft's [CLS]; `targets` one tensor per further objective, a line per draft.
    """

    ids: Int[Tensor, "row token"]
    clean: Int[Tensor, "row token"]
    words: Int[Tensor, "row token"]
    segments: Int[Tensor, "row token"]
    positions: Int[Tensor, "row token"]
    labels: Int[Tensor, "row token"]
    example: Int[Tensor, "row token"]
    visible: Bool[Tensor, "row token token"] | None
    firsts: Int[Tensor, "draft 2"]
    targets: dict[str, Tensor]

    @property
    def real(self) -> Bool[Tensor, "row token"]:
        """Where there is no padding."""
        return self.example >= 0

    @property
    def n_tokens(self) -> int:
        return int(self.real.sum())

    def to(self, device: torch.device) -> "TrainingBatch":
        moved = {
            name: value.to(device, non_blocking=True) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **moved, targets={name: t.to(device) for name, t in self.targets.items()})


def collate(drafts: Sequence[Draft], *, length: int, pad: int, packed: bool = True) -> TrainingBatch:
    """One batch of all drafts. Packed, they share rows of `length` first-fit; otherwise each has a row of its own."""
    rows = _first_fit([len(d) for d in drafts], length) if packed else [[k] for k in range(len(drafts))]
    width = max(sum(len(drafts[k]) for k in row) for row in rows)
    shape = (len(rows), width)
    ids, clean = np.full(shape, pad), np.full(shape, pad)
    words, segments, positions = np.full(shape, -1), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    labels, example = np.full(shape, IGNORED), np.full(shape, -1)
    firsts = np.zeros((len(drafts), 2), dtype=np.int64)
    for r, row in enumerate(rows):
        at = 0
        for k in row:
            draft, here = drafts[k], slice(at, at + len(drafts[k]))
            ids[r, here], clean[r, here], words[r, here] = draft.ids, draft.clean, draft.words
            segments[r, here], positions[r, here], labels[r, here] = draft.segments, draft.positions, draft.labels
            example[r, here] = k
            firsts[k] = r, at
            at += len(draft)
    plain = all(len(row) == 1 and len(drafts[row[0]]) == width for row in rows) and all(
        d.visible is None for d in drafts
    )
    visible = None if plain else _visible(drafts, rows, example)
    names = sorted({name for d in drafts for name in d.targets})
    targets = {name: torch.from_numpy(np.stack([np.asarray(d.targets[name]) for d in drafts])) for name in names}
    arrays = (ids, clean, words, segments, positions, labels, example)
    return TrainingBatch(
        *map(torch.from_numpy, arrays), visible=visible, firsts=torch.from_numpy(firsts), targets=targets
    )


def _visible(drafts: Sequence[Draft], rows: list[list[int]], example: np.ndarray) -> Tensor:
    """Who may attend to whom: nobody beyond the own draft; padding sees itself alone, so that its softmax is defined."""
    visible = (example[:, :, None] == example[:, None, :]) & (example >= 0)[:, None, :]
    for r, row in enumerate(rows):
        at = 0
        for k in row:
            n, own = len(drafts[k]), drafts[k].visible
            if own is not None:
                visible[r, at : at + n, at : at + n] = own
            at += n
    padding = np.flatnonzero(example.reshape(-1) < 0)
    r, c = np.divmod(padding, example.shape[1])
    visible[r, c, c] = True
    return torch.from_numpy(visible)


def _first_fit(sizes: Sequence[int], length: int) -> list[list[int]]:
    """Rows of drafts, the longest first, each into the first row with room (first-fit decreasing)."""
    rows: list[list[int]] = []
    room: list[int] = []
    for k in sorted(range(len(sizes)), key=lambda k: -sizes[k]):
        for r, left in enumerate(room):
            if sizes[k] <= left:
                rows[r].append(k)
                room[r] -= sizes[k]
                break
        else:
            rows.append([k])
            room.append(max(length, sizes[k]) - sizes[k])
    return [sorted(row) for row in rows]
