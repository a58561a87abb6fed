"""What is shared, as JSON: read, tried and saved; each mistake is named at its field, each lateness with its diff."""

import dataclasses
from datetime import timedelta

import anyio
import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from gateway.edge.auth import enforce
from gateway.edge.inputs import StrictInputPlugin
from gateway.edge.problems import ProblemHandler
from gateway.kernel.principal import Role
from gateway.sharing.routes import sharing_routes
from policies.clauses import Preset
from tests.sharing.test_preview_page import world_with
from tests.support.pages import Caller
from tests.support.sharing import usual

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(sqlite_database, clock, ids):
    """A place where people live, its owner signed in, and a client of the API."""
    w = world_with(sqlite_database, clock, ids)
    owner, site, cameras = await w.shop(people_live_here=True)
    caller = Caller(owner)
    app = Litestar(
        route_handlers=[sharing_routes()],
        dependencies={
            "sharing": Provide(lambda: w.sharing, sync_to_thread=False),
            "principal": Provide(lambda: caller.principal, sync_to_thread=False),
        },
        guards=[enforce],
        middleware=[caller.middleware],
        plugins=[StrictInputPlugin()],
        exception_handlers=ProblemHandler().handlers(),
        openapi_config=None,
    )
    async with AsyncTestClient(app) as client:
        yield w, caller, client, f"/api/v1/sites/{site.id}/sharing", cameras


def body(*cameras, made_from=0, preset=Preset.EMERGENCIES, **changes):
    """Answers as JSON."""
    clause = usual(*cameras, preset=preset).to_json() | changes
    return {"made_from": made_from, "clauses": [clause]}


async def test_only_an_owner_of_the_site_reads_and_only_an_editor_saves(api):
    """Somebody who only answers requests reads nothing; another organisation finds no such site."""
    w, caller, client, path, cameras = api
    owner = caller.principal
    caller.principal = dataclasses.replace(owner, roles=frozenset({Role.ANSWERS}))
    assert (await client.get(path)).status_code == 403
    assert (await client.put(path, json=body(*cameras))).status_code == 403
    assert (await client.post(f"{path}/preview", json=body(*cameras))).status_code == 403
    other, _, _ = await w.shop("ben@example.org")
    caller.principal = other
    for answer in (await client.get(path), await client.put(path, json=body(*cameras))):
        assert answer.status_code == 404


WRONG = {
    "radius zero": ({"radius_m": 0}, "clauses[0].radius_m", "whole number from 1 to 50000"),
    "radius absurd": ({"radius_m": 10**9}, "clauses[0].radius_m", "whole number from 1 to 50000"),
    "radius as text": ({"radius_m": "600"}, "clauses[0].radius_m", "whole number"),
    "a word nobody knows": ({"live": "allways"}, "clauses[0].live", "is not one of"),
    "a purpose outside the vocabulary": ({"purposes": ["curiosity"]}, "clauses[0].purposes", "is not one of"),
    "no purpose": ({"purposes": []}, "clauses[0].purposes", "Choose at least one purpose."),
    "a tag": ({"tags": ["school"]}, "clauses[0].tags", "Is not a field we know."),
    "a label in capitals": ({"labels": ["Car park"]}, "clauses[0].labels[0]", "Must be a label"),
    "a reach that is none": ({"cameras": [], "reach": "world"}, "clauses[0].reach", "is not one of"),
    "every camera, and one of them": ({"reach": "site"}, "clauses[0].reach", "names no camera and no label"),
    "too many labels": ({"labels": sorted(f"l{n}" for n in range(9))}, "clauses[0].labels", "at most 8 labels"),
    "an effect": ({"effect": "alow"}, "clauses[0].effect", "Is not a field we know."),
    "an inverted window": (
        {"zone": "America/Chicago", "spans": [[600, 300]]}, "clauses[0].spans", "minutes of the week"
    ),
    "overlapping windows": (
        {"zone": "America/Chicago", "spans": [[0, 300], [200, 400]]}, "clauses[0].spans", "sorted and merged"
    ),
    "a window past the week": (
        {"zone": "America/Chicago", "spans": [[10_000, 10_081]]}, "clauses[0].spans", "minutes of the week"
    ),
    "a window without a zone": ({"spans": [[0, 300]]}, "clauses[0].spans", "its hours and its time zone"),
    "a zone that is none": ({"zone": "Mars", "spans": [[0, 300]]}, "clauses[0].zone", "IANA time zone"),
    "an end that is over": ({"until_ms": 1}, "clauses[0].until_ms", "This end is over"),
    "a camera of somebody else": ({"cameras": ["cam_somebody"]}, "clauses[0].cameras", "no such camera at this site"),
    "sound against the ordinance": ({"audio": True}, "audio", "Section 4(b)"),
    "a forbidden purpose": ({"purposes": ["fire", "immigration"]}, "purposes", "Section 3(b)"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_each_mistake_is_one_sentence_at_its_field(api, name):
    """As a problem with the field's path; nothing is saved, tried or not."""
    _, _, client, path, cameras = api
    changes, field, sentence = WRONG[name]
    for answer in (
        await client.post(f"{path}/preview", json=body(*cameras, **changes)),
        await client.put(path, json=body(*cameras, **changes)),
    ):
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        (error,) = answer.json()["errors"]
        assert error["field"].startswith(field)
        assert sentence in error["detail"]
    assert (await client.get(path)).json()["version"] == 0


@pytest.mark.parametrize(
    "sent", [{}, {"made_from": -1, "clauses": []}, {"made_from": "0", "clauses": []}, {"made_from": 0, "clauses": 5}]
)
async def test_a_body_that_is_none_is_refused(api, sent):
    """Missing, wrong or unknown fields."""
    _, _, client, path, _ = api

    assert (await client.put(path, json=sent)).status_code == 400


async def test_a_camera_that_is_not_there_cannot_be_switched_off(api):
    """Its switch is somebody else's."""
    _, _, client, path, cameras = api
    answer = await client.put(path, json=body(*cameras) | {"off": ["cam_somebody"]})

    assert answer.json()["errors"][0]["field"] == "off"


async def test_answers_are_tried_then_saved_and_read(api):
    """What a preview says happens with the save; no answer at all shares nothing."""
    _, _, client, path, cameras = api
    with anyio.fail_after(60):
        tried = (await client.post(f"{path}/preview", json=body(*cameras))).json()
    assert (tried["verdict"], tried["is_proved"], tried["needs_approval"]) == ("widens", False, True)
    assert {one["way"] for one in tried["concerns"]} == {"new"}
    assert "City Police" in tried["examples"][0]

    saved = (await client.put(path, json=body(*cameras) | {"off": [cameras[1].id]})).json()
    assert (saved["version"], saved["off"]) == (1, [cameras[1].id])
    change = saved.pop("change")  # worked out for exactly what was saved, as a preview is
    assert (change["verdict"], change["needs_approval"]) == ("widens", True)
    assert (await client.get(path)).json() == saved
    with anyio.fail_after(60):
        less = (await client.post(f"{path}/preview", json={"made_from": 1, "clauses": []})).json()
    assert less["verdict"] == "narrows"
    nothing = (await client.put(path, json={"made_from": 1, "clauses": []})).json()
    assert (nothing["version"], nothing["clauses"], nothing["change"]["verdict"]) == (2, [], "narrows")


async def test_an_empty_set_of_answers_is_no_mistake_and_gives_nobody_anything(api):
    """It is how an owner shares nothing: saved from nothing, said back, and no rule is left in the document."""
    w, caller, client, path, _ = api
    saved = (await client.put(path, json={"made_from": 0, "clauses": []})).json()
    view = await w.sharing.view(caller.principal, path.split("/")[4])

    assert (saved["version"], saved["clauses"]) == (1, [])
    assert saved["sentences"] == ["Nothing is shared from Front door and Yard."]
    assert view.said.rules == ()


async def test_an_answer_that_ended_stays_while_another_is_changed(api):
    """Only a new answer has to end in the time to come."""
    w, _, client, path, cameras = api
    soon = round((w.clock.now() + timedelta(hours=1)).timestamp() * 1000)
    first = usual(cameras[0]).to_json() | {"until_ms": soon}
    assert (await client.put(path, json={"made_from": 0, "clauses": [first]})).status_code == 200
    w.clock.advance(7200)
    both = {"made_from": 1, "clauses": [first, usual(cameras[1]).to_json()]}

    assert (await client.put(path, json=both)).status_code == 200


async def test_who_is_too_late_reads_what_was_saved_and_what_theirs_would_change(api):
    """A conflict with both; nothing is saved, and the new version is named to save from."""
    _, _, client, path, cameras = api
    await client.put(path, json=body(*cameras))
    late = await client.put(path, json=body(*cameras, preset=Preset.LIST_ONLY))

    assert late.status_code == 409
    said = {error["field"]: error["detail"] for error in late.json()["errors"]}
    assert said["made_from"] == "Version 1 is saved now."
    assert "They saved: City Police can" in said["clauses"]
    assert "less: City Police can watch" in said["clauses"]
    assert (await client.put(path, json=body(*cameras, preset=Preset.LIST_ONLY, made_from=1))).status_code == 200
