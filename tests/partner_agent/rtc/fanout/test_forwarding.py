"""The forwarding core: who gets what, and above all who does not."""

import pytest

from partner_agent.rtc import h264, rtp
from partner_agent.rtc.fanout import PAYLOAD_BYTES, FanOut
from tests.support.fanning import DELTA, KEY, LATER, NOW, Camera, Screen


def test_nothing_goes_to_a_viewer_who_is_not_admitted(fan: FanOut, camera: Camera):
    """Without an admission `until` lies in the past, and not one packet leaves."""
    screen = Screen(until=float("-inf"))
    fan.add(screen.viewer, NOW)

    camera.picture(KEY)
    camera.picture(DELTA)

    assert screen.packets == []


def test_nothing_goes_to_a_viewer_whose_time_is_over(fan: FanOut, camera: Camera):
    """From `until` on nothing is forwarded, nor replayed."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    count = len(screen.packets)

    camera.picture(DELTA, LATER)

    assert count > 0
    assert len(screen.packets) == count
    assert not fan.replay("ses_1", LATER)


def test_a_packet_longer_than_any_network_carries_is_not_taken(fan: FanOut, camera: Camera):
    """It would end the view of everybody whose encryption has no room for it."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    count, taken = len(screen.packets), fan.packets
    head = rtp.header(is_last=True, payload_type=96, sequence=65_600, timestamp=1, ssrc=7)

    fan.push(head + bytes(PAYLOAD_BYTES + 1), NOW)

    assert (len(screen.packets), fan.packets) == (count, taken)
    assert screen.viewer.session in fan.viewers


def test_nothing_goes_to_a_removed_viewer(fan: FanOut, camera: Camera):
    """After `remove` returns, not even what had gathered."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    count = len(screen.packets)
    fan.push(rtp.header(is_last=False, payload_type=96, sequence=65_600, timestamp=1, ssrc=7) + b"\x41half", NOW)

    removed = fan.remove("ses_1")
    camera.picture(DELTA)

    assert removed is screen.viewer
    assert removed.packets == count == len(screen.packets)


def test_a_viewer_starts_at_the_key_frame_of_the_cache(fan: FanOut, camera: Camera):
    """Who joins late gets the whole group of pictures at once, from its key frame on, without gaps."""
    camera.picture(DELTA)
    camera.picture(KEY)
    camera.picture(DELTA)
    screen = Screen()

    fan.add(screen.viewer, NOW)
    camera.picture(DELTA)

    assert h264.starts_key_unit(screen.packets[0].payload)
    assert len(screen.packets) == len(KEY) + 2
    numbers = [packet.sequence for packet in screen.packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {packet.ssrc for packet in screen.packets} == {99}
    assert {packet.payload_type for packet in screen.packets} == {102}


def test_a_viewer_without_a_cache_waits_for_the_next_key_frame(fan: FanOut, camera: Camera):
    """Pictures that cannot be decoded are not sent."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(DELTA)
    assert screen.packets == []

    camera.picture(KEY)

    assert len(screen.packets) == len(KEY)


def test_a_viewer_starts_in_the_lower_half_of_the_sequence_numbers(fan: FanOut, camera: Camera):
    """So that a peer whose rollover count starts at zero cannot mistake a wrap (RFC 3711 §3.3.1)."""
    for _ in range(40_000):
        camera.picture(DELTA)
    camera.picture(KEY)
    screen = Screen()

    fan.add(screen.viewer, NOW)

    assert screen.packets[0].sequence < 0x8000


def test_loss_before_the_relay_stays_a_gap(fan: FanOut, camera: Camera):
    """A missing packet is missing for the viewer too, who can then ask."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)

    camera.picture(KEY, skip=2)

    numbers = [packet.sequence for packet in screen.packets]
    assert set(range(numbers[0], numbers[-1] + 1)) - set(numbers) == {numbers[0] + len(KEY) + 1}


def test_a_plea_is_answered_from_the_cache_once_a_second(fan: FanOut, camera: Camera):
    """The same pictures go out under new sequence numbers; a second plea within a second gets nothing."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    camera.picture(DELTA)
    before = len(screen.packets)

    assert fan.replay("ses_1", NOW + 1)
    assert not fan.replay("ses_1", NOW + 1.5)
    camera.picture(DELTA, NOW + 1.6)

    again = screen.packets[before:]
    assert [packet.payload for packet in again[:-1]] == [packet.payload for packet in screen.packets[:before]]
    numbers = [packet.sequence for packet in screen.packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_stranger_cannot_plead(fan: FanOut, camera: Camera):
    """No replay for a session that is not forwarded."""
    camera.picture(KEY)

    assert not fan.replay("ses_2", NOW)


def test_a_reconnected_camera_goes_on_where_it_was(fan: FanOut, camera: Camera):
    """A new source continues sequence and time, and starts with its own key frame for who joins."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    other = Camera(fan, ssrc=8, sequence=3, timestamp=1)

    other.picture(KEY, NOW + 2)

    numbers = [packet.sequence for packet in screen.packets]
    assert numbers == list(range(numbers[0], numbers[0] + 2 * len(KEY)))
    assert screen.packets[-1].timestamp - screen.packets[0].timestamp == 2 * 90_000


def test_viewers_of_one_batch_share_their_headers(fan: FanOut, camera: Camera):
    """Two viewers with other payload types each get their own, from one packet."""
    one, two = Screen("ses_1"), Screen("ses_2", payload_type=109)
    fan.add(one.viewer, NOW)
    fan.add(two.viewer, NOW)

    camera.picture(KEY)

    assert [p.payload for p in one.packets] == [p.payload for p in two.packets]
    assert {p.payload_type for p in two.packets} == {109}


def test_what_is_not_rtp_changes_nothing(fan: FanOut):
    """Garbage from the ingest is dropped."""
    fan.push(b"garbage", NOW)
    fan.push(rtp.header(is_last=True, payload_type=96, sequence=1, timestamp=1, ssrc=1), NOW)

    assert fan.packets == 0


@pytest.mark.parametrize("part", ["send", "protect"])
def test_one_viewer_that_cannot_be_served_costs_no_other_a_packet(part: str):
    """Whatever encrypting or sending for it raises: it is told once and dropped, and the next gets every packet."""
    broken: list[tuple[str, str, int]] = []

    def tell(session: str, error: Exception) -> None:
        broken.append((session, str(error), fan.viewers[session].packets))

    fan = FanOut(ssrc=99, on_broken=tell)
    camera = Camera(fan)
    ill, well = Screen("ses_1"), Screen("ses_2")
    fan.add(ill.viewer, NOW)
    fan.add(well.viewer, NOW)
    camera.picture(KEY)

    def fail(*_: object) -> bytes:
        raise OSError("gone")

    if part == "send":
        ill.viewer.send = fail  # type: ignore[assignment]
    else:
        ill.viewer.protector.protect = fail  # type: ignore[method-assign]
    camera.picture(DELTA)
    camera.picture(DELTA)

    assert broken == [("ses_1", "gone", len(KEY))]
    assert list(fan.viewers) == ["ses_2"]
    assert len(well.packets) == len(KEY) + 2


def test_a_viewer_that_fails_at_its_start_or_replay_is_dropped_too(fan: FanOut, camera: Camera):
    """The first group of pictures and the replayed one are no exception."""

    def fail(_: list[bytes]) -> None:
        raise RuntimeError("no way to the peer")

    camera.picture(KEY)
    starting, pleading = Screen("ses_1"), Screen("ses_2")
    starting.viewer.send = fail
    fan.add(starting.viewer, NOW)
    fan.add(pleading.viewer, NOW)
    pleading.viewer.send = fail

    assert not fan.replay("ses_2", NOW + 2)
    assert fan.viewers == {}
