"""Sound through every real part: camera, agent, gateway, log, relay; heard by who was granted it and nobody else."""

import json
from pathlib import Path

import pytest

from gateway.audit import Query
from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError
from gateway.live import OpenedView
from partner_agent.rtc import rtp
from partner_agent.rtc.sdp_sound import OFFERED, Sound
from policies import packs
from policies.clauses import Preset
from tests.e2e.test_live_view import City, city
from tests.support.legs import TWO
from tests.support.tones import mulaw_tone
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
WANTED = Sound(OFFERED, direction="recvonly")


def law_with_sound() -> str:
    """The city's ordinance without its section that forbids sound: every pack that is shipped has one."""
    pack = dict(packs.load_document("ordinances", "open_city/pack.json"))
    pack["exceptions"] = [*pack.get("exceptions", []), {"of": "sound", "cite": "Section 9: where its owner gives it."}]
    return json.dumps(pack | {"rules": [rule for rule in pack["rules"] if rule["id"] != "no_sound"]})


async def opened(town: City, *, sound: bool) -> OpenedView:
    """The operator asks to see the camera, and perhaps to hear it."""
    return await town.server.services.live.open(
        town.operator,
        camera_id=town.camera.id,
        purpose="violent_crime",
        incident_id=town.incident_id,
        fingerprint=TWO.fingerprint,
        sound=sound,
    )


def sounds(packets: list[rtp.RtpPacket]) -> list[bytes]:
    """What of everything that came is no picture."""
    return [packet.payload for packet in packets if packet.payload_type != 96]


async def test_sound_that_the_owner_did_not_tick_is_refused(sqlite_database: Database, tmp_path: Path):
    """The camera has some; the view without goes on as ever, and offers none."""
    async with city(sqlite_database, tmp_path, Preset.OPEN, sound=mulaw_tone()) as town:
        view = await opened(town, sound=False)
        end = await town.call(view, wants=WANTED)
        await until(lambda: len(end.rtp) > 20, timeout_s=15)

        assert not view.may_ask_sound
        with pytest.raises(DeniedError):
            await opened(town, sound=True)

        assert town.door.sounding == 0
        assert sounds(end.rtp) == []
        await end.leg.close()
        end.port.close()


async def test_who_is_granted_sound_hears_the_camera_and_who_is_not_hears_nothing(
    sqlite_database: Database, tmp_path: Path
):
    """The camera's own bytes, only while a view with sound is there; the log tells the two views apart."""
    law, tone = law_with_sound(), mulaw_tone()
    async with city(sqlite_database, tmp_path, Preset.OPEN, law=law, sound=tone, audio=True) as town:
        silent = await opened(town, sound=False)
        silent_end = await town.call(silent, wants=WANTED)
        await until(lambda: len(silent_end.rtp) > 20, timeout_s=15)
        assert town.door.sounding == 0

        agents = await town.server.sites.agents.view(town.camera.organisation_id, town.camera.site_id)
        assert agents.agent is not None
        agent_id, local = agents.agent.id, agents.cameras[0].local_id
        await until(lambda: town.server.sites.hub.has_sound(agent_id, local), timeout_s=10)
        again = await opened(town, sound=False)
        assert again.may_ask_sound
        loud = await opened(town, sound=True)
        loud_end = await town.call(loud, wants=WANTED)
        await until(lambda: len(sounds(loud_end.rtp)) > 30, timeout_s=15)

        heard = sounds(loud_end.rtp)
        begin = tone.index(heard[0])
        assert heard[:20] == [tone[(begin + n) % len(tone)] for n in range(20)]
        assert sounds(silent_end.rtp) == []

        await town.server.services.live.leave(town.operator, loud.session_id)
        await loud_end.read_all()
        count = len(sounds(loud_end.rtp))
        await until(lambda: town.door.sounding == 0, timeout_s=10)
        seen = len(silent_end.rtp)
        await until(lambda: len(silent_end.rtp) > seen + 20, timeout_s=10)
        assert (sounds(silent_end.rtp), len(sounds(loud_end.rtp))) == ([], count)
        log = await town.server.services.audit.find(Query(streams=frozenset({town.camera.id})), limit=50)
        started = {entry.said("session"): entry.said("sound") for entry in log.entries if entry.kind == "view.started"}
        assert started == {silent.session_id: None, loud.session_id: True}
        for end in (silent_end, loud_end):
            await end.leg.close()
            end.port.close()
