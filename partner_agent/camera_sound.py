"""What sound a camera has, by its own description of a stream: G.711, AAC, another, none. Pure.

RFC 8866 §5.14 and §8.2.1, RFC 3551 §6 (static payload types), RFC 3640 and RFC 6416 (AAC). G.711 is what browsers play
only as 8 kHz mono.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from partner_agent.rtc.sdp_lines import number_of, sections, values_of


class SoundKind(StrEnum):
    """What can be done with it."""

    UNKNOWN = "unknown"  # not looked at yet, or the camera did not tell
    NONE = "none"
    G711 = "g711"  # goes as it is
    AAC = "aac"  # is made Opus
    OTHER = "other"  # cannot be sent

    @property
    def is_sendable(self) -> bool:
        """Whether it can be sent."""
        return self in {SoundKind.G711, SoundKind.AAC}


@dataclass(frozen=True, slots=True)
class CameraSound:
    """A camera's sound.

    Attributes:
        name: what the camera calls it, such as `G726-32/8000`; empty where there is none.
    """

    kind: SoundKind
    name: str = ""


NOT_KNOWN: Final = CameraSound(SoundKind.UNKNOWN)
_STATIC: Final = {0: "PCMU/8000", 3: "GSM/8000", 8: "PCMA/8000", 9: "G722/8000", 10: "L16/44100/2", 11: "L16/44100"}
_NAME_LENGTH: Final = 40


def read(description: str) -> CameraSound:
    """The first sound that a session description offers, that we can send if there is one."""
    found = [_of(lines) for lines in sections(description)[1:] if lines[0].startswith("m=audio ")]
    return next((one for one in found if one.kind.is_sendable), found[0] if found else CameraSound(SoundKind.NONE))


def _of(lines: list[str]) -> CameraSound:
    payload_type = number_of(([*lines[0].split()[3:], ""])[0])
    mapped = (value.partition(" ") for value in values_of(lines, "rtpmap"))
    name = next((text.strip() for number, _, text in mapped if number_of(number) == payload_type), "")
    name = (name or _STATIC.get(payload_type, "?"))[:_NAME_LENGTH]
    match name.upper().removesuffix("/1").split("/"):
        case ["PCMU" | "PCMA", "8000"]:
            return CameraSound(SoundKind.G711, name)
        case ["MPEG4-GENERIC" | "MP4A-LATM", *_]:
            return CameraSound(SoundKind.AAC, name)
        case _:
            return CameraSound(SoundKind.OTHER, name)
