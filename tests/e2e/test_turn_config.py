"""`deploy/turnserver.conf` starts coturn, and coturn then leads to the relay and to nowhere else."""

import re
import ssl
from pathlib import Path

import pytest
from aioice import stun

from partner_agent.rtc.turn import TurnError, TurnPort, servers_in
from tests.support import outside
from tests.support.nets import INTERNET, TURN_HOST, make_internet, on_an_internet
from tests.support.processes import ROOT, running
from tests.support.turn import SECRET, Turn, certificate_for, wait_until_it_listens

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
RELAY, OTHERS = "203.0.113.10", ("10.0.0.1", "192.168.1.20", "127.0.0.1", TURN_HOST, "198.51.100.99")


@on_an_internet
async def test_the_configuration_leads_to_the_relay_alone(tmp_path: Path):
    """A name of the gateway's gets a place, over UDP and over TLS at 443; whatever is not the relay is forbidden."""
    make_internet()
    program = outside.need("turnserver", package="coturn")
    certificate = certificate_for(tmp_path, TURN_HOST)
    here = {
        "203.0.113.11": TURN_HOST,
        RELAY: INTERNET,
        "PUT-THE-SECRET-HERE": SECRET.decode(),
        "/etc/coturn/fullchain.pem": str(certificate.certificate),
        "/etc/coturn/privkey.pem": str(certificate.key),
        "log-file=syslog": "log-file=stdout",
    }
    text = (ROOT / "deploy/turnserver.conf").read_text()
    for theirs, ours in here.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    (tmp_path / "turnserver.conf").write_text(text)
    log = tmp_path / "coturn.log"
    command = [program, "-c", str(tmp_path / "turnserver.conf"), "--pidfile=", f"--userdb={tmp_path / 'coturn.db'}"]
    with running(command, log=log, variables={}) as process:
        wait_until_it_listens(log, process)
        turn = Turn(TURN_HOST, 3478, 443, certificate, log)
        trust = ssl.create_default_context(cafile=str(certificate.certificate))
        for server in servers_in(", ".join(turn.servers(turn.udp, turn.tls).links("pub_1"))):
            port = await TurnPort.allocate(server, TURN_HOST, trust=trust)
            for number, other in enumerate(OTHERS):
                with pytest.raises(stun.TransactionFailed) as refused:
                    await port._client.channel_bind(0x4001 + number, (other, 3478))
                assert refused.value.response.error_code == 403
            await port._client.channel_bind(0x4100, (INTERNET, 50_000))
            await port._leave()
        (worn,) = servers_in(turn.servers(turn.udp).links("pub_1")[0].replace('username="', 'username="1'))
        with pytest.raises(TurnError):
            await TurnPort.allocate(worn, TURN_HOST)
    assert re.search(r"CONFIG ERROR|Bad config|Unknown", log.read_text()) is None, log.read_text()


def test_every_server_of_the_example_is_the_configured_one():
    """The gateway's example names coturn's ports, so that the two fit when only names are changed."""
    example = (ROOT / "deploy/gateway.env.example").read_text()
    configured = (ROOT / "deploy/turnserver.conf").read_text()

    assert "turn:turn.city.example:3478?transport=udp turns:turn.city.example:443?transport=tcp" in example
    assert "\nlistening-port=3478\n" in configured
    assert "\ntls-listening-port=443\n" in configured
