"""The printed sign of a place and the public page behind it: what is in force there, in the words of a passer-by.

The page says no camera, no place on a map and no hours. It is found by whoever read the sign: its address cannot be
guessed, it is in no list, and it is there only while the owner has it switched on. A new sign makes the old ones mute.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import insert, select, update

from gateway.audit import Kind, LeafDraft
from gateway.kernel.database import Database
from gateway.kernel.errors import NotFoundError, PreconditionError
from gateway.kernel.principal import Principal
from gateway.sharing.matrix import Cell
from gateway.sharing.ports import Log
from gateway.sharing.service import Sharing
from gateway.sharing.site_book import SiteBook
from gateway.sharing.tables import SharingSignRow
from gateway.sharing.views import SharingView
from gateway.sharing.week_grid import Open
from gateway.sharing.who_sees import WhoSees
from gateway.web import _
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from policies.vocabulary import Act, Condition

TOKEN_BYTES: Final = 18
_SIGN = SharingSignRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
# a condition as a passer-by reads it
ON_A_SIGN: Final[Mapping[str, str]] = {
    Condition.NEAR: "there is an incident nearby",
    Condition.ANY: "there is an incident",
    Condition.ASK: "the owner says yes",
    Condition.PANIC: "the owner's alarm button is on",
    Condition.TWO_PERSONS: "two people confirm an emergency",
}


@dataclass(frozen=True, slots=True)
class Sign:
    """The sign of a place; `token` is in the address of its page."""

    token: str
    is_public: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What a sign says: of which agency, and the most that anybody there can do in force."""

    agency: str
    live: Cell
    recordings: Cell


class Signs:
    """Signs, for their owners and for whoever reads them."""

    def __init__(
        self,
        *,
        database: Database,
        sharing: Sharing,
        who_sees: WhoSees,
        book: SiteBook,
        log: Log,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._sharing = sharing
        self._who_sees = who_sees
        self._book = book
        self._log = log
        self._clock = clock
        self._ids = ids

    async def sign(self, site_id: str) -> Sign | None:
        """The sign of a site that its owner made, if any."""
        return await self._one(_SIGN.c.site_id == site_id)

    async def switch(self, principal: Principal, site_id: str, *, is_public: bool) -> None:
        """Switch the page behind the sign on or off; the first time makes its address.

        Raises:
            NotFoundError: no such site of the caller's organisation.
        """
        site = await self._book.partners.site(site_id, organisation_id=principal.organisation_id)
        now = self._clock.now()
        async with self._database.unit_of_work() as unit:
            values = {"is_public": is_public, "changed_at": now}
            changed = await unit.session.execute(update(_SIGN).where(_SIGN.c.site_id == site.id).values(**values))
            if changed.rowcount == 0:  # type: ignore[attr-defined]  # a CursorResult, as of every update
                token = base64.urlsafe_b64encode(self._ids.secret(TOKEN_BYTES)).decode()
                await unit.session.execute(insert(_SIGN).values(site_id=site.id, token=token, **values))
            who = {"organisation": site.organisation_id, "site": site.id, "person": principal.person_id}
            said = {"is_sign_public": is_public}
            await self._log.append(
                unit, LeafDraft(kind=Kind.SITE_CHANGED, streams=frozenset(who.values()), public=said, details={**who})
            )
            await unit.commit()

    async def shown(self, view: SharingView, *, is_now: bool = False) -> Shown:
        """What the sign of a site says; `is_now`: while a pause or a switch lasts, that nothing is shared."""
        live = await self._who_sees.in_force(view, Act.LIVE_VIEW, is_now=is_now)
        recordings = await self._who_sees.in_force(view, Act.CLIP_FETCH, is_now=is_now)
        return Shown(", ".join(agency.name for agency in view.agencies), live, recordings)

    async def read(self, token: str) -> Shown:
        """What the page behind a sign says: unlike the printed words, what is so at this moment.

        Raises:
            NotFoundError: there is no such page, or its owner switched it off.
        """
        async with self._database.read() as connection:
            found = _SIGN.c.token == token, _SIGN.c.is_public.is_(True)
            row = (await connection.execute(select(_SIGN.c.site_id).where(*found))).first()
        if row is None:
            raise NotFoundError("There is no such page.")
        try:
            view = await self._sharing.view_of(await self._book.partners.site(row.site_id))
            return await self.shown(view, is_now=True)
        except PreconditionError:
            raise NotFoundError("There is no such page.") from None

    async def _one(self, condition: object) -> Sign | None:
        async with self._database.read() as connection:
            statement = select(_SIGN.c.token, _SIGN.c.is_public).where(condition)  # type: ignore[arg-type]
            row = (await connection.execute(statement)).first()
        return None if row is None else Sign(row.token, bool(row.is_public))


def sentences(shown: Shown) -> list[str]:
    """The sign in the reader's language."""
    if Open.NEVER is shown.live.is_open is shown.recordings.is_open:
        return [_("Nothing from the cameras here is shared now.")]
    return [
        _("Cameras here can be shared with %(agency)s.", agency=shown.agency),
        _("Live pictures: %(when)s.", when=_when(shown.live)),
        _("Recordings: %(when)s.", when=_when(shown.recordings)),
        _("Every look is written to a log that nobody can change, and the owner is told."),
    ]


def _when(cell: Cell) -> str:
    if cell.is_open is Open.NEVER:
        return _("never")
    if cell.is_open is Open.ALWAYS:
        return _("at some hours") if cell.is_hourly else _("at any time")
    conditions = _(" or ").join(_(ON_A_SIGN[kind]) for kind in cell.conditions)
    return _("only if %(conditions)s", conditions=conditions)
