"""Partners in the database."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, delete, insert, select, update

from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from gateway.kernel.principal import Role
from gateway.partners.model import (
    Acceptance,
    Member,
    Organisation,
    OrganisationKind,
    OrganisationState,
    Place,
    Site,
    Version,
)
from gateway.partners.tables import AcceptanceRow, MemberRow, OrganisationRow, SiteRow, VersionRow
from policies.mou import parse_memorandum

_ORGANISATION = OrganisationRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_MEMBER = MemberRow.__table__  # type: ignore[attr-defined]
_SITE = SiteRow.__table__  # type: ignore[attr-defined]
_ACCEPTANCE = AcceptanceRow.__table__  # type: ignore[attr-defined]
_VERSION = VersionRow.__table__  # type: ignore[attr-defined]
_VERSION_FIELDS = ("proposed_by", "proposed_by_name", "proposed_at", "signed_by", "signed_by_name", "signed_at")


class SqlPartners:
    """`PartnerRows` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_organisation(self, unit: UnitOfWork, organisation: Organisation) -> None:
        """A new one."""
        values = _organisation_values(organisation) | {"id": organisation.id, "created_at": organisation.created_at}
        await unit.session.execute(insert(_ORGANISATION).values(**values))

    async def save_organisation(self, unit: UnitOfWork, organisation: Organisation) -> None:
        """Its current facts."""
        statement = update(_ORGANISATION).where(_ORGANISATION.c.id == organisation.id)
        await unit.session.execute(statement.values(**_organisation_values(organisation)))

    async def erase_organisation(self, unit: UnitOfWork, organisation_id: str, *, at: datetime) -> None:
        """Keep the id and kind, delete people and sites, blank every name and address."""
        for table in (_MEMBER, _SITE):
            await unit.session.execute(delete(table).where(table.c.organisation_id == organisation_id))
        mine = _ACCEPTANCE.c.organisation_id == organisation_id
        await unit.session.execute(update(_ACCEPTANCE).where(mine).values(person_id="", person_name="", touch=""))
        await unit.session.execute(
            update(_ORGANISATION)
            .where(_ORGANISATION.c.id == organisation_id)
            .values(name="", address="", contact_email="", state=OrganisationState.WITHDRAWN.value, withdrawn_at=at)
        )

    async def organisation(self, organisation_id: str, *, unit: UnitOfWork | None = None) -> Organisation | None:
        """The organisation; with a unit, locked until its end."""
        statement = select(_ORGANISATION).where(_ORGANISATION.c.id == organisation_id)
        rows = await self._rows(statement if unit is None else statement.with_for_update(), unit)
        return _organisation(rows[0]) if rows else None

    async def add_member(self, unit: UnitOfWork, member: Member) -> None:
        """A new member."""
        values = {"organisation_id": member.organisation_id, "person_id": member.person_id}
        await unit.session.execute(insert(_MEMBER).values(**values, **_member_values(member)))

    async def save_member(self, unit: UnitOfWork, member: Member) -> None:
        """A member's current role and name."""
        statement = update(_MEMBER).where(_MEMBER.c.person_id == member.person_id)
        await unit.session.execute(statement.values(**_member_values(member)))

    async def remove_member(self, unit: UnitOfWork, member: Member) -> None:
        """The member is gone."""
        await unit.session.execute(delete(_MEMBER).where(_MEMBER.c.person_id == member.person_id))

    async def member(self, person_id: str, *, unit: UnitOfWork | None = None) -> Member | None:
        """Where this person belongs."""
        rows = await self._rows(select(_MEMBER).where(_MEMBER.c.person_id == person_id), unit)
        return _member(rows[0]) if rows else None

    async def members(self, organisation_id: str, *, unit: UnitOfWork | None = None) -> list[Member]:
        """Everybody of the organisation, by name."""
        statement = select(_MEMBER).where(_MEMBER.c.organisation_id == organisation_id)
        return [_member(row) for row in await self._rows(statement.order_by(_MEMBER.c.name, _MEMBER.c.person_id), unit)]

    async def save_site(self, unit: UnitOfWork, site: Site) -> None:
        """A new site, or its current facts."""
        values = {
            "name": site.name,
            "address": site.address,
            "lat": site.place.lat,
            "lon": site.place.lon,
            "zone": site.zone,
            "people_live_here": site.people_live_here,
        }
        changed = await unit.session.execute(update(_SITE).where(_SITE.c.id == site.id).values(**values))
        if changed.rowcount == 0:  # type: ignore[attr-defined]  # a CursorResult, as of every update
            new = {"id": site.id, "organisation_id": site.organisation_id}
            await unit.session.execute(insert(_SITE).values(**new, **values))

    async def remove_site(self, unit: UnitOfWork, site_id: str) -> None:
        """The site is gone."""
        await unit.session.execute(delete(_SITE).where(_SITE.c.id == site_id))

    async def sites(self, organisation_id: str, *, unit: UnitOfWork | None = None) -> list[Site]:
        """The places of the organisation, by name."""
        statement = select(_SITE).where(_SITE.c.organisation_id == organisation_id)
        return [_site(row) for row in await self._rows(statement.order_by(_SITE.c.name, _SITE.c.id), unit)]

    async def site(self, site_id: str) -> Site | None:
        """One place."""
        rows = await self._rows(select(_SITE).where(_SITE.c.id == site_id), None)
        return _site(rows[0]) if rows else None

    async def add_acceptance(self, unit: UnitOfWork, acceptance: Acceptance) -> None:
        """An agreement was accepted."""
        await unit.session.execute(insert(_ACCEPTANCE).values(**asdict(acceptance)))

    async def acceptances(self, organisation_id: str) -> list[Acceptance]:
        """What was accepted, newest first."""
        statement = select(_ACCEPTANCE).where(_ACCEPTANCE.c.organisation_id == organisation_id)
        rows = await self._rows(statement.order_by(_ACCEPTANCE.c.accepted_at.desc(), _ACCEPTANCE.c.id.desc()), None)
        return [Acceptance(**row._mapping) for row in rows]  # noqa: SLF001  (SQLAlchemy's public name of it)

    async def add_version(self, unit: UnitOfWork, version: Version) -> None:
        """A draft of the agreement."""
        if version.sha256 in {one.sha256 for one in await self.versions(unit=unit)}:
            raise ConflictError("Exactly this version is there already.")
        values = {name: getattr(version, name) for name in _VERSION_FIELDS}
        body = {"sha256": version.sha256, "body": version.memorandum.body}
        await unit.session.execute(insert(_VERSION).values(**body, **values))

    async def sign_version(self, unit: UnitOfWork, version: Version) -> None:
        """The agency signed a draft."""
        values = {name: getattr(version, name) for name in ("signed_by", "signed_by_name", "signed_at")}
        unsigned = (_VERSION.c.sha256 == version.sha256) & _VERSION.c.signed_at.is_(None)
        changed = await unit.session.execute(update(_VERSION).where(unsigned).values(**values))
        if changed.rowcount != 1:  # type: ignore[attr-defined]  # a CursorResult, as of every update
            raise ConflictError("This version was signed already.")

    async def versions(self, *, unit: UnitOfWork | None = None) -> list[Version]:
        """Every version that was proposed here, newest first."""
        rows = await self._rows(select(_VERSION).order_by(_VERSION.c.proposed_at.desc(), _VERSION.c.sha256), unit)
        kept = [{name: getattr(row, name) for name in _VERSION_FIELDS} for row in rows]
        return [Version(parse_memorandum(row.body), **said) for row, said in zip(rows, kept, strict=True)]

    async def _rows(self, statement: Executable, unit: UnitOfWork | None) -> Sequence[Any]:
        if unit is not None:
            return (await unit.session.execute(statement)).all()
        async with self._database.read() as connection:
            return (await connection.execute(statement)).all()


def _organisation_values(organisation: Organisation) -> dict[str, Any]:
    return {
        "kind": organisation.kind.value,
        "name": organisation.name,
        "address": organisation.address,
        "contact_email": organisation.contact_email,
        "state": organisation.state.value,
    }


def _organisation(row: Any) -> Organisation:
    return Organisation(
        id=row.id,
        kind=OrganisationKind(row.kind),
        name=row.name,
        address=row.address,
        contact_email=row.contact_email,
        state=OrganisationState(row.state),
        created_at=row.created_at,
    )


def _member_values(member: Member) -> dict[str, Any]:
    return {"role": member.role.value, "name": member.name, "email": member.email}


def _member(row: Any) -> Member:
    return Member(row.organisation_id, row.person_id, Role(row.role), row.name, row.email)


def _site(row: Any) -> Site:
    return Site(
        id=row.id,
        organisation_id=row.organisation_id,
        name=row.name,
        address=row.address,
        place=Place(row.lat, row.lon),
        zone=row.zone,
        people_live_here=row.people_live_here,
    )
