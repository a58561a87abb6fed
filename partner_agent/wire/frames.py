"""Frames: the bytes of one message, made and read the same way at both ends.

One JSON object a frame, at most 64 KiB: {t: tag, v: 1, id, re?, …}. The received bytes must equal the canonical form of
what was parsed from them, so nothing can hide in a frame. An unknown tag becomes `Unrecognized`, to be answered
`unsupported`, unless it is itself an answer (`re`): an answer is never answered.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from partner_agent.wire import canonical, check_messages, messages, playback_messages
from partner_agent.wire.limits import FRAME_BYTES
from partner_agent.wire.messages import Message, Unsupported

KINDS: Final = messages.KINDS | playback_messages.KINDS | check_messages.KINDS
VERSION: Final = 1


class MalformedError(ValueError):
    """The frame is no message of this protocol; the link is closed (1007)."""


@dataclass(frozen=True, slots=True)
class Unrecognized:
    """A frame in good form with a tag this program does not know."""

    id: str
    re: str | None
    tag: str

    def answer(self, message_id: str) -> Unsupported | None:
        """`unsupported`, or None because an answer is never answered."""
        return None if self.re is not None else Unsupported(id=message_id, re=self.id, tag=self.tag)


def encode(message: Message) -> bytes:
    """The frame of `message`.

    Raises:
        ValueError: it is larger than 64 KiB or not canonical.
    """
    data = canonical.encode({**msgspec.to_builtins(message), "v": VERSION})
    if len(data) > FRAME_BYTES:
        raise ValueError(f"a message is at most {FRAME_BYTES} bytes, this one has {len(data)}")
    return data


def decode(frame: bytes | str) -> Message | Unrecognized:
    """Read one frame.

    Raises:
        MalformedError: too large, not canonical, another version, or a known tag with other fields.
    """
    data = frame.encode("utf-8", "surrogatepass") if isinstance(frame, str) else frame
    if len(data) > FRAME_BYTES:
        raise MalformedError("too large")
    try:
        body = canonical.decode_object(data)
    except canonical.NotCanonicalError as error:
        raise MalformedError(str(error)) from error
    tag, message_id, re = body.get("t"), body.get("id"), body.get("re")
    if not isinstance(tag, str) or not isinstance(message_id, str) or not isinstance(re, str | None):
        raise MalformedError("no tag or id")
    if type(body.get("v")) is not int or body.pop("v") != VERSION:
        raise MalformedError("another version of the protocol")
    kind = KINDS.get(tag)
    if kind is None:
        return Unrecognized(id=message_id, re=re, tag=tag)
    try:
        message = msgspec.convert(body, kind, strict=True)
    except msgspec.ValidationError as error:
        raise MalformedError(f"{tag}: {error}") from error
    if encode(message) != data:  # a default written out, for instance
        raise MalformedError("not the canonical form of what it says")
    return message
