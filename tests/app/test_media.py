"""Which engine the settings make."""

from pathlib import Path

import pytest

from gateway.app.media import media_server
from gateway.app.settings import Settings, SettingsError, check
from gateway.live.engines.janus import FEATURES, Janus
from gateway.live.engines.mediamtx import FEATURES as MEDIAMTX
from tests.fakes.ids import SequentialIds


def test_janus_without_its_secret_is_refused(tmp_path: Path):
    """No file, one that is not there, and an empty one."""
    (tmp_path / "empty").write_text("\n")
    for path in (None, tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(SettingsError, match="janus_secret_file"):
            media_server(Settings(media_engine="janus", janus_secret_file=path), SequentialIds())


def test_our_relay_is_the_engine_unless_another_is_named(tmp_path: Path):
    """The default needs nothing of others."""
    (tmp_path / "secret").write_text("word\n")
    assert media_server(Settings(), SequentialIds()) is None
    named = Settings(media_engine="janus", janus_secret_file=tmp_path / "secret")
    assert isinstance(media_server(named, SequentialIds()), Janus)


def test_what_can_be_chosen_can_be_pinned_and_confirms_its_ends():
    """Sites and owners rely on both; the server that does neither is refused by the settings."""
    assert FEATURES.keeps_one_certificate
    assert FEATURES.confirms_ends
    assert not MEDIAMTX.keeps_one_certificate
    with pytest.raises(SettingsError, match="mediamtx"):
        check(Settings(media_engine="mediamtx"))
