"""`lenspact` as people run it: processes, sockets, signals."""

import json
import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.edge.headers import FIXED
from tests.support import databases, sockets
from tests.support.processes import free_port, run_lenspact, running, serving, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Settings of a gateway of the test's own."""
    port = free_port()
    return {
        "LENSPACT_STATE_DIR": str(tmp_path / "state"),
        "LENSPACT_PORT": str(port),
        "LENSPACT_PUBLIC_URL": f"http://localhost:{port}",
        "LENSPACT_METRICS_PORT": str(free_port()),
    }


def test_serves_from_nothing(variables: dict[str, str], tmp_path: Path):
    """An empty folder becomes a ready gateway that shows no server name, logs no query, and ends when asked."""
    url, log = variables["LENSPACT_PUBLIC_URL"], tmp_path / "log"
    with serving(log=log, variables=variables, ready=url + "/readyz") as process:
        ready = httpx.get(url + "/readyz")
        page = httpx.get(url + "/sign-in?next=/canary5f2e", headers={"accept": "text/html"})
        other = httpx.get(url.replace("localhost", "127.0.0.1") + "/sign-in")
        metrics = httpx.get(f"http://127.0.0.1:{variables['LENSPACT_METRICS_PORT']}/metrics")
        public_metrics = httpx.get(url + "/metrics")
        second = run_lenspact("serve", variables=variables)
        doctor = run_lenspact("doctor", variables=variables)
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]

    assert ready.json()["status"] == "ok"
    assert page.status_code == 200
    assert all(page.headers[name] == value for name, value in FIXED.items())
    assert "server" not in page.headers
    assert (other.status_code, other.headers["location"]) == (307, url + "/sign-in")
    assert 'lenspact_http_requests_total{method="GET",route="/sign-in",status="200"} 1' in metrics.text
    assert {"lenspact_relay_viewers 0", "lenspact_sites_connected 0"} <= set(metrics.text.splitlines())
    assert 'scrape_failed{state="relay"} 0' in metrics.text
    assert public_metrics.status_code == 404
    assert second.returncode == 1
    assert "Another gateway is running" in second.stderr
    assert (doctor.returncode, "FAIL" in doctor.stdout) == (0, False)
    assert "canary5f2e" not in log.read_text()
    assert {"/readyz", "/sign-in"} <= {line.get("route") for line in lines}
    assert not any(line.get("level") == "error" for line in lines), log.read_text()


def test_a_relay_that_hangs_is_told_and_ctrl_c_ends_both(variables: dict[str, str], tmp_path: Path):
    """Readiness asks the relay and does not only look for it; Ctrl-C in a terminal ends gateway and relay quietly."""
    url, log = variables["LENSPACT_PUBLIC_URL"], tmp_path / "log"
    with serving(log=log, variables=variables, ready=url + "/readyz") as process:
        (relay,) = sockets.family_of(process.pid) - {process.pid}
        os.kill(relay, signal.SIGSTOP)
        try:
            hangs = httpx.get(url + "/readyz")
        finally:
            os.kill(relay, signal.SIGCONT)
        goes_on = wait_for(url + "/readyz", process=process, log=log)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(10)

    assert (hangs.status_code, hangs.json()["checks"]["relay"]) == (503, "failing")
    assert goes_on.json()["status"] == "ok"
    assert not Path(f"/proc/{relay}").exists()
    assert "Traceback" not in log.read_text()


def test_set_up_makes_private_keys_and_an_admin_link(variables: dict[str, str]):
    """Set-up twice makes keys once; the link is for the public address; key files are private."""
    first = run_lenspact("setup", "--admin", "chief@city.example", variables=variables)
    keys = run_lenspact("keys", "show", variables=variables).stdout
    again = run_lenspact("setup", variables=variables)
    state = Path(variables["LENSPACT_STATE_DIR"])

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert variables["LENSPACT_PUBLIC_URL"] + "/sign-in/invitation/" in first.stdout
    assert run_lenspact("keys", "show", variables=variables).stdout == keys
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (state / "keys").glob("*.key")} == {0o600}
    assert run_lenspact("admin", "list", variables=variables).stdout.split() == [
        "chief@city.example",
        "admin",
        "invited",
    ]


def test_wrong_settings_are_told_in_one_line(variables: dict[str, str]):
    """No trace, exit status 2, the setting's name."""
    done = run_lenspact("serve", variables=variables | {"LENSPACT_PROT": "1"})
    split = run_lenspact("serve", "--role", "worker", variables=variables)

    assert (done.returncode, done.stderr) == (2, "lenspact: LENSPACT_PROT is not a setting\n")
    assert split.returncode == 2
    assert "postgres: or nats:" in split.stderr


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """An empty database."""
    name = databases.run(databases.create_database, postgres)
    yield databases.url_of(postgres, name).replace("postgresql+asyncpg", "postgresql")
    databases.run(databases.drop_database, postgres, name)


@pytest.mark.postgres
def test_every_role_as_a_process_of_its_own(variables: dict[str, str], postgres_url: str, tmp_path: Path):
    """Api, worker and relay apart: ready, because the worker signs the log and the relay answers."""
    apart = {"LENSPACT_DATABASE_URL": postgres_url, "LENSPACT_BUS": "postgres:", "LENSPACT_RELAY": "service"}
    variables = variables | apart
    assert run_lenspact("setup", variables=variables).returncode == 0
    url, lenspact = variables["LENSPACT_PUBLIC_URL"], [sys.executable, "-m", "gateway.app.cli", "serve", "--role"]
    with (
        running([*lenspact, "relay"], log=tmp_path / "relay", variables=variables) as relay,
        running([*lenspact, "worker"], log=tmp_path / "worker", variables=variables),
        running([*lenspact, "api"], log=tmp_path / "api", variables=variables) as api,
    ):
        ready = wait_for(url + "/readyz", process=api, log=tmp_path / "api")
        assert relay.poll() is None
        loaded = Path(f"/proc/{relay.pid}/cmdline").read_text()

    assert ready.json()["checks"]["relay"] == "ok"
    assert ready.json()["checks"]["log"] == "ok"
    assert "gateway.app.relay" in loaded


@pytest.mark.postgres
def test_serves_on_postgres(variables: dict[str, str], postgres_url: str, tmp_path: Path):
    """On PostgreSQL it refuses before migrate, says so, and is ready after."""
    variables = variables | {"LENSPACT_DATABASE_URL": postgres_url}
    early = run_lenspact("serve", variables=variables)
    migrated = run_lenspact("migrate", variables=variables)
    url = variables["LENSPACT_PUBLIC_URL"]
    with serving(log=tmp_path / "log", variables=variables, ready=url + "/readyz"):
        ready = httpx.get(url + "/readyz")

    assert early.returncode == 1
    assert "lenspact migrate" in early.stderr
    assert migrated.returncode == 0, migrated.stderr
    assert ready.json()["status"] == "ok", ready.text
