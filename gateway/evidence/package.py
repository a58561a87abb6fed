"""Builds an evidence package: a BagIt bag as an uncompressed tar, the recording last, so that it is never copied.

The tar is `head` (every small file and the recording's own header), the recording as it lies encrypted, and padding.
Pure: bytes in, bytes out; who reads the recording and who signs are given.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.evidence.model import ClipRequest, Upload
from partner_agent.wire import canonical, manifest
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.manifest import Statement

BLOCK: Final = 512  # POSIX ustar
RECORD_BLOCKS: Final = 2  # of zeros at the end
MODE: Final = 0o444

VERIFY: Final = """# How to check this package

You need no account and no network. What you should have from elsewhere, not from this package: the log's public key,
the gateway's evidence key and the site's key (the agency publishes the first two; the owner has the third).

1. `sha256sum -c tagmanifest-sha256.txt`, then `sha256sum -c manifest-sha256.txt` (two commands): no file was changed.
2. `lenspact-verify package EV-….tar --key LOG --gateway-key HEX --agent-key FILE`: checks the same, and that
   - the gateway sealed these manifests (`seal.dsse`, DSSE, Ed25519),
   - the site signed the recording's digest before it sent the first byte (`meta/capture.jwt`, JWS, ES256),
   - the gateway received exactly that (`meta/receipt.dsse`),
   - each step in `meta/custody/` is in the public log, in its order, and one of them names this digest.
3. Any in-toto, DSSE, JOSE or BagIt tool can do each of these alone.

## What this proves
The recording's bytes have not changed since the site cut them; which site's key signed that; at what places of the log
each step stands, and so in which order they happened; who is named in the opened details.

## What it does not prove
That the camera's scene was what it seemed, that the camera's clock was right (`meta/capture.json` tells the offset that
was measured), or that the recorder was honest before the cut, unless the camera signs its own stream.
"""


@dataclass(frozen=True, slots=True)
class Sealer:
    """The gateway's evidence key: signs receipts and seals."""

    sign: Callable[[bytes], bytes]
    public: bytes

    @property
    def keyid(self) -> str:
        """How envelopes name it."""
        return hashlib.sha256(self.public).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into one package.

    Attributes:
        entries: file name to entry file, each step of the request in the log.
        log_vkey: the log's public key.
        received_at: RFC 3339.
    """

    package_id: str
    request: ClipRequest
    upload: Upload
    entries: Mapping[str, bytes]
    log_vkey: str
    received_at: str


def folder_of(package_id: str) -> str:
    """The one folder of the tar, and its name without `.tar`."""
    return f"EV-{package_id.removeprefix('evd_')}"


def build_head(contents: Contents, sealer: Sealer) -> bytes:
    """All of the tar that stands before the recording's bytes."""
    folder, recording = folder_of(contents.package_id), _recording(contents)
    files = _tag_files(contents, sealer, recording)
    files["manifest-sha256.txt"] = manifest.write_manifest({recording: contents.upload.declared_sha256})
    tags = manifest.write_manifest({name: hashlib.sha256(data).hexdigest() for name, data in files.items()})
    seal = Statement(
        manifest.SEAL,
        "tagmanifest-sha256.txt",
        hashlib.sha256(tags).hexdigest(),
        {"package": contents.package_id, "request": contents.request.id},
    )
    files["tagmanifest-sha256.txt"] = tags
    files["seal.dsse"] = manifest.seal(seal, sign=sealer.sign, keyid=sealer.keyid)
    mtime = int(contents.request.changed_at.timestamp())
    parts = [_member(f"{folder}/{name}", data, mtime) for name, data in sorted(files.items())]
    return b"".join(parts) + _header(f"{folder}/{recording}", contents.upload.length, mtime)


def tail(recording_bytes: int) -> bytes:
    """What follows the recording: padding to a block, and the end of the tar."""
    return bytes(-recording_bytes % BLOCK + RECORD_BLOCKS * BLOCK)


def _recording(contents: Contents) -> str:
    """The recording's path: camera and range, in characters every file system takes."""
    request = contents.request
    begin, end = (
        to_rfc3339(moment)[:19].replace(":", "").replace("-", "") + "Z" for moment in (request.t0, request.t1)
    )
    return f"data/original/{request.camera_id}_{begin}_{end}.mp4"


def _tag_files(contents: Contents, sealer: Sealer, recording: str) -> dict[str, bytes]:
    request, upload = contents.request, contents.upload
    receipt = Statement(
        manifest.RECEIPT,
        recording,
        upload.declared_sha256,
        {
            "request": request.id,
            "upload": upload.id,
            "bytes": upload.length,
            "received_at": contents.received_at,
            "capture_sha256": hashlib.sha256(upload.capture.encode()).hexdigest(),
        },
    )
    capture = manifest.read_capture(upload.capture, json.loads(upload.agent_jwk)).statement
    return {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": _bag_info(contents),
        "VERIFY.md": VERIFY.encode(),
        "meta/request.json": _readable(request.document),
        "meta/capture.jwt": upload.capture.encode() + b"\n",
        "meta/capture.json": _readable(capture.to_json()),
        "meta/receipt.dsse": manifest.seal(receipt, sign=sealer.sign, keyid=sealer.keyid),
        "keys/agent.jwk": upload.agent_jwk.encode() + b"\n",
        "keys/gateway.ed25519": sealer.public.hex().encode() + b"\n",
        "keys/log.vkey": contents.log_vkey.encode() + b"\n",
        **{f"meta/custody/{name}": data for name, data in contents.entries.items()},
    }


def _bag_info(contents: Contents) -> bytes:
    lines = {
        "External-Identifier": contents.package_id,
        "Internal-Sender-Identifier": contents.request.id,
        "Bagging-Date": contents.received_at[:10],
        "Payload-Oxum": f"{contents.upload.length}.1",
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items()).encode()


def _readable(value: Mapping[str, Any]) -> bytes:
    canonical.encode(dict(value))  # refuses what could not be signed
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _header(name: str, size: int, mtime: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, mtime, MODE
    return info.tobuf(tarfile.GNU_FORMAT)  # sizes over 8 GiB fit


def _member(name: str, data: bytes, mtime: int) -> bytes:
    buffer = io.BytesIO()
    buffer.write(_header(name, len(data), mtime))
    buffer.write(data)
    buffer.write(bytes(-len(data) % BLOCK))
    return buffer.getvalue()


def slices(lengths: Sequence[int], start: int, end: int) -> list[tuple[int, int, int]]:
    """Which part of which piece makes up the bytes [start, end) of pieces of these lengths: (piece, from, to)."""
    found, at = [], 0
    for number, length in enumerate(lengths):
        begin, stop = max(start, at), min(end, at + length)
        if begin < stop:
            found.append((number, begin - at, stop - at))
        at += length
    return found
