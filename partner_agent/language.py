"""The language of the owner's page on this machine: Spanish for a browser that asks for it, else English.

English is the source: each sentence is its own key, and what `partner_agent.spanish` has no text for is said in
English. The gateway's catalogue is not used: the page must work and mean the same whatever the gateway is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from partner_agent.spanish import TEXTS

ENGLISH: Final = "en"
SPANISH: Final = "es"
HEADER_CHARACTERS: Final = 500  # of Accept-Language that are read; browsers send far fewer
_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)


def asked_for(header: str) -> str:
    """The first of our languages in an Accept-Language header (RFC 9110, 12.5.4): browsers send the best first."""
    parts = header[:HEADER_CHARACTERS].split(",")
    wanted = (part.partition(";")[0].partition("-")[0].strip().lower() for part in parts)
    return next((code for code in wanted if code in {ENGLISH, SPANISH}), ENGLISH)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak this language in this task."""
    token = _spoken.set(code)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> str:
    """The language now."""
    return _spoken.get()


def _(text: str, /, **values: object) -> str:
    """`text` in the reader's language, with `values` in it where it names some; not escaped."""
    said = TEXTS.get(text, text) if spoken() == SPANISH else text
    return said % values if values else said
