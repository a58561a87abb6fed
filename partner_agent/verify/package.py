"""Checks an evidence package offline: its files, both signatures, and its entries in the log.

A package is an uncompressed tar of one BagIt bag. Nothing is extracted: small files are read, the recording is hashed
as it streams by. What it proves and what not is told in the package's own VERIFY.md.
"""

import hashlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from partner_agent.verify.report import bad, unreadable
from partner_agent.verify.trust import Trust, read_trust
from partner_agent.wire import canonical, manifest
from partner_agent.wire.entry_file import EntryFile
from partner_agent.wire.manifest import ManifestError, SignedCapture, Statement

MAX_FILES: Final = 2_000
SMALL_BYTES: Final = 4 * 1024 * 1024  # of a file beside the recording
_CHUNK_BYTES: Final = 1024 * 1024
PAYLOAD: Final = "data/"
MANIFEST, TAG_MANIFEST, SEAL_FILE = "manifest-sha256.txt", "tagmanifest-sha256.txt", "seal.dsse"
CAPTURE_FILE, RECEIPT_FILE = "meta/capture.jwt", "meta/receipt.dsse"
REQUEST_FILE, CAPTURE_COPY = "meta/request.json", "meta/capture.json"
AGENT_KEY, GATEWAY_KEY, LOG_KEY = "keys/agent.jwk", "keys/gateway.ed25519", "keys/log.vkey"
ENTRIES: Final = "meta/custody/"


@dataclass(slots=True)
class _Bag:
    """The files of a package: digests of all, bytes of the small ones."""

    digests: dict[str, str] = field(default_factory=dict)
    small: dict[str, bytes] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        """A file that must be there.

        Raises:
            CheckError: it is not.
        """
        if name not in self.small:
            raise bad(f"{name} is missing.")
        return self.small[name]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a package that holds says.

    Attributes:
        recording: the path of the recording in the package.
        capture: what the site signed.
        entries: what happened, in the log's order: number, kind, time in ms.
        remark: what to add: which keys came with the package and were not given from elsewhere.
    """

    recording: str
    sha256: str
    capture: SignedCapture
    entries: tuple[tuple[int, str, int], ...]
    remark: str


def check_package(
    path: Path, *, key: str, cosigners: list[str], quorum: int | None, gateway_key: str, agent_key: str
) -> Checked:
    """Check one package.

    1. Readable, one folder, plain files, no way out of it. 2. Every file is in a manifest and has its digest, none is
    missing. 3. The gateway sealed the manifests. 4. The site signed the recording's digest before it was sent, for the
    request in the package. 5. The gateway received the same, with this very capture. 6. Every entry is in the signed
    log; 7. one of them names this capture.

    Args:
        path: the tar file.
        key: the log's public key, as text or file; empty = the one in the package.
        cosigners: keys of co-signers of the log.
        quorum: how many of them must have signed; None = all.
        gateway_key: hex of the gateway's evidence key; empty = the one in the package.
        agent_key: file with the site's public JWK; empty = the one in the package.

    Raises:
        CheckError: the first that does not hold.
    """
    bag = _read(path)  # 1
    recording = _check_manifests(bag)  # 2
    sha256 = bag.digests[recording]
    gateway = _gateway_key(bag, gateway_key)
    try:
        _check_seal(bag, gateway)  # 3
        token = bag.read(CAPTURE_FILE).decode("ascii").strip()
        capture = manifest.read_capture(token, _agent_key(bag, agent_key))
        _same(capture.statement, sha256, what="what the site signed")  # 4
        _check_copies(bag, capture)
        receipt = manifest.unseal(bag.read(RECEIPT_FILE), gateway, kind=manifest.RECEIPT)
        _same(receipt, sha256, what="what the gateway received")  # 5
        if receipt.predicate.get("capture_sha256") != hashlib.sha256(token.encode()).hexdigest():
            raise bad("The gateway's receipt is for another capture.")
    except ManifestError as error:
        raise bad(f"A signature or statement in the package does not hold: {error}.") from error
    trust = _log_trust(bag, key, cosigners, quorum)
    entries = _check_entries(bag, trust, sha256)  # 6, 7
    own = [name for name, given in (("log", key), ("gateway", gateway_key), ("site", agent_key)) if not given]
    keys = f" The key of the {', the '.join(own)} came with the package: compare it with one you have from elsewhere."
    return Checked(recording, sha256, capture, entries, keys if own else "")


def _read(path: Path) -> _Bag:
    """The files of the tar, below its one folder."""
    bag = _Bag()
    folders = set()
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                folder, _, name = member.name.partition("/")
                folders.add(folder)
                if len(folders) > 1 or len(bag.digests) > MAX_FILES:
                    raise bad("A package is one folder with at most 2,000 files.")
                if member.isdir():
                    continue
                if not member.isreg() or not manifest.is_safe_name(name) or name in bag.digests:
                    raise bad(f"{member.name[:80]!r} does not belong into a package.")
                _take(bag, archive, member, name)
    except (OSError, tarfile.TarError) as error:
        raise unreadable(f"{path} is cut off or no package.") from error
    return bag


def _take(bag: _Bag, archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> None:
    source = archive.extractfile(member)
    assert source is not None
    digest, kept, size = hashlib.sha256(), bytearray(), 0
    while piece := source.read(_CHUNK_BYTES):
        digest.update(piece)
        size += len(piece)
        if size <= SMALL_BYTES and not name.startswith(PAYLOAD):
            kept += piece
    if size != member.size:
        raise unreadable(f"{name} is cut off.")
    bag.digests[name] = digest.hexdigest()
    if not name.startswith(PAYLOAD):
        if size > SMALL_BYTES:
            raise bad(f"{name} is too large for what it is.")
        bag.small[name] = bytes(kept)


def _check_manifests(bag: _Bag) -> str:
    """Compare every digest; the path of the one recording."""
    try:
        payload = manifest.read_manifest(bag.read(MANIFEST))
        tags = manifest.read_manifest(bag.read(TAG_MANIFEST))
    except ManifestError as error:
        raise bad(f"A manifest cannot be used: {error}.") from error
    named = payload | tags
    loose = {TAG_MANIFEST, SEAL_FILE}
    for name, digest in sorted(bag.digests.items()):
        if name in loose:
            continue
        if name not in named or name.startswith(PAYLOAD) != (name in payload):
            raise bad(f"{name} is in no manifest.")
        if named[name] != digest:
            raise bad(f"{name} was altered: its digest is not the one in the manifest.")
    if missing := sorted(set(named) - set(bag.digests)):
        raise bad(f"{missing[0]} is missing.")
    recordings = [name for name in payload if name.startswith(PAYLOAD + "original/")]
    if len(recordings) != 1:
        raise bad("A package holds one original recording.")
    return recordings[0]


def _check_seal(bag: _Bag, gateway: Ed25519PublicKey) -> None:
    sealed = manifest.unseal(bag.read(SEAL_FILE), gateway, kind=manifest.SEAL)
    _same(sealed, bag.digests[TAG_MANIFEST], what="the manifests the gateway sealed")


def _check_copies(bag: _Bag, capture: SignedCapture) -> None:
    """What people read beside the signed capture is what it says: the request it answers, and its own statement."""
    request, shown = (_read_json(bag, name) for name in (REQUEST_FILE, CAPTURE_COPY))
    if canonical.sha256_hex(request) != capture.claims.get("request_sha256"):
        raise bad(f"{REQUEST_FILE} is not the request that the site answered.")
    if shown != capture.statement.to_json():
        raise bad(f"{CAPTURE_COPY} is not what the site signed.")


def _read_json(bag: _Bag, name: str) -> dict[str, Any]:
    try:
        value = json.loads(bag.read(name))
    except ValueError as error:
        raise bad(f"{name} cannot be read.") from error
    if not isinstance(value, dict):
        raise bad(f"{name} cannot be read.")
    return value


def _same(statement: Statement, sha256: str, *, what: str) -> None:
    if statement.sha256 != sha256:
        raise bad(f"The package does not hold {what}: {statement.name} had another digest.")


def _check_entries(bag: _Bag, trust: Trust, sha256: str) -> tuple[tuple[int, str, int], ...]:
    """Every entry is in the log, and the one of the capture commits to the recording's digest."""
    entries = []
    is_captured = False
    for name in sorted(name for name in bag.small if name.startswith(ENTRIES)):
        try:
            file = EntryFile.parse(bag.small[name])
            opened, said = file.verify(trust.log, *trust.cosigners)
            leaf = canonical.decode_object(file.leaf)
        except ValueError as error:
            raise bad(f"{name} does not hold: {error}.") from error
        if leaf.get("origin") != trust.log.name:
            raise bad(f"{name} is of another log.")
        trust.demand_quorum(opened)
        kind, at = str(leaf.get("kind")), leaf.get("ts")
        is_captured = is_captured or (kind == "clip.captured" and said.get("sha256") == sha256)
        entries.append((file.proof.index, kind, at if isinstance(at, int) else 0))
    if not is_captured:
        raise bad("No entry of the log commits to this recording.")
    return tuple(sorted(entries))


def _log_trust(bag: _Bag, key: str, cosigners: list[str], quorum: int | None) -> Trust:
    if key:
        return read_trust(key, cosigners, quorum)
    return read_trust(bag.read(LOG_KEY).decode("ascii", "replace").strip(), cosigners, quorum)


def _gateway_key(bag: _Bag, given: str) -> Ed25519PublicKey:
    text = given or bag.read(GATEWAY_KEY).decode("ascii", "replace").strip()
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    except ValueError as error:
        raise unreadable("The gateway's key cannot be read: 64 hex digits.") from error


def _agent_key(bag: _Bag, given: str) -> Mapping[str, Any]:
    try:
        data = Path(given).read_bytes() if given else bag.read(AGENT_KEY)
        key = json.loads(data)
    except (OSError, ValueError) as error:
        raise unreadable("The site's key cannot be read.") from error
    if not isinstance(key, dict):
        raise unreadable("The site's key cannot be read.")
    return key
