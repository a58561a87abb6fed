"""Wires the log: its store, its keys, its sequencer, and what the rest of the gateway gets of it."""

from dataclasses import dataclass

from gateway.app.settings import Settings
from gateway.audit import ALL_TOPIC, AuditLog, Kind, LeafDraft, LogReader, Sequencer
from gateway.audit.moved import adopt
from gateway.audit.store import SqlEvents
from gateway.audit.tree_store import SqlTree
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database
from gateway.kernel.errors import UnavailableError
from gateway.kernel.keyring import Keyring
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The parts of the log."""

    audit: AuditLog
    reader: LogReader
    sequencer: Sequencer
    bus: MemoryBus
    database: Database

    async def adopt(self) -> int:
        """Go on after the database was moved to another PostgreSQL server; how many waiting events were numbered.

        Raises:
            ConflictError: it was not moved; nothing was changed.
        """
        async with self.database.unit_of_work() as unit:
            await adopt(unit)
            await self.audit.append(unit, LeafDraft(kind=Kind.LOG_ADOPTED))
            await unit.commit()
        return await self.sequencer.number_stragglers() + await self.sequencer.drain()

    async def sequence(self) -> None:
        """Number and sign for ever; woken by the bus."""
        await self.sequencer.run(lambda: self.bus.subscribe(ALL_TOPIC))

    async def probe(self) -> None:
        """The log keeps its promises.

        Raises:
            UnavailableError: it is behind the merge delay; no new video meanwhile.
        """
        if await self.sequencer.is_behind():
            raise UnavailableError("the log is behind its merge delay")


def build_log(
    settings: Settings, *, keyring: Keyring, database: Database, bus: MemoryBus, clock: Clock, ids: IdSource
) -> Log:
    """The log over `database`, signed by the keys of `keyring`."""
    tree = SqlTree(database)
    sequencer = Sequencer(tree=tree, signer=keyring.log, bus=bus, clock=clock)
    audit = AuditLog(
        gateway=settings.origin.text,
        origin=keyring.log.name,
        events=SqlEvents(database),
        signer=keyring.promise,
        health=sequencer,
        bus=bus,
        clock=clock,
        ids=ids,
    )
    return Log(
        audit=audit,
        reader=LogReader(tree=tree, vkey=keyring.log.vkey),
        sequencer=sequencer,
        bus=bus,
        database=database,
    )
