"""WHIP and WHEP as RFC 9725 wants them, and nothing for those without a ticket."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import TestClient

from gateway.edge.problems import ProblemHandler
from gateway.edge.requires import needs_of
from gateway.live.call_routes import CALL_ROUTES
from gateway.live.calls import Calls, entity_tags
from gateway.live.ice_routes import ice_servers
from gateway.live.ice_servers import IceServerError, IceServers, server_hosts
from gateway.live.relay.client import RelayGoneError
from gateway.live.relay.protocol import Answer, Whep, frame
from tests.fakes.clock import FakeClock
from tests.support.live import OPERATOR
from tests.support.tunnels import Premises

SDP = {"content-type": "application/sdp", "authorization": "Bearer ticket"}
FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}
CALL = "/whep/ses_1/secret"


@dataclass
class FakeRelay:
    """Answers every call the same; knows one resource."""

    status: int = 201
    patch_status: int = 204
    is_gone: bool = False
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    tags: list[list[str]] = field(default_factory=list)

    async def whip(self, publication: str, ticket: str, sdp: str) -> Answer:
        return self._answer(publication, ticket, sdp)

    async def whep(self, session: str, ticket: str, sdp: str) -> Answer:
        return self._answer(session, ticket, sdp)

    async def delete(self, subject: str, resource: str) -> bool:
        return (subject, resource) == ("ses_1", "secret")

    async def patch(self, subject: str, resource: str, tags: list[str], sdp: str) -> Answer:
        assert (subject, resource, sdp) == ("ses_1", "secret", "a=mid:0")
        if self.is_gone:
            raise RelayGoneError
        self.tags.append(tags)
        is_restart = self.patch_status == 200
        return Answer(re=1, status=self.patch_status, sdp="a=ours" * is_restart, etag='"two"' * is_restart)

    def _answer(self, *asked: str) -> Answer:
        if self.is_gone:
            raise RelayGoneError
        self.asked.append(asked)  # type: ignore[arg-type]
        return Answer(re=1, status=self.status, sdp="v=0 answer", resource="secret", etag='"one"')


@pytest.fixture
def relay() -> FakeRelay:
    """A relay that takes every call."""
    return FakeRelay()


def client_of(relay: FakeRelay, *, calls: Calls | None = None) -> TestClient[Litestar]:
    """The routes in front of a relay."""
    calls = calls or Calls(relay=relay)
    app = Litestar(
        [*CALL_ROUTES],
        dependencies={"live_calls": Provide(lambda: calls, sync_to_thread=False)},
        exception_handlers=ProblemHandler().handlers(),
        openapi_config=None,
    )
    return TestClient(app)


@pytest.fixture
def client(relay: FakeRelay) -> TestClient[Litestar]:
    """The routes in front of it, without ICE servers."""
    return client_of(relay)


@pytest.mark.parametrize("path", ["/whip/pub_1", "/whep/ses_1"])
def test_a_call_is_taken(client: TestClient[Litestar], relay: FakeRelay, path: str):
    """201, our SDP, a Location only its caller knows, and the tag of its ICE session (RFC 9725 §4.2, §4.3.1)."""
    response = client.post(path, headers=SDP, content="v=0 offer")

    assert response.status_code == 201
    assert response.text == "v=0 answer"
    assert response.headers["content-type"] == "application/sdp"
    assert response.headers["location"] == f"{path}/secret"
    assert response.headers["etag"] == '"one"'
    assert response.headers["accept-patch"] == "application/trickle-ice-sdpfrag"
    assert "link" not in response.headers
    assert relay.asked == [(path.split("/")[2], "ticket", "v=0 offer")]


def test_a_publisher_s_answer_names_its_tunnel_and_a_viewer_s_none(relay: FakeRelay):
    """On our own origin, under a name that only this caller knows; nothing where there are no tunnels."""
    ends: Any = relay
    calls = Calls(relay=relay, tunnels=Premises().tunnels(ends, origin="http://localhost"))
    with client_of(relay, calls=calls) as client:
        answers = [client.post(path, headers=SDP, content="v=0 offer") for path in ("/whip/pub_1", "/whep/ses_1")]

    assert [answer.headers.get("lenspact-tunnel") for answer in answers] == ["/whip/pub_1/secret/tunnel", None]
    with client_of(relay) as client:
        assert "lenspact-tunnel" not in client.post("/whip/pub_1", headers=SDP, content="v=0 offer").headers


@pytest.mark.parametrize("authorization", [None, "", "Basic abc", "ticket", "Bearer", "Bearer "])
def test_without_a_ticket_nothing_reaches_the_relay(
    client: TestClient[Litestar], relay: FakeRelay, authorization: str | None
):
    """401 with the scheme that would be taken, and the offer is not looked at (RFC 9110 §11.6.1)."""
    headers = {"content-type": "application/sdp"} | ({"authorization": authorization} if authorization else {})

    response = client.post("/whep/ses_1", headers=headers, content="v=0")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert relay.asked == []


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_of_a_ticket_is_taken_in_any_case(client: TestClient[Litestar], relay: FakeRelay, scheme: str):
    """RFC 9110 §11.1."""
    response = client.post("/whep/ses_1", headers=SDP | {"authorization": f"{scheme} ticket"}, content="v=0 offer")

    assert response.status_code == 201
    assert relay.asked == [("ses_1", "ticket", "v=0 offer")]


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
    """503 and when to come again; not an error of ours (RFC 9725 §4.5)."""
    relay.is_gone = True

    for response in (
        client.post("/whep/ses_1", headers=SDP, content="v=0"),
        client.patch(CALL, headers=FRAGMENT | {"if-match": '"one"'}, content="a=mid:0"),
    ):
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0


def test_what_no_frame_holds_is_invalid_and_no_failure_of_ours(
    client: TestClient[Litestar], relay: FakeRelay, monkeypatch: pytest.MonkeyPatch
):
    """Control characters are six times as long in JSON; anybody may send them, so they must not raise."""

    async def whep(session: str, ticket: str, sdp: str) -> Answer:
        frame(Whep(id=1, session=session, ticket=ticket, sdp=sdp))
        raise AssertionError("such a frame must not be made")

    monkeypatch.setattr(relay, "whep", whep)

    response = client.post("/whep/ses_1", headers=SDP, content=b"\x01" * 15_000)

    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/problem+json")


def test_foreign_bodies_are_refused(client: TestClient[Litestar], relay: FakeRelay):
    """Another content type is 415; more than 16 kB is 413, announced or not."""

    def without_end() -> Iterator[bytes]:
        for _ in range(1_000):
            read.append(1_024)
            yield b"v" * 1_024

    read: list[int] = []

    assert client.post("/whep/ses_1", headers=SDP | {"content-type": "text/plain"}, content="v").status_code == 415
    for path in ("/whip/pub_1", "/whep/ses_1"):
        assert client.post(path, headers=SDP, content="v" * 16_385).status_code == 413
        assert client.post(path, headers=SDP, content=without_end()).status_code == 413
    assert client.patch(CALL, headers=FRAGMENT, content="v" * 16_385).status_code == 413
    assert client.patch(CALL, headers=SDP, content="a=mid:0").status_code == 415
    assert relay.asked == []


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"one"', ['"one"']),
        ('"one", W/"two"', ['"one"', 'W/"two"']),
        ("*", ["*"]),
        ('"*"', ["*"]),
        (None, []),
    ],
)
def test_a_patch_names_its_ice_session(
    client: TestClient[Litestar], relay: FakeRelay, header: str | None, tags: list[str]
):
    """The tags of If-Match reach the relay; 204 for candidates, without a tag (RFC 9725 §4.3.2)."""
    response = client.patch(CALL, headers=FRAGMENT | ({"if-match": header} if header else {}), content="a=mid:0")

    assert response.status_code == 204
    assert "etag" not in response.headers
    assert relay.tags == [tags]


@pytest.mark.parametrize("header", ["one", '"one', '"one" "two"', '"o"ne"', "W/*", ","])
def test_an_if_match_that_cannot_be_read_is_invalid(client: TestClient[Litestar], relay: FakeRelay, header: str):
    """400, and the relay is not asked."""
    assert client.patch(CALL, headers=FRAGMENT | {"if-match": header}, content="a=mid:0").status_code == 400
    assert relay.tags == []


def test_an_ice_restart_is_answered_with_our_side(client: TestClient[Litestar], relay: FakeRelay):
    """200, a fragment, and the new session's tag (RFC 9725 §4.3.3)."""
    relay.patch_status = 200

    response = client.patch(CALL, headers=FRAGMENT | {"if-match": "*"}, content="a=mid:0")

    assert response.status_code == 200
    assert response.text == "a=ours"
    assert response.headers["content-type"] == "application/trickle-ice-sdpfrag"
    assert response.headers["etag"] == '"two"'


@pytest.mark.parametrize("status", [400, 404, 409, 412, 428, 429, 503])
def test_a_patch_that_is_refused_is_a_problem(client: TestClient[Litestar], relay: FakeRelay, status: int):
    """Each reason of the relay has its status, as problem+json."""
    relay.patch_status = status

    response = client.patch(CALL, headers=FRAGMENT | {"if-match": "*"}, content="a=mid:0")

    assert response.status_code == status
    assert response.headers["content-type"].startswith("application/problem+json")
    assert ("retry-after" in response.headers) == (status in {429, 503})


def test_an_engine_that_restarts_no_ice_says_what_to_do(client: TestClient[Litestar], relay: FakeRelay):
    """Nothing changes, and the caller is told to call again rather than that an offer was wrong (RFC 9725 §4.3.1)."""
    relay.patch_status = 422

    response = client.patch(CALL, headers=FRAGMENT | {"if-match": "*"}, content="a=mid:0")

    assert response.status_code == 422
    assert "Start a new one" in response.json()["detail"]


def test_a_call_is_ended_by_its_name(client: TestClient[Litestar]):
    """DELETE answers 200 once found, whatever tag it brings; 404 otherwise (RFC 9725 §4.3.1)."""
    assert client.delete(CALL, headers={"if-match": '"old"'}).status_code == 200
    assert client.delete("/whep/ses_1/guess").status_code == 404


@pytest.mark.parametrize("path", ["/whip/pub_1", "/whep/ses_1", CALL])
def test_other_origins_may_ask(client: TestClient[Litestar], path: str):
    """A preflight is answered 200 with what may be sent and read; no cookie counts, so any origin may (Fetch §3.2)."""
    asked = {
        "origin": "https://player.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }

    response = client.options(path, headers=asked)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers
    assert {"DELETE", "PATCH", "POST"} <= set(response.headers["access-control-allow-methods"].split(", "))
    assert {"authorization", "if-match"} <= set(response.headers["access-control-allow-headers"].split(", "))
    assert response.headers.get("accept-post") == (None if path == CALL else "application/sdp")


def test_other_origins_may_read_answers_and_refusals(client: TestClient[Litestar]):
    """Location, tag and links are exposed; an error is no opaque failure."""
    for response in (
        client.post("/whep/ses_1", headers=SDP, content="v=0 offer"),
        client.post("/whep/ses_1", headers={"content-type": "application/sdp"}, content="v=0 offer"),
        client.post("/whep/ses_1", headers=SDP, content="v" * 16_385),
        client.delete("/whep/ses_1/guess"),
    ):
        assert response.headers["access-control-allow-origin"] == "*"
        exposed = set(response.headers["access-control-expose-headers"].split(", "))
        assert {"location", "etag", "link", "accept-patch", "retry-after"} <= exposed


@pytest.mark.parametrize("path", ["/whip/pub_1", "/whep/ses_1", CALL, "/whep/ses_1/guess"])
def test_reading_tells_nothing(client: TestClient[Litestar], path: str):
    """GET and HEAD are 200 without content, alike for what is there and what is not; the type says WHEP."""
    for response in (client.get(path), client.head(path)):
        assert response.status_code == 200
        assert response.content == b""
        assert response.headers["content-type"].startswith("application/sdp")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/whep/ses_1", "POST"),
        ("PATCH", "/whip/pub_1", "POST"),
        ("DELETE", "/whep/ses_1", "POST"),
        ("PUT", CALL, "PATCH"),
        ("POST", CALL, "DELETE"),
    ],
)
def test_other_methods_are_refused(client: TestClient[Litestar], method: str, path: str, allowed: str):
    """405 with what is allowed (RFC 9110 §15.5.6)."""
    response = client.request(method, path, headers=SDP, content="v=0")

    assert response.status_code == 405
    assert allowed in response.headers["allow"].split(", ")
    assert method not in response.headers["allow"].split(", ")


def test_ice_servers_are_named_with_credentials_for_one_call(relay: FakeRelay):
    """One Link for each; a TURN server's password is what coturn reckons of the name under the shared secret."""
    clock = FakeClock()
    urls = ("stun:stun.example.net:3478", "turns:turn.example.net:443?transport=tcp")
    servers = IceServers(urls=urls, secret=b"shared", clock=clock)
    client = client_of(relay, calls=Calls(relay=relay, ice_servers=servers))

    links = client.post("/whep/ses_1", headers=SDP, content="v=0 offer").headers["link"].split(", ")

    assert links[0] == '<stun:stun.example.net:3478>; rel="ice-server"'
    form = r'<(.+)>; rel="ice-server"; username="(\d+):ses_1"; credential="(.+)"; credential-type="password"'
    found = re.fullmatch(form, links[1])
    assert found is not None
    assert found[1] == urls[1]
    assert int(found[2]) > clock.now().timestamp()
    digest = hmac.new(b"shared", f"{found[2]}:ses_1".encode(), hashlib.sha1).digest()
    assert found[3] == base64.b64encode(digest).decode()


def test_who_may_watch_is_told_the_servers_before_any_call(relay: FakeRelay):
    """As a browser takes them, under the person's name; nobody else is told, and none where none are configured."""
    servers = IceServers(urls=("stun:stun.example.net", "turn:turn.example.net"), secret=b"s", clock=FakeClock())
    calls = Calls(relay=relay, ice_servers=servers)

    assert needs_of(ice_servers.opt).action == "live.view"
    stun, turn = msgspec.to_builtins(ice_servers.fn(principal=OPERATOR, live_calls=calls))

    assert stun == {"urls": "stun:stun.example.net"}
    assert turn["username"].endswith(f":{OPERATOR.person_id}")
    assert ice_servers.fn(principal=OPERATOR, live_calls=Calls(relay=relay)) == ()


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://turn.example.net", b"shared"),
        ("turn:turn.example.net", b""),
        ("stun:a>; rel=x", b""),
        ("stun:stun.example.net?transport=tcp", b""),
        ("turn:", b"shared"),
    ],
)
def test_ice_servers_that_cannot_be_named_are_refused(url: str, secret: bytes):
    """Nothing gets into a header that is no server, and no TURN server goes without its secret."""
    with pytest.raises(IceServerError):
        IceServers(urls=(url,), secret=secret, clock=FakeClock())


def test_servers_are_hosts_that_a_key_set_names():
    """Sites may be sent to them: host and port, the usual one where none is given."""
    urls = ("stun:a.example.net", "turn:b.example.net", "turns:b.example.net", "turns:c.example.net:443?transport=tcp")

    assert server_hosts(urls) == ("a.example.net:3478", "b.example.net:3478", "b.example.net:5349", "c.example.net:443")


def test_entity_tags_are_read_as_they_stand():
    """A strong and a weak tag are two tags, and weak ones keep their mark: they match no strong one."""
    assert entity_tags(' "a" ,W/"a"') == ['"a"', 'W/"a"']
