"""Builds the media server of others that forwards live pictures, where the settings name one."""

from gateway.app.settings import Settings, SettingsError
from gateway.live.engines.janus import Janus
from gateway.live.engines.ports import MediaServer
from partner_agent.wire.ids import IdSource


def media_server(settings: Settings, ids: IdSource) -> MediaServer | None:
    """The media server of others that is to forward; None where our relay does.

    Raises:
        SettingsError: the secret cannot be read.
    """
    if settings.media_engine == "embedded":
        return None
    secret = janus_secret(settings)
    return Janus(url=settings.janus_url, admin_url=settings.janus_admin_url, secret=secret, ids=ids)


def janus_secret(settings: Settings) -> str:
    """What opens Janus.

    Raises:
        SettingsError: it cannot be read.
    """
    path = settings.janus_secret_file
    try:
        secret = path.read_text(encoding="utf-8").strip() if path else ""
    except OSError as error:
        raise SettingsError(f"janus_secret_file: {error}") from error
    if not secret:
        raise SettingsError("media_engine janus needs janus_secret_file, a file that holds Janus's secret alone")
    return secret
