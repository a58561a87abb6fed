"""The voice in which sentences about sharing are said to whoever reads the page, where no camera or agency is named."""

from gateway.web.language import spoken
from policies.spanish import tongue
from policies.voice import Voice


def reader_s_voice() -> Voice:
    """In the language of this answer."""
    return Voice(tongue=tongue(spoken().code))
