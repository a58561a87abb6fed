"""What a link to a phone allows by itself: who may send it, which door it opens, and what is said of its end."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from gateway.live.model import EndReason, OpenedBy, Session, SessionState
from gateway.live.phones.model import (
    FINAL,
    OPEN_WITHIN,
    Door,
    PhoneLink,
    Standing,
    Token,
    door_of,
    may_be_sent,
    new_token,
    phone_words,
    read_token,
    standing,
)
from gateway.live.phones.qr import svg_data_of
from tests.fakes.clock import FakeClock
from tests.support.live import AGENCY, AGENT, BROWSER, CAMERA, INCIDENT, LOCAL, OPERATOR, ORGANISATION, SITE, made_up

NOW = FakeClock().now()
LINK_ID = made_up("phl", 1)
SECRET, DEVICE = new_token(LINK_ID, b"s" * 32), new_token(LINK_ID, b"d" * 32)
WATCHED = Session(
    id=made_up("ses", 1),
    grant_id=made_up("grt", 1),
    publication=made_up("pub", 1),
    camera_id=CAMERA,
    local_camera=LOCAL,
    site_id=SITE,
    organisation_id=ORGANISATION,
    agent_id=AGENT,
    person_id=OPERATOR.person_id,
    agency_id=AGENCY,
    unit="rtcc",
    role="operator",
    purpose="violent_crime",
    incident_id=INCIDENT,
    opened_by=OpenedBy.PERSON,
    fingerprint=BROWSER,
    policy_sha256="0" * 64,
    grant_sha256="0" * 64,
    state=SessionState.ESTABLISHED,
    requested_at=NOW,
    horizon_at=NOW + timedelta(minutes=10),
    max_seconds=600,
)
SENT = PhoneLink(
    id=LINK_ID,
    secret_sha256=SECRET.sha256,
    person_id=OPERATOR.person_id,
    agency_id=AGENCY,
    factors="passkey",
    sent_from=WATCHED.id,
    camera_id=CAMERA,
    site_id=SITE,
    organisation_id=ORGANISATION,
    purpose="violent_crime",
    incident_id=INCIDENT,
    recipient="Unit 12",
    lasts_s=900,
    made_at=NOW,
    open_until=NOW + OPEN_WITHIN,
)
OPENED = replace(SENT, opened_at=NOW, device_sha256=DEVICE.sha256, ends_at=NOW + timedelta(seconds=900))
STOPPED = {"ended_at": NOW, "end_reason": EndReason.SENDER}
LATER = NOW + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("change", "has_word"),
    [
        ({"act": "recorded.view"}, False),
        ({"act": "still.take"}, False),
        ({"shown_to": "Unit 12"}, False),
        ({"state": SessionState.ACCEPTED}, False),
        ({"incident_id": ""}, False),
        ({"on_behalf_of": "County Sheriff"}, False),
        ({}, True),
    ],
)
def test_what_nobody_may_send(change: dict[str, Any], has_word: bool):
    """A recording, a still, what a phone shows, what is not seen yet, no incident, another agency's, a lent word."""
    assert may_be_sent(replace(WATCHED, **change), has_word=has_word)


def test_a_picture_that_somebody_sees_for_an_incident_may_be_sent():
    """There is no objection."""
    assert may_be_sent(WATCHED, has_word=False) == ""


WRONG = Token(LINK_ID, "w" * 43)


@pytest.mark.parametrize(
    ("link", "now", "brought", "door"),
    [
        (None, NOW, (SECRET, DEVICE), Door.NOTHING),
        (SENT, NOW, (None, None), Door.NOTHING),
        (SENT, NOW, (WRONG, None), Door.NOTHING),
        (SENT, NOW, (None, SECRET), Door.NOTHING),  # a link's secret is no device's, and the other way round
        (OPENED, NOW, (DEVICE, None), Door.NOTHING),
        (OPENED, NOW, (None, WRONG), Door.NOTHING),
        (OPENED, NOW, (WRONG, WRONG), Door.NOTHING),
        (OPENED, NOW, (SECRET, None), Door.OTHER_DEVICE),
        (OPENED, NOW, (SECRET, WRONG), Door.OTHER_DEVICE),
        (replace(OPENED, **STOPPED), NOW, (SECRET, None), Door.OTHER_DEVICE),
        (SENT, SENT.open_until, (SECRET, None), Door.EXPIRED),
        (replace(SENT, **STOPPED), NOW, (SECRET, None), Door.OVER),
        (replace(OPENED, **STOPPED), NOW, (None, DEVICE), Door.OVER),
        (OPENED, LATER, (None, DEVICE), Door.OVER),
        (SENT, NOW, (SECRET, None), Door.BIND),
        (SENT, NOW, (SECRET, WRONG), Door.BIND),  # a device that had another link before
        (OPENED, NOW, (None, DEVICE), Door.GO_ON),
        (OPENED, NOW, (SECRET, DEVICE), Door.GO_ON),  # the link once more, on its own device
    ],
)
def test_a_link_opens_one_door(link: PhoneLink | None, now: Any, brought: tuple[Any, Any], door: Door):
    """Nobody's secret opens another's; one device has it; time and whoever may end it are the end."""
    assert door_of(link, now, link_token=brought[0], device_token=brought[1]) is door


@pytest.mark.parametrize(
    ("link", "now", "stands"),
    [
        (SENT, NOW, Standing.WAITING),
        (SENT, SENT.open_until, Standing.EXPIRED),
        (OPENED, NOW, Standing.OPENED),
        (OPENED, OPENED.ends_at, Standing.OVER),
        (replace(SENT, **STOPPED), NOW, Standing.OVER),
    ],
)
def test_where_a_link_stands(link: PhoneLink, now: Any, stands: Standing):
    """Its last moment is no part of its life."""
    assert standing(link, now) is stands


def test_tokens_are_read_strictly_and_kept_as_digests():
    """What is printed is read again; anything else is none, and the digest does not hold the secret."""
    assert read_token(str(SECRET)) == SECRET
    assert SECRET.secret not in SECRET.sha256
    good = str(SECRET)
    for bad in ("", good[:-1], good + "A", good.replace(".", ""), good + "\n", "phl_" + good):
        assert read_token(bad) is None


def test_every_end_has_words_and_only_accidents_let_a_phone_ask_again():
    """Whatever is no accident of a network ends the link; what has no words of its own reads as the rules."""
    accidents = {
        EndReason.NONE, EndReason.LEFT, EndReason.LEASE, EndReason.OFFLINE, EndReason.CANNOT_START,
        EndReason.RELAY, EndReason.RESTARTED, EndReason.TAKEN,
    }  # fmt: skip
    assert set(EndReason) - accidents == FINAL
    assert phone_words(EndReason.RULES) == "Ended by the sharing rules."
    assert len({phone_words(reason) for reason in FINAL}) == len(FINAL)


def test_a_code_is_an_image_without_script():
    """An SVG of shapes alone, whose modules a scanner can tell from its quiet zone."""
    data = svg_data_of(f"https://gateway.example.org/phone#{SECRET}")
    assert data.startswith("data:image/svg+xml")
    image = ET.fromstring(unquote(data.partition(",")[2]))
    assert {element.tag.rpartition("}")[2] for element in image.iter()} == {"svg", "g", "path"}
