"""The simulated camera behaves like a camera, and its faults like a camera's faults."""

import struct

import anyio
import pytest

from partner_agent.rtc import nal
from partner_agent.simulator.camera import Camera
from partner_agent.simulator.rtp import MTU_BYTES, Packetizer
from partner_agent.wire.clock import SystemClock
from tests.support.cameras import PASSWORD, USER, camera_server
from tests.support.rtsp_client import connect

pytestmark = pytest.mark.anyio
NTP_1970 = 2_208_988_800


async def test_wrong_password_is_401_and_counted(camera: Camera):
    """A wrong password opens nothing, and the camera remembers how often one was tried."""
    async with camera_server(camera) as port:
        client = await connect(port, "cam1/main")
        answer = await client.sign_in("MD5", USER, "wrong")

    assert answer.status == 401
    assert camera.refused_passwords == 1


async def test_no_stream_without_a_password(camera: Camera):
    """SETUP and PLAY ask for the password as DESCRIBE does."""
    async with camera_server(camera) as port:
        client = await connect(port, "cam1/main")
        statuses = [(await client.ask(method)).status for method in ("DESCRIBE", "SETUP", "PLAY")]

    assert statuses == [401, 401, 401]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_right_password_describes_the_stream(camera: Camera, algorithm: str):
    """Both digest algorithms are offered, and either opens the camera."""
    async with camera_server(camera) as port:
        client = await connect(port, "cam1/main")
        answer = await client.sign_in(algorithm, USER, PASSWORD)

    assert answer.status == 200
    assert "H264/90000" in answer.body
    assert "sprop-parameter-sets=" in answer.body


async def test_a_camera_may_offer_one_algorithm_only(camera: Camera):
    """A camera that knows only SHA-256 refuses an MD5 answer."""
    camera.algorithms = ("SHA-256",)
    async with camera_server(camera) as port:
        client = await connect(port, "cam1/main")
        assert (await client.sign_in("SHA-256", USER, PASSWORD)).status == 200
        client.authorization = ("MD5", USER, PASSWORD)
        assert (await client.ask("DESCRIBE")).status == 401


async def test_udp_is_refused_by_its_own_status(camera: Camera):
    """A client that asks for UDP is told so, and may ask again for TCP."""
    async with camera_server(camera) as port:
        client = await connect(port, "cam1/main")
        await client.sign_in("MD5", USER, PASSWORD)
        answer = await client.ask("SETUP", {"Transport": "RTP/AVP;unicast;client_port=5000-5001"})

    assert answer.status == 461


async def test_unknown_path_is_404(camera: Camera):
    """A path that names no camera is not found."""
    async with camera_server(camera) as port:
        assert (await (await connect(port, "cam9/main")).ask("DESCRIBE")).status == 404


async def test_every_client_begins_with_a_key_picture(camera: Camera):
    """Two clients at once each get a sender report, then parameter sets, then a key picture."""
    async with camera_server(camera) as port:
        for _ in range(2):
            client = await connect(port, "cam1/main")
            await client.sign_in("MD5", USER, PASSWORD)
            await client.start()
            packets = [await client.packet() for _ in range(4)]

            assert packets[0][0] == 1
            assert [nal.nal_type(packet[12:]) for _, packet in packets[1:3]] == [nal.SPS, nal.PPS]

    assert camera.plays == 2


async def test_sender_report_carries_the_cameras_own_clock(camera: Camera):
    """A camera whose clock is two hours slow says so in its reports."""
    camera.clock_offset_s = -7200
    async with camera_server(camera) as port:
        client = await connect(port, "cam1/main")
        await client.sign_in("MD5", USER, PASSWORD)
        await client.start()
        _, report = await client.packet()

    told_s = struct.unpack(">I", report[8:12])[0] - NTP_1970
    assert abs(told_s + 7200 - SystemClock().now().timestamp()) < 5


async def test_frozen_camera_keeps_its_connection_and_sends_nothing(camera: Camera):
    """Silence, not an end: the fault that is hardest to notice."""
    camera.is_frozen = True
    async with camera_server(camera) as port:
        client = await connect(port, "cam1/main")
        await client.sign_in("MD5", USER, PASSWORD)
        await client.start()
        with anyio.move_on_after(0.5) as silence:
            await client.packet()

        assert silence.cancelled_caught
        assert (await client.ask("GET_PARAMETER")).status == 200


async def test_rotated_password_hangs_up_and_refuses_the_old_one(camera: Camera):
    """A changed password ends running streams, and the old one is refused from then on."""
    async with camera_server(camera) as port:
        client = await connect(port, "cam1/main")
        await client.sign_in("MD5", USER, PASSWORD)
        await client.start()
        camera.rotate_password("new")
        with pytest.raises(anyio.IncompleteRead):
            await client.drain()

        again = await connect(port, "cam1/main")
        assert (await again.sign_in("MD5", USER, PASSWORD)).status == 401


async def test_a_camera_that_is_down_closes_the_connection(camera: Camera):
    """A camera that is down answers nothing."""
    camera.is_down = True
    async with camera_server(camera) as port:
        client = await connect(port, "cam1/main")
        with pytest.raises((anyio.IncompleteRead, anyio.EndOfStream)):
            await client.ask("DESCRIBE")


def test_fragments_join_to_the_same_unit():
    """A unit larger than a packet travels in fragments that together are the unit; only the last packet is marked."""
    unit = bytes([0x65]) + bytes(range(256)) * 20
    packets = list(Packetizer(ssrc=1, first_sequence=65535, timestamp_base=0).packets([unit], 1.0))

    assert all(len(packet) <= MTU_BYTES + 12 for packet in packets)
    assert [packet[1] >> 7 for packet in packets] == [0] * (len(packets) - 1) + [1]
    assert [struct.unpack(">H", packet[2:4])[0] for packet in packets[:2]] == [65535, 0]
    header = packets[0][12] & 0xE0 | packets[0][13] & 0x1F
    assert bytes([header]) + b"".join(packet[14:] for packet in packets) == unit
