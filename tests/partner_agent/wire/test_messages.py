"""The link's frames: nothing hides in one, and what is not known is answered once."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.wire import canonical, messages
from partner_agent.wire.frames import KINDS, MalformedError, Unrecognized, decode, encode
from partner_agent.wire.limits import FRAME_BYTES

HEARTBEAT = messages.Heartbeat(
    id="msg_1",
    fresh="f",
    health=messages.Health(
        cameras=[messages.CameraHealth(camera="cam_1", state="ok")], sessions=0, uptime_s=5, disk_free_percent=40
    ),
)


def _with(**changed: object) -> bytes:
    body = json.loads(encode(HEARTBEAT)) | changed
    return canonical.encode({k: v for k, v in body.items() if v != "drop"})


def test_a_message_survives_the_wire():
    """What is encoded is decoded as the same value."""
    assert decode(encode(HEARTBEAT)) == HEARTBEAT


def test_tags_are_words():
    """Tags are the class names in snake case, each once."""
    assert KINDS["policy_stale"] is messages.PolicyStale
    assert len(KINDS) == len(messages.Message.__subclasses__())


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"[]",
        b"\xff",
        encode(HEARTBEAT) + b" ",
        encode(HEARTBEAT).replace(b'"fresh":"f"', b'"fresh":"e","fresh":"f"'),
        _with(v=2),
        _with(v=True),
        _with(v="drop"),
        _with(id="drop"),
        _with(id=5),
        _with(re=None),
        _with(t=["heartbeat"]),
        _with(fresh="drop"),
        _with(fresh=5),
        _with(extra=1),
        _with(health={"cameras": [], "sessions": 0, "uptime_s": 5, "password": "x"}),
        _with(health={"cameras": [{"camera": "cam_1", "state": "odd"}], "sessions": 0, "uptime_s": 5}),
        _with(health={"cameras": [], "disk_free_percent": None, "sessions": 0, "uptime_s": 5}),
        b'{"t":"noted","v":1,"id":"' + b"x" * FRAME_BYTES + b'"}',
    ],
)
def test_a_frame_that_is_not_exactly_a_message_is_refused(frame: bytes):
    """Other spacing, doubled keys, foreign or missing fields, other types and too many bytes are all malformed."""
    with pytest.raises(MalformedError):
        decode(frame)


def test_an_unknown_tag_is_answered_unsupported():
    """A newer peer learns that this one does not know the message."""
    found = decode(b'{"id":"msg_9","more":1,"t":"teleport","v":1}')

    assert isinstance(found, Unrecognized)
    assert found.answer("msg_2") == messages.Unsupported(id="msg_2", re="msg_9", tag="teleport")


def test_an_answer_is_never_answered():
    """Two peers that do not understand each other fall silent instead of echoing."""
    found = decode(b'{"id":"msg_9","re":"msg_1","t":"teleport","v":1}')

    assert isinstance(found, Unrecognized)
    assert found.answer("msg_2") is None


def test_a_message_too_large_is_not_sent():
    """The sender holds the limit as well."""
    with pytest.raises(ValueError, match="at most"):
        encode(messages.Grant(id="msg_1", token="x" * FRAME_BYTES))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(data: bytes):
    """The parser has no third way out."""
    with contextlib.suppress(MalformedError):
        decode(data)
