"""Identity's ports over SQL: Core statements, one each, on SQLite and PostgreSQL alike."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CursorResult, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.identity.model import (
    Agency,
    AgencyUser,
    Credential,
    Door,
    Link,
    LinkPurpose,
    Membership,
    Passkey,
    Person,
    Session,
    normal_email,
)
from gateway.identity.tables import (
    AgencyRow,
    AgencyUserRow,
    CredentialRow,
    LinkRow,
    PasskeyRow,
    PersonRow,
    SessionRow,
)
from gateway.kernel.database import METADATA, Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from gateway.kernel.principal import Role

_agency = METADATA.tables[str(AgencyRow.__tablename__)]
_person = METADATA.tables[str(PersonRow.__tablename__)]
_user = METADATA.tables[str(AgencyUserRow.__tablename__)]
_credential = METADATA.tables[str(CredentialRow.__tablename__)]
_session = METADATA.tables[str(SessionRow.__tablename__)]
_passkey = METADATA.tables[str(PasskeyRow.__tablename__)]
_link = METADATA.tables[str(LinkRow.__tablename__)]
# Every request asks these: a statement that is built once is read and named once.
_SESSION_OF: Final = (
    select(_session, _person.c.id, _person.c.email, _person.c.name, _person.c.suspended_at)
    .join(_person, _person.c.id == _session.c.person_id)
    .where(_session.c.ref == bindparam("ref"))
)
_USER_OF: Final = select(_user).where(_user.c.person_id == bindparam("person"))

Row = Mapping[str, Any]


def _to_person(row: Row) -> Person:
    return Person(row["id"], row["email"], row["name"], row["suspended_at"] is not None)


def _to_membership(row: Row) -> Membership:
    return Membership(row["agency_id"], frozenset(Role(text) for text in row["roles"].split()), row["unit"])


def _to_session(row: Row) -> Session:
    return Session(
        ref=row["ref"],
        person_id=row["person_id"],
        door=Door(row["door"]),
        factors=frozenset(row["factors"].split()),
        created_at=row["created_at"],
        last_seen_at=row["last_seen_at"],
        idle_until=row["idle_until"],
        absolute_until=row["absolute_until"],
        network=row["network"],
    )


def _to_link(row: Row) -> Link:
    return Link(
        row["ref"],
        LinkPurpose(row["purpose"]),
        row["person_id"],
        row["expires_at"],
        row["next_path"],
        row["sealed_seed"],
    )


def _changed(result: object) -> int:
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


class SqlPeople:
    """`PeopleStore` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def agency(self) -> Agency | None:
        """The agency, once there is one."""
        row = await self._one(select(_agency))
        return Agency(row["id"], row["name"]) if row else None

    async def add_agency(self, unit: UnitOfWork, agency: Agency) -> None:
        """Write the agency."""
        await unit.session.execute(insert(_agency).values(id=agency.id, name=agency.name))

    async def person(self, person_id: str) -> Person | None:
        """By id."""
        row = await self._one(select(_person).where(_person.c.id == person_id))
        return _to_person(row) if row else None

    async def person_at(self, email: str) -> Person | None:
        """By address, outside a transaction."""
        row = await self._one(select(_person).where(_person.c.email == normal_email(email)))
        return _to_person(row) if row else None

    async def person_by_email(self, unit: UnitOfWork, email: str) -> Person | None:
        """By address."""
        found = await unit.session.execute(select(_person).where(_person.c.email == normal_email(email)))
        row = found.mappings().first()
        return _to_person(row) if row else None  # type: ignore[arg-type]  # RowMapping is a Mapping of its keys

    async def add_person(self, unit: UnitOfWork, person: Person, *, at: datetime) -> None:
        """Write a person."""
        values = {"id": person.id, "email": normal_email(person.email), "name": person.name, "created_at": at}
        try:
            await unit.session.execute(insert(_person).values(**values))
        except IntegrityError as error:
            raise ConflictError("This address is registered already.") from error

    async def remove_person(self, unit: UnitOfWork, person_id: str) -> None:
        """Delete a person; the schema deletes what hangs on them."""
        await unit.session.execute(delete(_person).where(_person.c.id == person_id))

    async def agency_membership(self, person_id: str) -> Membership | None:
        """What a person is within the agency."""
        row = await self._one(_USER_OF, person=person_id)
        return _to_membership(row) if row else None

    async def put_agency_membership(self, unit: UnitOfWork, person_id: str, membership: Membership) -> None:
        """Write or replace it."""
        values = {
            "agency_id": membership.organisation_id,
            "roles": " ".join(sorted(membership.roles)),
            "unit": membership.unit,
        }
        result = await unit.session.execute(update(_user).where(_user.c.person_id == person_id).values(**values))
        if not _changed(result):
            await unit.session.execute(insert(_user).values(person_id=person_id, **values))

    async def agency_users(self) -> Sequence[AgencyUser]:
        """Everybody of the agency, by name."""
        seen = select(_session.c.person_id, func.max(_session.c.last_seen_at).label("seen_at"))
        seen = seen.where(_session.c.door == Door.AGENCY.value).group_by(_session.c.person_id)
        latest = seen.subquery()
        query = (
            select(_person, _user.c.agency_id, _user.c.roles, _user.c.unit, _credential.c.enrolled_at, latest.c.seen_at)
            .join(_user, _user.c.person_id == _person.c.id)
            .outerjoin(_credential, _credential.c.person_id == _person.c.id)
            .outerjoin(latest, latest.c.person_id == _person.c.id)
            .order_by(_person.c.name, _person.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [
            AgencyUser(_to_person(row), _to_membership(row), row["enrolled_at"] is not None, row["seen_at"])  # type: ignore[arg-type]
            for row in rows
        ]

    async def count_admins(self, unit: UnitOfWork) -> int:
        """How many administrators can sign in."""
        query = (
            select(_user.c.roles)
            .join(_person, and_(_person.c.id == _user.c.person_id, _person.c.suspended_at.is_(None)))
            .join(_credential, _credential.c.person_id == _user.c.person_id)
            .with_for_update(of=_user)
        )
        rows = (await unit.session.execute(query)).scalars().all()
        return sum(Role.ADMIN.value in roles.split() for roles in rows)

    async def set_suspended(self, unit: UnitOfWork, person_id: str, at: datetime | None) -> None:
        """Suspend, or let back in."""
        await unit.session.execute(update(_person).where(_person.c.id == person_id).values(suspended_at=at))

    async def _one(self, query: Any, **values: object) -> Row | None:
        async with self._database.read() as connection:
            return (await connection.execute(query, values)).mappings().first()  # type: ignore[return-value]


class SqlSessions:
    """`SessionStore` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, ref: str) -> tuple[Session, Person] | None:
        """The session and whose it is."""
        async with self._database.read() as connection:
            row = (await connection.execute(_SESSION_OF, {"ref": ref})).mappings().first()
        return (_to_session(row), _to_person(row)) if row else None  # type: ignore[arg-type]

    async def add(self, unit: UnitOfWork, session: Session) -> None:
        """Write a new one."""
        values = {
            "ref": session.ref,
            "person_id": session.person_id,
            "door": session.door.value,
            "factors": " ".join(sorted(session.factors)),
            "network": session.network,
            "created_at": session.created_at,
            "last_seen_at": session.last_seen_at,
            "idle_until": session.idle_until,
            "absolute_until": session.absolute_until,
        }
        await unit.session.execute(insert(_session).values(**values))

    async def touch(self, ref: str, *, last_seen_at: datetime, idle_until: datetime) -> None:
        """Note a use."""
        async with self._database.unit_of_work() as unit:
            change = update(_session).where(_session.c.ref == ref)
            await unit.session.execute(change.values(last_seen_at=last_seen_at, idle_until=idle_until))
            await unit.commit(unaudited="when a session was last used")

    async def remove(self, unit: UnitOfWork, ref: str) -> str:
        """End one."""
        result = await unit.session.execute(
            delete(_session).where(_session.c.ref == ref).returning(_session.c.person_id)
        )
        return str(result.scalar_one_or_none() or "")

    async def remove_all(self, unit: UnitOfWork, person_id: str) -> int:
        """End every session of a person."""
        return _changed(await unit.session.execute(delete(_session).where(_session.c.person_id == person_id)))

    async def of_person(self, person_id: str, now: datetime) -> Sequence[Session]:
        """The live ones of a person, newest first."""
        query = select(_session).where(_session.c.person_id == person_id).order_by(_session.c.created_at.desc())
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        sessions = [_to_session(row) for row in rows]  # type: ignore[arg-type]
        return [session for session in sessions if session.is_live(now)]

    async def sweep(self, now: datetime) -> None:
        """Remove what is over."""
        is_over = (_session.c.absolute_until <= now) | (_session.c.idle_until <= now)
        async with self._database.unit_of_work() as unit:
            await unit.session.execute(delete(_session).where(is_over))
            await unit.session.execute(delete(_link).where(_link.c.expires_at <= now))
            await unit.commit(unaudited="sessions and links whose time is over")


class SqlSecrets:
    """`SecretStore` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_link(self, unit: UnitOfWork, link: Link, *, at: datetime) -> None:
        """Write a link or a step."""
        values = {
            "ref": link.ref,
            "purpose": link.purpose.value,
            "person_id": link.person_id,
            "next_path": link.next_path,
            "sealed_seed": link.sealed_seed,
            "created_at": at,
            "expires_at": link.expires_at,
        }
        await unit.session.execute(insert(_link).values(**values))

    async def link(self, ref: str, purpose: LinkPurpose, now: datetime) -> Link | None:
        """An unused, unexpired one."""
        async with self._database.read() as connection:
            found = await connection.execute(select(_link).where(_usable(ref, purpose, now)))
            row = found.mappings().first()
        return _to_link(row) if row else None  # type: ignore[arg-type]

    async def use_link(self, unit: UnitOfWork, ref: str, purpose: LinkPurpose, now: datetime) -> Link | None:
        """Take it, once: the update's own condition decides between two."""
        taken = update(_link).where(_usable(ref, purpose, now)).values(used_at=now).returning(*_link.c)
        row = (await unit.session.execute(taken)).mappings().first()
        return _to_link(row) if row else None  # type: ignore[arg-type]

    async def drop_links(self, unit: UnitOfWork, person_id: str) -> None:
        """Forget every secret of a person."""
        await unit.session.execute(delete(_link).where(_link.c.person_id == person_id))

    async def credential(self, person_id: str) -> Credential | None:
        """Password and seed."""
        query = select(_credential).where(_credential.c.person_id == person_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None:
            return None
        return Credential(row["person_id"], row["password_hash"], row["sealed_seed"], row["last_step"])

    async def put_credential(self, unit: UnitOfWork, credential: Credential, *, at: datetime) -> None:
        """Write or replace them."""
        await unit.session.execute(delete(_credential).where(_credential.c.person_id == credential.person_id))
        values = {
            "person_id": credential.person_id,
            "password_hash": credential.password_hash,
            "sealed_seed": credential.sealed_seed,
            "last_step": credential.last_step,
            "enrolled_at": at,
        }
        await unit.session.execute(insert(_credential).values(**values))

    async def drop_credential(self, unit: UnitOfWork, person_id: str) -> None:
        """Forget password and seed."""
        await unit.session.execute(delete(_credential).where(_credential.c.person_id == person_id))

    async def advance_step(self, unit: UnitOfWork, person_id: str, step: int) -> bool:
        """Accept the code of `step`, once."""
        change = update(_credential).where(_credential.c.person_id == person_id, _credential.c.last_step < step)
        return _changed(await unit.session.execute(change.values(last_step=step))) == 1

    async def rehash(self, person_id: str, password_hash: str) -> None:
        """Replace a hash made with older parameters."""
        change = update(_credential).where(_credential.c.person_id == person_id).values(password_hash=password_hash)
        async with self._database.unit_of_work() as unit:
            await unit.session.execute(change)
            await unit.commit(unaudited="the same password under newer parameters")


class SqlPasskeys:
    """`PasskeyStore` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_person(self, person_id: str) -> Sequence[Passkey]:
        """A person's, oldest first."""
        query = select(_passkey).where(_passkey.c.person_id == person_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(_passkey.c.created_at, _passkey.c.credential))).all()
        return [
            Passkey(
                credential=row.credential,
                person_id=row.person_id,
                public_key=row.public_key,
                name=row.name,
                created_at=row.created_at,
                suspended_at=row.suspended_at,
            )
            for row in rows
        ]

    async def add(self, unit: UnitOfWork, passkey: Passkey) -> bool:
        """Write a new one; False if its credential is registered already."""
        values = {
            "credential": passkey.credential,
            "person_id": passkey.person_id,
            "public_key": passkey.public_key,
            "name": passkey.name,
            "created_at": passkey.created_at,
        }
        try:
            await unit.session.execute(insert(_passkey).values(**values))
        except IntegrityError:
            return False
        return True

    async def set_suspended(self, unit: UnitOfWork, credential: str, at: datetime | None) -> None:
        """It is to approve nothing from now on; None: it may again."""
        mine = _passkey.c.credential == credential
        await unit.session.execute(update(_passkey).where(mine).values(suspended_at=at))

    async def remove(self, unit: UnitOfWork, credential: str) -> None:
        """Forget it."""
        await unit.session.execute(delete(_passkey).where(_passkey.c.credential == credential))


def _usable(ref: str, purpose: LinkPurpose, now: datetime) -> Any:
    return and_(
        _link.c.ref == ref, _link.c.purpose == purpose.value, _link.c.used_at.is_(None), _link.c.expires_at > now
    )
