"""Mail leaves surely: tried again while its station is down, given up when stale, dropped when refused for good."""

import pytest
from sqlalchemy import text

from gateway.identity.outbox import FIRST_RETRY, STALE_AFTER, Outbox
from gateway.identity.ports import Mail
from gateway.identity.sealing import Sealer
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database
from gateway.kernel.errors import InvalidError, UnavailableError
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds

pytestmark = pytest.mark.anyio

MAIL = Mail("a@b.example", "Hello", "Text")


class Station:
    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.error: Exception | None = None

    async def send(self, mail: Mail) -> None:
        if self.error:
            raise self.error
        self.sent.append(mail)


@pytest.fixture
def station() -> Station:
    """Where mail goes."""
    return Station()


@pytest.fixture
def outbox(database: Database, station: Station, clock: FakeClock, ids: SequentialIds) -> Outbox:
    """An outbox before that station."""
    sealer = Sealer(key=b"k" * 32, ids=ids)
    return Outbox(database=database, mailer=station, sealer=sealer, bus=MemoryBus(), clock=clock, ids=ids)


async def _put(outbox: Outbox, database: Database, *, is_committed: bool = True) -> None:
    async with database.unit_of_work() as unit:
        await outbox.put(unit, MAIL)
        if is_committed:
            await unit.commit(unaudited="test")


async def _waiting(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(text("SELECT count(*) FROM identity_mail"))).scalar_one()


async def test_sent_once_after_commit(outbox: Outbox, station: Station, database: Database):
    """Committed mail is sent once; mail of a transaction that rolled back never."""
    await _put(outbox, database, is_committed=False)
    await _put(outbox, database)
    await outbox.deliver_due()
    await outbox.deliver_due()

    assert station.sent == [MAIL]
    assert await _waiting(database) == 0


async def test_tried_again_later(outbox: Outbox, station: Station, database: Database, clock: FakeClock):
    """While the station is down mail waits; it leaves once the station is back."""
    await _put(outbox, database)
    station.error = UnavailableError("down")
    await outbox.deliver_due()
    station.error = None
    assert await outbox.deliver_due() == 0
    clock.advance(FIRST_RETRY.total_seconds())

    assert await outbox.deliver_due() == 1


async def test_stale_mail_is_given_up(outbox: Outbox, station: Station, database: Database, clock: FakeClock):
    """After a day nobody waits for it any more."""
    await _put(outbox, database)
    station.error = UnavailableError("down")
    clock.advance(STALE_AFTER.total_seconds())
    await outbox.deliver_due()

    assert await _waiting(database) == 0


async def test_refused_for_good_is_dropped(outbox: Outbox, station: Station, database: Database):
    """An address that cannot receive mail is not tried again, and holds nothing up."""
    await _put(outbox, database)
    station.error = InvalidError("no such mailbox")
    await outbox.deliver_due()

    assert await _waiting(database) == 0
