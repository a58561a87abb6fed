"""What sound a camera has is read from its description, which is asked for and starts nothing."""

import anyio
import anyio.to_thread
import pytest

from partner_agent import camera_sound, describing
from partner_agent.camera_sound import CameraSound, SoundKind
from partner_agent.demux import CameraAddress
from partner_agent.simulator.camera import Camera
from tests.support.cameras import PASSWORD, USER, camera_server
from tests.support.tones import mulaw_tone

VIDEO = "v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


@pytest.mark.parametrize(
    ("section", "sound"),
    [
        ("", CameraSound(SoundKind.NONE)),
        ("m=audio 0 RTP/AVP 0\r\n", CameraSound(SoundKind.G711, "PCMU/8000")),
        ("m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000/1\r\n", CameraSound(SoundKind.G711, "PCMA/8000/1")),
        ("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 PCMU/16000\r\n", CameraSound(SoundKind.OTHER, "PCMU/16000")),
        ("m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000/2\r\n", CameraSound(SoundKind.OTHER, "PCMA/8000/2")),
        (
            "m=audio 0 RTP/AVP 104\r\na=rtpmap:104 mpeg4-generic/16000/1\r\n",
            CameraSound(SoundKind.AAC, "mpeg4-generic/16000/1"),
        ),
        ("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 G726-32/8000\r\n", CameraSound(SoundKind.OTHER, "G726-32/8000")),
        ("m=audio 0 RTP/AVP 9\r\n", CameraSound(SoundKind.OTHER, "G722/8000")),
        ("m=audio 0 RTP/AVP\r\n", CameraSound(SoundKind.OTHER, "?")),
        ("m=audio 0 RTP/AVP 9\r\nm=audio 0 RTP/AVP 0\r\n", CameraSound(SoundKind.G711, "PCMU/8000")),
    ],
)
def test_a_description_says_what_sound_there_is(section: str, sound: CameraSound):
    """The first that can be sent; what cannot is named."""
    assert camera_sound.read(VIDEO + section) == sound


async def described(port: int, *, password: str = PASSWORD) -> str | None:
    """What the camera of the test answers."""
    address = CameraAddress(f"rtsp://127.0.0.1:{port}/cam1/main", USER, password)
    return await anyio.to_thread.run_sync(describing.described, address)


@pytest.mark.anyio
@pytest.mark.parametrize("algorithms", [("SHA-256", "MD5"), ("MD5",), ()])
async def test_a_camera_is_asked_and_starts_nothing(camera: Camera, algorithms: tuple[str, ...]):
    """With the sign-in that it takes; neither picture nor sound is played for it."""
    camera.algorithms, camera.sound = algorithms, mulaw_tone()
    async with camera_server(camera) as port:
        text = await described(port)

    assert text is not None
    assert camera_sound.read(text).kind is SoundKind.G711
    assert (camera.plays, camera.sounding, camera.refused_passwords) == (0, 0, 0)


@pytest.mark.anyio
async def test_a_camera_that_tells_nothing_is_not_asked_again(camera: Camera):
    """A wrong password is shown once; one that only takes SHA-256, or is away, is left alone."""
    async with camera_server(camera) as port:
        assert await described(port, password="wrong") is None
        assert camera.refused_passwords == 1
        camera.algorithms = ("SHA-256",)
        assert await described(port) is None
        camera.is_down = True
        assert await described(port) is None
    assert camera.refused_passwords == 1
    assert await described(port) is None


def test_rfc_2617_s_answer_with_qop_is_the_known_one():
    """`auth`, where a camera asks for it: the digest covers count and nonce of ours."""
    address = CameraAddress("rtsp://cam/1", "u", "p")
    head = 'RTSP/1.0 401 Unauthorized\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth", opaque="o"\n'

    said = describing._authorization(head, address)

    secret, act = describing._md5("u:r:p"), describing._md5("DESCRIBE:rtsp://cam/1")
    assert f'response="{describing._md5(f"{secret}:n:00000001:4c656e73:auth:{act}")}"' in said
    assert 'opaque="o"' in said
