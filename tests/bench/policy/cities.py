"""A city for the benches: a million cameras on the map, 400 signatures, in a database of its own on either engine."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

import asyncpg

from gateway.cameras.model import cell_of
from gateway.kernel.database import Database
from gateway.partners import Place
from gateway.sharing.model import SiteCamera, SiteFacts, policy_of
from gateway.sharing.signatures import Signature, signature_of
from migrations.run import upgrade
from partner_agent.wire.clock import to_ms
from policies import packs
from policies.clauses import Clause, Live, Recordings, Where
from policies.geo import point_of
from policies.model import Agreement
from policies.vocabulary import Purpose
from tests.fakes.clock import START
from tests.support import databases
from tests.support.sharing import AGENCY_ID

CAMERAS: Final = 1_000_000
SIGNATURES: Final = 400
OFTEN: Final = 20  # answers that most owners take as they are offered
CENTRE: Final = Place(41.88, -87.63)
HALF_KM: Final = 21.0  # the city is a square of 42 km
KM_LAT, KM_LON = 1 / 111.2, 1 / 82.8  # degrees of one kilometre here
PER_SITE: Final = 6
_ORGANISATION: Final = "org_" + "1" * 26
_LAYOUT: Final = (
    "id organisation_id site_id name cell lat lon heading_deg is_public_facing people_live_here purpose state"
)
COLUMNS: Final = (*_LAYOUT.split(), "created_at", "mark", "mark_until_ms", "revision")
_SITE: Final = ("id", "organisation_id", "name", "address", "lat", "lon", "zone", "people_live_here")


def signatures(dice: Random) -> list[Signature]:
    """What owners answered, each once, with homes among them."""
    found: dict[str, Signature] = {}
    while len(found) < SIGNATURES:
        signature = _signature(_clause(dice), is_home=dice.random() < 0.3)
        found[signature.digest] = signature
    return list(found.values())


def _clause(dice: Random) -> Clause:
    start = dice.randrange(0, 5 * 1440, 30)
    has_hours = dice.random() < 0.3
    return Clause(
        cameras=frozenset({"cam"}),
        live=dice.choice(tuple(Live)),
        recordings=dice.choice(tuple(Recordings)),
        where=dice.choice((Where.SHOWN, Where.SHOWN, Where.NEARBY)),
        radius_m=dice.choice((300, 600, 900, 1600)),
        purposes=frozenset(dice.sample(sorted(Purpose)[:10], dice.randint(4, 10))),
        zone="America/Chicago" if has_hours else "",
        spans=((start, start + 2880),) if has_hours else (),
        by_hand=dice.random() < 0.5,
        emergency=dice.random() < 0.3,
    )


def _signature(clause: Clause, *, is_home: bool) -> Signature:
    now = START - timedelta(days=30)
    template, pack = packs.agreement("pilot-1"), packs.ordinance("open_city")
    envelope = template.bind(agencies=[AGENCY_ID], accepted_at=now)
    facts = SiteFacts(
        partner=_ORGANISATION,
        agreement=Agreement("pilot-1", "0" * 64),
        envelope=envelope,
        guardrail=pack.digest,
        hold_s=3600,
        cameras=(SiteCamera("cam", "cam", CENTRE.lat, CENTRE.lon, is_home, not is_home),),
    )
    signed = signature_of(
        "cam",
        partner=_ORGANISATION,
        place=point_of(CENTRE.lat, CENTRE.lon),
        is_connected=True,
        documents=[policy_of(facts, [clause])],
        draft=None,
        envelope=envelope,
        is_partner_active=True,
        is_paused=False,
        now_ms=to_ms(START),
    )
    assert signed is not None
    return signed.signature


def cameras(dice: Random, marks: list[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of every camera; three of five are bound by one of the answers that are taken often."""
    until_ms = to_ms(START) + 300 * 86_400_000
    for number in range(CAMERAS):
        lat = CENTRE.lat + dice.uniform(-HALF_KM, HALF_KM) * KM_LAT
        lon = CENTRE.lon + dice.uniform(-HALF_KM, HALF_KM) * KM_LON
        chosen = dice.randrange(OFTEN) if dice.random() < 0.6 else dice.randrange(len(marks))
        cell, site = cell_of(Place(lat, lon)), _site_id(number // PER_SITE)
        facts = ("Front door", cell, lat, lon, None, True, chosen % 3 == 0, "", "connected", to_ms(START))
        yield (f"cam_{number:026d}", _ORGANISATION, site, *facts, marks[chosen], until_ms, 0)


def _site_id(number: int) -> str:
    return f"sit_{number:026d}"


def _sites() -> Iterator[tuple[Any, ...]]:
    for number in range(-(-CAMERAS // PER_SITE)):
        yield (_site_id(number), _ORGANISATION, "Shop", "", CENTRE.lat, CENTRE.lon, "America/Chicago", False)


@asynccontextmanager
async def on_sqlite(folder: Path, bodies: dict[str, str]) -> AsyncIterator[Database]:
    """The city in a file of its own."""
    path = folder / "city.db"
    database = Database(f"sqlite+in_loop:///{path}")
    await upgrade(database.engine)
    await database.close()
    _fill_sqlite(path, bodies)
    database = Database(f"sqlite+in_loop:///{path}")
    try:
        yield database
    finally:
        await database.close()
        path.unlink()


def _fill_sqlite(path: Path, bodies: dict[str, str]) -> None:
    connection = sqlite3.connect(path)
    for statement in ("PRAGMA synchronous=OFF", "PRAGMA journal_mode=MEMORY", "PRAGMA cache_size=-200000"):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO partners_organisation VALUES (?, 'business', 'Shop', '', '', 'active', 0, NULL)", (_ORGANISATION,)
    )
    _insert(connection, "partners_site", _SITE, _sites())
    _insert(connection, "sharing_signature", ("mark", "body"), iter(bodies.items()))
    _insert(connection, "cameras_camera", COLUMNS, cameras(Random(1), list(bodies)))
    connection.commit()
    connection.execute("ANALYZE")
    connection.close()


def _insert(connection: sqlite3.Connection, table: str, columns: tuple[str, ...], rows: Iterator[Any]) -> None:
    places = ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)


@asynccontextmanager
async def on_postgresql(bodies: dict[str, str]) -> AsyncIterator[Database]:
    """The city in a database of its own, which is dropped afterwards."""
    with databases.postgres_server() as server:
        name = await databases.create_database(server)
        url = databases.url_of(server, name)
        try:
            await databases.migrate(url)
            await _fill_postgresql(url.replace("+asyncpg", ""), bodies)
            database = Database(url)
            try:
                yield database
            finally:
                await database.close()
        finally:
            await databases.drop_database(server, name)


async def _fill_postgresql(dsn: str, bodies: dict[str, str]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "INSERT INTO partners_organisation VALUES ($1, 'business', 'Shop', '', '', 'active', 0, NULL)",
            _ORGANISATION,
        )
        await _copy(connection, "partners_site", _SITE, _sites())
        await _copy(connection, "sharing_signature", ("mark", "body"), iter(bodies.items()))
        await _copy(connection, "cameras_camera", COLUMNS, cameras(Random(1), list(bodies)))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _copy(connection: Any, table: str, columns: tuple[str, ...], rows: Iterator[Any]) -> None:
    while batch := list(islice(rows, 100_000)):
        await connection.copy_records_to_table(table, records=batch, columns=columns)
