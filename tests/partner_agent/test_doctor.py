"""`lenspact-agent doctor`: it lets the running agent look, and says what fails; scripts read its exit status."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from partner_agent import cli, control, doctor
from partner_agent.checks import Looks, NoNetwork
from partner_agent.doctor import Finding
from partner_agent.rtc import buffers
from partner_agent.rtc.netcheck import NetworkFindings
from partner_agent.rtc.turn import TurnServer
from partner_agent.wire.diagnosis import Level
from tests.fakes.clock import FakeClock
from tests.support.agents import Bench

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[None]:
    """An agent at work, without a link, that answers its terminal."""
    bench.agent.outbox.close()
    async with bench.at_work(), anyio.create_task_group() as tasks:
        tasks.start_soon(control.serve, control.socket_path(bench.folder), bench.agent.site)
        with anyio.fail_after(5):
            while not await _answers(bench.folder):
                await anyio.lowlevel.checkpoint()
        yield
        tasks.cancel_scope.cancel()


async def _answers(folder: Path) -> bool:
    try:
        return bool(await control.call(folder, do="status"))
    except control.NotRunningError:
        return False


def told(findings: list[Finding], topic: str) -> list[tuple[Level, str]]:
    """What is said of one topic."""
    return [(finding.level, finding.sentence) for finding in findings if finding.topic == topic]


async def test_it_lets_the_agent_look_and_waits_for_what_it_finds(tmp_path: Path, clock: FakeClock):
    """As the check's own lines, the clock once, and what is wrong with its remedy."""
    bench = Bench(tmp_path, clock)
    async with running(bench):
        before = await doctor.examine(bench.settings, is_looking=False)
        findings = await doctor.examine(bench.settings)
        after = await doctor.examine(bench.settings, is_looking=False)

    assert told(before, "check") == [(Level.CARE, "Connection and cameras were not looked at yet.")]
    assert [sentence[:46] for _, sentence in told(findings, "check")] == [
        "Connection and cameras, as they were at 2026-1"
    ]
    assert told(findings, "network")[0][0] is Level.CARE
    assert len(told(findings, "clock")) == 1
    assert told(findings, "link") == [(Level.BAD, "The link is down.")]
    assert told(after, "network") == told(findings, "network")
    assert all(finding.remedy for finding in findings if finding.level is Level.BAD)


class OddNetwork(NoNetwork):
    """Fails as nobody foresaw."""

    async def examine(self, stun: Sequence[tuple[str, int]], turn: Sequence[TurnServer]) -> NetworkFindings:
        """Asks nobody."""
        raise ZeroDivisionError("10.0.0.7")


async def test_a_look_that_failed_as_nobody_foresaw_is_a_row_of_its_own(tmp_path: Path, clock: FakeClock):
    """With the remedy, and without the error's text; the agent goes on, and what else was found is there."""
    bench = Bench(tmp_path, clock, looks=Looks(network=OddNetwork()))
    async with running(bench):
        findings = await doctor.examine(bench.settings)

    assert [finding.level for finding in findings if finding.topic == "check"] == [Level.GOOD, Level.BAD]
    assert told(findings, "check")[1][1] == "An error nobody foresaw ended the newest look at the network."
    assert len(told(findings, "network")) == 1


async def test_a_state_of_the_site_is_said_as_its_page_says_it(tmp_path: Path, clock: FakeClock):
    """What is so, what to do, and where the page is."""
    bench = Bench(tmp_path, clock)
    bench.agent.switches.pause(None, by="site")
    async with running(bench):
        found = [each for each in await doctor.examine(bench.settings, is_looking=False) if each.topic == "site"]

    assert [each.sentence for each in found] == ["Paused."]
    assert "Nothing leaves this site." in found[0].remedy
    assert found[0].remedy.endswith(f"http://127.0.0.1:{bench.settings.page_port}/")


@pytest.mark.parametrize(
    ("state", "advice", "said", "remedy"),
    [
        ("ok", "", "works", ""),
        ("frozen", "", "connected, and sends no pictures", "Restart the camera."),
        ("auth_failed", "It asks for another user.", "refuses the password", "It asks for another user."),
        ("gone", "", "does not answer", "Check its power and network."),
        ("unknown", "", "not opened yet", ""),
    ],
)
async def test_a_camera_is_said_as_the_sites_page_says_it(  # noqa: PLR0917 - one row of the table
    tmp_path: Path, clock: FakeClock, state: str, advice: str, said: str, remedy: str
):
    """What is so in words, and what to do: what the camera itself said, or the usual."""
    bench = Bench(tmp_path, clock)
    bench.cameras.become("cam_1", state, advice)
    async with running(bench):
        found = [each for each in await doctor.examine(bench.settings, is_looking=False) if each.topic == "camera"]

    assert (found[0].sentence, found[0].remedy) == (f"Camera Camera 1: {said}.", remedy)
    assert (found[0].level is Level.BAD) == (state in {"frozen", "auth_failed", "gone"})


async def test_without_an_agent_it_says_how_to_start_one(tmp_path: Path, clock: FakeClock):
    """What is on the disk is looked at all the same."""
    bench = Bench(tmp_path, clock)
    findings = await doctor.examine(bench.settings)

    assert told(findings, "agent") == [(Level.BAD, "The agent is not running.")]
    assert "systemctl start lenspact-agent" in doctor.as_text(findings)
    assert told(findings, "record") == [(Level.GOOD, "This site's own record is whole.")]


async def test_scripts_read_json_and_an_exit_status(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """1 where anything fails; one object on standard output, and nothing else."""
    bench = Bench(tmp_path, clock)
    monkeypatch.setenv("LENSPACT_AGENT_STATE_DIR", str(tmp_path))
    async with running(bench):
        status = await anyio.to_thread.run_sync(cli.main, ["doctor", "--json"])

    said = json.loads(capsys.readouterr().out)
    assert (status, said["is_well"]) == (1, False)
    assert {"level", "topic", "sentence", "remedy"} == set(said["findings"][0])
    assert "bad" in {finding["level"] for finding in said["findings"]}


@pytest.mark.parametrize(("given", "level"), [(212_992, Level.CARE), (buffers.WANTED_BYTES, Level.GOOD)])
def test_small_buffers_of_the_kernel_are_worth_attention(given: int, level: Level):
    """Pictures get lost by them, and no view fails; the remedy names the file."""
    found = doctor.media_buffers(given)

    assert found.level is level
    assert ("deploy/sysctl.d/lenspact.conf" in found.remedy) is (level is Level.CARE)


@pytest.mark.parametrize(
    ("level", "is_well", "mark"), [("good", True, "ok"), ("care", True, "look"), ("bad", False, "FAIL")]
)
def test_only_what_fails_is_a_failure(level: str, is_well: bool, mark: str):
    """What is worth attention stops no script; each line has its mark, and its remedy if there is one."""
    good, other = (
        Finding(Level.GOOD, "pin", "A site PIN is set."),
        Finding(Level(level), "key", "It looks.", "Do this."),
    )
    findings = [good, other]

    assert doctor.is_well(findings) is is_well
    assert json.loads(doctor.as_json(findings))["is_well"] is is_well
    assert doctor.as_text(findings).splitlines() == ["ok    A site PIN is set.", f"{mark:<4}  It looks. Do this."]
