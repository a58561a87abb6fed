"""A black area in a recording through every real part: black in every picture an operator gets, however they search."""

import base64
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import av
import pytest

from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError
from gateway.live import Words, words_of
from gateway.live.showing import Order
from policies.clauses import Recordings
from tests.e2e.test_black_area import CORNERS
from tests.e2e.test_live_view import City, city
from tests.e2e.test_recorded_view import opened
from tests.gateway.live.test_black_areas import BLACK, brightest, pictures_of
from tests.support.agent_process import PIN
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def draw(town: City) -> str:
    """The owner draws the area on site; returns what the agent calls its camera."""
    camera = str((await town.agent.ask(do="status"))["cameras"][0]["id"])
    order = {"do": "area", "subject": camera, "label": "Door", "points": CORNERS, "pin": PIN}

    async def is_drawn() -> bool:
        return bool((await town.agent.ask(**order))["ok"])

    await town.server.until(is_drawn)
    return camera


def decoded(codec: str, pictures: Sequence[bytes]) -> list[av.VideoFrame]:
    """As whoever gets them sees them."""
    decoder = cast("Any", av.CodecContext.create(codec, "r"))
    return [frame for picture in pictures for frame in decoder.decode(av.Packet(picture))]


async def test_a_recording_is_searched_and_black_in_every_picture(sqlite_database: Database, tmp_path: Path):
    """Refused until it is drawn; black at once, four times as fast, after a seek and a step; over once it is gone."""
    async with city(
        sqlite_database, tmp_path, is_recorded=True, recordings=Recordings.NEARBY, masks=frozenset({"door"})
    ) as town:
        services, who = town.server.services, town.operator
        began = services.clock.now()
        with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
            await opened(town, at=began)
        camera = await draw(town)
        await until(lambda: services.clock.now() - began > timedelta(seconds=14), timeout_s=20)
        wanted = services.clock.now() - timedelta(seconds=8)

        view = await opened(town, at=wanted)
        end = await town.call(view)

        def count() -> int:
            return len(list(pictures_of(end.rtp)))

        async def steered(order: Order, pictures: int) -> str:
            """Where it is then, once so many pictures have arrived."""
            have = count()
            position = (await services.showings.steer(who, view.session_id, order)).position
            await until(lambda: count() >= have + pictures, timeout_s=15)
            return position

        await until(lambda: count() >= 15, timeout_s=15)
        await town.in_state(view, "established")
        await steered(Order(position=wanted - timedelta(seconds=5), speed_percent=400), 3)
        there = await steered(Order(position=wanted - timedelta(seconds=3), is_paused=True), 1)
        assert await steered(Order(step=-1), 1) < there
        small = await services.showings.thumbnails(who, view.session_id, [wanted])
        await town.agent.ask(do="area_remove", subject=camera, label="door")
        ended = await town.in_state(view, "ended")
        pictures = list(pictures_of(end.rtp))
        await end.leg.close()
        end.port.close()

    frames = decoded("h264", pictures)
    assert len(frames) == len(pictures) >= 19
    assert max(map(brightest, frames)) <= BLACK
    assert [
        brightest(frame) <= BLACK for frame in decoded("mjpeg", [base64.b64decode(jpeg) for _, jpeg in small.pictures])
    ] == [True]
    assert words_of(ended) is Words.ENDED_BY_RULES
