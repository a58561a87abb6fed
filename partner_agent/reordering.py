"""Finds B-frames at the opening of a stream: a camera that uses them cannot be shown live. Pure.

A parameter set says how many pictures may come early, or nothing; a slice says for certain what it is. Where reordering
is announced, the first pictures are looked at before any is handed on, so that nobody is shown a stream that ends.
"""

from typing import Final

from partner_agent.rtc import nal, sps
from partner_agent.slices import Piece
from partner_agent.timing import BFramesError

LOOK_PICTURES: Final = 8  # an encoder that announces B-frames and sent none in as many uses none


class Reordering:
    """Looks at the pictures of one connection; key pictures have their parameter sets before them."""

    def __init__(self) -> None:
        self._is_possible = True
        self._left: int | None = None  # pictures still to be looked at; None before the first
        self._kept: list[Piece] = []

    def look(self, picture: Piece) -> list[Piece]:
        """What may be handed on now: usually `picture` itself.

        Raises:
            BFramesError: it is made of B slices.
        """
        if picture.is_key:
            self._read(picture)
        elif self._is_possible and _is_bidirectional(picture):
            raise BFramesError("a picture is made of B slices")
        self._kept.append(picture)
        self._left = max(0, (self._left or 0) - 1)
        return [] if self._left else self.rest()

    def rest(self) -> list[Piece]:
        """What was kept for the look, when nothing more comes."""
        kept, self._kept = self._kept, []
        return kept

    def _read(self, picture: Piece) -> None:
        try:
            said = sps.of(picture.data)
        except sps.BadParametersError:
            said = None
        reorders = said.reorders if said else None
        self._is_possible = reorders != 0
        if self._left is None and reorders:
            self._left = LOOK_PICTURES


def _is_bidirectional(picture: Piece) -> bool:
    """Whether its first slice is a B slice; an unreadable one is left to the decoder."""
    first = next((unit for unit in nal.split(picture.data) if nal.nal_type(unit) in nal.SLICES), None)
    try:
        return first is not None and sps.is_bidirectional(first)
    except sps.BadParametersError:
        return False
