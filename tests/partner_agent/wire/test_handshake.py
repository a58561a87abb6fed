"""The handshake: each end proves its key for this challenge, this URL, this moment."""

import pytest

from partner_agent.wire import classes, enrolment, handshake
from partner_agent.wire.tokens import LocalSigner, TokenError
from tests.fakes.clock import START, FakeClock

DEVICE, OTHER = LocalSigner.generate("ES256"), LocalSigner.generate("ES256")
LINK = LocalSigner.generate("Ed25519")
URL = "wss://gw.example/agent/v1"


def _proof(**changed: object) -> str:
    said = {
        "agent": "agt_1",
        "url": URL,
        "nonce": "n1",
        "agent_nonce": "a1",
        "epoch": 4,
        "boot_id": "b",
        "version": "0.1",
        "keyset_version": 1,
        "lineage": "l",
        "now": START,
    }
    return handshake.make_proof(DEVICE, **(said | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "token",
    [
        _proof(nonce="n0"),
        _proof(url="wss://evil.example/agent/v1"),
        _proof(agent="agt_2"),
        _proof(epoch=-1),
    ],
    ids=["replay", "relayed from another gateway", "another agent", "odd epoch"],
)
def test_a_proof_for_anything_else_is_refused(token: str):
    """A proof counts for one challenge, one URL and one agent."""
    with pytest.raises(TokenError):
        handshake.check_proof(token, DEVICE.public, agent="agt_1", url=URL, nonce="n1")


def test_a_proof_by_another_device_is_refused():
    """Knowing the agent's name is not having its key."""
    with pytest.raises(TokenError):
        handshake.check_proof(_proof(), OTHER.public, agent="agt_1", url=URL, nonce="n1")


def _welcome(signer: LocalSigner, proof: str) -> str:
    read = handshake.check_proof(proof, DEVICE.public, agent="agt_1", url=URL, nonce="n1")
    return handshake.make_welcome(
        signer.only(classes.WELCOME), read, gateway="gw", epoch=read.epoch + 1, link="lnk_1", now=START
    )


def test_both_ends_prove():
    """The welcome is good for the proof it answers."""
    proof = _proof()

    found = handshake.check_welcome(
        _welcome(LINK, proof), (LINK.public,), gateway="gw", agent="agt_1", agent_nonce="a1", proof=proof
    )

    assert (found.epoch, found.link) == (5, "lnk_1")


def test_a_welcome_for_another_proof_is_refused():
    """A recorded welcome does not open a later link."""
    with pytest.raises(TokenError):
        handshake.check_welcome(
            _welcome(LINK, _proof()), (LINK.public,), gateway="gw", agent="agt_1", agent_nonce="a1", proof=_proof()
        )


def test_a_welcome_by_a_key_outside_the_key_set_is_refused():
    """A server that only ends TLS cannot greet."""
    proof = _proof()

    with pytest.raises(TokenError):
        handshake.check_welcome(
            _welcome(LocalSigner.generate("Ed25519"), proof),
            (LINK.public,),
            gateway="gw",
            agent="agt_1",
            agent_nonce="a1",
            proof=proof,
        )


def test_an_enrolment_needs_the_private_key(clock: FakeClock):
    """A public key copied from elsewhere cannot be registered, nor at another gateway, nor later."""
    import json

    url = "https://gw.example/oauth/token"
    proof = enrolment.make_proof(DEVICE, token_url=url, now=clock.now())
    mine, other = (json.dumps(dict(signer.public.jwk)) for signer in (DEVICE, OTHER))

    assert enrolment.check_proof(mine, proof, token_url=url, now=clock.now()) == DEVICE.public
    with pytest.raises(TokenError):
        enrolment.check_proof(other, proof, token_url=url, now=clock.now())
    with pytest.raises(TokenError):
        enrolment.check_proof(mine, proof, token_url="https://evil.example/oauth/token", now=clock.now())
    clock.advance(151)
    with pytest.raises(TokenError):
        enrolment.check_proof(mine, proof, token_url=url, now=clock.now())
