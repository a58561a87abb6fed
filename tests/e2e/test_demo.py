"""`lenspact demo`, started, used, ended and started again as a person does."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support import outside, sockets
from tests.support.processes import ROOT, run_lenspact

READY_S, END_S = 300.0, 20.0  # the first time the footage is encoded
FOOTAGE = ROOT / ".demo-footage"  # kept, as `make demo` keeps it


@contextmanager
def demo(folder: Path, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A ready demo in a terminal's process group of its own."""
    command = [sys.executable, "-m", "gateway.app.cli", "demo", "--folder", str(folder), "--footage", str(FOOTAGE)]
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        until = time.monotonic() + READY_S  # noqa: TID251  (a real process needs real time)
        while not (folder / "ready.json").is_file():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < until, output.read_text()  # noqa: TID251
            outside.wait_a_moment()
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(END_S)


@pytest.mark.slow
def test_the_demo_runs_on_loopback_ends_by_ctrl_c_and_goes_on(tmp_path: Path):
    """Sign-ins are printed, nothing but loopback is open, Ctrl-C leaves nothing behind, the next start goes on."""
    folder, first, second = tmp_path / "demo", tmp_path / "first", tmp_path / "second"
    with demo(folder, first) as process:
        origin = json.loads((folder / "ready.json").read_text())["origin"]
        ready = httpx.get(origin + "/readyz")
        family = sockets.family_of(process.pid)
        opened = sockets.open_to_others(family)
        codes = run_lenspact("demo", "--codes", "--folder", str(folder), variables={})
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        status = process.wait(END_S)
    left = {pid for pid in family if Path(f"/proc/{pid}").exists()}
    with demo(folder, second) as process:
        again = json.loads((folder / "ready.json").read_text())["origin"]
    said, then = first.read_text(), second.read_text()

    assert ready.json() == {"status": "ok", "checks": dict.fromkeys(ready.json()["checks"], "ok")}
    assert len(family) >= 4  # gateway, relay, agent, cameras
    assert {protocol for protocol, _, _ in opened} >= {"tcp", "udp"}
    assert all(sockets.is_loopback(address) for _, address, _ in opened), opened
    assert (status, left) == (0, set()), said
    assert said.splitlines()[-1] == "The demo has ended; its state is kept."
    for text in (said, then, codes.stdout):
        assert len(re.findall(r"@city\.example +password \S+ +code \d{6}$", text, re.MULTILINE)) == 4
        assert "Traceback" not in text
        assert '{"' not in text  # lines for machines are in the demo's log folder
    assert again == origin
    assert _passwords(then) == _passwords(said) == _passwords(codes.stdout)
    assert _link(then) != _link(said)


def test_live_codes_are_for_a_demo_alone(tmp_path: Path):
    """A gateway's own state, an empty folder and a missing one show no code."""
    state = tmp_path / "state"
    assert run_lenspact("setup", variables={"LENSPACT_STATE_DIR": str(state)}).returncode == 0
    for folder in (state, tmp_path, tmp_path / "none"):
        shown = run_lenspact("demo", "--codes", "--folder", str(folder), variables={})

        assert (shown.returncode, shown.stdout) == (1, "")
        assert "holds no demo; one-time codes are shown for the demo alone" in shown.stderr


def test_a_demo_begins_in_no_folder_of_something_else(tmp_path: Path):
    """A folder that holds anything else is left as it is."""
    (tmp_path / "lenspact.db").touch()
    refused = run_lenspact("demo", "--folder", str(tmp_path), variables={})

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"lenspact demo: {tmp_path} holds something else than a demo: choose an empty folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["lenspact.db"]


def _passwords(text: str) -> list[str]:
    return re.findall(r"password (\S+)", text)


def _link(text: str) -> str:
    found = re.search(r"one-time link: (http\S+/sign-in/link/\S+)", text)
    assert found, text
    return found[1]
