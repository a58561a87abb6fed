"""Pairing: the device flow, what is believed of its answer, and what is pinned."""

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from partner_agent import cli, pairing
from partner_agent.identity import Identity, NotPairedError
from partner_agent.keystore import FileKeyStore, KeyStoreError
from partner_agent.pairing import Code, PairingError, pair, words
from partner_agent.store import Store
from partner_agent.wire import enrolment
from partner_agent.wire.tokens import LocalSigner, TokenError
from tests.fakes.clock import FakeClock
from tests.support.agents import PIN_HASH, Bench
from tests.support.lying_gateway import LyingGateway

pytestmark = pytest.mark.anyio
DEVICE = LocalSigner.generate("ES256")


class Portal:
    """The two endpoints of pairing; `answers` are given to the polls one after the other."""

    def __init__(self, clock: FakeClock, *answers: dict[str, Any]) -> None:
        self.clock, self.answers = clock, list(answers)
        self.times: list[float] = []
        self.codes: list[Code] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        form = dict(httpx.QueryParams(request.content.decode()))
        if request.url.path == "/oauth/device":
            url = "https://gw.example/oauth/token"
            enrolment.check_proof(form["jwk"], form["jwk_proof"], token_url=url, now=self.clock.now())
            answer = {"user_code": "BCDF-GHJK", "device_code": "d", "verification_uri": "https://gw.example/pair"}
            return httpx.Response(200, json={**answer, "expires_in": 600, "interval": 5})
        self.times.append(self.clock.monotonic())
        answer = self.answers.pop(0) if self.answers else {"error": "authorization_pending"}
        return httpx.Response(400 if "error" in answer else 200, json=answer)

    async def pair(self) -> enrolment.Pairing:
        async with httpx.AsyncClient(transport=httpx.MockTransport(self.handle)) as http:
            return await pair(
                http=http,
                gateway_url="https://gw.example/",
                device=DEVICE,
                host="nvr",
                version="0.1.0",
                clock=self.clock,
                show_code=self.codes.append,
            )


async def test_a_person_types_the_code_and_the_agent_gets_its_pairing(clock: FakeClock):
    """Pending, slow down, done: the wait grows by five seconds as RFC 8628 asks."""
    gateway = LyingGateway(clock)
    good = msgspec.to_builtins(gateway.pairing())
    portal = Portal(clock, {"error": "authorization_pending"}, {"error": "slow_down"}, good)

    pairing = await portal.pair()

    assert portal.codes[0].user_code == "BCDF-GHJK"
    assert [round(b - a) for a, b in zip(portal.times, portal.times[1:], strict=False)] == [5, 10]
    assert len(words(pairing)) == 12


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "invalid_grant"])
async def test_a_code_that_is_declined_or_over_pairs_nothing(clock: FakeClock, error: str):
    """Every other answer ends the attempt."""
    with pytest.raises(PairingError):
        await Portal(clock, {"error": error}).pair()


async def test_nobody_types_the_code(clock: FakeClock):
    """After its life the code is over."""
    with pytest.raises(PairingError, match="not typed in time"):
        await Portal(clock).pair()


@pytest.mark.parametrize(
    "change",
    [
        {"root": {"kty": "oct"}},
        {"key_sets": "x"},
        {"agent": None},
        {"agencies": {"age_1": "Police\n\nThe portal shows these 12 words"}},
        {"agencies": {"age_1": "Police\x1b[8m"}},
        {"agencies": {"age_1": "P" * 201}},
        {"agencies": {f"age_{number}": "Police" for number in range(17)}},
    ],
    ids=lambda change: str(change)[:40],
)
async def test_an_answer_of_another_shape_is_not_believed(clock: FakeClock, change: dict[str, Any]):
    """What cannot be read is not pinned, and no name draws on the screen where the 12 words are compared."""
    good = msgspec.to_builtins(LyingGateway(clock).pairing())

    with pytest.raises(PairingError):
        await Portal(clock, {**good, **change}).pair()


@pytest.mark.parametrize("what", ["root", "gateway", "link"])
def test_a_pairing_that_contradicts_itself_is_not_pinned(tmp_path: Path, clock: FakeClock, what: str):
    """Key sets of another root or gateway, or a link off their hosts."""
    gateway, other = LyingGateway(clock), LyingGateway(clock)
    change = {"root": {"root": dict(other.root.public.jwk)}, "gateway": {"gateway": "x"}}
    change["link"] = {"link_url": "wss://evil.example/agent/v1"}
    store = Store(tmp_path / "agent.db")

    with pytest.raises(TokenError):
        Identity.pin(store, msgspec.structs.replace(gateway.pairing(), **change[what]))
    with pytest.raises(NotPairedError):
        Identity(store)


def test_pairing_again_begins_a_new_lineage(tmp_path: Path, clock: FakeClock):
    """What one gateway's owner approved is not in force for the next: no document, no head of the other's log."""
    bench = Bench(tmp_path, clock)
    bench.share()
    before = bench.agent.policy.position
    bench.store.put("log_head", bench.gateway.head())

    pairing.settle(bench.store, LyingGateway(clock).pairing(), clock, adopt_key=lambda: None)
    bench.restart()

    after = bench.agent.policy.position
    assert (after.seq, after.lineage != before.lineage) == (0, True)
    assert bench.agent.proofs.head is None
    assert not bench.store.rows("SELECT 1 FROM account")
    paired = next(line for line in bench.agent.journal.newest(5) if line.kind == "paired")
    assert paired.body["head_before"]


def test_the_device_key_is_private_to_its_user(tmp_path: Path):
    """0600, refused when others can read it, and never overwritten."""
    keys = FileKeyStore(tmp_path, {})
    assert keys.load() is None
    first = keys.create()
    keys.adopt()
    path = tmp_path / "device.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.load().public == first.public
    assert "whoever copies the disk" in keys.describe()
    keys.create()
    assert keys.load().public == first.public
    keys.adopt()
    assert (tmp_path / "device.key.old").exists()
    assert keys.load().public != first.public
    path.chmod(0o644)

    with pytest.raises(KeyStoreError, match="others can read"):
        keys.load()


def test_a_sealed_key_opens_nowhere_else(tmp_path: Path):
    """With a machine secret the file alone is worth nothing."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, secret in ((here, b"a" * 32), (there, b"b" * 32)):
        folder.mkdir()
        (folder / "lenspact-seal").write_bytes(secret)
    keys = FileKeyStore(tmp_path, {"CREDENTIALS_DIRECTORY": str(here)})
    made = keys.create()
    keys.adopt()
    assert FileKeyStore(tmp_path, {"CREDENTIALS_DIRECTORY": str(here)}).load().public == made.public

    for environment in ({}, {"CREDENTIALS_DIRECTORY": str(there)}):
        with pytest.raises(KeyStoreError):
            FileKeyStore(tmp_path, environment).load()


def test_a_paired_site_is_paired_again_with_its_pin_only(tmp_path: Path, clock: FakeClock, capsys):
    """Without the PIN nothing is asked of anybody, and the key in use stays in use."""
    bench = Bench(tmp_path, clock)
    bench.store.close()
    keys = FileKeyStore(tmp_path, {})
    device = keys.create()
    keys.adopt()
    (tmp_path / "pin").write_text("000000")
    config = tmp_path / "agent.toml"
    config.write_text(
        f'state_dir = "{tmp_path}"\ngateway = "https://127.0.0.1:1"\nsite_pin_hash = "{PIN_HASH}"\n', encoding="utf-8"
    )

    code = cli.main(["--config", str(config), "enrol", "--yes", "--pin-file", str(tmp_path / "pin")])

    assert code == 1
    assert "Wrong PIN" in capsys.readouterr().err
    assert keys.load().public == device.public
    assert not (tmp_path / "device.key.new").exists()
