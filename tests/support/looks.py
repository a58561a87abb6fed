"""A log with a morning's looks in it, written as live and evidence write them."""

from dataclasses import dataclass

from gateway.audit import AuditLog, Decision, Json, Kind, LeafDraft
from gateway.kernel.database import Database
from partner_agent.wire.ids import IdSource


@dataclass
class Morning:
    """Who and what there is."""

    database: Database
    log: AuditLog
    ids: IdSource

    def __post_init__(self) -> None:
        self.organisation = self.ids.new("org")
        self.camera = self.ids.new("cam")
        self.person = self.ids.new("per")
        self.incident = self.ids.new("inc")

    async def write(self, kind: Kind, *, session: str = "", decision: Decision = Decision.NONE, **said: Json) -> str:
        """One entry about the camera; returns its id."""
        details = {"camera": self.camera, "camera_name": "Front door", "incident": self.incident, "role": "operator"}
        if session:
            details["session"] = session
        restricted: dict[str, Json] = {"person": self.person, "person_name": str(said.pop("person_name", "Robin Diaz"))}
        streams = {self.organisation, self.camera, self.person, self.incident, *([session] if session else [])}
        draft = LeafDraft(
            kind=kind,
            decision=decision,
            streams=frozenset(streams),
            public={"purpose": str(said.pop("purpose", "robbery"))},
            details=details | said,
            restricted=restricted,
        )
        async with self.database.unit_of_work() as unit:
            ref = await self.log.append(unit, draft)
            await unit.commit()
        return ref.event_id

    async def view(self, *, seconds: int | None = 42, outcome: Kind = Kind.VIEW_ENDED) -> str:
        """A permitted view that went on to `outcome`; without seconds it still runs."""
        session = self.ids.new("ses")
        event_id = await self.write(
            Kind.VIEW_REQUESTED, session=session, decision=Decision.PERMIT, call="26-104417", unit="rtcc"
        )
        await self.write(Kind.VIEW_STARTED, session=session)
        if seconds is not None:
            await self.write(outcome, session=session)
            await self.write(Kind.VIEW_ACCOUNTED, session=session, seconds=seconds)
        return event_id
