"""A black area through every real part: asked for by the rule, drawn on site, black in what the operator gets."""

from pathlib import Path
from typing import Any, cast

import av
import pytest

from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError
from gateway.live import Words, words_of
from tests.e2e.test_live_view import City, city
from tests.gateway.live.test_black_areas import BLACK, brightest, pictures_of
from tests.support.agent_process import PIN
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
CORNERS = [[1000, 2000], [5000, 2000], [5000, 7000], [1000, 7000]]


async def is_permitted(town: City) -> bool:
    """Whether the operator may watch now; the view that opens is left at once."""
    try:
        opened = await town.open()
    except DeniedError:
        return False
    await town.server.services.live.leave(town.operator, opened.session_id)
    return True


async def test_what_a_rule_wants_black_is_black_and_without_it_nobody_watches(
    sqlite_database: Database, tmp_path: Path
):
    """Refused until the owner has drawn it; black in every picture; over once they take the area away."""
    async with city(sqlite_database, tmp_path, masks=frozenset({"door"})) as town:
        with pytest.raises(DeniedError):
            await town.open()
        camera = (await town.agent.ask(do="status"))["cameras"][0]["id"]
        order = {"do": "area", "subject": camera, "label": "Door", "points": CORNERS, "pin": PIN}
        assert "not seen yet" in (await town.agent.ask(**order))["sentence"]

        async def is_drawn() -> bool:
            return bool((await town.agent.ask(**order))["ok"])

        await town.server.until(is_drawn)
        await town.server.until(lambda: is_permitted(town))
        opened = await town.open()
        end = await town.call(opened)
        await until(lambda: len(list(pictures_of(end.rtp))) > 25, timeout_s=15)
        await town.agent.ask(do="area_remove", subject=camera, label="door")
        ended = await town.in_state(opened, "ended")
        pictures = list(pictures_of(end.rtp))
        await end.leg.close()
        end.port.close()

        async def is_refused() -> bool:
            return not await is_permitted(town)

        await town.server.until(is_refused)

    decoder = cast("Any", av.CodecContext.create("h264", "r"))
    frames = [frame for picture in pictures for frame in decoder.decode(av.Packet(picture))]
    assert len(frames) == len(pictures) > 25
    assert max(map(brightest, frames)) <= BLACK
    assert words_of(ended) is Words.ENDED_BY_RULES
