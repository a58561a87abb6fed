"""What is answered about a link to a phone: where it stands, what its device may call, and one sentence for each no."""

from dataclasses import dataclass
from typing import Final

from gateway.kernel.errors import ConflictError, DeniedError, LenspactError, NotFoundError
from gateway.live.model import EndReason
from gateway.live.opening import OpenedView
from gateway.live.phones.model import Door, PhoneLink, Standing, Token, phone_words
from gateway.live.phones.ports import Called

NOTHING: Final = "This link opens nothing. Ask whoever sent it for a new one."
OTHER_DEVICE: Final = "This link was opened on another device. Ask whoever sent it for a new one."
EXPIRED: Final = "This link was not opened in time. Ask whoever sent it for a new one."


@dataclass(frozen=True, slots=True)
class Sent:
    """A new link; `token` is told once, to whoever made it."""

    link: PhoneLink
    token: Token


@dataclass(frozen=True, slots=True)
class PhoneState:
    """Where a link stands: `words` says why it is over, `is_shown` whether a view of it runs."""

    link: PhoneLink
    standing: Standing
    words: str
    is_shown: bool
    left_s: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A link that is a device's own; `device` is its secret, told once, None for a device that has it."""

    state: PhoneState
    called: Called
    device: Token | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A view that the device may call, and for how long."""

    link: PhoneLink
    view: OpenedView
    left_s: int


def refusal_of(door: Door, link: PhoneLink | None) -> LenspactError:
    """One sentence for each way in that is closed."""
    match door:
        case Door.OTHER_DEVICE:
            return DeniedError(OTHER_DEVICE)
        case Door.EXPIRED:
            return ConflictError(EXPIRED)
        case Door.OVER:
            return ConflictError(phone_words(link.end_reason if link else EndReason.TIME))
        case _:
            return NotFoundError(NOTHING)
