"""A sealed package holds offline, and whatever is changed in it is named."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bagit
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.evidence import ClipState
from gateway.evidence.package import Sealer
from gateway.kernel.principal import Role
from partner_agent.verify.cli import main
from partner_agent.wire import manifest
from tests.fakes.evidence import AGENCY
from tests.support.evidence import OPERATOR, EvidenceGateway

pytestmark = pytest.mark.anyio
DATA = bytes(range(256)) * 4 * 1024 * 5  # 5 MiB: two chunks
Files = dict[str, bytes]


async def package(gateway: EvidenceGateway, folder: Path) -> Path:
    """A package as an operator downloads it."""
    request = await gateway.downloadable(DATA)
    assert request.state is ClipState.DOWNLOADABLE
    session = gateway.people.sign_in(Role.OPERATOR, organisation_id=AGENCY)
    async with gateway.client(session=session) as client:
        answer = await client.get(f"/api/v1/clip-requests/{request.id}/package")
    assert answer.status_code == 200
    name = answer.headers["content-disposition"].split('"')[1]
    path = folder / name
    path.write_bytes(answer.content)
    return path


def unpacked(path: Path) -> tuple[str, Files]:
    """The folder's name and its files."""
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}
    folder = {name.partition("/")[0] for name in files}.pop()
    return folder, {name.partition("/")[2]: data for name, data in files.items()}


def packed(path: Path, folder: str, files: Files) -> Path:
    """The same as a tar again."""
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def remade(files: Files) -> None:
    """Make the manifests fit the files again, as a careful forger would."""
    payload = {name: data for name, data in files.items() if name.startswith("data/")}
    files["manifest-sha256.txt"] = b"".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode() for name, data in sorted(payload.items())
    )
    tags = {n: d for n, d in files.items() if n not in payload and n not in {"tagmanifest-sha256.txt", "seal.dsse"}}
    files["tagmanifest-sha256.txt"] = b"".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode() for name, data in sorted(tags.items())
    )


async def test_package_holds_offline(gateway: EvidenceGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """With keys from elsewhere nothing remains to be said but what it shows."""
    path = await package(gateway, tmp_path)
    agent_key = tmp_path / "agent.jwk"
    agent_key.write_text(json.dumps(dict(gateway.sites.device.public.jwk)))
    vkey, gateway_key = gateway.services.log_reader.vkey, gateway.evidence.packages.sealer.public.hex()
    keys = ["--key", vkey, "--gateway-key", gateway_key, "--agent-key", str(agent_key)]

    assert main(["package", str(path), *keys]) == 0
    said = capsys.readouterr().out
    assert hashlib.sha256(DATA).hexdigest() in said
    assert "clip.approved" in said
    assert "came with the package" not in said


async def test_own_keys_prove_less_and_say_so(
    sqlite_gateway: EvidenceGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Checked by the keys inside it, a package holds, with the advice to compare them."""
    path = await package(sqlite_gateway, tmp_path)

    assert main(["package", str(path)]) == 0
    assert "The key of the log, the gateway, the site came with the package" in capsys.readouterr().out


async def test_package_is_a_valid_bag(sqlite_gateway: EvidenceGateway, tmp_path: Path):
    """The Library of Congress's own tool says so, and the recording is the bytes that were sent."""
    path = await package(sqlite_gateway, tmp_path)
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "out")  # our own, and Debian's Python has no filters yet
    bag = bagit.Bag(str(tmp_path / "out" / path.stem))
    (recording,) = (Path(bag.path) / "data" / "original").iterdir()

    assert bag.is_valid()
    assert recording.read_bytes() == DATA
    assert (Path(bag.path) / "VERIFY.md").read_text().startswith("# How to check")


async def test_package_digest_in_the_log_is_that_of_the_download(sqlite_gateway: EvidenceGateway, tmp_path: Path):
    """What was sealed is what is handed out."""
    path = await package(sqlite_gateway, tmp_path)
    store = sqlite_gateway.evidence._store
    (request,) = await store.requests(before="", limit=5)
    sealed = await store.package_of_request(request.id)

    assert sealed.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sealed.size_bytes == path.stat().st_size


def _flip(name: str) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        found = next(each for each in files if each.startswith(name))
        data = bytearray(files[found])
        data[len(data) // 2] ^= 1
        files[found] = bytes(data)

    return change


def _drop(name: str) -> Callable[[Files], None]:
    return lambda files: files.pop(next(each for each in files if each.startswith(name))) and None


def _forge(name: str) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        _flip(name)(files)
        remade(files)

    return change


def _add(files: Files) -> None:
    files["meta/extra.txt"] = b"x"


def _forge_added(files: Files) -> None:
    _add(files)
    remade(files)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (_flip("data/original/"), "data/original/"),
        (_flip("VERIFY.md"), "VERIFY.md"),
        (_flip("meta/custody/"), "meta/custody/"),
        (_flip("keys/agent.jwk"), "keys/agent.jwk"),
        (_flip("seal.dsse"), "does not hold"),
        (_drop("data/original/"), "is missing"),
        (_drop("meta/capture.jwt"), "meta/capture.jwt is missing"),
        (_drop("seal.dsse"), "seal.dsse is missing"),
        (_drop("manifest-sha256.txt"), "manifest-sha256.txt is missing"),
        (_add, "meta/extra.txt is in no manifest"),
        (_forge("data/original/"), "does not hold"),
        (_forge("meta/request.json"), "does not hold"),
        (_forge_added, "does not hold"),
    ],
)
async def test_every_change_is_noticed(
    sqlite_gateway: EvidenceGateway,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Files], None],
    word: str,
):
    """A flipped bit, a missing or added file, and manifests made to fit again: exit code 1 and what it was."""
    path = await package(sqlite_gateway, tmp_path)
    folder, files = unpacked(path)
    change(files)

    assert main(["package", str(packed(tmp_path / "changed.tar", folder, files))]) == 1
    assert word in capsys.readouterr().err


def _reword(name: str, **changes: str) -> Callable[[Files, Sealer], None]:
    def change(files: Files, sealer: Sealer) -> None:
        del sealer
        files[name] = json.dumps(json.loads(files[name]) | changes).encode()

    return change


def _receipt_for_another_capture(files: Files, sealer: Sealer) -> None:
    key = Ed25519PublicKey.from_public_bytes(sealer.public)
    receipt = manifest.unseal(files["meta/receipt.dsse"], key, kind=manifest.RECEIPT)
    other = replace(receipt, predicate={**receipt.predicate, "capture_sha256": "0" * 64})
    files["meta/receipt.dsse"] = manifest.seal(other, sign=sealer.sign, keyid=sealer.keyid)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (_reword("meta/request.json", legal_basis="warrant"), "not the request that the site answered"),
        (_reword("meta/capture.json", subject="another file"), "not what the site signed"),
        (_receipt_for_another_capture, "for another capture"),
    ],
)
async def test_a_gateway_cannot_reword_what_the_site_signed(
    sqlite_gateway: EvidenceGateway,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Files, Sealer], None],
    word: str,
):
    """Sealed anew with the gateway's own key, a package still says only what the site signed."""
    path = await package(sqlite_gateway, tmp_path)
    sealer = sqlite_gateway.evidence.packages.sealer
    folder, files = unpacked(path)
    change(files, sealer)
    remade(files)
    sealed = manifest.unseal(files["seal.dsse"], Ed25519PublicKey.from_public_bytes(sealer.public), kind=manifest.SEAL)
    tags = hashlib.sha256(files["tagmanifest-sha256.txt"]).hexdigest()
    files["seal.dsse"] = manifest.seal(replace(sealed, sha256=tags), sign=sealer.sign, keyid=sealer.keyid)

    assert main(["package", str(packed(tmp_path / "changed.tar", folder, files))]) == 1
    assert word in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "data/..", "a b", ".hidden", "x" * 201])
async def test_dangerous_names_are_refused(
    sqlite_gateway: EvidenceGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
):
    """A path out of the folder, an absolute one and one no tool takes are refused before anything is read."""
    path = await package(sqlite_gateway, tmp_path)
    folder, files = unpacked(path)
    changed = packed(tmp_path / "changed.tar", folder, {name: b"x", **files})

    assert main(["package", str(changed)]) == 1
    assert "belong" in capsys.readouterr().err


async def test_links_and_cut_packages_are_refused(
    sqlite_gateway: EvidenceGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A link is no file of a package; a package cut off cannot be read."""
    path = await package(sqlite_gateway, tmp_path)
    linked = tmp_path / "linked.tar"
    with tarfile.open(linked, "w") as archive:
        info = tarfile.TarInfo("EV-x/meta/link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    cut = tmp_path / "cut.tar"
    cut.write_bytes(path.read_bytes()[:-600_000])

    assert main(["package", str(linked)]) == 1
    assert main(["package", str(cut)]) == 3
    assert main(["package", str(tmp_path / "nothing.tar")]) == 3
    assert main(["package", str(path), "--key", "nonsense"]) == 3


async def test_another_logs_key_does_not_pass(sqlite_gateway: EvidenceGateway, tmp_path: Path):
    """A pinned key that did not sign the entries is a failure."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from partner_agent.wire.notes import NoteSigner

    path = await package(sqlite_gateway, tmp_path)
    name = sqlite_gateway.services.audit.origin
    other = NoteSigner(name=name, private=Ed25519PrivateKey.generate()).verifier.vkey

    assert main(["package", str(path), "--key", other]) == 1


async def test_unsigned_log_delays_the_seal(sqlite_gateway: EvidenceGateway):
    """Without its entries in a signed head there is no package yet; afterwards there is."""
    request = await sqlite_gateway.received(DATA)
    await sqlite_gateway.evidence.tick()
    assert (await sqlite_gateway.evidence.get(request.id)).state is ClipState.RECEIVED
    await sqlite_gateway.settle()
    await sqlite_gateway.evidence.tick()

    assert (await sqlite_gateway.evidence.get(request.id)).state is ClipState.DOWNLOADABLE


@pytest.mark.parametrize(("header", "status"), [("bytes=0-9", 206), ("bytes=-100", 206), ("bytes=99999999-", 416)])
async def test_ranges_of_the_download(sqlite_gateway: EvidenceGateway, tmp_path: Path, header: str, status: int):
    """A broken download goes on where it stopped."""
    path = await package(sqlite_gateway, tmp_path)
    whole = path.read_bytes()
    (request,) = await sqlite_gateway.evidence.list_for(OPERATOR)
    session = sqlite_gateway.people.sign_in(Role.OPERATOR, organisation_id=AGENCY)
    async with sqlite_gateway.client(session=session) as client:
        address = f"/api/v1/clip-requests/{request.id}/package"
        answer = await client.get(address, headers={"range": header})
        middle = await client.get(address, headers={"range": "bytes=4000000-4300000"})

    assert answer.status_code == status
    assert middle.content == whole[4_000_000:4_300_001]
    if status == 206:
        assert answer.content in {whole[:10], whole[-100:]}


async def test_each_download_is_in_the_log_and_strangers_get_nothing(sqlite_gateway: EvidenceGateway, tmp_path: Path):
    """Who downloaded what is a leaf before the first byte; another agency finds nothing."""
    await package(sqlite_gateway, tmp_path)
    (request,) = await sqlite_gateway.evidence.list_for(OPERATOR)
    session = sqlite_gateway.people.sign_in(Role.OPERATOR, organisation_id="age_" + "z" * 26)
    async with sqlite_gateway.client(session=session) as client:
        answer = await client.get(f"/api/v1/clip-requests/{request.id}/package")

    assert answer.status_code == 404
    assert (await sqlite_gateway.kinds(request)).count("package.downloaded") == 1
