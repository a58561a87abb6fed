"""The compliance officer's desk: who looked, through which camera, why, and whether it is proved."""

from gateway.desks.oversight_desk.desk import OversightDesk
from gateway.desks.oversight_desk.pages import PAGES
from gateway.desks.oversight_desk.ports import Marks, Names

__all__ = ["PAGES", "Marks", "Names", "OversightDesk"]
