"""Links to phones: made by whoever watches, opened once, shown on one device, ended early by whoever may.

A link carries no right of its own. Each time its device asks, the sender is looked up as they are now, the incident
must go on, and a view is opened in the sender's name with the recipient in every entry: decided at the centre and on
site, granted, leased, counted. One view at a time; one that ends for good takes the link with it (`model.FINAL`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from gateway.audit import AuditLog
from gateway.kernel.database import Database
from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)
from gateway.kernel.principal import Principal, PrincipalKind
from gateway.live.board import Board
from gateway.live.endings import Endings
from gateway.live.model import EndReason, Session
from gateway.live.opening import OpenedView
from gateway.live.phones import leaves
from gateway.live.phones.answers import NOTHING, PhoneState, Sent, Shown, Taken, refusal_of
from gateway.live.phones.model import (
    FINAL,
    ID_PREFIX,
    LISTED_FOR,
    MOST_OPEN,
    OPEN,
    OPEN_WITHIN,
    RECIPIENT_LENGTH,
    SECRET_BYTES,
    Door,
    PhoneLink,
    Standing,
    Token,
    door_of,
    end_of_first,
    may_be_sent,
    new_token,
    phone_words,
    seconds_left,
    standing,
)
from gateway.live.phones.ports import PhoneRows, Surroundings
from gateway.live.ports import SessionStore
from gateway.live.service import OVERSEERS, Live
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

OFF: Final = "Pictures are not sent to phones here."
AGAIN: Final = "Live pictures are starting again. Try in a few seconds."


class Phones:
    """Sends, opens and ends links to phones."""

    def __init__(
        self,
        *,
        database: Database,
        rows: PhoneRows,
        store: SessionStore,
        audit: AuditLog,
        live: Live,
        board: Board,
        endings: Endings,
        surroundings: Surroundings,
        lasts: timedelta,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        """`lasts`: how long a phone may show a picture at most; nothing can be sent where it is zero."""
        self._database, self._rows, self._store, self._audit = database, rows, store, audit
        self._live, self._board, self._endings = live, board, endings
        self._surroundings, self._lasts, self._clock, self._ids = surroundings, lasts, clock, ids

    # --- whoever sends

    @property
    def can_send(self) -> bool:
        """Whether links are made here at all."""
        return self._lasts > timedelta()

    async def send(self, principal: Principal, *, session_id: str, recipient: str) -> Sent:
        """Make a link to the picture that the caller watches.

        Raises:
            NotFoundError: the caller watches no such view.
            DeniedError: this view cannot be handed to a phone; the sentence says why.
            InvalidError: nobody is named.
            LimitedError: the caller has too many that are not over.
        """
        seat = self._board.get(session_id)
        if seat is None or seat.session.person_id != principal.person_id:
            raise NotFoundError("There is no such view.")
        named = recipient.strip()
        if not 0 < len(named) <= RECIPIENT_LENGTH:
            raise InvalidError("Say whom it is for.", fields={"recipient": "Write a unit or a name."})
        has_word = bool(seat.confirmation_id or (seat.question is not None and seat.question.approved))
        no = may_be_sent(seat.session, has_word=has_word) if self.can_send else OFF
        if no:
            raise DeniedError(no)
        await self.mine(principal)  # so that those whose view ended for good are over
        return await self._made(principal, seat.session, named)

    async def mine(self, principal: Principal) -> Sequence[PhoneState]:
        """The links that the caller made lately, newest first."""
        since = self._clock.now() - LISTED_FOR
        return [await self._state(link) for link in await self._rows.of_sender(principal.person_id, since=since)]

    async def stop(self, principal: Principal, link_id: str) -> None:
        """Take one's own link back; answered once no picture of it passes any more. One that is over stays as it is.

        Raises:
            NotFoundError: there is none, or it is another person's.
        """
        link = await self._rows.get(link_id)
        if link is None or link.person_id != principal.person_id:
            raise NotFoundError("There is no such link.")
        await self._stop(link, EndReason.SENDER, by=principal)

    # --- whoever watches over them

    async def unshown(self) -> Sequence[PhoneState]:
        """Everybody's links that may show a picture and show none now, newest first; the others are running views."""
        states = [await self._state(link) for link in await self._rows.open_at(self._clock.now())]
        return [one for one in states if one.standing in OPEN and not one.is_shown]

    async def stop_another_s(self, principal: Principal, link_id: str) -> None:
        """A supervisor or compliance officer takes somebody's link back, opened or not; answered as `stop`.

        Raises:
            NotFoundError: there is none, or the caller watches over nobody.
        """
        link = await self._rows.get(link_id)
        if link is None or not OVERSEERS & principal.roles:
            raise NotFoundError("There is no such link.")
        await self._stop(link, EndReason.SUPERVISOR, by=principal)

    # --- the phone

    async def open(self, *, link_token: Token | None, device_token: Token | None) -> Taken:
        """Give the link to the first device that comes with it; that device alone may come again.

        Raises:
            NotFoundError: there is no such link.
            DeniedError: another device has it.
            ConflictError: it was not opened in time, or is over; the sentence says why.
        """
        link, device = await self._rows.get(link_token.link_id) if link_token else None, None
        door = door_of(link, self._clock.now(), link_token=link_token, device_token=device_token)
        if link is None or door not in {Door.BIND, Door.GO_ON}:
            raise refusal_of(door, link)
        link = await self._demand_going_on(link)
        await self._sender(link)
        if door is Door.BIND:
            link, device = await self._bound(link)
        return Taken(await self._state(link), await self._surroundings.called(link), device)

    async def of_device(self, device_token: Token | None) -> PhoneLink:
        """The link that this device has, wherever that stands.

        Raises:
            NotFoundError: this device has none.
        """
        link = await self._rows.get(device_token.link_id) if device_token else None
        door = door_of(link, self._clock.now(), link_token=None, device_token=device_token)
        if link is None or door is Door.NOTHING:
            raise NotFoundError(NOTHING)
        return link

    async def view(self, device_token: Token | None, *, fingerprint: str) -> Shown:
        """Open the picture for the device that has the link; a view of it that still runs is left.

        Args:
            device_token: out of the device's cookie.
            fingerprint: of the browser's certificate for this view.

        Raises:
            NotFoundError: this device has none.
            ConflictError: the link is over; the sentence says why.
            UnavailableError, LimitedError: the picture cannot be had now; the same phone may try again.
            InvalidError: the fingerprint is none.
        """
        link = await self._demand_going_on(await self.of_device(device_token))
        view = await self._opened(link, await self._sender(link), fingerprint)
        link = await self._showing(link, view)
        now = self._clock.now()
        return Shown(link, view, min(seconds_left(link, now), int((view.horizon_at - now).total_seconds())))

    async def state(self, device_token: Token | None) -> Taken:
        """Where the link of this device stands.

        Raises:
            NotFoundError: this device has none.
        """
        link = await self.of_device(device_token)
        return Taken(await self._state(link), await self._surroundings.called(link), None)

    async def seen(self, device_token: Token | None, *, on_screen_s: int) -> None:
        """How long the present view was on the phone's screen.

        Raises:
            NotFoundError: this device has none, or shows nothing.
        """
        link = await self.of_device(device_token)
        await self._live.seen(_sender_of(link), link.session_id, on_screen_s=on_screen_s, enlarged_s=on_screen_s)

    # --- inside

    async def _stop(self, link: PhoneLink, reason: EndReason, *, by: Principal) -> None:
        try:
            link = await self._end(link, reason, by=by)
        finally:  # also where that cannot be written
            if link.session_id:
                await self._endings.end(link.session_id, reason, by=by)

    async def _made(self, principal: Principal, session: Session, recipient: str) -> Sent:
        now, link_id = self._clock.now(), self._ids.new(ID_PREFIX)
        token = new_token(link_id, self._ids.secret(SECRET_BYTES))
        link = PhoneLink(
            id=link_id,
            secret_sha256=token.sha256,
            person_id=principal.person_id,
            agency_id=principal.organisation_id,
            factors=" ".join(sorted(principal.factors)),
            sent_from=session.id,
            camera_id=session.camera_id,
            site_id=session.site_id,
            organisation_id=session.organisation_id,
            purpose=session.purpose,
            incident_id=session.incident_id,
            recipient=recipient,
            lasts_s=int(self._lasts.total_seconds()),
            made_at=now,
            open_until=now + OPEN_WITHIN,
        )
        async with self._database.unit_of_work() as unit:
            if await self._rows.count_open(unit, link.person_id, now) >= MOST_OPEN:
                raise LimitedError("Six of your links are open. Stop one first.", retry_after_s=10)
            await self._rows.add(unit, link)
            await self._audit.append(unit, leaves.made(link, unit=session.unit, role=session.role))
            await unit.commit()
        return Sent(link, token)

    async def _state(self, link: PhoneLink) -> PhoneState:
        session = await self._store.get(link.session_id) if link.session_id else None
        if session is not None and session.end_reason in FINAL:
            link = await self._end(link, session.end_reason)
        if session is not None:
            link = await self._bounded(link, session)
        now = self._clock.now()
        stands = standing(link, now)
        words = phone_words(link.end_reason) if stands is Standing.OVER else ""
        is_shown = session is not None and session.is_open
        return PhoneState(link, stands, words, is_shown, seconds_left(link, now))

    async def _demand_going_on(self, link: PhoneLink) -> PhoneLink:
        """The view before did not end for good, and the incident goes on.

        Raises:
            ConflictError: one of them is not so, and the link is over from now on.
        """
        state = await self._state(link)
        if state.standing is Standing.OVER:
            raise refusal_of(Door.OVER, state.link)
        link = state.link
        if not await self._surroundings.is_active(link.incident_id):
            raise refusal_of(Door.OVER, await self._end(link, EndReason.INCIDENT))
        return link

    async def _sender(self, link: PhoneLink) -> Principal:
        try:
            return await self._surroundings.sender_now(_sender_of(link))
        except NotFoundError as error:
            raise refusal_of(Door.OVER, await self._end(link, EndReason.RULES)) from error

    async def _bound(self, link: PhoneLink) -> tuple[PhoneLink, Token]:
        """It is this device's from now on.

        Raises:
            DeniedError: another one was faster.
        """
        now, device = self._clock.now(), new_token(link.id, self._ids.secret(SECRET_BYTES))
        ends_at = now + timedelta(seconds=link.lasts_s)
        values = {"device_sha256": device.sha256, "opened_at": now, "ends_at": ends_at}
        link = replace(link, **values)  # type: ignore[arg-type]
        async with self._database.unit_of_work() as unit:
            if not await self._rows.bind(unit, link.id, device_sha256=device.sha256, opened_at=now, ends_at=ends_at):
                raise refusal_of(Door.OTHER_DEVICE, link)
            await self._audit.append(unit, leaves.opened(link))
            await unit.commit()
        return link, device

    async def _opened(self, link: PhoneLink, sender: Principal, fingerprint: str) -> OpenedView:
        """A view of its own; the one before, if it still runs somewhere, is left first.

        Raises:
            ConflictError: the rules say no, and the link is over from now on.
        """
        if link.session_id:
            link = await self._left(link)
        left_s = seconds_left(link, self._clock.now())
        if left_s < 1:
            raise refusal_of(Door.OVER, await self._end(link, EndReason.TIME))
        try:
            return await self._live.open(
                sender,
                camera_id=link.camera_id,
                purpose=link.purpose,
                incident_id=link.incident_id,
                fingerprint=fingerprint,
                shown_to=link.recipient,
                most_seconds=left_s,
            )
        except (DeniedError, NotFoundError) as error:
            raise refusal_of(Door.OVER, await self._end(link, EndReason.RULES)) from error

    async def _left(self, link: PhoneLink) -> PhoneLink:
        """Its former view is over and the end is written, whoever ended it; the link with what is left of it.

        Raises:
            UnavailableError: it is being ended this moment; why, and so whether the link goes on, is not known yet.
            ConflictError: somebody meant that end, and the link is over.
        """
        await self._endings.end(link.session_id, EndReason.LEFT)
        former = await self._store.get(link.session_id)
        if former is not None and former.is_open:
            raise UnavailableError(AGAIN)
        state = await self._state(link)
        if state.standing is Standing.OVER:
            raise refusal_of(Door.OVER, state.link)
        return state.link

    async def _bounded(self, link: PhoneLink, session: Session) -> PhoneLink:
        """Once it showed something, the link ends when the rules' length of one view is over, whatever came between."""
        ends_at = end_of_first(link, session)
        if ends_at is None or ends_at == link.ends_at:
            return link
        async with self._database.unit_of_work() as unit:
            if await self._rows.shorten(unit, link.id, ends_at=ends_at):
                await unit.commit(unaudited="when a link ends; it is reckoned from the entries of its views")
        return await self._rows.get(link.id) or link

    async def _showing(self, link: PhoneLink, view: OpenedView) -> PhoneLink:
        """The link shows this view; where it ended meanwhile, or shows another, this one ends at once."""
        async with self._database.unit_of_work() as unit:
            is_kept = await self._rows.show(unit, link.id, session_id=view.session_id, instead_of=link.session_id)
            await unit.commit(unaudited="which view a link shows; the view's own entries say on whose phone")
        if is_kept:
            return replace(link, session_id=view.session_id)
        now = await self._rows.get(link.id) or link
        is_over = now.ended_at is not None
        await self._endings.end(view.session_id, now.end_reason if is_over else EndReason.LEFT)
        raise refusal_of(Door.OVER, now) if is_over else ConflictError("This phone shows the picture already.")

    async def _end(self, link: PhoneLink, reason: EndReason, *, by: Principal | None = None) -> PhoneLink:
        """It is over for good, with this reason unless it was over before; the entry names who took it back."""
        now = self._clock.now()
        async with self._database.unit_of_work() as unit:
            if await self._rows.end(unit, link.id, ended_at=now, reason=reason):
                if by is not None:
                    await self._audit.append(unit, leaves.stopped(link, reason, by=by))
                await unit.commit(unaudited="" if by else "the view that ended it has its own entry")
        return await self._rows.get(link.id) or link


def _sender_of(link: PhoneLink) -> Principal:
    """Who sent it, as the link knows them."""
    return Principal(
        kind=PrincipalKind.AGENCY,
        person_id=link.person_id,
        organisation_id=link.agency_id,
        factors=frozenset(link.factors.split()),
    )
