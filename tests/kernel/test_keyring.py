"""The key files: what is refused, and that each key signs one class only."""

import base64
import os
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.errors import JoseError

from gateway.kernel.errors import ConflictError, PreconditionError
from gateway.kernel.keyring import Keyring, KeyRole, TokenSigner, export_root, load_root, replace_live_keys
from partner_agent.wire.notes import Checkpoint, Verifier, open_checkpoint

LOG = "gw.example/log"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the keys of a test lie."""
    return tmp_path / "keys"


def _signers(ring: Keyring) -> list[TokenSigner]:
    assert ring.root
    return [ring.root, ring.grant, ring.lease, ring.promise, ring.link]


def test_a_missing_folder_is_refused(folder: Path):
    """Without keys the gateway does not start, and the sentence names the command that makes them."""
    with pytest.raises(PreconditionError, match="lenspact setup"):
        Keyring.load(folder)


@pytest.mark.parametrize("role", KeyRole)
def test_a_key_that_others_can_read_is_refused(folder: Path, role: KeyRole):
    """A key file with group or other permissions stops the start and says how to repair it."""
    Keyring.create(folder, log_name=LOG)
    (folder / f"{role}.key").chmod(0o640)

    with pytest.raises(PreconditionError, match="chmod 600"):
        Keyring.load(folder)


def test_a_folder_that_others_can_enter_is_refused(folder: Path):
    """The folder's permissions count too, for a file in it could be replaced."""
    Keyring.create(folder, log_name=LOG)
    folder.chmod(0o755)

    with pytest.raises(PreconditionError, match="chmod 700"):
        Keyring.load(folder)


def test_a_key_of_another_user_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever runs a command as somebody else learns that, and not to change rights that are well."""
    Keyring.create(folder, log_name=LOG)
    export_root(folder, tmp_path / "root.key")
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)

    with pytest.raises(PreconditionError, match=r"keys belongs to another user; run this as that user\.$"):
        Keyring.load(folder)
    with pytest.raises(PreconditionError, match=r"root\.key belongs to another user; give it to the user that runs"):
        load_root(tmp_path / "root.key")


def test_a_damaged_key_is_refused_without_showing_it(folder: Path):
    """A key file that does not parse is named, its content is not."""
    Keyring.create(folder, log_name=LOG)
    (folder / "grant.key").write_bytes(b'{"d":"secret"}')

    with pytest.raises(PreconditionError) as caught:
        Keyring.load(folder)
    assert "secret" not in str(caught.value)


def test_keys_are_never_overwritten(folder: Path):
    """Creating keys twice changes nothing."""
    first = Keyring.create(folder, log_name=LOG)

    with pytest.raises(ConflictError):
        Keyring.create(folder, log_name=LOG)
    assert Keyring.load(folder).grant.kid == first.grant.kid


def test_each_role_has_a_key_of_its_own(folder: Path):
    """No two roles share a key, and each file is readable by the owner alone."""
    ring = Keyring.create(folder, log_name=LOG)

    keys = {signer.kid for signer in _signers(ring)} | {ring.ticket.kid, ring.log.vkey}
    assert len(keys) == len(KeyRole)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_no_token_class_passes_as_another(folder: Path):
    """Every signed class verifies under its own key only, and carries its own `typ`."""
    signers = _signers(Keyring.create(folder, log_name=LOG))

    for signer in signers:
        token = signer.sign({"iss": "gw", "aud": "agt", "iat": 0} | dict.fromkeys(signer.kind.required, 0))
        for other in signers:
            if other is signer:
                assert jwt.decode(token, other.key, algorithms=["Ed25519"]).header["typ"] == signer.kind.typ
            else:
                with pytest.raises(JoseError):
                    jwt.decode(token, other.key, algorithms=["Ed25519"])
    assert len({signer.kind.typ for signer in signers}) == len(signers)


def test_public_halves_hold_nothing_private(folder: Path):
    """What goes into a key set has no private member."""
    ring = Keyring.create(folder, log_name=LOG)

    for signer in [*_signers(ring), ring.ticket, ring.log]:
        assert "d" not in signer.public.jwk


def test_a_checkpoint_is_signed_by_the_published_log_key(folder: Path):
    """The key of the notes is the one that the key set names, under the log's origin."""
    log = Keyring.create(folder, log_name=LOG).log
    text = Checkpoint(origin=LOG, size=7, root=bytes(32)).text

    opened = open_checkpoint(log.sign_note(text).encode(), Verifier.from_vkey(log.vkey))

    published = base64.urlsafe_b64decode(log.public.jwk["x"] + "=")
    assert (opened.note.text, Verifier.from_vkey(log.vkey).public) == (text, published)


def test_the_root_leaves_and_signs_from_outside(folder: Path, tmp_path: Path):
    """After the export a running gateway has no root, and the exported file signs as before."""
    root = Keyring.create(folder, log_name=LOG).root
    assert root

    export_root(folder, tmp_path / "root.key")

    assert Keyring.load(folder).root is None
    assert load_root(tmp_path / "root.key").kid == root.kid == Keyring.load(folder).root_public.kid
    with pytest.raises(PreconditionError):
        export_root(folder, tmp_path / "again.key")


def test_replacing_keys_keeps_the_log(folder: Path):
    """Rotation makes new token keys; root and log, which the sites pinned, stay."""
    before = Keyring.create(folder, log_name=LOG)

    after = replace_live_keys(folder)

    assert after.grant.kid != before.grant.kid
    assert after.ticket.kid != before.ticket.kid
    assert after.log.vkey == before.log.vkey
    assert after.root
    assert before.root
    assert after.root.kid == before.root.kid
