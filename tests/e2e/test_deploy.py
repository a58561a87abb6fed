"""What is in `deploy/` works as it stands: units verify, their start lines run, Caddy passes everything through."""

import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from gateway.edge.headers import FIXED
from tests.support import outside
from tests.support.processes import ROOT, free_port, run_lenspact, running, serving, wait_for

pytestmark = pytest.mark.slow

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
CADDY_ADDRESS, TURN_ADDRESS = "127.0.0.1", "127.0.0.2"
PROGRAMS = {"/opt/lenspact/bin/lenspact": "gateway.app.cli", "/opt/lenspact/bin/lenspact-agent": "partner_agent.cli"}


def _variables(file: str) -> dict[str, str]:
    lines = (DEPLOY / file).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _start_line(unit: Path) -> list[str]:
    found = re.search(r"^ExecStart=(.+)$", unit.read_text(), re.MULTILINE)
    assert found
    words = shlex.split(found.group(1).replace("${ROLE}", "all"))
    return [sys.executable, "-m", PROGRAMS[words[0]], *words[1:]]


def _here(tmp_path: Path) -> dict[str, str]:
    port = free_port()
    changes = {
        "LENSPACT_STATE_DIR": str(tmp_path / "state"),
        "LENSPACT_PORT": str(port),
        "LENSPACT_METRICS_PORT": str(free_port()),
        "LENSPACT_MEDIA_ADDRESSES": "127.0.0.1",
        "LENSPACT_MEDIA_PORT": "0",
        "LENSPACT_SMTP_HOST": "",
    }
    return _variables("gateway.env.example") | changes


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_verifies(unit: Path, tmp_path: Path):
    """Systemd finds nothing to complain about, and rates the exposure low."""
    analyze = outside.need("systemd-analyze", package="systemd")
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"/opt/lenspact/bin/[\w-]+", "/bin/true", unit.read_text()))
    verified = subprocess.run([analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False)
    rated = subprocess.run(
        [analyze, "security", "--offline=yes", "--no-pager", "--threshold=30", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )

    complaints = [line for line in verified.stderr.splitlines() if unit.name in line]
    assert (verified.returncode, complaints) == (0, []), verified.stderr
    assert rated.returncode == 0, rated.stdout[-500:]


def test_units_name_files_that_exist():
    """Each unit's environment file has an example here, and each start line a program of ours."""
    for unit in UNITS:
        text = unit.read_text()
        named = re.search(r"EnvironmentFile=/etc/lenspact/(\S+)", text)
        assert named
        assert (DEPLOY / f"{named.group(1)}.example").is_file()
        assert _start_line(unit)


def test_gateway_unit_starts(tmp_path: Path):
    """The start lines of gateway and relay with the example settings (ports and folder of the test) become ready."""
    variables = _here(tmp_path) | {"LENSPACT_RELAY": "service"}
    assert run_lenspact("setup", variables=variables).returncode == 0
    log, units = tmp_path / "log", DEPLOY / "systemd"
    with (
        running(_start_line(units / "lenspact-relay.service"), log=tmp_path / "relay", variables=variables),
        running(_start_line(units / "lenspact-gateway.service"), log=log, variables=variables) as process,
    ):
        ready = wait_for(f"http://127.0.0.1:{variables['LENSPACT_PORT']}/readyz", process=process, log=log)

    assert ready.json()["status"] == "ok"


def test_agent_unit_starts_as_far_as_an_unpaired_agent_can(tmp_path: Path):
    """The agent's start line reads its settings and says what is missing: the pairing."""
    variables = _variables("agent.env.example") | {"LENSPACT_AGENT_STATE_DIR": str(tmp_path / "agent")}
    del variables["LENSPACT_AGENT_CONFIG"]
    done = subprocess.run(
        _start_line(DEPLOY / "systemd/lenspact-agent.service"),
        env={**os.environ, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "enrol" in done.stderr


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ssl.SSLContext, Path]]:
    """A gateway behind the Caddyfile as it stands, with a certificate of Caddy's own authority."""
    caddy = outside.need("caddy", package="caddy")
    folder = tmp_path_factory.mktemp("caddy")
    port, plain = free_port(), free_port()
    variables = _here(folder) | {"LENSPACT_PUBLIC_URL": f"https://localhost:{port}"}
    options = folder / "options"
    alone = f"default_bind {CADDY_ADDRESS}\n"  # the guide's line where TURN wants 443 of another address
    options.write_text(f"https_port {port}\nhttp_port {plain}\nlocal_certs\nskip_install_trust\n{alone}")
    site = {
        "LENSPACT_SITE": f"localhost:{port}",
        "LENSPACT_UPSTREAM": f"127.0.0.1:{variables['LENSPACT_PORT']}",
        "LENSPACT_CADDY_OPTIONS": str(options),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    ready = f"http://127.0.0.1:{variables['LENSPACT_PORT']}/readyz"
    command = [caddy, "run", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")]
    log = folder / "caddy.log"
    with (
        serving(log=folder / "log", variables=variables, ready=ready),
        running(command, log=log, variables=site) as process,
    ):
        wait_for(f"https://localhost:{port}/healthz", process=process, log=log, verify=False)
        root = folder / "caddy/pki/authorities/local/root.crt"
        yield f"https://localhost:{port}", ssl.create_default_context(cafile=root), folder / "state"
    shutil.rmtree(folder / "caddy", ignore_errors=True)


def test_caddy_leaves_the_port_of_a_second_address_to_turn(https: tuple[str, ssl.SSLContext, Path]):
    """Both can have 443: each of the address it was given."""
    url, _, _ = https
    with socket.create_server((TURN_ADDRESS, int(url.rpartition(":")[2]))), pytest.raises(OSError, match="in use"):
        socket.create_server((CADDY_ADDRESS, int(url.rpartition(":")[2])))


def test_caddy_passes_headers_and_cookies(https: tuple[str, ssl.SSLContext, Path]):
    """Over TLS there is HSTS, the whole header set once, a __Host- cookie, and no server's name."""
    url, trust, _ = https
    with httpx.Client(base_url=url, verify=trust, headers={"accept": "text/html"}) as client:
        page = client.get("/sign-in/owner")
        sheet = re.search(r'href="(/static/[^"]+\.css)"', page.text)
        assert sheet
        style = client.get(sheet.group(1), headers={"accept-encoding": "gzip"})

    assert page.status_code == 200
    for name, value in FIXED.items():
        assert page.headers.get_list(name) == [value]
    assert page.headers["strict-transport-security"].startswith("max-age=63072000")
    assert {"server", "via"}.isdisjoint(page.headers)
    assert page.headers["set-cookie"].startswith("__Host-lenspact-visit=")
    assert "content-encoding" not in page.headers
    assert style.headers["content-encoding"] == "gzip"


def test_caddy_passes_forms_and_streams(https: tuple[str, ssl.SSLContext, Path]):
    """An owner registers and signs in through the proxy, and their event stream arrives without waiting for its end."""
    url, trust, state = https
    origin = {"origin": url, "sec-fetch-site": "same-origin", "accept": "text/html"}
    with httpx.Client(base_url=url, verify=trust, headers=origin, timeout=30) as client:
        form = {
            "kind": "business",
            "name": "Shop",
            "address": "1 Main St",
            "contact_name": "Rosa",
            "email": "r@s.example",
        }
        token = _csrf(client.get("/register").text)
        assert client.post("/register", data=form | {"leave_empty": "", "csrf": token}).status_code in {200, 303}
        link = _link(state, url)
        signed_in = client.post(link, data={"csrf": _csrf(client.get(link).text)})
        assert signed_in.status_code == 303, signed_in.text
        assert client.cookies["__Host-lenspact"]
        with client.stream("GET", "/portal/events") as events:
            assert events.headers["content-type"].startswith("text/event-stream")
            assert next(events.iter_raw())


def test_caddy_passes_websockets(https: tuple[str, ssl.SSLContext, Path]):
    """An agent's socket is opened through the proxy and hears the gateway's challenge."""
    url, trust, _ = https
    with connect(url.replace("https:", "wss:") + "/agent/v1", ssl=trust, compression=None, open_timeout=20) as socket:
        first = socket.recv(timeout=20)

    assert b"challenge" in (first if isinstance(first, bytes) else first.encode())


def test_client_cannot_choose_its_address(https: tuple[str, ssl.SSLContext, Path]):
    """A forged X-Forwarded-For does not give a client a new identity for counting attempts."""
    url, trust, _ = https
    with httpx.Client(base_url=url, verify=trust, headers={"origin": url}, timeout=30) as client:
        token = _csrf(client.get("/sign-in/owner").text)
        statuses = {
            client.post(
                f"/sign-in/link/{n}", data={"csrf": token}, headers={"x-forwarded-for": f"203.0.{n}.1"}
            ).status_code
            for n in range(62)
        }

    assert statuses == {401, 429}


def _csrf(html: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found, html
    return found.group(1)


def _link(state: Path, url: str) -> str:
    for _ in range(200):
        mails = sorted((state / "spool").glob("*.eml"))
        found = [re.search(re.escape(url) + r"(/sign-in/link/\S+)", _text(mail)) for mail in mails]
        if found and found[-1]:
            return found[-1].group(1)
        outside.wait_a_moment()
    raise AssertionError("no mail arrived")


def _text(path: Path) -> str:
    return str(message_from_bytes(path.read_bytes(), policy=policy.default).get_content())
