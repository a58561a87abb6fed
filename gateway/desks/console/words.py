"""How the console says distances, purposes and kinds of incident."""

from collections.abc import Mapping
from typing import Final

from gateway.web import _

FEET_PER_M: Final = 3.280839895
BLOCK_FT: Final = 330  # the short side of a city block; people count these
MILE_FT: Final = 5_280

BEHALF_LENGTH: Final = 80  # of another agency's name
KINDS: Final[dict[str, str]] = {
    "shooting": "Shooting",
    "robbery": "Robbery",
    "assault": "Assault",
    "weapon": "Person with a weapon",
    "burglary": "Burglary",
    "theft": "Theft",
    "crash": "Traffic crash",
    "pursuit": "Pursuit",
    "missing_person": "Missing person",
    "medical": "Medical emergency",
    "fire": "Fire",
    "hazmat": "Hazardous material",
    "weather": "Weather",
    "alarm": "Alarm",
    "disturbance": "Disturbance",
    "officer_needs_help": "Officer needs help",
    "planned_event": "Planned event",
    "other": "Other",
}
PURPOSES: Final[dict[str, str]] = {
    "life_safety": "Life and safety",
    "violent_crime": "Violent crime",
    "property_crime": "Property crime",
    "traffic": "Traffic",
    "missing_person": "Missing person",
    "fire": "Fire",
    "medical": "Medical help",
    "disaster": "Disaster",
    "public_event": "Public event",
    "investigation": "Investigation of a case",
}
REMEDIES: Final[dict[str, str]] = {
    "ask": "Available if the owner says yes",
    "link_incident": "Available if an incident is open here",
    "two_persons": "Available with emergency access by two people",
}


def in_reader_s(words: Mapping[str, str]) -> dict[str, str]:
    """One of the tables above in the reader's language."""
    return {code: _(word) for code, word in words.items()}


def distance(metres: float) -> str:
    """A distance as people say it: feet to the nearest 50, with blocks from two on, miles from one on."""
    feet = metres * FEET_PER_M
    if feet >= MILE_FT:
        return _("%(miles)s miles", miles=f"{feet / MILE_FT:.1f}")
    rounded = max(50, round(feet / 50) * 50)
    blocks = round(feet / BLOCK_FT)
    text = f"{rounded:,}"
    return (
        _("%(feet)s ft, about %(blocks)d blocks", feet=text, blocks=blocks)
        if blocks >= 2
        else _("%(feet)s ft", feet=text)
    )
