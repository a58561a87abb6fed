"""WHIP and WHEP as RFC 9725 wants them, and nothing for those without a ticket."""

from dataclasses import dataclass, field

import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import TestClient

from gateway.edge.problems import ProblemHandler
from gateway.live.call_routes import CALL_ROUTES
from gateway.live.calls import Calls
from gateway.live.relay.client import RelayGoneError
from gateway.live.relay.protocol import Answer

SDP = {"content-type": "application/sdp", "authorization": "Bearer ticket"}
FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}


@dataclass
class FakeRelay:
    """Answers every call the same; knows one resource."""

    status: int = 201
    is_gone: bool = False
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    async def whip(self, publication: str, ticket: str, sdp: str) -> Answer:
        return self._answer(publication, ticket, sdp)

    async def whep(self, session: str, ticket: str, sdp: str) -> Answer:
        return self._answer(session, ticket, sdp)

    async def delete(self, subject: str, resource: str) -> bool:
        return (subject, resource) == ("ses_1", "secret")

    async def exists(self, subject: str, resource: str) -> bool:
        return (subject, resource) == ("ses_1", "secret")

    def _answer(self, *asked: str) -> Answer:
        if self.is_gone:
            raise RelayGoneError
        self.asked.append(asked)  # type: ignore[arg-type]
        return Answer(re=1, status=self.status, sdp="v=0 answer", resource="secret")


@pytest.fixture
def relay() -> FakeRelay:
    """A relay that takes every call."""
    return FakeRelay()


@pytest.fixture
def client(relay: FakeRelay) -> TestClient[Litestar]:
    """The routes in front of it."""
    app = Litestar(
        [*CALL_ROUTES],
        dependencies={"live_calls": Provide(lambda: Calls(relay=relay), sync_to_thread=False)},
        exception_handlers=ProblemHandler().handlers(),
        openapi_config=None,
    )
    return TestClient(app)


@pytest.mark.parametrize("path", ["/whip/pub_1", "/whep/ses_1"])
def test_a_call_is_taken(client: TestClient[Litestar], relay: FakeRelay, path: str):
    """201, our SDP, and a Location only its caller knows (RFC 9725 §4.2)."""
    response = client.post(path, headers=SDP, content="v=0 offer")

    assert response.status_code == 201
    assert response.text == "v=0 answer"
    assert response.headers["content-type"] == "application/sdp"
    assert response.headers["location"] == f"{path}/secret"
    assert relay.asked == [(path.split("/")[2], "ticket", "v=0 offer")]


@pytest.mark.parametrize("authorization", [None, "", "Basic abc", "ticket", "bearer ticket"])
def test_without_a_ticket_nothing_reaches_the_relay(
    client: TestClient[Litestar], relay: FakeRelay, authorization: str | None
):
    """401, and the offer is not looked at."""
    headers = {"content-type": "application/sdp"} | ({"authorization": authorization} if authorization else {})

    assert client.post("/whep/ses_1", headers=headers, content="v=0").status_code == 401
    assert relay.asked == []


def test_a_ticket_in_the_address_is_no_ticket(client: TestClient[Litestar]):
    """Header only: addresses are written to logs."""
    headers = {"content-type": "application/sdp"}

    assert client.post("/whep/ses_1?access_token=ticket", headers=headers, content="v=0").status_code == 401


@pytest.mark.parametrize(("refused", "status"), [(401, 401), (403, 403), (409, 409), (422, 400), (503, 503)])
def test_a_refusal_is_a_problem(client: TestClient[Litestar], relay: FakeRelay, refused: int, status: int):
    """Each reason of the relay has its status, as problem+json."""
    relay.status = refused

    response = client.post("/whep/ses_1", headers=SDP, content="v=0")

    assert response.status_code == status
    assert response.headers["content-type"].startswith("application/problem+json")


def test_a_dead_relay_is_unavailable(client: TestClient[Litestar], relay: FakeRelay):
    """503, try again; not an error of ours."""
    relay.is_gone = True

    assert client.post("/whep/ses_1", headers=SDP, content="v=0").status_code == 503


def test_foreign_bodies_are_refused(client: TestClient[Litestar], relay: FakeRelay):
    """Another content type is 415; more than 16 kB is 400."""
    assert client.post("/whep/ses_1", headers=SDP | {"content-type": "text/plain"}, content="v").status_code == 415
    assert client.post("/whep/ses_1", headers=SDP, content="v" * 16_385).status_code == 400
    assert relay.asked == []


def test_trickled_candidates_are_acknowledged_and_a_restart_is_not_offered(client: TestClient[Litestar]):
    """RFC 9725 §4.3.1: 204, 422 for the part we do not do, 404 for a call that is not there."""
    assert client.patch("/whep/ses_1/secret", headers=FRAGMENT, content="a=mid:0").status_code == 204
    restart = FRAGMENT | {"if-match": "*"}
    assert client.patch("/whep/ses_1/secret", headers=restart, content="a=mid:0").status_code == 422
    assert client.patch("/whep/ses_1/guess", headers=FRAGMENT, content="a=mid:0").status_code == 404
    assert client.patch("/whep/ses_1/secret", headers=SDP, content="a=mid:0").status_code == 415


def test_a_call_is_ended_by_its_name(client: TestClient[Litestar]):
    """DELETE answers 200 once found, 404 otherwise."""
    assert client.delete("/whep/ses_1/secret").status_code == 200
    assert client.delete("/whep/ses_1/guess").status_code == 404


def test_what_may_be_posted_is_said(client: TestClient[Litestar]):
    """OPTIONS names the type; other methods are refused with 405."""
    assert client.options("/whip/pub_1").headers["accept-post"] == "application/sdp"
    assert client.get("/whip/pub_1").status_code == 405
    assert client.put("/whep/ses_1").status_code == 405
