"""Programs of ours as processes of their own: started, waited for, stopped by their id."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support import outside

ROOT = Path(__file__).parents[2]
START_S = 60.0


def free_port() -> int:
    """A TCP port that nobody uses now on either loopback."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def run_lenspact(
    *arguments: str, variables: Mapping[str, str], timeout_s: float = START_S
) -> subprocess.CompletedProcess[str]:
    """`lenspact arguments` to its end."""
    command = [sys.executable, "-m", "gateway.app.cli", *arguments]
    return subprocess.run(
        command, env=_environ(variables), cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
    )


@contextmanager
def running(command: Sequence[str], *, log: Path, variables: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process while inside the block: asked to end, then killed."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=_environ(variables), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def serving(*arguments: str, log: Path, variables: Mapping[str, str], ready: str) -> Iterator[subprocess.Popen[bytes]]:
    """`lenspact serve …`, ready to answer at `ready`."""
    with running(
        [sys.executable, "-m", "gateway.app.cli", "serve", *arguments], log=log, variables=variables
    ) as process:
        wait_for(ready, process=process, log=log)
        yield process


def wait_for(url: str, *, process: subprocess.Popen[bytes], log: Path, verify: bool | str = True) -> httpx.Response:
    """The first answer below 500 from `url`."""
    until = time.monotonic() + START_S  # noqa: TID251  (a real process needs real time)
    while time.monotonic() < until:  # noqa: TID251
        assert process.poll() is None, log.read_text(errors="replace")
        try:
            answer = httpx.get(url, verify=verify, timeout=5)
            if answer.status_code < 500:
                return answer
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} did not answer: {log.read_text(errors='replace')[-2000:]}")


def _environ(variables: Mapping[str, str]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LENSPACT_")}
    return clean | {"PYTHONUNBUFFERED": "1"} | dict(variables)


def newest_mail(spool: Path) -> Path:
    """The mail that was written last; waits for the first, which is written after the page that promised it."""
    for _ in range(200):
        if found := sorted(spool.glob("*.eml")):
            return found[-1]
        outside.wait_a_moment()
    raise AssertionError(f"no mail in {spool}")
