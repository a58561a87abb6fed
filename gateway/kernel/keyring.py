"""The gateway's private keys: one per role, each signing one class of thing and nothing else.

Where they lie (`state_dir/keys`, one file each, readable by the gateway's user alone), how they are made, loaded and
replaced. Who receives which signer is decided by the composition root; what is signed, by the capabilities. The root
signs key sets only: set-up exports and removes it, so a running gateway normally has none. Roles and algorithms:
docs/ref/wire.md 1; JOSE names: RFC 9864 (Ed25519), RFC 7638 (key ids); notes: C2SP signed-note.
"""

import base64
import os
import stat
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from gateway.kernel.errors import ConflictError, PreconditionError
from partner_agent.wire import canonical, classes
from partner_agent.wire.notes import Note, NoteSigner
from partner_agent.wire.tokens import PublicKey, TokenClass, seal

_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_AS_THAT_USER: Final = "run this as that user"


class KeyRole(StrEnum):
    """What a key is for."""

    ROOT = "root"
    GRANT = "grant"
    LEASE = "lease"
    PROMISE = "promise"
    LINK = "link"
    LOG = "log"
    TICKET = "ticket"


LIVE_ROLES: Final = tuple(role for role in KeyRole if role is not KeyRole.ROOT)  # what a running gateway must hold


class TokenSigner:
    """Signs one class of token with one Ed25519 key; the subclass fixes the class (`wire.tokens.ClassSigner`)."""

    role: ClassVar[KeyRole]
    kind: ClassVar[TokenClass]

    def __init__(self, key: OKPKey) -> None:
        self.key = key
        self.public = _public(key)
        self.kid = self.public.kid

    def sign(self, claims: Mapping[str, object], /) -> str:
        """A compact JWS over `claims`, of this signer's class only.

        Raises:
            ValueError: the claims are not the closed set of the class, or not canonical.
        """
        return seal(self.kind, claims, self.key)


class RootSigner(TokenSigner):
    """Signs key sets, and nothing else, ever."""

    role = KeyRole.ROOT
    kind = classes.KEY_SET


class GrantSigner(TokenSigner):
    """Signs grants: the gateway asks the site to release something."""

    role = KeyRole.GRANT
    kind = classes.GRANT


class LeaseSigner(TokenSigner):
    """Signs leases: running sessions may go on for a few seconds more."""

    role = KeyRole.LEASE
    kind = classes.LEASE


class PromiseSigner(TokenSigner):
    """Signs promises: this leaf will be in the log within the merge delay."""

    role = KeyRole.PROMISE
    kind = classes.PROMISE


class LinkSigner(TokenSigner):
    """Signs welcomes: the agent is talking to its own gateway."""

    role = KeyRole.LINK
    kind = classes.WELCOME


class LogSigner:
    """Signs checkpoints only, as C2SP signed notes under the log's name (its origin)."""

    role: ClassVar[KeyRole] = KeyRole.LOG

    def __init__(self, name: str, key: OKPKey) -> None:
        seed = base64.urlsafe_b64decode(str(key.as_dict(private=True)["d"]) + "=")
        self._note = NoteSigner(name=name, private=Ed25519PrivateKey.from_private_bytes(seed))
        self.name = name
        self.public = _public(key)

    @property
    def vkey(self) -> str:
        """The verifier key in C2SP form: `name+hash+base64`."""
        return self._note.verifier.vkey

    def sign_note(self, text: str) -> str:
        """The signed note over `text`, which must end in a newline."""
        return Note(text=text, signatures=(self._note.sign(text),)).encode().decode()


class TicketSigner:
    """Holds the ES256 key of stream tickets for `gateway.live.tickets`, which alone turns it into tokens."""

    role: ClassVar[KeyRole] = KeyRole.TICKET

    def __init__(self, key: ECKey) -> None:
        self.key = key
        self.public = _public(key)
        self.kid = self.public.kid

    @property
    def private_jwk(self) -> dict[str, str]:
        """The whole key as a JWK, so that the relay's checker and the issuer share one form."""
        return {name: str(value) for name, value in self.key.as_dict(private=True).items()}


class Keyring:
    """The signers of a running gateway; `root` is None once set-up has exported it."""

    def __init__(self, folder: Path) -> None:
        """Load every key in `folder`. Use `load` or `create`."""
        _check_private(folder, _FOLDER_MODE)
        self.grant = GrantSigner(_load_okp(folder, KeyRole.GRANT))
        self.lease = LeaseSigner(_load_okp(folder, KeyRole.LEASE))
        self.promise = PromiseSigner(_load_okp(folder, KeyRole.PROMISE))
        self.link = LinkSigner(_load_okp(folder, KeyRole.LINK))
        self.ticket = TicketSigner(ECKey.import_key(_read(folder, KeyRole.TICKET)))
        log = _read(folder, KeyRole.LOG)
        self.log = LogSigner(log.pop("name"), OKPKey.import_key(log))
        self.root_public = PublicKey.of(_read_file(folder / _ROOT_PUBLIC))
        self.root = load_root(root) if (root := _path(folder, KeyRole.ROOT)).exists() else None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The keys in `folder`.

        Raises:
            PreconditionError: a key is missing, unreadable, or readable by others; the sentence says what to do.
        """
        try:
            return cls(folder)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise PreconditionError(f"A key file in {folder} is damaged; restore it from your backup.") from error

    @classmethod
    def create(cls, folder: Path, *, log_name: str) -> Self:
        """Make every key, the root too, and write them.

        Args:
            folder: made with mode 0700 if it does not exist.
            log_name: the log's origin, a name without scheme, spaces or plus signs, such as `gw.example/log`.

        Raises:
            ConflictError: there are keys already; nothing was changed.
        """
        if not log_name or any(character.isspace() or character == "+" for character in log_name):
            raise ValueError("a note key's name has no spaces and no plus sign")
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        _check_private(folder, _FOLDER_MODE)
        if any(_path(folder, role).exists() for role in KeyRole):
            raise ConflictError(f"There are keys in {folder} already; they were left as they are.")
        for role in (KeyRole.ROOT, *_REPLACED):
            _write(_path(folder, role), _fresh(role))
        _write(_path(folder, KeyRole.LOG), {"name": log_name, **_fresh(KeyRole.LOG)})
        _write(folder / _ROOT_PUBLIC, dict(load_root(_path(folder, KeyRole.ROOT)).public.jwk))
        return cls.load(folder)


_ROOT_PUBLIC: Final = "root.pub"  # what the sites pinned; it stays when the root is exported
_REPLACED: Final = (KeyRole.GRANT, KeyRole.LEASE, KeyRole.PROMISE, KeyRole.LINK, KeyRole.TICKET)


def replace_live_keys(folder: Path) -> Keyring:
    """New grant, lease, promise, link and ticket keys; the log's stays, for its name and key are pinned by the sites.

    The gateway must be stopped: a key set signed by the root has to announce the new keys before anything is signed.
    """
    Keyring.load(folder)
    for role in _REPLACED:
        path = _path(folder, role)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        _write(fresh, _fresh(role))
        fresh.replace(path)
    return Keyring.load(folder)


def export_root(folder: Path, target: Path) -> None:
    """Move the root key out of the gateway to `target` (offline storage); the gateway keeps no copy.

    Raises:
        PreconditionError: there is no root key here.
        ConflictError: `target` exists.
    """
    path = _path(folder, KeyRole.ROOT)
    if not path.exists():
        raise PreconditionError("There is no root key here; it has been exported already.")
    if target.exists():
        raise ConflictError(f"{target} exists; choose another name.")
    _write(target, _load_okp(folder, KeyRole.ROOT).as_dict(private=True))
    path.unlink()


def load_root(path: Path) -> RootSigner:
    """The root key from a file of `export_root`, to sign a key set.

    Raises:
        PreconditionError: missing, unreadable, or readable by others.
    """
    return RootSigner(OKPKey.import_key(_read_file(path, "give it to the user that runs this (chown)")))


def _public(key: OKPKey | ECKey) -> PublicKey:
    return PublicKey.of({name: str(value) for name, value in key.as_dict(private=False).items()})


def _fresh(role: KeyRole) -> dict[str, Any]:
    if role is KeyRole.TICKET:
        return ECKey.generate_key("P-256").as_dict(private=True)
    return OKPKey.generate_key("Ed25519").as_dict(private=True)


def _load_okp(folder: Path, role: KeyRole) -> OKPKey:
    return OKPKey.import_key(_read(folder, role))


def _path(folder: Path, role: KeyRole) -> Path:
    return folder / f"{role.value}.key"


def _read(folder: Path, role: KeyRole) -> dict[str, Any]:
    return _read_file(_path(folder, role))


def _read_file(path: Path, if_foreign: str = _AS_THAT_USER) -> dict[str, Any]:
    _check_private(path, _FILE_MODE, if_foreign)
    return canonical.decode_object(path.read_bytes())


def _check_private(path: Path, mode: int, if_foreign: str = _AS_THAT_USER) -> None:
    try:
        status = path.stat(follow_symlinks=False)
    except FileNotFoundError as error:
        raise PreconditionError(f"{path} is missing; run: lenspact setup") from error
    if status.st_uid != os.geteuid():
        raise PreconditionError(f"{path} belongs to another user; {if_foreign}.")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise PreconditionError(f"{path} can be read by others; run: chmod {mode:o} {path}")


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Create `path` with the key in it, on disk before we go on; an existing file is never overwritten."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(canonical.encode(dict(content)))
        file.flush()
        os.fsync(file.fileno())
