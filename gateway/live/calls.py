"""WHIP and WHEP calls between HTTP and the relay: what a caller must bring, and what a refusal is called.

The ticket is checked by the engine, before a call takes a place in any queue, and in the relay before it parses any
SDP; here only form and size are. Whether a session may see is not decided here. RFC 9725; WHEP is draft-ietf-wish-whep.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from gateway.edge.bearer import bearer
from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    LenspactError,
    LimitedError,
    NotFoundError,
    OutdatedError,
    UnauthenticatedError,
    UnavailableError,
    UnconditionalError,
    UnsupportedError,
)
from gateway.live.ice_servers import IceServer, IceServers
from gateway.live.ports import RelayCalls
from gateway.live.relay.client import RelayGoneError
from gateway.live.relay.protocol import ProtocolError
from gateway.live.tunnels.service import Tunnels

# RFC 9110 §8.8.3: entity-tags, a weak one with its W/. The quotes around * are RFC 9725's own (§4.3.3, its example).
_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that was taken.

    Attributes:
        sdp: our answer.
        resource: the name of the call, known to its caller alone.
        etag: of its ICE session.
        links: `Link` header values that name ICE servers; empty where none are configured.
        pulse_s: how often a viewer has to PATCH to be known to be there; 0 where that is noticed without.
    """

    sdp: str
    resource: str
    etag: str
    links: tuple[str, ...] = ()
    pulse_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Restarted:
    """Our side of a new ICE session, and its tag."""

    sdp: str
    etag: str


class Calls:
    """Hands calls to the relay that owns the stream.

    Attributes:
        tunnels: ways of sites to it; None where there are none.
    """

    def __init__(
        self, *, relay: RelayCalls, ice_servers: IceServers | None = None, tunnels: Tunnels | None = None
    ) -> None:
        self._relay, self._ice_servers, self.tunnels = relay, ice_servers, tunnels

    def ice_servers(self, holder: str) -> tuple[IceServer, ...]:
        """The servers that `holder` may reach the relay by; none where none are configured."""
        return self._ice_servers.told_to(holder) if self._ice_servers else ()

    async def take(self, use: Literal["whip", "whep"], subject: str, authorization: str, body: bytes) -> Taken:
        """Offer a call to the relay.

        Args:
            use: who calls.
            subject: the publication or session in the path.
            authorization: the header, `Bearer` and the ticket.
            body: the SDP offer, at most 16 kB, which the route has seen to.

        Raises:
            UnauthenticatedError: no ticket, or one that opens nothing here.
            LenspactError: refused, full, or the relay is gone.
        """
        ticket, offer = bearer(authorization), body.decode("utf-8", "replace")
        if not ticket:
            raise UnauthenticatedError("This needs a ticket in the Authorization header.")
        ask = self._relay.whip if use == "whip" else self._relay.whep
        with _relay_errors():
            answer = await ask(subject, ticket, offer)
        if answer.status != 201:
            raise _refusal(answer.status)
        links = self._ice_servers.links(subject) if self._ice_servers else ()
        return Taken(answer.sdp, answer.resource, answer.etag, links, answer.pulse_s)

    async def leave(self, subject: str, resource: str) -> None:
        """End a call.

        Raises:
            NotFoundError: there is none of this name.
            UnavailableError: the relay is gone, and the call with it.
        """
        with _relay_errors():
            is_found = await self._relay.delete(subject, resource)
        _demand(is_found)

    async def patch(self, subject: str, resource: str, if_match: str | None, body: bytes) -> Restarted | None:
        """Add candidates, or restart ICE; None when candidates were added.

        Args:
            subject: the publication or session in the path.
            resource: the name of the call.
            if_match: the header, None without one.
            body: the fragment, at most 16 kB.

        Raises:
            LenspactError: there is no such call, the tag is missing or another session's, the fragment cannot be read,
                or the relay is gone.
        """
        tags = [] if if_match is None else entity_tags(if_match)
        with _relay_errors():
            answer = await self._relay.patch(subject, resource, tags, body.decode("utf-8", "replace"))
        match answer.status:
            case 200:
                return Restarted(answer.sdp, answer.etag)
            case 204:
                return None
            case 400:
                raise InvalidError("The fragment cannot be used.")
            case 409:
                raise ConflictError("ICE restarts once the call is connected.")
            case 422:
                raise UnsupportedError("This call cannot change its network. Start a new one.")
            case _:
                raise _refusal(answer.status)


def entity_tags(header: str) -> list[str]:
    """The tags of an `If-Match` header; `*` alone for any.

    Raises:
        InvalidError: it holds anything else.
    """
    text = header.strip()
    if text in (_ANY, f'"{_ANY}"'):
        return [_ANY]
    found = [tag.strip() for tag in text.split(",")]
    if not all(map(_TAG.fullmatch, found)):
        raise InvalidError("The If-Match header cannot be read.")
    return found


@contextmanager
def _relay_errors() -> Iterator[None]:
    try:
        yield
    except RelayGoneError as error:
        raise UnavailableError("Live pictures are starting again. Try in a few seconds.") from error
    except ProtocolError as error:  # bytes that anybody may send, and that JSON makes six times as long
        raise InvalidError("The offer cannot be used: one H.264 video section is wanted.") from error


def _demand(is_found: bool) -> None:
    if not is_found:
        raise _refusal(404)


def _refusal(status: int) -> LenspactError:
    match status:
        case 401:
            return UnauthenticatedError("This ticket opens nothing.")
        case 403:
            return DeniedError("This ticket is for another browser.")
        case 409:
            return ConflictError("This view has ended, or is open already. Start a new one.")
        case 404:
            return NotFoundError("There is no such call.")
        case 412:
            return OutdatedError("This belongs to an ICE session that is over. Restart ICE.")
        case 422:
            return InvalidError("The offer cannot be used: one H.264 video section is wanted.")
        case 428:
            return UnconditionalError("Name the ICE session in If-Match, as the ETag header gave it.")
        case 429:
            return LimitedError("ICE restarts once a second at most.", retry_after_s=1)
        case _:
            return UnavailableError("The relay is full. Try again in a moment.")
