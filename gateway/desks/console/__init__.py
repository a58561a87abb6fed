"""The operator's desk: incidents, the map, the wall, recordings."""

from gateway.desks.console.desk import ConsoleDesk
from gateway.desks.console.pages import PAGES
from gateway.desks.console.ports import AskLine, Asks, ClipLine, Clips, ClipWish, Listing, MapView, Near

__all__ = ["PAGES", "AskLine", "Asks", "ClipLine", "ClipWish", "Clips", "ConsoleDesk", "Listing", "MapView", "Near"]
