"""Whoever looks for another agency says so: the law decides on it, the log keeps it, and no yes is used for it."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import Query
from gateway.evidence import Wanted
from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError, NotFoundError, UnavailableError
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from policies import packs
from tests.support.application import services_for, settings_for
from tests.support.ordinances import enact
from tests.support.shops import Shop, sharing_shop

pytestmark = pytest.mark.anyio

OTHER = "Bureau of Far Affairs"


@pytest.fixture
async def shop(database: Database, tmp_path: Path) -> AsyncIterator[Shop]:
    """A whole gateway with a shop, on each database."""
    services = services_for(settings_for(tmp_path), database, clock=SystemClock(), ids=SystemIds())
    try:
        yield await sharing_shop(services)
    finally:
        await services.close()


async def opened(shop: Shop, on_behalf_of: str) -> type[Exception]:
    """What opening a view ends with: its site is not on the line, so a view that is permitted cannot start."""
    with pytest.raises((DeniedError, NotFoundError, UnavailableError)) as ended:
        await shop.services.live.open(
            shop.operator,
            camera_id=shop.camera.id,
            purpose="violent_crime",
            incident_id=shop.incident_id,
            fingerprint=":".join(["AA"] * 32),
            on_behalf_of=on_behalf_of,
        )
    return ended.type


async def said(shop: Shop) -> list[tuple[str, Any]]:
    """Kind, and for which other agency, of the log's entries of views."""
    page = await shop.services.audit.find(Query(streams=frozenset({shop.camera.id})))
    return [(entry.kind, entry.said("on_behalf_of")) for entry in page.entries if entry.kind.startswith("view.")]


async def test_a_law_against_it_bites_and_the_log_says_for_whom(shop):
    """Under a pack that forbids it nothing opens for another agency; for their own it does. The owner can read it."""
    law = dict(packs.load_document("ordinances", "no_federal_users/pack.json"))
    assert await opened(shop, OTHER) is UnavailableError
    await enact(shop.services.ordinances, json.dumps(law))

    assert await opened(shop, OTHER) is NotFoundError  # not even that the camera is there
    rules = [one | ({"acts": ["live.view"]} if one.get("who") == "on_behalf" else {}) for one in law["rules"]]
    await enact(shop.services.ordinances, json.dumps(law | {"rules": rules}))
    assert await opened(shop, OTHER) is DeniedError
    assert await opened(shop, "") is UnavailableError
    entries = await said(shop)
    assert {("view.requested", OTHER), ("view.denied", OTHER), ("view.requested", None)} <= set(entries)


async def test_the_list_of_the_console_counts_for_whom_somebody_looks(shop):
    """Where the law forbids it nothing starts, and nothing is listed, for another agency; for their own it is."""
    desk = shop.services.console

    async def listed(on_behalf_of: str) -> tuple[list[str], list[str]]:
        scene = await desk.scene(shop.operator, shop.incident_id, purpose="violent_crime", on_behalf_of=on_behalf_of)
        return [line.availability for line in scene.lines], list(scene.starts)

    assert await listed(OTHER) == await listed("") == (["available"], [shop.camera.id])
    law = dict(packs.load_document("ordinances", "no_federal_users/pack.json"))
    await enact(shop.services.ordinances, json.dumps(law))
    assert await listed(OTHER) == ([], [])
    rules = [one | ({"acts": ["live.view"]} if one.get("who") == "on_behalf" else {}) for one in law["rules"]]
    await enact(shop.services.ordinances, json.dumps(law | {"rules": rules}))

    assert await listed(OTHER) == (["not_available"], [])
    assert await listed("") == (["available"], [shop.camera.id])


async def test_an_owners_yes_is_no_yes_to_another_agency(shop):
    """A recording that the owner has to be asked for is not asked for on behalf of somebody else."""
    law = shop.services.evidence._law
    now = shop.services.clock.now()
    wish = {
        "camera_id": shop.camera.id, "t0": now - timedelta(minutes=5), "t1": now - timedelta(minutes=4),
        "purpose": "violent_crime", "incident_id": shop.incident_id, "legal_basis": "",
    }  # fmt: skip
    asked = await law.decide(shop.operator, Wanted(**wish), now=now)
    assert (asked.is_permitted, asked.needs_owner) == (True, True)

    behind = await law.decide(shop.operator, Wanted(**wish, on_behalf_of=OTHER), now=now)
    assert not behind.is_permitted
