"""`lenspact keys`: key sets from a root that is here or elsewhere, and new keys that agents can follow."""

from pathlib import Path

import pytest

from gateway.app import keys
from gateway.app.cli import main
from gateway.app.settings import Settings
from gateway.app.setup import prepare
from gateway.kernel.errors import PreconditionError
from gateway.kernel.keyring import Keyring
from partner_agent.wire import keyset
from tests.support.application import settings_for

pytestmark = pytest.mark.anyio


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    """A gateway that was set up."""
    settings = settings_for(tmp_path / "state")
    await (await prepare(settings)).close()
    return settings


async def _chain(settings: Settings) -> list[str]:
    async with keys._services(settings) as services:
        return await services.sites.key_sets.chain()


async def test_without_the_root_nothing_is_published(settings: Settings, tmp_path: Path):
    """Once the root is elsewhere its file has to be named, and another root is refused."""
    said: list[str] = []
    keys.take_root_away(settings, said.append, target=tmp_path / "root.key")
    other = Keyring.create(tmp_path / "other", log_name="other/log")
    assert other.root

    with pytest.raises(PreconditionError, match="--root FILE"):
        await keys.publish(settings, said.append, root_file=None)
    with pytest.raises(PreconditionError, match="another root"):
        await keys.publish(settings, said.append, root_file=tmp_path / "other" / "root.key")
    assert len(await _chain(settings)) == 1  # of the set-up

    await keys.publish(settings, said.append, root_file=tmp_path / "root.key")
    assert len(await _chain(settings)) == 2


async def test_new_keys_follow_from_the_old(settings: Settings):
    """After a rotation the chain leads from the first key set to one that names the new keys; the log's is the same."""
    said: list[str] = []
    before = Keyring.load(settings.state_dir / "keys")

    await keys.rotate(settings, said.append, root_file=None)

    after = Keyring.load(settings.state_dir / "keys")
    newest = keyset.advance(None, await _chain(settings), after.root_public)
    assert newest
    named = {key.role: key.public.kid for key in newest.keys}
    assert (newest.version, named["grant"], named["log"]) == (2, after.grant.kid, before.log.public.kid)
    assert named["grant"] != before.grant.kid


async def test_show_names_nothing_secret(settings: Settings):
    """Ids, words, the log's public key and the key set; no private part."""
    said: list[str] = []
    await keys.show(settings, said.append)

    text = "\n".join(said)
    private = (settings.state_dir / "keys" / "grant.key").read_text()
    assert "key set  1, good until" in text
    assert "Run:" not in text
    assert private.split('"d":"')[1].split('"')[0] not in text


def test_the_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    """Without a set-up the command fails with one sentence."""
    monkeypatch.setenv("LENSPACT_STATE_DIR", str(tmp_path / "none"))

    assert main(["keys", "show"]) == 1
    assert "lenspact setup" in capsys.readouterr().err
