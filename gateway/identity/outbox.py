"""Mail that leaves surely: written in the caller's transaction, sent after it, tried again until it is stale.

So the time an answer takes tells nothing about a mail server, and a lost connection loses no message. A message may
hold a link, so it is sealed while it waits.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import anyio
import msgspec
from sqlalchemy import delete, insert, select, update

from gateway.identity.model import normal_email
from gateway.identity.ports import Mail, Mailer
from gateway.identity.sealing import Sealer
from gateway.identity.tables import MailRow
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import METADATA, Database, UnitOfWork
from gateway.kernel.errors import InvalidError, LenspactError
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

log = logging.getLogger("lenspact.mail")

TOPIC: Final = "mail"
STALE_AFTER: Final = timedelta(hours=24)
FIRST_RETRY: Final = timedelta(seconds=10)
LAST_RETRY: Final = timedelta(minutes=15)
LOOK_AGAIN_S: Final = 10.0  # a wake-up may be lost
BATCH: Final = 20
SEND_DEADLINE_S: Final = 30.0

_mail = METADATA.tables[str(MailRow.__tablename__)]


@dataclass(frozen=True, slots=True)
class _Waiting:
    id: str
    sealed: bytes
    created_at: datetime
    attempts: int


class Outbox:
    """Takes mail, and delivers it in the background."""

    def __init__(
        self, *, database: Database, mailer: Mailer, sealer: Sealer, bus: MemoryBus, clock: Clock, ids: IdSource
    ) -> None:
        self._database = database
        self._mailer = mailer
        self._sealer = sealer
        self._bus = bus
        self._clock = clock
        self._ids = ids

    async def put(self, unit: UnitOfWork, mail: Mail) -> None:
        """Send `mail` once the caller's transaction is committed."""
        now = self._clock.now()
        mail_id = self._ids.new("msg")
        sealed = self._sealer.seal(msgspec.json.encode(asdict(mail)), bound_to=mail_id)
        row = {"id": mail_id, "sealed": sealed, "created_at": now, "due_at": now, "attempts": 0}
        await unit.session.execute(insert(_mail).values(**row))
        unit.after_commit(lambda: self._bus.publish(TOPIC))

    async def run(self) -> None:
        """Deliver, for ever."""
        with self._bus.subscribe(TOPIC) as news:
            while True:
                await self.deliver_due()
                with anyio.move_on_after(LOOK_AGAIN_S):
                    await news.get()

    async def deliver_due(self) -> int:
        """Send what is due now; returns how many were sent."""
        return sum([await self._deliver(waiting) for waiting in await self._due()])

    async def _due(self) -> Sequence[_Waiting]:
        columns = (_mail.c.id, _mail.c.sealed, _mail.c.created_at, _mail.c.attempts)
        query = select(*columns).where(_mail.c.due_at <= self._clock.now()).order_by(_mail.c.due_at).limit(BATCH)
        async with self._database.read() as connection:
            return [_Waiting(*row) for row in await connection.execute(query)]

    async def _deliver(self, waiting: _Waiting) -> bool:
        mail = msgspec.json.decode(self._sealer.open(waiting.sealed, bound_to=waiting.id), type=Mail)
        try:
            with anyio.fail_after(SEND_DEADLINE_S):
                await self._mailer.send(mail)
        except InvalidError:
            log.warning("a message was refused for good")
            await self._change(delete(_mail).where(_mail.c.id == waiting.id))
            return False
        except (LenspactError, TimeoutError) as error:
            log.warning("a message could not be sent, trying again: %s", type(error).__name__)
            await self._later(waiting)
            return False
        await self._change(delete(_mail).where(_mail.c.id == waiting.id))
        return True

    async def _later(self, waiting: _Waiting) -> None:
        now = self._clock.now()
        if now - waiting.created_at >= STALE_AFTER:
            await self._change(delete(_mail).where(_mail.c.id == waiting.id))
            return
        due_at = now + min(FIRST_RETRY * 2 ** min(waiting.attempts, 10), LAST_RETRY)
        change = update(_mail).where(_mail.c.id == waiting.id)
        await self._change(change.values(due_at=due_at, attempts=waiting.attempts + 1))

    async def _change(self, statement: Any) -> None:
        async with self._database.unit_of_work() as unit:
            await unit.session.execute(statement)
            await unit.commit(unaudited="the outbox")


def check_recipient(address: str) -> str:
    """An address that can stand in a header.

    Raises:
        InvalidError: it holds what could make a second header or recipient.
    """
    normal = normal_email(address)
    if not normal.isprintable() or any(c in normal for c in ' ,;<>"\\') or normal.count("@") != 1:
        raise InvalidError("This is no mail address.")
    return normal
