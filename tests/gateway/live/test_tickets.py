"""Stream tickets: what opens nothing, and that another library agrees about each one that does."""

import base64
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from gateway.kernel.keyring import TicketSigner
from gateway.live import tickets
from gateway.live.tickets import InvalidTicketError, TicketIssuer, TicketReader
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds

FINGERPRINT = ":".join(["AB"] * 32)
SIGNER = TicketSigner(ECKey.generate_key("P-256"))


@pytest.fixture
def issuer(clock: FakeClock, ids: SequentialIds) -> TicketIssuer:
    """What makes tickets."""
    return TicketIssuer(key=SIGNER, issuer="gw", clock=clock, ids=ids)


@pytest.fixture
def reader(clock: FakeClock) -> TicketReader:
    """The relay they are for."""
    return make_reader(clock)


def make_reader(clock: FakeClock, relay: str = "relay-1", signer: TicketSigner = SIGNER) -> TicketReader:
    """A relay's check, started now."""
    return TicketReader(public_jwk=dict(signer.public.jwk), issuer="gw", relay=relay, clock=clock)


def viewing(issuer: TicketIssuer, session: str = "ses_1") -> str:
    """A good viewer's ticket."""
    return issuer.for_viewer(session=session, camera="cam_1", fingerprint=FINGERPRINT, relay="relay-1")


def claims_of(clock: FakeClock, **changed: Any) -> dict[str, Any]:
    """Good claims, changed; None leaves one out."""
    now = int(clock.now().timestamp())
    claims = {
        "iss": "gw", "aud": "relay-1", "sub": "ses_1", "jti": "1", "iat": now, "nbf": now, "exp": now + 30,
        "use": "whep", "camera": "cam_1", "fingerprint": FINGERPRINT, "agent": "",
    }  # fmt: skip
    return {name: value for name, value in (claims | changed).items() if value is not None}


def signed(claims: dict[str, Any], key: Any = SIGNER.key, **header: Any) -> str:
    """A token signed by another library."""
    header = {"alg": "ES256", "typ": tickets.TYP} | header
    return jwt.encode(header, claims, key, algorithms=[header["alg"]])


def test_a_ticket_opens_its_door_once(issuer: TicketIssuer, reader: TicketReader):
    """The claims come back; the second use is refused."""
    token = viewing(issuer)

    ticket = reader.take(token, use="whep", subject="ses_1")

    assert (ticket.camera, ticket.fingerprint) == ("cam_1", FINGERPRINT)
    with pytest.raises(InvalidTicketError):
        reader.take(token, use="whep", subject="ses_1")


def test_a_publisher_s_ticket(issuer: TicketIssuer, reader: TicketReader):
    """A site's ticket names the agent and no browser."""
    token = issuer.for_publication(publication="pub_1", camera="cam_1", agent="agt_1", relay="relay-1")

    assert reader.take(token, use="whip", subject="pub_1").agent == "agt_1"


@pytest.mark.parametrize(("use", "subject"), [("whip", "ses_1"), ("whep", "ses_2"), ("whep", "")])
def test_a_ticket_opens_no_other_door(issuer: TicketIssuer, reader: TicketReader, use: Any, subject: str):
    """Neither another session, nor the publisher's door; and the failed try does not use it up."""
    token = viewing(issuer)

    with pytest.raises(InvalidTicketError):
        reader.take(token, use=use, subject=subject)
    reader.take(token, use="whep", subject="ses_1")


def test_a_ticket_is_for_one_relay(issuer: TicketIssuer, clock: FakeClock):
    """Another relay of the same gateway refuses it."""
    with pytest.raises(InvalidTicketError):
        make_reader(clock, relay="relay-2").take(viewing(issuer), use="whep", subject="ses_1")


def test_a_late_ticket_opens_nothing(issuer: TicketIssuer, reader: TicketReader, clock: FakeClock):
    """At thirty seconds it is over."""
    token = viewing(issuer)
    clock.advance(30)

    with pytest.raises(InvalidTicketError):
        reader.take(token, use="whep", subject="ses_1")


def test_a_ticket_from_before_the_relay_started_opens_nothing(issuer: TicketIssuer, clock: FakeClock):
    """A restarted relay has forgotten which were used."""
    token = viewing(issuer)
    clock.advance(1)

    with pytest.raises(InvalidTicketError):
        make_reader(clock).take(token, use="whep", subject="ses_1")


def test_a_relay_takes_the_tickets_since_its_predecessor_was_gone(issuer: TicketIssuer, clock: FakeClock):
    """Starting takes a second or two; what was issued meanwhile opens, what may have been used before does not."""
    before = viewing(issuer)
    clock.advance(0.25)
    begun_at = clock.now().timestamp()
    clock.advance(0.75)
    meanwhile = viewing(issuer)
    clock.advance(1.5)
    reader = TicketReader(
        public_jwk=dict(SIGNER.public.jwk), issuer="gw", relay="relay-1", clock=clock, begun_at=begun_at
    )

    assert reader.since == begun_at + 0.75
    with pytest.raises(InvalidTicketError):
        reader.take(before, use="whep", subject="ses_1")
    assert reader.take(meanwhile, use="whep", subject="ses_1")


def test_a_start_in_the_future_is_now(issuer: TicketIssuer, clock: FakeClock):
    """A parent's clock that runs ahead must not shut the door for longer than a second."""
    begun_at = clock.now().timestamp() + 3_600
    reader = TicketReader(
        public_jwk=dict(SIGNER.public.jwk), issuer="gw", relay="relay-1", clock=clock, begun_at=begun_at
    )

    assert reader.take(viewing(issuer), use="whep", subject="ses_1")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "other"}, {"aud": ["relay-1"]}, {"exp": None}, {"nbf": None}, {"iat": None}, {"jti": None},
        {"sub": None}, {"aud": None},
        {"fingerprint": ""}, {"fingerprint": FINGERPRINT.lower()}, {"extra": 1}, {"use": "both"},
        {"exp": 99_999_999_999}, {"exp": 1}, {"nbf": 1}, {"exp": 1e400}, {"iat": "1"},
    ],
)  # fmt: skip
def test_wrong_claims_open_nothing(clock: FakeClock, reader: TicketReader, changed: dict[str, Any]):
    """Signed by the right key, and still refused: missing, foreign, longer-lived, of another type."""
    with pytest.raises(InvalidTicketError):
        reader.take(signed(claims_of(clock, **changed)), use="whep", subject="ses_1")


def with_header(token: str, **changed: Any) -> str:
    """The same signature under another header: what a forger can do without the key."""
    header, rest = token.split(".", 1)
    fields = json.loads(base64.urlsafe_b64decode(header + "==")) | changed
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).rstrip(b"=").decode() + "." + rest


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"jku": "https://evil.example"},
        {"x5u": "https://evil.example"},
        {"zip": "DEF"},
        {"b64": False},
    ],
)
def test_foreign_headers_open_nothing(issuer: TicketIssuer, reader: TicketReader, header: dict[str, Any]):
    """No header may name a key, a place, or a rule that we do not apply."""
    with pytest.raises(InvalidTicketError):
        reader.take(with_header(viewing(issuer), **header), use="whep", subject="ses_1")


def test_a_signed_header_with_its_own_key_opens_nothing(clock: FakeClock, reader: TicketReader):
    """A token that brings the key it was signed with is refused."""
    key = ECKey.generate_key("P-256")

    with pytest.raises(InvalidTicketError):
        reader.take(signed(claims_of(clock), key, jwk=key.as_dict(private=False)), use="whep", subject="ses_1")


@pytest.mark.parametrize("typ", ["JWT", "grant+jwt", "lease+jwt", "promise+jwt", "keyset+jwt"])
def test_another_class_of_token_opens_nothing(clock: FakeClock, reader: TicketReader, typ: str):
    """Even when signed by the ticket's own key."""
    with pytest.raises(InvalidTicketError):
        reader.take(signed(claims_of(clock), typ=typ), use="whep", subject="ses_1")


def hs256(claims: dict[str, Any], secret: bytes) -> str:
    """A token whose shared secret is `secret`, made by hand, for honest libraries refuse."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": tickets.TYP}, claims)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.digest(secret, text, "sha256")).rstrip(b"=")
    return (text + b"." + mac).decode()


@pytest.mark.parametrize("secret", ["pem", "der", "raw"])
def test_the_public_key_is_no_shared_secret(clock: FakeClock, reader: TicketReader, secret: str):
    """HS256 with the public key in any form as its secret: python-jose's known confusion, fenced out."""
    key = SIGNER.key
    forms = {
        "pem": key.as_pem(private=False),
        "der": key.as_der(private=False),
        "raw": b"\x04"
        + base64.urlsafe_b64decode(key.as_dict()["x"] + "=")
        + base64.urlsafe_b64decode(key.as_dict()["y"] + "="),
    }
    token = hs256(claims_of(clock), forms[secret])

    with pytest.raises(InvalidTicketError):
        reader.take(token, use="whep", subject="ses_1")


def test_alg_none_opens_nothing(issuer: TicketIssuer, reader: TicketReader):
    """Unsigned tokens are refused, with and without the signature part."""
    token = with_header(viewing(issuer), alg="none")

    for forged in (token, token.rsplit(".", 1)[0] + "."):
        with pytest.raises(InvalidTicketError):
            reader.take(forged, use="whep", subject="ses_1")


def test_another_library_agrees(issuer: TicketIssuer):
    """Every ticket verifies the same under joserfc (the exit path from python-jose)."""
    token = viewing(issuer)

    checked = jwt.decode(token, SIGNER.key, algorithms=["ES256"])

    assert checked.header["typ"] == tickets.TYP
    assert checked.claims["fingerprint"] == FINGERPRINT


@given(st.integers(0, 700), st.binary(min_size=1, max_size=3))
def test_what_we_accept_the_other_library_accepts(at: int, noise: bytes):
    """Damage a ticket anywhere: if we still take it, joserfc does too; anything else is our one refusal."""
    clock = FakeClock()
    token = bytearray(viewing(TicketIssuer(key=SIGNER, issuer="gw", clock=clock, ids=SequentialIds())).encode())
    token[at % len(token) : at % len(token) + len(noise)] = noise
    text = token.decode("latin-1")
    try:
        make_reader(clock).take(text, use="whep", subject="ses_1")
    except InvalidTicketError:
        return
    try:
        jwt.decode(text, SIGNER.key, algorithms=["ES256"])
    except JoseError:
        pytest.fail("python-jose took what joserfc refuses")


def test_memory_of_used_tickets_is_bounded(monkeypatch: pytest.MonkeyPatch):
    """When too many are remembered the answer is no; the expired make room."""
    monkeypatch.setattr(tickets, "MAX_USED", 2)
    used = tickets.UsedTickets()

    assert used.add("a", expires=10, now=0)
    assert used.add("b", expires=20, now=0)
    assert not used.add("c", expires=30, now=5)
    assert used.add("c", expires=30, now=10)


def test_used_tickets_are_forgotten_once_no_clock_can_make_them_good_again():
    """A clock that is set back by minutes opens nothing twice, and what is long over takes up no memory."""
    used = tickets.UsedTickets()
    for number in range(6_000):  # one each tenth of a second, each good for thirty
        assert used.add(f"t{number}", expires=number // 10 + 30, now=number / 10)

    assert not used.add("t5999", expires=629, now=599)
    assert not used.add("t0", expires=30, now=0)
    for number in range(6_000, 12_000):
        assert used.add(f"t{number}", expires=number // 10 + 30, now=number / 10)
    assert len(used._expiry) < 6_400


def test_tickets_of_the_wrong_kind_are_never_made(issuer: TicketIssuer):
    """A viewer's ticket without a fingerprint would bind nobody."""
    with pytest.raises(ValueError, match="fingerprint"):
        issuer.for_viewer(session="ses_1", camera="cam_1", fingerprint="", relay="relay-1")
