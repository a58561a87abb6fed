"""Keeps the parameter sets that are in force on one connection, so that every key picture can be decoded alone. Pure.

What the session description said is true until the camera says otherwise in the stream: a camera that is set to
another resolution while it runs sends new sets, and from then on the new ones stand before its key pictures.
"""

from typing import Final

from partner_agent.rtc import nal, sps

_MOST_BYTES: Final = 4096  # of one set, all scaling lists included; what is larger is none


class ParameterSets:
    """The SPS and PPS of one connection, by their numbers."""

    def __init__(self, described: bytes) -> None:
        """`described`: what came before the stream, Annex B."""
        self._sets: dict[tuple[int, int], bytes] = {}
        self._note(described)

    def complete(self, picture: bytes, *, is_key: bool) -> bytes:
        """The access unit with the sets in force before it, if it is a key picture that lacks some.

        Args:
            picture: one access unit, Annex B; sets in it count from now on.
            is_key: whether decoding is to start there.
        """
        self._note(picture)
        if not is_key or nal.has_parameter_sets(picture):
            return picture
        return nal.join(self._sets[key] for key in sorted(self._sets)) + picture

    def _note(self, stream: bytes) -> None:
        for unit in nal.split(stream):
            kind = nal.nal_type(unit)
            if kind in nal.SLICES:
                return
            if kind in {nal.SPS, nal.PPS} and len(unit) <= _MOST_BYTES:
                try:
                    self._sets[kind, sps.set_id(unit)] = unit
                except sps.BadParametersError:
                    continue
