"""WHIP and WHEP calls between HTTP and the relay: what a caller must bring, and what a refusal is called.

The ticket is checked in the relay, before it parses any SDP; here only form and size are. Whether a session may see
is not decided here. RFC 9725; WHEP is draft-ietf-wish-whep.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    LenspactError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from gateway.live.relay.client import RelayGoneError
from gateway.live.relay.protocol import Answer
from partner_agent.wire.limits import SDP_BYTES

_BEARER = "Bearer "


class RelayCalls(Protocol):
    """The part of a relay's client that calls need."""

    async def whip(self, publication: str, ticket: str, sdp: str) -> Answer:
        """A publisher's call."""

    async def whep(self, session: str, ticket: str, sdp: str) -> Answer:
        """A viewer's call."""

    async def delete(self, subject: str, resource: str) -> bool:
        """A goodbye."""

    async def exists(self, subject: str, resource: str) -> bool:
        """Whether there is such a call."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that was taken: our SDP, and the name of the call, known to its caller alone."""

    sdp: str
    resource: str


class Calls:
    """Hands calls to the relay that owns the stream; one relay for now."""

    def __init__(self, *, relay: RelayCalls) -> None:
        self._relay = relay

    async def take(self, use: Literal["whip", "whep"], subject: str, authorization: str, body: bytes) -> Taken:
        """Offer a call to the relay.

        Args:
            use: who calls.
            subject: the publication or session in the path.
            authorization: the header, `Bearer` and the ticket.
            body: the SDP offer.

        Raises:
            UnauthenticatedError: no ticket, or one that opens nothing here.
            LenspactError: refused, full, or the relay is gone.
        """
        if not authorization.startswith(_BEARER):
            raise UnauthenticatedError("This needs a ticket in the Authorization header.")
        if len(body) > SDP_BYTES:
            raise InvalidError("The offer is longer than 16 kB.")
        ticket, offer = authorization.removeprefix(_BEARER), body.decode("utf-8", "replace")
        ask = self._relay.whip if use == "whip" else self._relay.whep
        with _relay_errors():
            answer = await ask(subject, ticket, offer)
        if answer.status != 201:
            raise _refusal(answer.status)
        return Taken(answer.sdp, answer.resource)

    async def leave(self, subject: str, resource: str) -> None:
        """End a call.

        Raises:
            NotFoundError: there is none of this name.
            UnavailableError: the relay is gone, and the call with it.
        """
        with _relay_errors():
            is_found = await self._relay.delete(subject, resource)
        _demand(is_found)

    async def check(self, subject: str, resource: str) -> None:
        """Demand that a call exists.

        Raises:
            NotFoundError: there is none of this name.
            UnavailableError: the relay is gone, and the call with it.
        """
        with _relay_errors():
            is_found = await self._relay.exists(subject, resource)
        _demand(is_found)


@contextmanager
def _relay_errors() -> Iterator[None]:
    try:
        yield
    except RelayGoneError as error:
        raise UnavailableError("Live pictures are starting again. Try in a few seconds.") from error


def _demand(is_found: bool) -> None:
    if not is_found:
        raise NotFoundError("There is no such call.")


def _refusal(status: int) -> LenspactError:
    match status:
        case 401:
            return UnauthenticatedError("This ticket opens nothing.")
        case 403:
            return DeniedError("This ticket is for another browser.")
        case 409:
            return ConflictError("This view has ended, or is open already. Start a new one.")
        case 422:
            return InvalidError("The offer cannot be used: one H.264 video section is wanted.")
        case _:
            return UnavailableError("The relay is full. Try again in a moment.")
