"""A link that shows one live picture on one phone: who may send it, how long it lives, and which door it opens. Pure.

It decides nothing about the camera: each view on the phone is decided, logged and granted as any other, in the name of
whoever sent the link (ADR 29). Here is only what the link itself allows: once, on one device, for so long.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.live.model import EndReason, Session, SessionState
from policies.vocabulary import Act

OPEN_WITHIN: Final = timedelta(minutes=10)  # after that nobody opens it any more
MOST_MINUTES: Final = 15  # that a phone shows it; settings may say less
MOST_OPEN: Final = 6  # links of one person that wait or show something: more is a broadcast, not a colleague
LISTED_FOR: Final = timedelta(minutes=30)  # a sender reads of their links for so long
RECIPIENT_LENGTH: Final = 80
SECRET_BYTES: Final = 32
ID_PREFIX: Final = "phl"
_TOKEN: Final = re.compile(r"([0-9a-z]{26})\.([A-Za-z0-9_-]{43})")

# Ends of a view after which the link opens no other: somebody took it back, or its time is used. All others are
# accidents of a network, after which the same phone may ask again.
FINAL: Final = frozenset({EndReason.RULES, EndReason.SUPERVISOR, EndReason.INCIDENT, EndReason.TIME, EndReason.SENDER})


ENDS: Final = {
    EndReason.SENDER: "Whoever sent this has ended it.",
    EndReason.TIME: "The time is over.",
    EndReason.NONE: "The time is over.",
    EndReason.INCIDENT: "The incident is closed.",
    EndReason.SUPERVISOR: "Stopped by a supervisor.",
    EndReason.RULES: "Ended by the sharing rules.",
}
NOT_SENT: Final = {
    "picture": "Only a live picture that you see now can be sent to a phone.",
    "incident": "A picture is sent to a phone for an incident only. Open one first.",
    "behalf": "You watch this for another agency. To show it on a phone, open it for your own.",
    "word": "The owner, or a second person, agreed to your own view only. It cannot be sent to a phone.",
}


class Standing(StrEnum):
    """Where a link stands."""

    WAITING = "waiting"  # sent, not opened yet
    OPENED = "opened"  # bound to a device, which may watch
    EXPIRED = "expired"  # nobody opened it in time
    OVER = "over"


OPEN: Final = frozenset({Standing.WAITING, Standing.OPENED})  # it may show a picture still


class Door(StrEnum):
    """What a link is to whoever comes with it."""

    BIND = "bind"  # first come: from now on it is this device's
    GO_ON = "go_on"  # this device's own
    NOTHING = "nothing"  # no such link, or the wrong secret: one answer
    OTHER_DEVICE = "other_device"
    EXPIRED = "expired"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneLink:
    """One link.

    Attributes:
        secret_sha256: hex, of the secret in the link; the secret itself is kept nowhere.
        person_id, agency_id, factors: who sent it, and how they had signed in, with a space between.
        sent_from: the sender's own view.
        recipient: whom it is for, a unit or a name, as the sender said.
        lasts_s: how long it may be watched from when it is opened.
        open_until: it can be opened before then.
        opened_at: when a device took it; with it come `device_sha256` and `ends_at`.
        device_sha256: hex, of the secret of that device.
        ends_at: its hard end; it comes nearer with the first picture, where the rules give one view less.
        session_id: the view it shows, or showed last; empty before the first.
    """

    id: str
    secret_sha256: str
    person_id: str
    agency_id: str
    factors: str
    sent_from: str
    camera_id: str
    site_id: str
    organisation_id: str
    purpose: str
    incident_id: str
    recipient: str
    lasts_s: int
    made_at: datetime
    open_until: datetime
    opened_at: datetime | None = None
    device_sha256: str = ""
    ends_at: datetime | None = None
    session_id: str = ""
    ended_at: datetime | None = None
    end_reason: EndReason = EndReason.NONE

    @property
    def streams(self) -> frozenset[str]:
        """Whom its entries of the log concern."""
        return frozenset(
            {self.sent_from, self.camera_id, self.site_id, self.organisation_id, self.person_id, self.incident_id}
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A link or a device's cookie, taken apart: which link, and the secret that opens it."""

    link_id: str
    secret: str

    @property
    def sha256(self) -> str:
        """As it is kept."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def __str__(self) -> str:
        """As it is sent."""
        return f"{self.link_id.removeprefix(f'{ID_PREFIX}_')}.{self.secret}"


def new_token(link_id: str, secret: bytes) -> Token:
    """A fresh one."""
    return Token(link_id, urlsafe_b64encode(secret).rstrip(b"=").decode())


def read_token(text: str) -> Token | None:
    """What was sent; None if it is no token of ours."""
    found = _TOKEN.fullmatch(text)
    return Token(f"{ID_PREFIX}_{found[1]}", found[2]) if found else None


def may_be_sent(session: Session, *, has_word: bool) -> str:
    """Why whoever watches this may not send it to a phone, as one sentence; empty if they may.

    Args:
        session: the view they have open.
        has_word: whether it stands on a word that was given to them alone, an owner's yes or a second person's.
    """
    if session.act != Act.LIVE_VIEW or session.shown_to or session.state is not SessionState.ESTABLISHED:
        return NOT_SENT["picture"]
    if not session.incident_id:
        return NOT_SENT["incident"]
    if session.on_behalf_of:
        return NOT_SENT["behalf"]
    if has_word:
        return NOT_SENT["word"]
    return ""


def standing(link: PhoneLink, now: datetime) -> Standing:
    """Where it stands."""
    if link.ended_at is not None:
        return Standing.OVER
    if link.ends_at is not None:
        return Standing.OPENED if now < link.ends_at else Standing.OVER
    return Standing.WAITING if now < link.open_until else Standing.EXPIRED


def door_of(link: PhoneLink | None, now: datetime, *, link_token: Token | None, device_token: Token | None) -> Door:
    """What the link is to whoever brings these; secrets are compared in constant time.

    A device that has it needs its link no more, and who has the link alone is told apart from its device.
    """
    if link is None:
        return Door.NOTHING
    is_device = _opens(device_token, link.device_sha256)
    if not is_device and not _opens(link_token, link.secret_sha256):
        return Door.NOTHING
    if link.device_sha256 and not is_device:
        return Door.OTHER_DEVICE
    match standing(link, now):
        case Standing.WAITING:
            return Door.BIND
        case Standing.OPENED:
            return Door.GO_ON
        case Standing.EXPIRED:
            return Door.EXPIRED
        case Standing.OVER:
            return Door.OVER


def phone_words(reason: EndReason) -> str:
    """What is said of the end of a link; whatever else took it back reads as rules."""
    return ENDS.get(reason, ENDS[EndReason.RULES])


def seconds_left(link: PhoneLink, now: datetime) -> int:
    """Until its hard end; the whole of its time while nobody has opened it."""
    return link.lasts_s if link.ends_at is None else max(0, int((link.ends_at - now).total_seconds()))


def end_of_first(link: PhoneLink, session: Session) -> datetime | None:
    """The hard end of a link by a view that it shows or showed: the rules' length of one view from the first picture.

    An accident takes nothing of the picture, and asking again adds nothing to it: a later view is decided for what is
    left, so that its own end is no later. None while nobody has opened it.
    """
    if link.ends_at is None or session.established_at is None:
        return link.ends_at
    return min(link.ends_at, session.established_at + timedelta(seconds=session.max_seconds))


def _opens(token: Token | None, sha256: str) -> bool:
    return token is not None and bool(sha256) and hmac.compare_digest(token.sha256, sha256)
