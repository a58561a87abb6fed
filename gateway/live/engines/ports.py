"""What a media server of others has to be able to do. It knows no ticket, no session and no lease; `gate` does."""

from dataclasses import dataclass
from typing import Protocol

from gateway.live.ports import EngineFeatures
from partner_agent.rtc import sdp
from partner_agent.rtc.fragment import Fragment


class ServerRefusedError(Exception):
    """The server does not take a call, or not what is asked of one; the sentence is for our log."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A call that the server has taken.

    Attributes:
        id: as the server calls it.
        answer: for the caller; the server is the DTLS server.
    """

    id: str
    answer: sdp.Call


@dataclass(frozen=True, slots=True)
class Passed:
    """What passed on a call so far.

    Attributes:
        cipher: the SRTP profile as OpenSSL calls it; empty where it is not known.
        packets, passed_bytes: of media, to a viewer or from a publisher.
        is_lost: whether the server has lost its way to the caller.
    """

    cipher: str = ""
    packets: int = 0
    passed_bytes: int = 0
    is_lost: bool = False


class News(Protocol):
    """Who hears from the server."""

    def up(self, leg_id: str) -> None:
        """Media flow, or can."""

    def lost(self, leg_id: str) -> None:
        """The call is over there; ending it once more is no error."""


class MediaServer(Protocol):
    """One server. Each method raises RelayGoneError when it does not answer; what it forwarded has ended then."""

    @property
    def features(self) -> EngineFeatures:
        """In what it differs from others."""

    @property
    def is_ready(self) -> bool:
        """Whether calls can be made."""

    async def run(self, news: News) -> None:
        """Connect and listen, until the server is gone; every call is over then.

        Raises:
            RelayGoneError: it is gone, was never there, or is not set up as it must be.
        """

    async def publish(self, publication: str, offer: str) -> Leg:
        """Take a publisher's call. What fails on the way leaves nothing at the server.

        Args:
            publication: for the server's log.
            offer: one we wrote ourselves, in which the caller is the DTLS client.

        Raises:
            ServerRefusedError: it does not.
        """

    async def view(self, uplink: str, offer: str) -> Leg:
        """Forward a publisher's call to a viewer; nothing reaches them before they have the answer.

        What fails on the way leaves nothing at the server.

        Args:
            uplink: the publisher's call, as the server calls it.
            offer: as for `publish`.

        Raises:
            ServerRefusedError: it does not.
        """

    async def restart(self, leg_id: str, theirs: Fragment) -> Fragment:
        """Begin another ICE session on a call; DTLS and keys stay. The server's side of it.

        Raises:
            ServerRefusedError: it cannot, or the call is over.
        """

    async def passed(self, leg_id: str) -> Passed | None:
        """What passed on a call so far; None where the server does not say, or the call is over."""

    async def end(self, leg_id: str) -> None:
        """End a call; when this returns nothing more is sent on it. One that is over already is no error."""

    async def keep(self) -> None:
        """The gateway lives. Said each second; a server that is fenced ends everything when it is not."""
