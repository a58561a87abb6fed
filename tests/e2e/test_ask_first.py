"""Asked first, through every real part: the site's own yes and no, an owner's touch, and the pictures that follow."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.audit import Query
from gateway.incidents import IncidentReport
from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError, PreconditionError
from gateway.live import AskState, AskWish, ViewAsk, Words, words_of
from partner_agent.wire.documents import POLICY_LABEL, VIEW_LABEL
from policies.clauses import Preset, of_preset
from policies.vocabulary import IncidentKind, Origin, OwnerRole
from tests.e2e.test_live_view import City, city
from tests.support.agent_process import PIN
from tests.support.pinned import pinned_passkey
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def _new_incident(town: City, number: str) -> None:
    place = town.camera.place
    report = IncidentReport(IncidentKind.ROBBERY, Origin.CAD, place.lat, place.lon, number=number)
    town.incident_id = (await town.server.services.incidents.feed(town.operator.organisation_id, report)).id


async def _ask(town: City) -> ViewAsk:
    wish = AskWish(camera_id=town.camera.id, purpose="violent_crime", incident_id=town.incident_id)
    return await town.server.services.view_asks.ask(town.operator, wish)


async def _eventually(town: City, found: Callable[[], Awaitable[Any]]) -> Any:
    await town.server.until(found)
    return await found()


async def _on_site(town: City) -> dict[str, Any]:
    """The one request that waits on site, once it does."""

    async def waiting() -> Any:
        views = (await town.agent.ask(do="status"))["views"]
        return views[0] if len(views) == 1 else {}

    return await _eventually(town, waiting)


async def _in_state(town: City, asked: ViewAsk, state: AskState) -> None:
    async def is_there() -> bool:
        found = await town.server.services.view_asks.of_incident(town.operator, asked.incident_id)
        return found[asked.organisation_id].state is state

    await town.server.until(is_there)


async def test_a_yes_on_site_shows_one_picture_and_a_no_there_ends_it(sqlite_database: Database, tmp_path: Path):
    """Nothing before the yes; then pictures; the no on site ends them, and nothing is to be had for this incident."""
    async with city(sqlite_database, tmp_path, Preset.ASK_ME) as town:
        with pytest.raises(DeniedError):
            await town.open()
        asked = await _ask(town)
        waiting = await _on_site(town)
        assert (waiting["sha256"], waiting["why"]) == (asked.document_sha256, "violent_crime")
        assert (await town.agent.ask(do="view", subject=waiting["sha256"], pin="000000"))["ok"] is False
        assert (await town.agent.ask(do="view", subject=waiting["sha256"], pin=PIN))["ok"] is True
        await _in_state(town, asked, AskState.APPROVED)
        opened = await town.open()
        end = await town.call(opened)
        await until(lambda: len(end.rtp) > 5, timeout_s=15)

        assert (await town.agent.ask(do="view_no", subject=waiting["sha256"]))["ok"] is True

        assert words_of(await town.in_state(opened, "ended")) is Words.ENDED_BY_RULES
        await _in_state(town, asked, AskState.DECLINED)
        count = len(end.rtp)
        await anyio.sleep(0.5)
        assert len(end.rtp) == count
        with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
            await _ask(town)
        await end.leg.close()
        end.port.close()


async def test_an_owners_touch_shows_one_picture(sqlite_database: Database, tmp_path: Path):
    """The passkey that the site's document names approves from anywhere; the site takes the touch out of the grant."""
    async with city(sqlite_database, tmp_path, Preset.ASK_ME) as town:
        services, origin = town.server.services, town.server.services.origin
        passkey = await pinned_passkey(town.server, town.agent)
        await _new_incident(town, "26-2")
        asked = await _ask(town)
        await _on_site(town)
        touch = passkey.approve(VIEW_LABEL, asked.document_sha256, origin=origin.text, rp_id=origin.host)
        await services.view_asks.approve(town.server.owner, asked.id, touch)
        opened = await town.open()
        end = await town.call(opened)
        await until(lambda: len(end.rtp) > 5, timeout_s=15)
        with pytest.raises(DeniedError):
            await town.open()
        assert (await town.agent.ask(do="status"))["views"] != []  # its own question was not answered there

        await services.view_asks.decline(town.server.owner, asked.id)

        assert words_of(await town.in_state(opened, "ended")) is Words.ENDED_BY_RULES

        async def is_over_there() -> bool:
            return (await town.agent.ask(do="status"))["views"] == []

        await town.server.until(is_over_there)
        log = await services.audit.find(Query(streams=frozenset({asked.organisation_id})), limit=50)
        kinds = [entry.kind for entry in reversed(log.entries) if entry.kind.startswith("view.")]
        assert kinds[:5] == ["view.asked", "view.approved", "view.requested", "view.accepted", "view.started"]
        await end.leg.close()
        end.port.close()


async def test_whoever_only_answers_lets_watch_once_and_shares_nothing_more(sqlite_database: Database, tmp_path: Path):
    """The site takes their touch for the view; under a wider document it is refused, whoever brings it."""
    async with city(sqlite_database, tmp_path, Preset.ASK_ME) as town:
        services, origin, owner = town.server.services, town.server.services.origin, town.server.owner
        page = {"origin": origin.text, "rp_id": origin.host}
        await pinned_passkey(town.server, town.agent)
        delegate = await pinned_passkey(town.server, town.agent, "b", role=OwnerRole.ANSWERS)
        before = (await town.agent.ask(do="status"))["version"]
        known = await services.sharing.view(owner, town.server.site.id)
        wider = [of_preset(Preset.OPEN, frozenset({town.camera.id}), is_home=False)]
        await services.sharing.save(owner, town.server.site.id, wider, made_from=known.version)
        waiting = await _eventually(town, lambda: services.approvals.waiting(owner, town.server.site.id))
        assert delegate.owner.credential not in waiting.credentials
        await _eventually(town, lambda: _proposals(town))
        touch = delegate.approve(POLICY_LABEL, waiting.sha256, **page)
        with pytest.raises(PreconditionError):
            await services.approvals.touch(owner, town.server.site.id, waiting.sha256, touch)
        assert (await town.agent.ask(do="status"))["version"] == before

        await _new_incident(town, "26-3")
        asked = await _ask(town)
        touch = delegate.approve(VIEW_LABEL, asked.document_sha256, **page)
        await services.view_asks.approve(owner, asked.id, touch)
        opened = await town.open()
        end = await town.call(opened)
        await until(lambda: len(end.rtp) > 5, timeout_s=15)
        await end.leg.close()
        end.port.close()


async def _proposals(town: City) -> Any:
    return (await town.agent.ask(do="status"))["proposals"]
