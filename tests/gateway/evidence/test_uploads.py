"""tus at /uploads: offsets are the database's truth, what is here is what the site signed, nothing is in the clear."""

import base64
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from gateway.evidence import ClipState
from gateway.evidence.objects import CHUNK_BYTES, NONCE_BYTES, TAG_BYTES
from gateway.evidence.uploads import LIFE_S
from gateway.kernel.errors import InvalidError
from partner_agent.wire.tokens import LocalSigner
from tests.fakes.evidence import AGENT
from tests.support.application import ORIGIN
from tests.support.evidence import MIB, TUS, EvidenceGateway, create, patch

pytestmark = pytest.mark.anyio
DATA = bytes(range(256)) * 4 * 1024 * 9  # 9 MiB: two whole chunks and a part
SMALL = b"recording" * 1000


def stored(gateway: EvidenceGateway) -> Path:
    """The one file on the disk."""
    (path,) = (gateway.folder / "objects").iterdir()
    return path


async def test_options_tell_what_is_spoken(sqlite_gateway: EvidenceGateway):
    """Version, extensions and checksums are announced without a secret."""
    async with sqlite_gateway.client() as client:
        answer = await client.options("/uploads")

    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {"creation", "expiration", "termination", "checksum"}
    assert "sha1" in answer.headers["tus-checksum-algorithm"]


async def test_other_versions_are_refused(sqlite_gateway: EvidenceGateway):
    """412 and our version, whatever else the request says."""
    _, secret = await sqlite_gateway.captured(SMALL)
    async with sqlite_gateway.client(secret) as client:
        answer = await client.post("/uploads", headers={"upload-length": "9000", "tus-resumable": "0.2.2"})

    assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")


@pytest.mark.parametrize("secret", ["", "0" * 64])
async def test_without_the_secret_there_is_nothing(sqlite_gateway: EvidenceGateway, secret: str):
    """No secret and a wrong one read the same as no upload."""
    _, right = await sqlite_gateway.captured(SMALL)
    async with sqlite_gateway.client(right) as client:
        place = await create(client, len(SMALL))
    async with sqlite_gateway.client(secret) as client:
        answers = [
            await client.post("/uploads", headers=TUS | {"upload-length": "9000"}),
            await client.head(place, headers=TUS),
            await patch(client, place, 0, SMALL, tus_resumable="1.0.0"),
            await client.delete(place, headers=TUS),
            await client.head("/uploads/upl_x", headers=TUS),
        ]

    assert [answer.status_code for answer in answers] == [404] * 5


async def test_no_byte_before_the_capture_is_signed(sqlite_gateway: EvidenceGateway):
    """Creation waits for the site's signature over what it will send."""
    await sqlite_gateway.approved()
    secret = sqlite_gateway.sites.released[-1][2]
    async with sqlite_gateway.client(secret) as client:
        answer = await client.post("/uploads", headers={"upload-length": "9000"})

    assert answer.status_code == 409
    assert "capture" in answer.text


@pytest.mark.parametrize("length", ["8999", "9001", "0", "-1", "x", ""])
async def test_only_the_signed_length_is_taken(sqlite_gateway: EvidenceGateway, length: str):
    """Another length, or none, creates nothing."""
    _, secret = await sqlite_gateway.captured(SMALL)
    async with sqlite_gateway.client(secret) as client:
        answer = await client.post("/uploads", headers={"upload-length": length})

    assert answer.status_code == 400


async def test_a_file_arrives_whole_encrypted_and_logged(gateway: EvidenceGateway):
    """9 MiB in one request: received, durable in chunks, unreadable on the disk."""
    request = await gateway.received(DATA)
    path = stored(gateway)

    assert request.state is ClipState.RECEIVED
    assert path.stat().st_size == len(DATA) + 3 * TAG_BYTES
    assert DATA[:64] not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert (await gateway.kinds(request))[-2:] == ["clip.captured", "clip.uploaded"]


async def test_creating_again_gives_the_same_upload(sqlite_gateway: EvidenceGateway):
    """The first answer may be lost; the second creation resumes instead of starting over."""
    _, secret = await sqlite_gateway.captured(SMALL)
    async with sqlite_gateway.client(secret) as client:
        first = await create(client, len(SMALL))
        await patch(client, first, 0, SMALL[:5000])
        second = await create(client, len(SMALL))
        look = await client.head(second)

    assert first == second
    assert look.headers["upload-offset"] == "5000"


async def test_a_body_that_breaks_off_is_kept_up_to_there(gateway: EvidenceGateway):
    """A cut connection costs nothing that arrived: HEAD says how much, and the rest follows."""
    request, secret = await gateway.captured(DATA)

    async def cut() -> AsyncIterator[bytes]:
        yield DATA[:CHUNK_BYTES]
        yield DATA[CHUNK_BYTES : CHUNK_BYTES + 1000]

    async with gateway.client(secret) as client:
        place = await create(client, len(DATA))
        await patch(client, place, 0, cut())
        look = await client.head(place)
        offset = int(look.headers["upload-offset"])
        rest = await patch(client, place, offset, DATA[offset:])

    assert offset == CHUNK_BYTES + 1000
    assert rest.headers["upload-offset"] == str(len(DATA))
    assert (await gateway.evidence.get(request.id)).state is ClipState.RECEIVED


async def test_replayed_bytes_change_nothing(gateway: EvidenceGateway):
    """The same PATCH twice: the second hears 409 and the offset stays."""
    request, secret = await gateway.captured(SMALL)
    async with gateway.client(secret) as client:
        place = await create(client, len(SMALL))
        assert (await patch(client, place, 0, SMALL[:5000])).status_code == 204
        assert (await patch(client, place, 0, SMALL[:5000])).status_code == 409
        assert (await patch(client, place, 6000, SMALL[6000:])).status_code == 409
        assert (await client.head(place)).headers["upload-offset"] == "5000"
        assert (await patch(client, place, 5000, SMALL[5000:])).status_code == 204
        assert (await patch(client, place, len(SMALL), b"")).status_code == 409

    assert (await gateway.evidence.get(request.id)).state is ClipState.RECEIVED


async def test_two_writers_at_once_corrupt_nothing(gateway: EvidenceGateway):
    """Of two requests for the same bytes one is taken, the other told to look again."""
    request, secret = await gateway.captured(DATA)
    statuses: list[int] = []

    async def send() -> None:
        async with gateway.client(secret) as client:
            statuses.append((await patch(client, place, 0, DATA)).status_code)

    async with gateway.client(secret) as client:
        place = await create(client, len(DATA))
    async with anyio.create_task_group() as group:
        group.start_soon(send)
        group.start_soon(send)

    assert sorted(statuses) == [204, 409]
    assert (await gateway.evidence.get(request.id)).state is ClipState.RECEIVED


async def test_bytes_written_but_not_committed_are_overwritten(gateway: EvidenceGateway):
    """A crash between disk and database leaves bytes nobody counts; the resent ones take their place."""
    request, secret = await gateway.captured(DATA)
    async with gateway.client(secret) as client:
        place = await create(client, len(DATA))
        await patch(client, place, 0, DATA[:CHUNK_BYTES])
    with stored(gateway).open("ab") as file:
        file.write(os.urandom(70_000))
    gateway.restart()
    async with gateway.client(secret) as client:
        offset = int((await client.head(place)).headers["upload-offset"])
        await patch(client, place, offset, DATA[offset:])

    assert offset == CHUNK_BYTES
    assert (await gateway.evidence.get(request.id)).state is ClipState.RECEIVED


async def test_crash_after_the_last_byte_is_finished_by_the_next_start(
    gateway: EvidenceGateway, monkeypatch: pytest.MonkeyPatch
):
    """All bytes are here and nobody compared them: the tick does."""
    request, secret = await gateway.captured(SMALL)

    async def crash(_upload: object) -> None:
        raise RuntimeError("kill -9")

    async with gateway.client(secret) as client:
        place = await create(client, len(SMALL))
        with monkeypatch.context() as patched:
            patched.setattr(gateway.evidence.uploads, "finish", crash)
            assert (await patch(client, place, 0, SMALL)).status_code == 500
    gateway.restart()
    await gateway.evidence.tick()

    assert (await gateway.evidence.get(request.id)).state is ClipState.RECEIVED


async def test_more_bytes_than_signed_are_refused(sqlite_gateway: EvidenceGateway):
    """A body over the signed length adds nothing of its last piece."""
    _, secret = await sqlite_gateway.captured(SMALL)
    async with sqlite_gateway.client(secret) as client:
        place = await create(client, len(SMALL))
        answer = await patch(client, place, 0, SMALL + b"!")
        look = await client.head(place)

    assert (answer.status_code, look.headers["upload-offset"]) == (400, "0")


async def test_other_bytes_than_signed_go_into_quarantine(gateway: EvidenceGateway):
    """The right length with other content is kept apart, and the log says that it was not as signed."""
    request, secret = await gateway.captured(SMALL)
    async with gateway.client(secret) as client:
        place = await create(client, len(SMALL))
        assert (await patch(client, place, 0, SMALL[:-1] + b"!")).status_code == 204
    await gateway.settle()
    await gateway.evidence.tick()
    after = await gateway.evidence.get(request.id)

    assert after.state is ClipState.QUARANTINED
    assert stored(gateway).exists()
    assert (await gateway.kinds(request))[-1] == "clip.uploaded"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_checksum_guards_each_step(sqlite_gateway: EvidenceGateway, algorithm: str):
    """A wrong checksum is 460 and keeps nothing; the right one is taken."""
    _, secret = await sqlite_gateway.captured(SMALL)
    good = f"{algorithm} {base64.b64encode(hashlib.new(algorithm, SMALL).digest()).decode()}"
    bad = f"{algorithm} {base64.b64encode(hashlib.new(algorithm, b'other').digest()).decode()}"
    async with sqlite_gateway.client(secret) as client:
        place = await create(client, len(SMALL))
        refused = await patch(client, place, 0, SMALL, upload_checksum=bad)
        offset = (await client.head(place)).headers["upload-offset"]
        taken = await patch(client, place, 0, SMALL, upload_checksum=good)

    assert (refused.status_code, offset, taken.status_code) == (460, "0", 204)


@pytest.mark.parametrize("checksum", ["md5 AAAA", "sha256 !!", "sha256", "sha256 AAAA"])
async def test_unreadable_checksums_are_refused(sqlite_gateway: EvidenceGateway, checksum: str):
    """An unknown algorithm or a digest of the wrong size is 400."""
    _, secret = await sqlite_gateway.captured(SMALL)
    async with sqlite_gateway.client(secret) as client:
        place = await create(client, len(SMALL))
        answer = await patch(client, place, 0, SMALL, upload_checksum=checksum)

    assert answer.status_code == 400


async def test_other_content_types_are_415(sqlite_gateway: EvidenceGateway):
    """Only the protocol's own type is taken."""
    _, secret = await sqlite_gateway.captured(SMALL)
    async with sqlite_gateway.client(secret) as client:
        place = await create(client, len(SMALL))
        answer = await patch(client, place, 0, SMALL, content_type="video/mp4")

    assert answer.status_code == 415


async def test_full_disk_is_507_and_the_offset_stays(gateway: EvidenceGateway, monkeypatch: pytest.MonkeyPatch):
    """Nothing that was committed is lost, and the upload goes on once there is room."""
    request, secret = await gateway.captured(DATA)

    def full(*_arguments: object) -> int:
        raise OSError(28, "No space left on device")

    async with gateway.client(secret) as client:
        place = await create(client, len(DATA))
        await patch(client, place, 0, DATA[:CHUNK_BYTES])
        with monkeypatch.context() as patched:
            patched.setattr("os.pwrite", full)
            answer = await patch(client, place, CHUNK_BYTES, DATA[CHUNK_BYTES:])
        look = await client.head(place)
        assert (answer.status_code, look.headers["upload-offset"]) == (507, str(CHUNK_BYTES))
        assert (await patch(client, place, CHUNK_BYTES, DATA[CHUNK_BYTES:])).status_code == 204

    assert (await gateway.evidence.get(request.id)).state is ClipState.RECEIVED


async def test_expired_upload_is_gone(sqlite_gateway: EvidenceGateway):
    """After its time an unfinished upload answers 410; the answer before told when that is."""
    _, secret = await sqlite_gateway.captured(SMALL)
    async with sqlite_gateway.client(secret) as client:
        place = await create(client, len(SMALL))
        assert "GMT" in (await client.head(place)).headers["upload-expires"]
        sqlite_gateway.clock.advance(LIFE_S + 1)

        assert (await client.head(place)).status_code == 410
        assert (await patch(client, place, 0, SMALL)).status_code == 410


async def test_termination_deletes_and_ends(gateway: EvidenceGateway):
    """A client that gives up leaves nothing but a leaf."""
    request, secret = await gateway.captured(SMALL)
    async with gateway.client(secret) as client:
        place = await create(client, len(SMALL))
        await patch(client, place, 0, SMALL[:100])
        assert (await client.delete(place)).status_code == 204
        assert (await client.head(place)).status_code == 410

    assert list((gateway.folder / "objects").iterdir()) == []
    assert (await gateway.evidence.get(request.id)).state is ClipState.FAILED
    assert (await gateway.kinds(request))[-1] == "clip.deleted"


async def test_complete_file_cannot_be_terminated(sqlite_gateway: EvidenceGateway):
    """Evidence is not deleted by who sent it."""
    await sqlite_gateway.received(SMALL)
    secret = sqlite_gateway.sites.released[-1][2]
    place = f"/uploads/{stored(sqlite_gateway).name}"
    async with sqlite_gateway.client(secret) as client:
        assert (await client.delete(place)).status_code == 409


@pytest.mark.parametrize("damage", ["flip", "cut", "swap", "foreign"])
async def test_damage_at_rest_is_noticed(sqlite_gateway: EvidenceGateway, damage: str):
    """A flipped bit, a cut file, two chunks in each other's place and another file's bytes do not decrypt."""
    request = await sqlite_gateway.received(DATA)
    path = stored(sqlite_gateway)
    data, size = bytearray(path.read_bytes()), CHUNK_BYTES + TAG_BYTES
    match damage:
        case "flip":
            data[5] ^= 1
        case "cut":
            del data[-1:]
        case "swap":
            data[:size], data[size : 2 * size] = data[size : 2 * size], data[:size]
        case _:
            data[:size] = os.urandom(size)
    path.write_bytes(data)
    await sqlite_gateway.settle()
    await sqlite_gateway.evidence.tick()

    assert (await sqlite_gateway.evidence.get(request.id)).state is ClipState.RECEIVED


async def test_no_nonce_is_ever_used_twice(sqlite_gateway: EvidenceGateway):
    """Every step has its own, also the ones that are sent again."""
    request, secret = await sqlite_gateway.captured(SMALL)
    async with sqlite_gateway.client(secret) as client:
        place = await create(client, len(SMALL))
        for begin in range(0, len(SMALL), 1000):
            await patch(client, place, begin, SMALL[begin : begin + 1000])
    store = sqlite_gateway.evidence._store
    chunks = await store.chunks((await store.upload_of_request(request.id)).id)

    assert len(chunks) == 9
    assert len({chunk.nonce for chunk in chunks}) == 9
    assert all(len(chunk.nonce) == NONCE_BYTES for chunk in chunks)


@pytest.mark.parametrize(
    "changes",
    [{"request_sha256": "0" * 64}, {"session": "ses_" + "z" * 26}, {"capture": {"sha256": "0" * 64}}],
)
async def test_capture_of_something_else_is_refused(sqlite_gateway: EvidenceGateway, changes: dict[str, object]):
    """Another document, another session and another form are no capture of this request."""
    request = await sqlite_gateway.approved()
    token = sqlite_gateway.sites.capture(request, sha256="0" * 64, size=5, gateway=ORIGIN, **changes)
    with pytest.raises(InvalidError):
        await sqlite_gateway.evidence.uploads.captured(AGENT, sqlite_gateway.sites.device.public, token)


@pytest.mark.parametrize("size", [0, -1, 64 * 1024**3 + 1])
async def test_capture_of_an_impossible_size_is_refused(sqlite_gateway: EvidenceGateway, size: int):
    """Nothing, less than nothing and more than 64 GiB are not taken."""
    with pytest.raises(InvalidError, match="size"):
        await sqlite_gateway.captured(b"x", size=size)


async def test_capture_signed_by_another_key_is_refused(sqlite_gateway: EvidenceGateway):
    """Only the device that was paired says what this site cut."""
    request = await sqlite_gateway.approved()
    token = sqlite_gateway.sites.capture(request, sha256="0" * 64, size=5, gateway=ORIGIN)
    with pytest.raises(InvalidError, match="no signed capture"):
        await sqlite_gateway.evidence.uploads.captured(AGENT, LocalSigner.generate("ES256").public, token)


async def test_same_capture_again_is_no_second_one(gateway: EvidenceGateway):
    """A capture repeated after a lost connection changes nothing; a different one is refused."""
    request = await gateway.approved()
    token = gateway.sites.capture(request, sha256="0" * 64, size=5, gateway=ORIGIN)
    other = gateway.sites.capture(request, sha256="1" * 64, size=5, gateway=ORIGIN)
    for _ in range(2):
        await gateway.evidence.uploads.captured(AGENT, gateway.sites.device.public, token)
    with pytest.raises(InvalidError):
        await gateway.evidence.uploads.captured(AGENT, gateway.sites.device.public, other)

    assert (await gateway.kinds(request)).count("clip.captured") == 1


async def test_large_steps_are_cut_into_chunks(sqlite_gateway: EvidenceGateway):
    """Memory holds one chunk, however large the body; a checksum over more than one is refused."""
    _, secret = await sqlite_gateway.captured(DATA)
    checksum = f"sha256 {base64.b64encode(hashlib.sha256(DATA).digest()).decode()}"
    async with sqlite_gateway.client(secret) as client:
        place = await create(client, len(DATA))
        answer = await patch(client, place, 0, DATA, upload_checksum=checksum)

    assert answer.status_code == 400
    assert CHUNK_BYTES == 4 * MIB
