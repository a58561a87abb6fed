"""The first picture of a live view by HTTP, for whoever opened the view, while their own connection is on its way.

It gives nothing that the view does not give: the relay hands it out to an admitted session alone, once, and only
before that session's pictures flow. It is a picture forwarded: the view has started with it, and that is written
before it leaves. ADR 31.
"""

from dataclasses import dataclass
from typing import Final

import anyio

from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Principal
from gateway.live.board import Board, Seat
from gateway.live.exchange import BY_HTTPS, Exchange
from gateway.live.model import SessionState
from partner_agent.rtc import key_picture
from policies.vocabulary import Act

WRITTEN_S: Final = 2.0  # for the acceptance and the start; by then the view's own connection is there


@dataclass(frozen=True, slots=True)
class FirstPicture:
    """One key picture.

    Attributes:
        data: H.264 byte stream (Annex B), as the site sent it.
        codec: as WebCodecs names it.
    """

    data: bytes
    codec: str


class FirstPictures:
    """Gives them to whom they belong."""

    def __init__(self, *, board: Board, exchange: Exchange) -> None:
        self._board, self._exchange = board, exchange

    async def of(self, principal: Principal, session_id: str) -> FirstPicture | None:
        """The first picture of the caller's own live view; None where there is none, or none any more.

        Raises:
            NotFoundError: there is no such view that runs, or it is not the caller's, or not for this screen.
        """
        # 1. Their own, live, on their own screen.
        seat = self._demanded(principal, session_id)
        # 2. Accepted by the site, held by the lease, its own publisher's: the relay sees to that.
        picture = await self._exchange.first_picture(seat)
        codec = key_picture.codec_of(picture)
        if not codec:
            return None
        # 3. From here on the view has started, as with a first packet.
        await self._exchange.forwarded(session_id, BY_HTTPS)
        # 4. Nothing is watched without its entry; the relay may be faster than our disk with the acceptance.
        with anyio.move_on_after(WRITTEN_S):
            await seat.settled.wait()
        # 5. It may have ended meanwhile.
        seat = self._demanded(principal, session_id)
        return FirstPicture(picture, codec) if seat.session.state is SessionState.ESTABLISHED else None

    def _demanded(self, principal: Principal, session_id: str) -> Seat:
        seat = self._board.get(session_id)
        if seat is None or seat.session.person_id != principal.person_id:
            raise NotFoundError("There is no such view.")
        if seat.session.act != Act.LIVE_VIEW or seat.session.shown_to:
            raise NotFoundError("There is no such view.")
        return seat
