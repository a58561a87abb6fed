"""A look back, and a still, by two people over a real gateway and agent: confirmed for exactly that, had once."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError
from gateway.kernel.principal import Role
from gateway.live import ViewQuestion
from policies.clauses import Live, Recordings
from policies.vocabulary import Remedy
from tests.e2e.test_clip_for_two import signed_in
from tests.e2e.test_live_view import city
from tests.support.legs import TWO
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_two_people_look_back_and_take_a_still_that_nobody_has_alone(sqlite_database: Database, tmp_path: Path):
    """Refused alone and named as a way; the confirmed minutes play, whatever is pressed; each word is good once."""
    answers = {"recordings": Recordings.NEVER, "live": Live.NEVER, "emergency": True}
    async with city(sqlite_database, tmp_path, is_recorded=True, **answers) as town:
        services, seconds = town.server.services, town.server.services.console.seconds
        first, second = await signed_in(town.server, Role.OPERATOR), await signed_in(town.server, Role.SUPERVISOR)
        began = services.clock.now()
        await until(lambda: services.clock.now() - began > timedelta(seconds=8), timeout_s=15)
        at = services.clock.now()
        about = {"camera_id": town.camera.id, "purpose": "violent_crime", "incident_id": town.incident_id}
        offered = await services.showings.offer(ViewQuestion(principal=first, **about, wanted_at=at))
        assert (offered.footage, offered.remedies) == (None, (Remedy.TWO_PERSONS,))
        with pytest.raises(DeniedError, match=r"^Available if a second person joins\.$"):
            await services.live.open(first, **about, fingerprint=TWO.fingerprint, wanted_at=at)

        asked = await seconds.ask_to_look_back(first, **about, at=at)
        await seconds.answer(second, asked.id, is_yes=True)
        word = {"confirmation_id": asked.id, "fingerprint": TWO.fingerprint, "wanted_at": at - timedelta(seconds=4)}
        view = await services.live.open(first, **about, **word)
        assert (view.range_from, view.range_to) == (asked.t0, asked.t1)
        end = await town.call(view)
        await until(lambda: len(end.rtp) > 20, timeout_s=15)
        with pytest.raises(DeniedError):
            await services.live.open(first, **about, **word)

        still = await seconds.ask_for_still(first, **about)
        with pytest.raises(DeniedError):
            await services.stills.taking.take(first, **about, confirmation_id=asked.id)
        await seconds.answer(second, still.id, is_yes=True)
        taken = await services.stills.taking.take(first, **about, confirmation_id=still.id)
        assert (await services.stills.read(first, taken.id))[1].startswith(b"\xff\xd8")
        with pytest.raises(DeniedError):
            await services.stills.taking.take(first, **about, confirmation_id=still.id)
        await end.leg.close()
        end.port.close()
