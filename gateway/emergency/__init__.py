"""Emergency access by two people: who asked, who confirmed, and what it was used for."""

from gateway.emergency.model import CONFIRM_S, USE_S, Confirmation, Need, Place, State
from gateway.emergency.reports import DAYS, TEXT_LENGTH, Owed, Report, Reports
from gateway.emergency.service import TOPIC, Emergencies, topic_of_first

__all__ = [
    "CONFIRM_S",
    "DAYS",
    "TEXT_LENGTH",
    "TOPIC",
    "USE_S",
    "Confirmation",
    "Emergencies",
    "Need",
    "Owed",
    "Place",
    "Report",
    "Reports",
    "State",
    "topic_of_first",
]
