"""What a connection check means: what fails first, in whose words, and what to do about it."""

from typing import Any

import pytest

from partner_agent.wire import diagnosis
from partner_agent.wire.check_messages import CheckedCamera, ConnectionChecked
from partner_agent.wire.diagnosis import Level, Line, Topic, lines_of

WELL: dict[str, Any] = {"udp": "yes", "nat": "same", "turn_udp": "yes", "turn_tls": "yes", "is_clock_right": True}
LABELS = {"c1": "Yard", "c2": "Door"}


def lines(*cameras: CheckedCamera, **changed: Any) -> list[Line]:
    """What is said of a site where all is well but for what is `changed`."""
    return lines_of(ConnectionChecked(id="m", **WELL | {"cameras": list(cameras)} | changed), LABELS)


def said(found: list[Line], *levels: Level) -> list[str]:
    """The sentences of these levels, as they are read."""
    return [line.sentence % line.values for line in found if line.level in levels]


def test_a_site_where_all_is_well_needs_nothing():
    """No line asks for anything to be done."""
    camera = CheckedCamera(camera="c1", kbps=2_000, key_distance_ms=2_000, codec="h264", open_ms=120, first_ms=900)
    found = lines(camera, line_kbps=9_400, by_server=False)

    assert [line.level for line in found] == [Level.GOOD] * len(found)
    assert not any(line.remedy for line in found)
    assert said(found, Level.GOOD) == [
        "UDP gets out of the site's network to the agency's STUN server and back. Whether it reaches the media port "
        "the next live view shows.",
        "The router keeps one port for one program (an ordinary NAT).",
        "The last live view went straight.",
        "The way by TLS is open, should UDP be blocked one day.",
        "The site's line carries about 9.4 Mbit/s to the agency: about one camera at 1080p.",
        "All cameras at once need 2.0 Mbit/s of the site's line, once however many watch.",
        "The clock of the agent's machine is right.",
        "Yard: H.264, the first picture after 0.9 seconds, 0.1 of them until it answered.",
    ]


def test_where_only_a_websocket_passes_pictures_come_and_may_stutter():
    """What without it would be "nobody can watch" is worth attention, and says what it costs; so does the last view."""
    shut = {"udp": "no", "turn_udp": "no", "turn_tls": "no", "nat": "unknown"}

    assert "nobody can watch" in said(lines(**shut), Level.BAD)[0]
    for tunnel in ("offered", "used"):
        found = lines(**shut, tunnel=tunnel)
        assert not said(found, Level.BAD)
        assert said(found, Level.CARE)[0] == (
            "Only HTTPS to the agency gets out of the site's network: live views go inside a WebSocket, and begin some "
            "seconds late. Pictures may stutter."
        )
        last = "The last live view went inside a WebSocket, as everything else was blocked: pictures may stutter."
        assert (last in said(found, Level.CARE)) is (tunnel == "used")


def test_a_tunnel_that_is_not_needed_is_not_spoken_of():
    """Where UDP passes nobody wants to know."""
    assert said(lines(tunnel="offered"), *Level) == said(lines(), *Level)


def test_a_look_that_no_gateway_asked_for_blames_nobody():
    """It says why network and line were not tried; an agency that names no server is told apart."""
    untried = {
        "udp": "untried",
        "nat": "unknown",
        "turn_udp": "untried",
        "turn_tls": "untried",
        "unmeasured": "unasked",
    }
    alone, asked = said(lines(**untried, re=""), Level.CARE), said(lines(**untried, re="msg_1"), Level.CARE)

    assert alone == [
        "The network and the line were not tried, as the gateway did not take part (no link, or asked too often). "
        "Cameras and clock were looked at."
    ]
    assert len(asked) == 2
    assert "the agency names no server to ask" in asked[0]


def test_what_fails_stands_first_and_names_its_camera():
    """A clock, a camera; then what is late or narrow; cameras that the reader does not know are not spoken of."""
    found = lines(
        CheckedCamera(camera="c1", kbps=3_000, key_distance_ms=9_600, first_ms=5_100, open_ms=100),
        CheckedCamera(camera="c2", trouble="auth"),
        CheckedCamera(camera="other", kbps=9_000, trouble="unreachable"),
        is_clock_right=False,
        uplink_kbps=2_000,
        turn_tls="no",
    )

    assert said(found, Level.BAD) == [
        "The clock of the agent's machine follows no time source: the site refuses every view.",
        "Door refuses the agent's user name or password (RTSP).",
    ]
    assert said(found, Level.CARE) == [
        "The TURN server gives no place over TLS.",
        "All cameras at once need 3.0 Mbit/s, and live views may take 2.0.",
        "Yard sends a whole picture only every 10 seconds: its first one came after 5.1.",
    ]
    assert all(line.remedy for line in found if line.level is not Level.GOOD)
    assert "other" not in " ".join(said(found, *Level))


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({"udp": "no", "nat": "unknown", "turn_udp": "no", "turn_tls": "no"}, Level.BAD),
        ({"udp": "no", "nat": "unknown", "turn_udp": "no"}, Level.CARE),
        ({"udp": "untried", "turn_udp": "untried", "turn_tls": "untried"}, Level.CARE),
        ({"turn_udp": "no"}, Level.CARE),
        ({"nat": "changing"}, Level.GOOD),
        ({"nat": "open"}, Level.GOOD),
        ({"is_clock_right": False}, Level.BAD),
    ],
    ids=str,
)
def test_how_bad_each_finding_is(changed: dict[str, Any], level: Level):
    """Nobody can watch; later or not for everybody; no trouble at all, which a strict router is as well."""
    assert lines(**changed)[0].level is level


@pytest.mark.parametrize(
    ("line_kbps", "rates", "level", "sentence"),
    [
        (900, [2_000, 1_000], Level.BAD, "carries about 0.9 Mbit/s to the agency, and its smallest picture needs 1.0"),
        (2_000, [1_000, 1_000], Level.CARE, "all cameras at once need 2.0: they cannot all be watched"),
        (3_000, [1_000, 1_000], Level.GOOD, "carries about 3.0 Mbit/s to the agency, enough for all its cameras"),
        (5_000, [], Level.GOOD, "about one camera at 1080p."),
        (4_900, [], Level.CARE, "less than one camera at 1080p."),
        (200_000, [], Level.GOOD, "carries 200 Mbit/s or more to the agency."),
        (11_400, [], Level.GOOD, "carries about 11 Mbit/s to the agency: about 2 cameras at 1080p"),
    ],
)
def test_what_the_line_carries_is_said_in_cameras(line_kbps: int, rates: list[int], level: Level, sentence: str):
    """By what the site's cameras need where that is known; a fifth of the line is not reckoned with."""
    cameras = [CheckedCamera(camera=f"c{at}", kbps=rate) for at, rate in enumerate(rates, start=1)]
    found = next(line for line in lines(*cameras, line_kbps=line_kbps) if line.topic is Topic.UPLINK)

    assert found.level is level
    assert sentence in found.sentence % found.values


def test_a_line_that_the_owner_s_own_rate_held_back_may_carry_more():
    """It is not called narrow: nothing more than this rate may leave anyhow."""
    found = lines(CheckedCamera(camera="c1", kbps=900), line_kbps=1_000, is_line_bound=True, uplink_kbps=1_000)

    assert "The site's line carries at least the 1.0 Mbit/s that live views may take." in said(found, Level.GOOD)
    assert not said(found, Level.BAD, Level.CARE)


@pytest.mark.parametrize("why", diagnosis.UNMEASURED)
def test_a_line_that_was_not_measured_says_why(why: Any):
    """And what to do about it."""
    (found,) = [line for line in lines(unmeasured=why) if line.level is not Level.GOOD]

    assert (found.topic, found.level) == (Topic.UPLINK, Level.CARE)
    assert "was not measured" in found.sentence
    assert found.remedy.startswith("Check again")


@pytest.mark.parametrize("trouble", diagnosis.TROUBLES)
def test_a_camera_without_a_picture_fails_and_says_what_to_do(trouble: Any):
    """Its name, what is so, the remedy; what else was known of it is not called good."""
    found = lines(CheckedCamera(camera="c1", trouble=trouble, codec="h264"))

    assert found[0].level is Level.BAD
    assert found[0].sentence % found[0].values == (said(found, Level.BAD)[0])
    assert said(found, Level.BAD)[0].startswith("Yard ")
    assert found[0].remedy
    assert [line for line in found if line.topic is Topic.CAMERA] == found[:1]


@pytest.mark.parametrize(
    ("camera", "sentence"),
    [
        ({"key_distance_ms": 8_000, "first_ms": 6_000, "open_ms": 200}, "only every 8 seconds"),
        (
            {"key_distance_ms": 9_000, "is_key_distance_least": True, "first_ms": 3_000, "open_ms": 200},
            "less often than every 9 seconds",
        ),
        (
            {"key_distance_ms": 1_000, "first_ms": 4_000, "open_ms": 3_500},
            "takes 3.5 of the 4.0 seconds to its first picture to answer at all",
        ),
    ],
    ids=["key pictures", "key pictures at least", "answer"],
)
def test_what_makes_a_first_picture_late_is_named(camera: dict[str, Any], sentence: str):
    """The distance of its key pictures, or the camera's own answer."""
    (found,) = said(lines(CheckedCamera(camera="c1", **camera)), Level.CARE)

    assert sentence in found


def test_a_camera_that_is_open_already_begins_at_once():
    """It is recorded or watched; no time to open it is told."""
    found = lines(CheckedCamera(camera="c1", first_ms=3, key_distance_ms=1_000))

    assert "Yard: H.264, the first picture at once, as the agent has it open already." in said(found, Level.GOOD)
