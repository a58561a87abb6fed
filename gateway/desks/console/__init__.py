"""The operator's desk: incidents, the map, the wall, recordings."""

from gateway.desks.console.clip_pages import CLIP_PAGES
from gateway.desks.console.desk import ConsoleDesk
from gateway.desks.console.pages import PAGES as _PAGES
from gateway.desks.console.ports import (
    AskLine,
    Asks,
    ClipLine,
    Clips,
    ClipWish,
    Layouts,
    Listing,
    MapView,
    Near,
    SecondAsk,
    Seconds,
)
from gateway.desks.console.second_pages import SECOND_PAGES

PAGES = (*_PAGES, *CLIP_PAGES, *SECOND_PAGES)

__all__ = [
    "PAGES",
    "AskLine",
    "Asks",
    "ClipLine",
    "ClipWish",
    "Clips",
    "ConsoleDesk",
    "Layouts",
    "Listing",
    "MapView",
    "Near",
    "SecondAsk",
    "Seconds",
]
