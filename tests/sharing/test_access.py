"""Questions about decisions as JSON: what each audience is told, and what nobody is told."""

import dataclasses
import json

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide

from gateway.edge.auth import enforce
from gateway.edge.inputs import StrictInputPlugin
from gateway.edge.origin import PublicOrigin
from gateway.edge.problems import ProblemHandler
from gateway.edge.rate_limit import RateLimiter
from gateway.edge.requires import undeclared
from gateway.kernel.principal import Role
from gateway.sharing.access_inputs import MOST_EVALUATIONS
from gateway.sharing.access_routes import ASKS, access_routes
from gateway.sharing.evaluating import DECIDED_FOR_ONE
from policies.clauses import Clause, Live, Preset, Recordings, Where
from tests.support.pages import Caller
from tests.support.partners import LOOP
from tests.support.sharing import AGENCY_ID, evaluations, incident, operator, sharing_world, usual

pytestmark = pytest.mark.anyio
ME = operator().person_id
AREA = {"south": 41.5, "west": -88.0, "north": 42.5, "east": -87.0}
HIDDEN = Clause(frozenset(), Live.NEARBY, Recordings.ASK, Where.NEARBY, radius_m=300)
SUPPOSED = {"kind": "robbery", "lat": LOOP.lat, "lon": LOOP.lon}


class Desk:
    """The routes over a world, and who asks."""

    def __init__(self, w):
        self.w, self.caller, self.http = w, Caller(operator()), None

    def as_auditor(self):
        self.caller.principal = dataclasses.replace(operator(), roles=frozenset({Role.COMPLIANCE}))

    async def ask(self, path, body, status=200):
        """The answer to a question."""
        response = await self.http.post(f"/api/v1/access/v1/{path}", json=body)
        assert response.status_code == status, response.text
        return response.json()


def constant(value):
    """A dependency that is always this."""
    return Provide(lambda: value, sync_to_thread=False)


@pytest.fixture
async def desk(database, clock, ids):
    """An operator at the routes, with one incident at the shop."""
    w = sharing_world(database, clock=clock, ids=ids)
    found = Desk(w)
    limiter = RateLimiter(database=database, clock=clock, key=b"k" * 32)
    provided = {
        "evaluations": evaluations(w, incident(clock)),
        "listing": w.listing,
        "rate_limiter": limiter,
        "origin": PublicOrigin.parse("https://city.example"),
    }
    app = Litestar(
        access_routes(),
        dependencies={
            **{name: constant(value) for name, value in provided.items()},
            "principal": Provide(lambda: found.caller.principal, sync_to_thread=False),
        },
        guards=[enforce],
        middleware=[found.caller.middleware],
        plugins=[StrictInputPlugin()],
        exception_handlers=ProblemHandler().handlers(),
        openapi_config=None,
    )
    assert undeclared(app) == []
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as found.http:
        yield found


async def shop(desk, email="ana@example.org", clause=None, **options):
    """A shop of two cameras with these answers in force."""
    w = desk.w
    owner, site, cameras = await w.shop(email, **options)
    agent = w.pair(site, cameras)
    said = clause or usual(*cameras)
    await w.answer(owner, site, dataclasses.replace(said, cameras=frozenset(camera.id for camera in cameras)))
    await w.deliver(agent)
    return owner, site, cameras


def question(camera_id, **changes):
    """An operator about themselves, for the incident."""
    context = {"purpose": "violent_crime", "incident_id": incident_id()}
    context |= changes.pop("context", {})
    return {
        "subject": {"type": "user", "id": ME},
        "action": {"name": "live.view"},
        "resource": {"type": "camera", "id": camera_id},
        "context": {name: value for name, value in context.items() if value is not None},
        **changes,
    }


def incident_id():
    """The id of the incident at the shop."""
    return "inc_" + "1" * 26


def role(name="operator", **properties):
    """Anybody with a role."""
    return {"type": "role", "id": name, "properties": properties}


# -- what an operator is told --------------------------------------------------------------------------------------


async def test_an_operator_reads_one_of_the_states_and_nothing_else(desk):
    """Permitted, or a remedy that the owner offers, or not available; no rule, reason, hour or owner in any answer."""
    _, _, cameras = await shop(desk)
    _, _, asking = await shop(desk, "bo@example.org", usual(preset=Preset.ASK_ME))
    _, _, never = await shop(desk, "cy@example.org", usual(preset=Preset.LIST_ONLY))

    contexts = []
    for camera, changes in (
        (cameras[0], {}),
        (asking[0], {}),
        (cameras[0], {"context": {"incident_id": None}}),
        (never[0], {}),
        (cameras[0], {"action": {"name": "ptz.move"}}),
    ):
        answer = await desk.ask("evaluation", question(camera.id, **changes))
        contexts.append((answer["decision"], answer["context"]))
    assert contexts == [
        (True, {"audience": "operator", "state": "available"}),
        (False, {"audience": "operator", "state": "available_if", "remedy": "ask", "remedies": ["ask"]}),
        (
            False,
            {"audience": "operator", "state": "available_if", "remedy": "link_incident", "remedies": ["link_incident"]},
        ),
        (False, {"audience": "operator", "state": "not_available"}),
        (False, {"audience": "operator", "state": "not_available"}),
    ]


async def test_an_operator_reads_everything_the_owner_offers(desk):
    """Asking and a second person: both, with the one that takes less as the remedy."""
    _, _, cameras = await shop(desk, "bo@example.org", dataclasses.replace(usual(preset=Preset.ASK_ME), emergency=True))

    answer = await desk.ask("evaluation", question(cameras[0].id))

    offered = {"remedy": "ask", "remedies": ["ask", "two_persons"]}
    assert answer["context"] == {"audience": "operator", "state": "available_if", **offered}


async def test_unwilling_paused_and_suspended_read_the_same(desk):
    """An operator cannot tell an owner who never shares from a pause, the switch, or a purpose that is not shared."""
    _, _, cameras = await shop(desk)
    _, _, never = await shop(desk, "cy@example.org", usual(preset=Preset.LIST_ONLY))
    traffic = Clause(frozenset(), Live.NEARBY, Recordings.NEVER, Where.SHOWN, purposes=frozenset({"life_safety"}))
    _, _, other = await shop(desk, "di@example.org", traffic)

    answers = [await desk.ask("evaluation", question(one.id)) for one in (never[0], other[0])]
    desk.w.agents.change(desk.w.agents.by_site[cameras[0].site_id].id, is_paused=True)
    answers.append(await desk.ask("evaluation", question(cameras[0].id)))
    await desk.w.sharing.suspend(operator(), is_suspended=True)
    answers.append(await desk.ask("evaluation", question(cameras[0].id)))

    assert all(answer == answers[0] for answer in answers)


async def test_a_hidden_camera_is_one_that_does_not_exist(desk):
    """The same bytes, alone and in a batch, and no act with it is found."""
    _, _, cameras = await shop(desk, "ana@example.org", HIDDEN)
    nobody = "cam_" + "0" * 26
    without = {"context": {"incident_id": None}}

    for path in ("evaluation", "evaluations"):
        told = [await desk.ask(path, question(name, **without)) for name in (cameras[0].id, nobody)]
        assert told[0] == told[1]
        assert told[0]["decision"] is False
        assert told[0]["context"]["error"]["status"] == 404
    search = {key: value for key, value in question(cameras[0].id, **without).items() if key != "action"}
    assert (await desk.ask("search/action", search))["results"] == []


async def test_an_operator_asks_about_themselves_and_now(desk):
    """Not about a colleague, a role, a supposed incident, another time, or who else may look."""
    _, _, cameras = await shop(desk)
    for changes in (
        {"subject": {"type": "user", "id": "per_" + "7" * 26}},
        {"subject": role()},
        {"context": {"incident_id": None, "incident": SUPPOSED}},
        {"context": {"time": "2026-11-22T14:30:00Z"}},
    ):
        answer = await desk.ask("evaluation", question(cameras[0].id, **changes))
        assert answer["context"]["error"]["status"] == 403
    await desk.ask("search/subject", question(cameras[0].id, subject=role()), status=403)


async def test_a_search_lists_only_what_is_permitted(desk):
    """Cameras that are refused are not in it, so it is no list of the unwilling; page by page, each once."""
    _, _, cameras = await shop(desk)
    await shop(desk, "cy@example.org", usual(preset=Preset.LIST_ONLY))
    await shop(desk, "bo@example.org", usual(preset=Preset.ASK_ME))
    body = question("x", context={"area": AREA})
    del body["resource"]["id"]

    whole = await desk.ask("search/resource", body)
    assert {one["id"] for one in whole["results"]} == {camera.id for camera in cameras}
    assert whole["page"] == {"next_token": "", "count": 2}
    first = await desk.ask("search/resource", body | {"page": {"limit": 1}})
    second = await desk.ask("search/resource", body | {"page": {"limit": 1, "token": first["page"]["next_token"]}})
    assert [*first["results"], *second["results"]] == whole["results"]
    assert second["page"]["next_token"] == ""
    other = body | {"action": {"name": "still.take"}, "page": {"limit": 1, "token": first["page"]["next_token"]}}
    problem = await desk.ask("search/resource", other, status=400)
    assert problem["errors"][0]["field"] == "page.token"


async def test_what_the_search_finds_is_evaluated_so(desk):
    """Every result of a search is a permit of an evaluation, and the acts found are those that are permitted."""
    _, _, cameras = await shop(desk)
    body = question("x", context={"area": AREA})
    for one in (await desk.ask("search/resource", body))["results"]:
        assert (await desk.ask("evaluation", question(one["id"])))["decision"] is True
    search = {key: value for key, value in question(cameras[0].id).items() if key != "action"}
    acts = {one["name"] for one in (await desk.ask("search/action", search))["results"]}
    assert acts == {"registry.view", "live.view", "still.take"}


# -- what an owner and the auditor are told ------------------------------------------------------------------------


async def test_an_owner_reads_which_rule_where_it_stopped_and_when_it_opens(desk):
    """Own rules in full: rule, reason, sentence, and the next opening of a weekly window."""
    now = desk.w.clock.now()
    opens = (now.weekday() * 1440 + now.hour * 60 + now.minute + 60) % 10_080
    timed = Clause(
        frozenset(), Live.ALWAYS, Recordings.NEVER, Where.SHOWN, zone="Etc/UTC", spans=((opens, opens + 30),)
    )
    owner, _, cameras = await shop(desk, "ana@example.org", timed)
    desk.caller.principal = owner

    answer = await desk.ask("evaluation", question(cameras[0].id, subject=role(), context={"incident_id": None}))
    assert answer["decision"] is False
    context = answer["context"]
    assert (context["reason"], context["layer"], context["rules"]) == ("window", "sharing", ["c1.live.1"])
    assert context["explanation"] == "It is outside the hours of the rule."
    assert context["changes_at"].startswith(now.replace(hour=now.hour + 1).strftime("%Y-%m-%dT%H:%M"))
    assert "basis" not in context
    later = await desk.ask(
        "evaluation",
        question(cameras[0].id, subject=role(), context={"incident_id": None, "time": context["changes_at"]}),
    )
    assert (later["decision"], later["context"]["rules"]) == (True, ["c1.live.1"])
    assert later["context"]["obligations"]["watermark"] is True


async def test_an_owner_learns_nothing_of_another_owner(desk):
    """Another's camera is one that does not exist, in evaluations and searches; the agency's incidents are too."""
    owner, _, mine = await shop(desk)
    _, _, theirs = await shop(desk, "bo@example.org")
    desk.caller.principal = owner

    answers = [
        await desk.ask("evaluation", question(name, subject=role(), context={"incident_id": None}))
        for name in (theirs[0].id, "cam_" + "0" * 26)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["context"]["error"]["status"] == 404
    body = question("x", subject=role(), context={"incident_id": None, "incident": SUPPOSED})
    found = await desk.ask("search/resource", body)
    assert {one["id"] for one in found["results"]} == {camera.id for camera in mine}
    await desk.ask(
        "search/subject",
        question(theirs[0].id, subject=role(), context={"incident_id": None, "incident": SUPPOSED}),
        status=404,
    )
    told = await desk.ask("evaluation", question(mine[0].id, subject=role()))
    assert told["context"]["error"]["status"] == 404  # an incident of the agency is not the owner's to name


async def test_an_owner_s_search_decides_no_more_than_its_page_asks_for(desk):
    """Each camera once; behind those that are found a page gives up after a few, and says where it goes on."""
    owner, site, shown = await shop(desk)
    for _ in range(2 * DECIDED_FOR_ONE + 1):  # not in the document: not permitted
        await desk.w.base.cameras.add(owner, site, shown[0].facts)
    desk.caller.principal = owner
    context = {"incident_id": None, "incident": SUPPOSED}
    body = question("x", subject=role(), resource={"type": "camera"}, context=context)
    found, counts, token = [], [], ""
    while token or not counts:
        answer = await desk.ask("search/resource", body | {"page": {"limit": 1, "token": token}})
        found += [one["id"] for one in answer["results"]]
        counts.append(answer["page"]["count"])
        token = answer["page"]["next_token"]

    assert (found, counts) == (sorted(camera.id for camera in shown), [1, 1, 0, 0, 0])
    whole = await desk.ask("search/resource", body)
    assert ([one["id"] for one in whole["results"]], whole["page"]["next_token"]) == (found, "")


async def test_an_owner_asks_who_can_see_a_camera(desk):
    """The roles for whom it would be permitted, with the weakest sign-in that is enough; supposed incident or none."""
    owner, _, cameras = await shop(desk)
    desk.caller.principal = owner
    near = question(cameras[0].id, subject=role(), context={"incident_id": None, "incident": SUPPOSED})

    found = (await desk.ask("search/subject", near))["results"]
    assert [(one["id"], one["properties"]["assurance"]) for one in found] == [("operator", 2), ("supervisor", 2)]
    near["context"].pop("incident")
    assert (await desk.ask("search/subject", near))["results"] == []


async def test_the_auditor_reads_what_a_decision_stood_on(desk):
    """Everything the owner reads of any camera, and document, site and ordinance."""
    owner, site, cameras = await shop(desk)
    desk.as_auditor()

    answer = await desk.ask("evaluation", question(cameras[0].id, subject=role(), context={"incident_id": None}))
    context = answer["context"]
    assert (context["audience"], context["reason"], context["is_known"]) == ("auditor", "condition", True)
    agent = desk.w.agents.by_site[site.id]
    assert context["basis"]["policy_sha256"] == desk.w.agents.held[agent.id].sha256
    assert (context["basis"]["organisation"], context["basis"]["site"]) == (owner.organisation_id, site.id)
    body = question("x", subject=role(), context={"area": AREA})
    assert len((await desk.ask("search/resource", body))["results"]) == 2


@pytest.mark.parametrize("roles", [{Role.ADMIN}, {Role.ANSWERS}])
async def test_others_may_not_ask(desk, roles):
    """An administrator, and a person who only answers requests."""
    _, _, cameras = await shop(desk)
    desk.caller.principal = dataclasses.replace(operator(), roles=frozenset(roles))

    problem = await desk.ask("evaluation", question(cameras[0].id), status=403)
    assert problem["type"].endswith("denied")


# -- batches -------------------------------------------------------------------------------------------------------


async def test_a_batch_answers_in_order_with_defaults_from_above(desk):
    """Each part says what it says itself, and takes the rest from the top; a part's error is a deny of that part."""
    _, _, cameras = await shop(desk)
    body = question(cameras[0].id)
    body["evaluations"] = [
        {},
        {"action": {"name": "ptz.move"}},
        {"resource": {"type": "camera", "id": "cam_0"}},
        {"context": {"purpose": "violent_crime"}},
    ]

    answer = await desk.ask("evaluations", body)
    assert [one["decision"] for one in answer["evaluations"]] == [True, False, False, False]
    assert answer["evaluations"][2]["context"]["error"]["status"] == 404
    assert answer["evaluations"][3]["context"]["remedy"] == "link_incident"
    assert set(answer) == {"evaluations"}


@pytest.mark.parametrize(
    ("semantic", "answers"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
async def test_a_batch_ends_where_its_semantic_says(desk, semantic, answers):
    """All of them; up to the first deny; up to the first permit."""
    _, _, cameras = await shop(desk)
    body = question(cameras[0].id)
    body["evaluations"] = [{}, {"action": {"name": "ptz.move"}}, {}]
    body["options"] = {"evaluations_semantic": semantic}

    found = await desk.ask("evaluations", body)
    assert [one["decision"] for one in found["evaluations"]] == answers


async def test_a_batch_without_parts_is_one_evaluation(desk):
    """As the specification says for an array that is absent or empty."""
    _, _, cameras = await shop(desk)

    for parts in ({}, {"evaluations": []}):
        answer = await desk.ask("evaluations", question(cameras[0].id) | parts)
        assert answer == {"decision": True, "context": {"audience": "operator", "state": "available"}}


# -- bad input -----------------------------------------------------------------------------------------------------

BAD = {
    "no purpose": ({"context": {"purpose": None}}, "context.purpose"),
    "a purpose that is none": ({"context": {"purpose": "because"}}, "context.purpose"),
    "an act that is none": ({"action": {"name": "look"}}, "action.name"),
    "a resource that is none": ({"resource": {"type": "door", "id": "1"}}, "resource.type"),
    "no camera": ({"resource": {"type": "camera"}}, "resource.id"),
    "a role that is none": ({"subject": role("chief")}, "subject.id"),
    "a sign-in that is none": ({"subject": role(assurance=4)}, "subject.properties.assurance"),
    "a number for text": ({"subject": {"type": "user", "id": 7}}, "subject.id"),
    "no zone": ({"context": {"time": "2026-11-22T14:30:00"}}, "context.time"),
    "a place that is none": ({"context": {"incident": {**SUPPOSED, "lat": 91}}}, "context.incident.lat"),
    "a range that runs backwards": (
        {"context": {"span": {"start": "2026-11-22T14:30:00Z", "end": "2026-11-22T14:00:00Z"}}}, "context.span"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_read_is_said_at_the_field(desk, name):
    """400 as a problem that names the field; the same in a part of a batch."""
    changes, field = BAD[name]

    problem = await desk.ask("evaluation", question("cam_1", **changes), status=400)
    assert problem["errors"][0]["field"] == field
    problem = await desk.ask("evaluations", {"evaluations": [question("cam_1", **changes)]}, status=400)
    assert problem["errors"][0]["field"].removeprefix("evaluations[0].").removeprefix("evaluations[...].") == field


async def test_unknown_fields_are_ignored_and_known_ones_are_needed(desk):
    """As the specification asks; a part that neither says a subject nor finds one above it is refused."""
    _, _, cameras = await shop(desk)
    body = question(cameras[0].id) | {"more": {"a": 1}}
    body["context"]["channel"] = "radio"
    assert (await desk.ask("evaluation", body))["decision"] is True
    del body["subject"]
    body["evaluations"] = [{}]
    problem = await desk.ask("evaluations", body, status=400)
    assert problem["errors"][0]["field"] == "evaluations[0].subject"


async def test_a_recording_without_its_range_cannot_be_asked_about(desk):
    """The deny says what is missing."""
    _, _, cameras = await shop(desk)
    answer = await desk.ask("evaluation", question(cameras[0].id, action={"name": "clip.fetch"}))
    assert (answer["decision"], answer["context"]["error"]["status"]) == (False, 400)


async def test_batches_and_searches_are_bounded(desk):
    """51 parts, a page of 501, a token that is none, an area turned over or missing."""
    body = question("cam_1")
    await desk.ask("evaluations", body | {"evaluations": [{}] * (MOST_EVALUATIONS + 1)}, status=400)
    inside = question("x", context={"area": AREA})
    await desk.ask("search/resource", inside | {"page": {"limit": 501}}, status=400)
    for token in ("nonsense", "W10", "e30", "A" * 399):
        await desk.ask("search/resource", inside | {"page": {"token": token}}, status=400)
    await desk.ask("search/resource", question("x", context={"area": {**AREA, "south": 43}}), status=400)
    problem = await desk.ask("search/resource", question("x"), status=400)
    assert problem["errors"][0]["field"] == "context.area"
    response = await desk.http.post("/api/v1/access/v1/evaluation", content=b"[" * 10_000)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/problem+json")


async def test_asking_too_often_is_refused(desk):
    """After so many questions in a minute, 429 with when to come back."""
    body = question("cam_1")
    for _ in range(ASKS):
        await desk.ask("evaluation", body)
    problem = await desk.ask("evaluation", body, status=429)
    assert "Retry-After" not in json.dumps(problem)


async def test_an_evaluation_is_no_release_and_no_leaf(desk):
    """Nothing is written to the log by questions."""
    _, site, cameras = await shop(desk)
    before = await desk.w.base.kinds(site.id, AGENCY_ID, cameras[0].id)
    await desk.ask("evaluation", question(cameras[0].id))
    assert await desk.w.base.kinds(site.id, AGENCY_ID, cameras[0].id) == before


async def test_the_metadata_leads_to_every_question(desk):
    """Whoever knows the origin alone finds where to ask, and each address is answered there."""
    found = (await desk.http.get("/.well-known/authzen-configuration")).json()

    assert found.pop("policy_decision_point") == "https://city.example"
    assert set(found) == {
        "access_evaluation_endpoint",
        "access_evaluations_endpoint",
        "search_resource_endpoint",
        "search_subject_endpoint",
        "search_action_endpoint",
    }
    for address in found.values():
        answer = await desk.http.post(address.removeprefix("https://city.example"), json={})
        assert answer.status_code == 400
