"""What every capability stands on: settings, clock, database, bus, keys, the log. Wiring modules take a `Ground`."""

from dataclasses import dataclass

from gateway.app.log import Log, build_log
from gateway.app.secret_file import MasterSecret
from gateway.app.settings import Settings
from gateway.edge.rate_limit import RateLimiter
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database
from gateway.kernel.keyring import Keyring
from partner_agent.wire.clock import Clock, SystemClock
from partner_agent.wire.ids import IdSource, SystemIds


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every capability stands on, opened before any of them."""

    settings: Settings
    clock: Clock
    ids: IdSource
    database: Database
    bus: MemoryBus
    secret: MasterSecret
    keyring: Keyring
    rate_limiter: RateLimiter
    log: Log


def lay_ground(settings: Settings, *, clock: Clock | None = None, ids: IdSource | None = None) -> Ground:
    """Open the state folder, the keys, the database and the log.

    Raises:
        PreconditionError: a key is missing or damaged; the sentence says what to do.
    """
    clock = clock or SystemClock()
    ids = ids or SystemIds()
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = MasterSecret.open(settings.state_dir / "keys" / "master.secret", ids=ids)
    keyring = open_keys(settings)
    database = Database(settings.database)
    bus = open_bus(settings)
    return Ground(
        settings=settings,
        clock=clock,
        ids=ids,
        database=database,
        bus=bus,
        secret=secret,
        keyring=keyring,
        rate_limiter=RateLimiter(database=database, clock=clock, key=secret.key("rates")),
        log=build_log(settings, keyring=keyring, database=database, bus=bus, clock=clock, ids=ids),
    )


def open_bus(settings: Settings) -> MemoryBus:
    """The bus the settings name; the driver is imported only where it is used, for it is an extra."""
    if settings.bus == "memory:":
        return MemoryBus()
    from gateway.kernel.postgres_bus import PostgresBus  # noqa: PLC0415

    return PostgresBus(postgres_dsn(settings))


def postgres_dsn(settings: Settings) -> str:
    """The database as its own driver names it."""
    return settings.database.replace("postgresql+asyncpg", "postgresql", 1)


def open_keys(settings: Settings) -> Keyring:
    """The gateway's keys; made at the first start, for there is nobody yet who could have pinned others.

    Raises:
        PreconditionError: some are missing or damaged; the sentence says what to do.
    """
    folder = settings.state_dir / "keys"
    if any(folder.glob("*.key")):
        return Keyring.load(folder)
    return Keyring.create(folder, log_name=f"{settings.origin.authority}/log")
