"""A whole log on a test's database, for the log's own tests and for whoever needs one to write to."""

from dataclasses import dataclass, field

import anyio
from joserfc.jwk import OKPKey

from gateway.audit import AuditLog, Kind, LeafDraft, LeafRef, LogReader, Sequencer
from gateway.audit.store import SqlEvents
from gateway.audit.tree_store import SqlTree
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database
from gateway.kernel.keyring import LogSigner
from partner_agent.wire.classes import PROMISE
from partner_agent.wire.notes import Verifier
from partner_agent.wire.tokens import BoundSigner, LocalSigner
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds

ORIGIN = "gateway.example/log"
LOG_KEY = LogSigner(ORIGIN, OKPKey.generate_key("Ed25519"))
VERIFIER = Verifier.from_vkey(LOG_KEY.vkey)


@dataclass
class LogBench:
    """The log's parts over one database."""

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    ids: SequentialIds = field(default_factory=SequentialIds)
    bus: MemoryBus = field(default_factory=MemoryBus)

    def __post_init__(self) -> None:
        self.promise_key = LocalSigner.generate("Ed25519")
        self.tree = SqlTree(self.database)
        self.sequencer = Sequencer(tree=self.tree, signer=LOG_KEY, bus=self.bus, clock=self.clock)
        self.log = AuditLog(
            gateway="https://gateway.example",
            origin=ORIGIN,
            events=SqlEvents(self.database),
            signer=BoundSigner(self.promise_key, PROMISE),
            health=self.sequencer,
            bus=self.bus,
            clock=self.clock,
            ids=self.ids,
        )
        self.reader = LogReader(tree=self.tree, vkey=LOG_KEY.vkey)

    async def settle(self) -> None:
        """Number everything; on a shared PostgreSQL server, others' running transactions may hold it up a moment."""
        with anyio.fail_after(30):
            await self.sequencer.drain()
            while await self.tree.oldest_pending_at() is not None:
                await self.sequencer.drain()

    async def write(self, draft: LeafDraft | None = None) -> LeafRef:
        async with self.database.unit_of_work() as unit:
            ref = await self.log.append(unit, draft or LeafDraft(kind=Kind.SETTING_CHANGED))
            await unit.commit()
        return ref
