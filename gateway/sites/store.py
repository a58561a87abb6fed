"""Agents, enrolments and key sets in SQL. Changes go through entities inside a unit of work; reads are Core rows."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, cast

from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from gateway.sites.model import (
    LOCK,
    Agent,
    AgentCamera,
    AgentState,
    CameraHealth,
    Enrolment,
    EnrolmentState,
)
from gateway.sites.tables import (
    AgentCameraRow,
    AgentRow,
    CodeQuotaRow,
    ConnectionCheckRow,
    EnrolmentRow,
    KeySetRow,
)
from partner_agent.wire import canonical
from partner_agent.wire.clock import to_ms
from partner_agent.wire.keyset import KeySet

# One statement counts and answers, so concurrent tries are counted one after the other on both engines.
_COUNT = text(
    "INSERT INTO site_code_quota (key, window_started_at, count) VALUES (:key, :now, 1) "
    "ON CONFLICT (key) DO UPDATE SET "
    "count = CASE WHEN site_code_quota.window_started_at <= :since THEN 1 ELSE site_code_quota.count + 1 END, "
    "window_started_at = CASE WHEN site_code_quota.window_started_at <= :since THEN :now "
    "ELSE site_code_quota.window_started_at END RETURNING count"
)

# Every decision asks these: a statement that is built once is read and named once.
_AGENT = select(AgentRow).where(col(AgentRow.id) == bindparam("agent_id"))
_LIVING = select(AgentRow).where(
    col(AgentRow.site_id) == bindparam("site_id"), col(AgentRow.state) != AgentState.REVOKED.value
)
# columns of an agent that the centre's decisions look at; the others are for people, or for the link
_DECIDING = frozenset({"state", "lineage", "conditions", "acked_seq", "acked_sha256"})


class SiteStore:
    """Everything the capability keeps. Whatever decisions look at is bumped here, where nobody can forget it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # -- codes ---------------------------------------------------------------------------------------------------

    async def count(self, unit: UnitOfWork, key: str, *, now: datetime, since: datetime) -> int:
        """Count one try of `key`; how many there were since `since`, this one included."""
        values = {"key": key, "now": to_ms(now), "since": to_ms(since)}
        return int((await unit.session.execute(_COUNT, values)).scalar_one())

    async def lock(self, unit: UnitOfWork, key: str, *, now: datetime) -> None:
        """Refuse `key` for a while and start counting anew."""
        change = update(CodeQuotaRow).where(col(CodeQuotaRow.key) == key)
        await unit.session.execute(change.values(locked_until=now + LOCK, count=0))

    async def locked_until(self, unit: UnitOfWork, key: str) -> datetime | None:
        """Until when `key` is refused; None when it never was."""
        row = await unit.session.get(CodeQuotaRow, key)
        return row.locked_until if row else None

    async def pending_codes(self, unit: UnitOfWork, address: str, now: datetime) -> int:
        """How many codes of `address` could still be used."""
        found = select(func.count()).select_from(EnrolmentRow)
        found = found.where(
            col(EnrolmentRow.address) == address,
            col(EnrolmentRow.state) == EnrolmentState.WAITING.value,
            col(EnrolmentRow.expires_at) > now,
        )
        return int((await unit.session.execute(found)).scalar_one())

    async def forget_codes(self, unit: UnitOfWork, before: datetime) -> None:
        """Delete enrolments that ended before `before`; what came of them is in the log."""
        await unit.session.execute(delete(EnrolmentRow).where(col(EnrolmentRow.expires_at) < before))

    async def add_enrolment(self, unit: UnitOfWork, enrolment: Enrolment, *, user_hash: str) -> None:
        """Keep a fresh enrolment under the hashes of its codes."""
        values = _columns(enrolment)
        unit.session.add(EnrolmentRow(user_hash=user_hash, **values))
        await unit.session.flush()

    async def enrolment(self, unit: UnitOfWork, *, device_hash: str = "", user_hash: str = "") -> Enrolment | None:
        """The enrolment of a code, locked until the transaction ends, so that it is consumed once."""
        by = col(EnrolmentRow.user_hash) == user_hash if user_hash else col(EnrolmentRow.device_hash) == device_hash
        row = (await unit.session.execute(select(EnrolmentRow).where(by).with_for_update())).scalar_one_or_none()
        return _enrolment(row.model_dump()) if row else None

    async def peek_enrolment(self, device_hash: str) -> Enrolment | None:
        """The enrolment of a device code, as it is now."""
        rows = await self._read(select(EnrolmentRow).where(col(EnrolmentRow.device_hash) == device_hash))
        return _enrolment(rows[0]) if rows else None

    async def change_enrolment(self, unit: UnitOfWork, device_hash: str, **values: Any) -> None:
        """Set columns of one enrolment."""
        which = col(EnrolmentRow.device_hash) == device_hash
        await unit.session.execute(update(EnrolmentRow).where(which).values(**values))

    async def latest_enrolment(self, site_id: str) -> Enrolment | None:
        """The newest enrolment approved for `site_id`."""
        found = select(EnrolmentRow).where(col(EnrolmentRow.site_id) == site_id)
        rows = await self._read(found.order_by(col(EnrolmentRow.created_at).desc()).limit(1))
        return _enrolment(rows[0]) if rows else None

    # -- agents --------------------------------------------------------------------------------------------------

    async def add_agent(self, unit: UnitOfWork, agent: Agent) -> None:
        """Keep a new agent."""
        unit.session.add(AgentRow(**_columns(agent)))
        await unit.session.flush()
        unit.bump(agent.site_id)

    async def locked_agent(self, unit: UnitOfWork, agent_id: str) -> Agent | None:
        """The agent, locked until the transaction ends."""
        found = select(AgentRow).where(col(AgentRow.id) == agent_id).with_for_update()
        row = (await unit.session.execute(found)).scalar_one_or_none()
        return _agent(row.model_dump()) if row else None

    async def change_agent(self, unit: UnitOfWork, agent_id: str, **values: Any) -> None:
        """Set columns of one agent."""
        await unit.session.execute(update(AgentRow).where(col(AgentRow.id) == agent_id).values(**values))
        if not _DECIDING.isdisjoint(values):
            await self._bump(unit, agent_id)

    async def agent(self, agent_id: str) -> Agent | None:
        """The agent of this id."""
        rows = await self._read(_AGENT, agent_id=agent_id)
        return _agent(rows[0]) if rows else None

    async def living_agent(self, site_id: str) -> Agent | None:
        """The agent of the site that is not revoked."""
        rows = await self._read(_LIVING, site_id=site_id)
        return _agent(rows[0]) if rows else None

    async def locked_living_agent(self, unit: UnitOfWork, site_id: str) -> Agent | None:
        """The site's agent that is not revoked, locked until the transaction ends."""
        row = (await unit.session.execute(_LIVING.with_for_update(), {"site_id": site_id})).scalar_one_or_none()
        return _agent(row.model_dump()) if row else None

    async def is_key_in_use(self, unit: UnitOfWork, thumbprint: str) -> bool:
        """Whether a living agent holds this key."""
        found = select(func.count()).select_from(AgentRow)
        found = found.where(col(AgentRow.thumbprint) == thumbprint, col(AgentRow.state) != AgentState.REVOKED.value)
        return bool((await unit.session.execute(found)).scalar_one())

    async def flush_seen(self, unit: UnitOfWork, seen: Mapping[str, datetime]) -> None:
        """Write when agents were last heard, many at once."""
        for agent_id, moment in seen.items():
            await self.change_agent(unit, agent_id, last_seen_at=moment)

    # -- their cameras -------------------------------------------------------------------------------------------

    async def cameras(self, agent_id: str) -> list[AgentCamera]:
        """Every camera the agent ever told of, by label."""
        found = select(AgentCameraRow).where(col(AgentCameraRow.agent_id) == agent_id)
        rows = await self._read(found.order_by(col(AgentCameraRow.label), col(AgentCameraRow.local_id)))
        return [_camera(row) for row in rows]

    async def camera_of(self, camera_id: str) -> AgentCamera | None:
        """The agent's side of a registered camera, if it is ticked."""
        rows = await self._read(select(AgentCameraRow).where(col(AgentCameraRow.camera_id) == camera_id))
        return _camera(rows[0]) if rows else None

    async def put_camera(self, unit: UnitOfWork, camera: AgentCamera) -> None:
        """Insert the camera, or bring what the agent tells of it up to date; the tick is left as it is."""
        values = _columns(camera)
        row = await unit.session.get(AgentCameraRow, (camera.agent_id, camera.local_id))
        if row is None:
            unit.session.add(AgentCameraRow(**values | {"camera_id": None}))
        else:
            row.sqlmodel_update({k: v for k, v in values.items() if k != "camera_id"})
        await unit.session.flush()

    async def tick(self, unit: UnitOfWork, agent_id: str, local_id: str, camera_id: str | None) -> None:
        """Say which registered camera the agent's camera is; None unticks it."""
        which = (col(AgentCameraRow.agent_id) == agent_id, col(AgentCameraRow.local_id) == local_id)
        await unit.session.execute(update(AgentCameraRow).where(*which).values(camera_id=camera_id))
        await self._bump(unit, agent_id)

    async def untick_all(self, unit: UnitOfWork, agent_id: str) -> None:
        """Free every registered camera of a revoked agent for the next one."""
        which = col(AgentCameraRow.agent_id) == agent_id
        await unit.session.execute(update(AgentCameraRow).where(which).values(camera_id=None))
        await self._bump(unit, agent_id)

    # -- their connection ----------------------------------------------------------------------------------------

    async def check(self, agent_id: str) -> tuple[datetime, str] | None:
        """When the agent last looked at its connection, and the frame of its answer."""
        rows = await self._read(select(ConnectionCheckRow).where(col(ConnectionCheckRow.agent_id) == agent_id))
        return (rows[0]["at"], rows[0]["answer"]) if rows else None

    async def put_check(self, unit: UnitOfWork, agent_id: str, *, at: datetime, answer: str) -> None:
        """Keep its newest answer."""
        row = await unit.session.get(ConnectionCheckRow, agent_id)
        if row is None:
            unit.session.add(ConnectionCheckRow(agent_id=agent_id, at=at, answer=answer))
        else:
            row.sqlmodel_update({"at": at, "answer": answer})
        await unit.session.flush()

    async def forget_words(self, unit: UnitOfWork, site_id: str) -> None:
        """Delete what a site's agents said of machine and cameras; the keys stay, so that nobody uses them again."""
        agents = select(col(AgentRow.id)).where(col(AgentRow.site_id) == site_id)
        await unit.session.execute(delete(AgentCameraRow).where(col(AgentCameraRow.agent_id).in_(agents)))
        await unit.session.execute(delete(ConnectionCheckRow).where(col(ConnectionCheckRow.agent_id).in_(agents)))
        await unit.session.execute(delete(EnrolmentRow).where(col(EnrolmentRow.site_id) == site_id))
        await unit.session.execute(update(AgentRow).where(col(AgentRow.site_id) == site_id).values(host=""))

    # -- key sets ------------------------------------------------------------------------------------------------

    async def add_key_set(self, unit: UnitOfWork, signed: KeySet, *, signed_at: datetime, expires_at: datetime) -> None:
        """Keep one signed version; its number is unique, so two publishers cannot both win.

        Raises:
            ConflictError: somebody else published this number first.
        """
        row = KeySetRow(version=signed.version, sha256=signed.sha256, token=signed.token)
        row.signed_at, row.expires_at = signed_at, expires_at
        unit.session.add(row)
        try:
            await unit.session.flush()
        except IntegrityError as error:
            raise ConflictError("Another key set was published at this moment.") from error

    async def key_sets(self, *, after: int = 0) -> list[str]:
        """The signed versions after `after`, oldest first."""
        found = select(KeySetRow).where(col(KeySetRow.version) > after).order_by(col(KeySetRow.version))
        return [row["token"] for row in await self._read(found)]

    async def _bump(self, unit: UnitOfWork, agent_id: str) -> None:
        found = await unit.session.execute(select(col(AgentRow.site_id)).where(col(AgentRow.id) == agent_id))
        site_id = found.scalar_one_or_none()
        if site_id is not None:
            unit.bump(site_id)

    async def _read(self, statement: Any, **values: object) -> list[dict[str, Any]]:
        async with self.database.read() as connection:
            return [dict(row) for row in (await connection.execute(statement, values)).mappings()]


def _jwk(written: str) -> dict[str, str]:
    return cast("dict[str, str]", canonical.decode_object(written.encode()))


def _agent(values: Mapping[str, Any]) -> Agent:
    conditions = frozenset(values["conditions"].split())
    read = {"state": AgentState(values["state"]), "jwk": _jwk(values["jwk"]), "conditions": conditions}
    return Agent(**{**values, **read})


def _camera(values: Mapping[str, Any]) -> AgentCamera:
    areas = tuple((str(name), str(label)) for name, label in json.loads(values["areas"]))
    return AgentCamera(**{**values, "health": CameraHealth(values["health"]), "areas": areas})


def _enrolment(values: Mapping[str, Any]) -> Enrolment:
    kept = {name: value for name, value in values.items() if name != "user_hash"}
    return Enrolment(**{**kept, "state": EnrolmentState(kept["state"]), "jwk": _jwk(kept["jwk"])})


def _columns(thing: Agent | AgentCamera | Enrolment) -> dict[str, Any]:
    """The fields as columns hold them: enums by value, a JWK as canonical JSON."""
    values = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
    if "jwk" in values:
        values["jwk"] = canonical.encode(values["jwk"]).decode()
    if "areas" in values:
        values["areas"] = canonical.encode([list(area) for area in values["areas"]]).decode()
    if "conditions" in values:
        values["conditions"] = " ".join(sorted(values["conditions"]))
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}
