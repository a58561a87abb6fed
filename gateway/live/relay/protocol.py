"""What gateway and relay say to each other: length-prefixed JSON over one Unix socket.

The gateway asks, the relay answers each request by its number and tells events unasked. One request never waits for
another. Both ends parse into the types below; an unknown operation or field ends the connection, for the two are
always of one release.
"""

from typing import Final, Literal

import msgspec
from anyio.abc import ByteReceiveStream

FRAME_BYTES: Final = 64 * 1024  # an SDP is at most 16 kB
ORDER_BYTES: Final = 1024 * 1024  # a lease, or a drop, of 31,000 sessions: more than one machine forwards
PICTURE_BYTES: Final = 512 * 1024  # a key picture of 1080p seldom has half of it; a larger one takes its usual way
ANSWER_BYTES: Final = 1024 * 1024  # such a picture in base64
_LENGTH_BYTES: Final = 4

EndReason = Literal["dropped", "left", "silent", "lease", "horizon", "failed", "unadmitted", "replaced"]


class ProtocolError(Exception):
    """The other end says what it must not; close the connection."""


class Message(msgspec.Struct, forbid_unknown_fields=True, tag_field="op", kw_only=True):
    """Base of everything sent."""


class Hello(Message, tag="hello"):
    """Relay, first: who it is and where it listens."""

    relay: str
    fingerprint: str
    addresses: list[str]


class Whip(Message, tag="whip"):
    """A publisher's offer."""

    id: int
    publication: str
    ticket: str
    sdp: str


class Whep(Message, tag="whep"):
    """A viewer's offer."""

    id: int
    session: str
    ticket: str
    sdp: str


class Delete(Message, tag="delete"):
    """Somebody who knows the resource's name leaves."""

    id: int
    subject: str
    resource: str


class Patch(Message, tag="patch"):
    """Candidates found later, or an ICE restart, by somebody who knows the resource's name.

    Attributes:
        tags: of `If-Match`; empty when there was none.
        sdp: the fragment (RFC 8840).
    """

    id: int
    subject: str
    resource: str
    tags: list[str]
    sdp: str


class Tunnel(Message, tag="tunnel"):
    """Whether this publisher's call is here, so that a tunnel may lead to it: 200, or 404."""

    id: int
    publication: str
    resource: str


class Admit(Message, tag="admit"):
    """The agent accepted: forward this publication to this session.

    Attributes:
        fingerprint: the publishing agent's DTLS certificate, from its signed `accepted`; another one is not forwarded.
        valid_s: seconds until the session's horizon.
        sound: whether its sound too.
    """

    id: int
    session: str
    publication: str
    fingerprint: str
    valid_s: float
    sound: bool


class Lease(Message, tag="lease"):
    """These sessions go on; every other admitted one ends. Sent at least each `LEASE_PERIOD_S`."""

    id: int
    sessions: list[str]


class Drop(Message, tag="drop"):
    """End these sessions: answered once forwarding has stopped."""

    id: int
    sessions: list[str]


class FirstPicture(Message, tag="first_picture"):
    """Hand out the newest key picture, once, to a session whose pictures do not flow yet."""

    id: int
    session: str


class Stats(Message, tag="stats"):
    """How much runs; with a session, how it goes with that viewer."""

    id: int
    session: str = ""


class Answer(Message, tag="answer"):
    """The relay's answer.

    Attributes:
        re: the request's number.
        status: as HTTP counts: 200, 201, 204, or why not.
        sdp: ours, for an offer taken or an ICE restart.
        resource: for an offer taken.
        etag: of the ICE session that `sdp` describes.
        pulse_s: how often a viewer has to PATCH to be known to be there; 0 where that is noticed without.
        figures: for `stats`.
        picture: for `first_picture`, H.264 as Annex B.
    """

    re: int
    status: int
    sdp: str = ""
    resource: str = ""
    etag: str = ""
    pulse_s: float = 0.0
    figures: dict[str, int] = {}
    picture: bytes = b""


class PublicationUp(Message, tag="publication_up"):
    """A publisher's media can flow."""

    publication: str
    fingerprint: str


class PublicationDown(Message, tag="publication_down"):
    """The publisher is gone."""

    publication: str
    packets: int
    received_bytes: int


class ViewerUp(Message, tag="viewer_up"):
    """The first packet of a session has been sent."""

    session: str
    srtp_profile: str


class ViewerGone(Message, tag="viewer_gone"):
    """Forwarding to a session has ended, for good.

    Attributes:
        seconds_ms: from the first packet to the last, in milliseconds.
    """

    session: str
    reason: EndReason
    packets: int
    sent_bytes: int
    seconds_ms: int


Request = Whip | Whep | Delete | Patch | Tunnel | Admit | Lease | Drop | FirstPicture | Stats
Event = PublicationUp | PublicationDown | ViewerUp | ViewerGone
FromRelay = Hello | Answer | Event

_REQUESTS: Final[msgspec.json.Decoder[Request]] = msgspec.json.Decoder(Request)
_FROM_RELAY: Final[msgspec.json.Decoder[FromRelay]] = msgspec.json.Decoder(FromRelay)


def frame(message: Message) -> bytes:
    """One message with its length in front."""
    data = msgspec.json.encode(message)
    if len(data) > _most_bytes(message):
        raise ProtocolError("so long a message is never sent")
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


def _most_bytes(message: Message) -> int:
    match message:
        case Answer():
            return ANSWER_BYTES
        case Lease() | Drop():
            return ORDER_BYTES
        case _:
            return FRAME_BYTES


class Frames:
    """Cuts a byte stream into messages."""

    def __init__(self, stream: ByteReceiveStream, *, most_bytes: int) -> None:
        self._stream, self._most_bytes = stream, most_bytes
        self._buffer = bytearray()

    async def request(self) -> Request:
        """The next request of the gateway.

        Raises:
            ProtocolError: not a request.
            anyio.EndOfStream: the gateway is gone.
        """
        data = await self._next()
        try:
            return _REQUESTS.decode(data)
        except msgspec.MsgspecError as error:
            raise ProtocolError("no request of ours") from error

    async def from_relay(self) -> FromRelay:
        """The next word of the relay.

        Raises:
            ProtocolError: not one.
            anyio.EndOfStream: the relay is gone.
        """
        data = await self._next()
        try:
            return _FROM_RELAY.decode(data)
        except msgspec.MsgspecError as error:
            raise ProtocolError("no word of our relay") from error

    async def _next(self) -> bytes:
        head = await self._read(_LENGTH_BYTES)
        length = int.from_bytes(head, "big")
        if length > self._most_bytes:
            raise ProtocolError("so long a frame is never sent")
        return await self._read(length)

    async def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += await self._stream.receive()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data
