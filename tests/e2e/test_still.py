"""A still through every real part: camera, agent, gateway, log."""

import hashlib
import io
from pathlib import Path

import av
import pytest

from gateway.audit import Kind, Query
from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError, NotFoundError
from gateway.live import AskWish, ViewQuestion
from policies.clauses import Preset
from policies.vocabulary import Act
from tests.e2e.test_live_view import city
from tests.support.agent_process import PIN

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_still_is_taken_read_told_and_ended_by_the_owner_s_switch(sqlite_database: Database, tmp_path: Path):
    """It is a picture, as its site signed it; nobody else has it; after the switch there is none."""
    async with city(sqlite_database, tmp_path) as town:
        services, who = town.server.services, town.operator
        wish = {"camera_id": town.camera.id, "purpose": "violent_crime", "incident_id": town.incident_id}

        still = await services.stills.taking.take(who, **wish)

        _, jpeg = await services.stills.read(who, still.id)
        with av.open(io.BytesIO(jpeg), "r", format="mjpeg") as container:
            picture = next(container.decode(video=0))
        assert (picture.width, picture.height) == (still.width, still.height)
        assert hashlib.sha256(jpeg).hexdigest() == still.sha256
        with pytest.raises(NotFoundError):
            await services.stills.read(town.server.owner, still.id)

        async def is_accounted() -> bool:
            session = await services.live.view(who, still.id)
            return session.is_reconciled

        await town.server.until(is_accounted)
        log = await services.audit.find(Query(streams=frozenset({still.id})), limit=50)
        kinds = [entry.kind for entry in log.entries]
        assert {Kind.STILL_TAKEN, Kind.STILL_READ, Kind.VIEW_ACCOUNTED} <= set(kinds)
        assert Kind.COUNTS_DIFFERED not in kinds

        await services.sharing.switch(town.server.owner, town.camera, is_on=False)
        with pytest.raises((DeniedError, NotFoundError)):
            await services.stills.taking.take(who, **wish)


async def test_under_ask_me_the_owner_s_yes_on_site_gives_one_still(sqlite_database: Database, tmp_path: Path):
    """Refused and offered; asked; after the yes on the owner's machine one is taken, and no second."""
    async with city(sqlite_database, tmp_path, Preset.ASK_ME) as town:
        services, who = town.server.services, town.operator
        wish = {"camera_id": town.camera.id, "purpose": "violent_crime", "incident_id": town.incident_id}
        with pytest.raises(DeniedError, match=r"^Available if the owner agrees\.$"):
            await services.stills.taking.take(who, **wish)
        asked = await services.view_asks.ask(who, AskWish(**wish, act=Act.STILL_TAKE))
        waiting: list[dict[str, str]] = []

        async def is_put() -> bool:
            waiting[:] = (await town.agent.ask(do="status"))["views"]
            return bool(waiting)

        await town.server.until(is_put)
        assert (waiting[0]["what"], waiting[0]["sha256"]) == ("one still picture", asked.document_sha256)
        assert (await town.agent.ask(do="view", subject=asked.document_sha256, pin=PIN))["ok"] is True

        async def is_given() -> bool:
            return (await services.stills.taking.offer(ViewQuestion(principal=who, **wish))).is_once

        await town.server.until(is_given)
        still = await services.stills.taking.take(who, **wish)

        _, jpeg = await services.stills.read(who, still.id)
        assert hashlib.sha256(jpeg).hexdigest() == still.sha256
        with pytest.raises(DeniedError):
            await services.stills.taking.take(who, **wish)
