"""Proof of effect: an intervention that changes nothing is not a measurement, and says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bertology.encoder.sites import Site
from bertology.encoder.watch import Edit
from bertology.record.errors import NoEffect

NOTHING = "nothing"
"""The key of an intervention without steps: the identity of composition, and refused as a pass."""


@dataclass
class Proof:
    """What the intervention called `key` has shown so far: sites whose edit ran, sites whose value it moved."""

    key: str
    asked: set[tuple[str, int]] = field(default_factory=set)
    called: set[tuple[str, int]] = field(default_factory=set)
    moved: set[tuple[str, int]] = field(default_factory=set)
    output_moved: bool = False

    def __post_init__(self) -> None:
        if self.key == NOTHING:
            raise NoEffect(
                "the intervention has no steps.", "Name the sites to edit, or measure without an intervention."
            )

    @property
    def given(self) -> bool:
        """Whether every site that was asked for and the encoder's output have moved."""
        return self.output_moved and self.asked <= self.moved

    def join(self, other: "Proof") -> None:
        """Adds what another part of the same pass has shown."""
        self.asked |= other.asked
        self.called |= other.called
        self.moved |= other.moved
        self.output_moved = self.output_moved or other.output_moved

    def proving(self, edits: Mapping[tuple[str, int], Edit]) -> Mapping[tuple[str, int], Edit]:
        """The same edits, watched; a site that has moved once is not compared again."""
        self.asked |= edits.keys()
        return {place: edit if place in self.moved else self._watched(place, edit) for place, edit in edits.items()}

    def must_be_called(self) -> None:
        """Raises NoEffect naming the first site whose edit never ran in the batches so far."""
        for place in sorted(self.asked - self.called):
            raise NoEffect(
                f"{self.key}: the edit at {Site(*place)} was never called.",
                "The family row does not lead there; run `bertology check MODEL`.",
            )

    def must_have_moved(self) -> None:
        """Raises NoEffect naming the first site that kept its value on every batch, or saying that the output did."""
        for place in sorted(self.asked - self.moved):
            raise NoEffect(
                f"{self.key}: {Site(*place)} kept its value on every batch.",
                "What does nothing is no measurement: the site may be silent already, or the corpus lacks its tokens.",
            )
        if not self.output_moved:
            raise NoEffect(
                f"{self.key} changed nothing in the encoder's output on any batch.",
                "An edit that does nothing is not a measurement; check its sites.",
            )

    def _watched(self, place: tuple[str, int], edit: Edit) -> Edit:
        def watched(value: Tensor, context: Tensor | None) -> Tensor:
            self.called.add(place)
            edited = edit(value, context)
            if edited is not value and not torch.equal(edited, value):
                self.moved.add(place)
            return edited

        return watched
