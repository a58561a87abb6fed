"""Settings come from a file or variables, wrong ones are refused by name, and nothing that cannot work starts."""

from pathlib import Path

import pytest

from gateway.app.live import ice_servers
from gateway.app.settings import Settings, SettingsError, check_role, load_settings
from partner_agent.wire.clock import SystemClock


def test_defaults_need_nothing():
    """An empty environment gives a gateway on this machine with an embedded database."""
    settings = load_settings(environ={})

    assert settings.is_embedded
    assert settings.origin.is_loopback


def test_variables_win_over_the_file(tmp_path: Path):
    """The file is read, a variable replaces its value, lists are separated by blanks or commas."""
    file = tmp_path / "gateway.toml"
    file.write_text('public_url = "https://gw.example"\nport = 9000\nmedia_addresses = ["192.0.2.1"]\n')
    environ = {"LENSPACT_PORT": "9001", "LENSPACT_MEDIA_ADDRESSES": "192.0.2.2, 192.0.2.3"}
    settings = load_settings(environ=environ, config=file)

    assert settings.port == 9001
    assert settings.public_url == "https://gw.example"
    assert settings.media_addresses == ("192.0.2.2", "192.0.2.3")


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"LENSPACT_PROT": "1"}, "LENSPACT_PROT"),
        ({"LENSPACT_PORT": "many"}, "port"),
        ({"LENSPACT_PUBLIC_URL": "http://gw.example"}, "public_url"),
        ({"LENSPACT_DATABASE_URL": "mysql://x"}, "database_url"),
        ({"LENSPACT_DATABASE_URL": "::"}, "database_url"),
        ({"LENSPACT_BUS": "carrier-pigeon:"}, "bus"),
        ({"LENSPACT_BUS": "postgres:"}, "postgres"),
        ({"LENSPACT_BUS": "nats://127.0.0.1"}, "postgres:"),
        ({"LENSPACT_RELAY": "elsewhere"}, "relay"),
        ({"LENSPACT_PHONE_MINUTES": "16"}, "phone_minutes"),
        ({"LENSPACT_PHONE_MINUTES": "-1"}, "phone_minutes"),
        ({"LENSPACT_MEDIA_ADDRESSES": "gw.example"}, "media_addresses"),
        ({"LENSPACT_MEDIA_ADDRESSES": "::"}, "nowhere to be reached"),
        ({"LENSPACT_MEDIA_ADDRESSES": ""}, "media_addresses"),
        ({"LENSPACT_MEDIA_ADDRESSES": "::1 0:0::1"}, "stands on the same side twice"),
        ({"LENSPACT_MEDIA_ADDRESSES": "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 ::1"}, "1 to 4"),
        ({"LENSPACT_MEDIA_ADDRESSES": "192.0.2.1=10.0.0.5 10.0.0.5"}, "10.0.0.5 stands on the same side"),
        ({"LENSPACT_MEDIA_ADDRESSES": "192.0.2.1= 10.0.0.5"}, "media_addresses"),
        ({"LENSPACT_MEDIA_ADDRESSES": "192.0.2.1=10.0.0.5", "LENSPACT_MEDIA_ENGINE": "janus"}, "nat_1_1_mapping"),
        ({"LENSPACT_MEDIA_ADDRESSES": "192.0.2.1=::1"}, "of one family"),
        ({"LENSPACT_MEDIA_ADDRESSES": "192.0.2.1=0.0.0.0"}, "nowhere to be reached"),
        ({"LENSPACT_MEDIA_ADDRESSES": "=10.0.0.5"}, "media_addresses"),
        ({"LENSPACT_RELAYS": "0"}, "relays"),
        ({"LENSPACT_RELAYS": "17"}, "relays"),
        ({"LENSPACT_RELAYS": "2", "LENSPACT_RELAY": "service"}, "relays"),
        ({"LENSPACT_RELAYS": "2", "LENSPACT_MEDIA_ENGINE": "janus"}, "relays"),
        ({"LENSPACT_MEDIA_ENGINE": "best"}, "media_engine"),
        ({"LENSPACT_MEDIA_ENGINE": "mediamtx"}, "another certificate"),
        ({"LENSPACT_MEDIA_ENGINE": "janus", "LENSPACT_RELAY": "service"}, "relay"),
        ({"LENSPACT_JANUS_URL": "ws://192.0.2.1:8188"}, "janus_url must be on loopback"),
        ({"LENSPACT_JANUS_ADMIN_URL": "ws://192.0.2.1:7188"}, "janus_admin_url must be on loopback"),
        ({"LENSPACT_SMTP_TLS": "maybe"}, "smtp_tls"),
        ({"LENSPACT_SMTP_TLS": "none", "LENSPACT_SMTP_HOST": "mail.example"}, "smtp_tls"),
        ({"LENSPACT_CONFIG": "/nowhere.toml"}, "/nowhere.toml"),
    ],
)
def test_what_cannot_work_is_refused_by_name(environ: dict[str, str], named: str):
    """Unknown names, wrong types and impossible combinations are errors that say which."""
    with pytest.raises(SettingsError, match=named):
        load_settings(environ=environ)


def test_unknown_key_in_the_file_is_an_error(tmp_path: Path):
    """A mistyped key does not silently do nothing."""
    file = tmp_path / "gateway.toml"
    file.write_text('public_ulr = "https://gw.example"\n')
    with pytest.raises(SettingsError, match="public_ulr"):
        load_settings(environ={}, config=file)


@pytest.mark.parametrize("role", ["api", "worker"])
def test_split_roles_need_a_bus_and_a_server(role: str):
    """With memory: or SQLite a single role refuses to start and names the cure."""
    with pytest.raises(SettingsError, match=r"postgres: or nats:"):
        check_role(Settings(), role)
    with pytest.raises(SettingsError, match="PostgreSQL"):
        check_role(Settings(bus="postgres:"), role)
    check_role(Settings(bus="postgres:", database_url="postgresql://127.0.0.1/x"), role)
    check_role(Settings(), "all")


def test_shown_settings_hold_no_secret():
    """A database password is in no repr."""
    settings = Settings(database_url="postgresql://lenspact:hunter2@db.example/lenspact")

    assert "hunter2" not in repr(settings)
    assert "hunter2" in settings.database


def test_ice_servers_come_with_the_secret_in_their_file(tmp_path: Path):
    """None without servers; with TURN the secret is read from its file, and what cannot work is said by name."""
    file = tmp_path / "turn.secret"
    file.write_bytes(b"shared\n")
    urls = {"LENSPACT_ICE_SERVERS": "stun:turn.example:3478 turns:turn.example:443?transport=tcp"}
    named = load_settings(environ=urls | {"LENSPACT_TURN_SECRET_FILE": str(file)})
    found = ice_servers(named, SystemClock())

    assert ice_servers(load_settings(environ={}), SystemClock()) is None
    assert found is not None
    assert (found.urls, found.secret) == (tuple(urls["LENSPACT_ICE_SERVERS"].split()), b"shared")
    for without in ({}, {"LENSPACT_TURN_SECRET_FILE": "/nowhere"}, {"LENSPACT_ICE_SERVERS": "https://turn.example"}):
        with pytest.raises(SettingsError, match="ice_servers"):
            ice_servers(load_settings(environ=urls | without), SystemClock())
