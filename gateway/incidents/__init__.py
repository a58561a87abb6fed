"""The reasons to look: incidents with kind, place, number and origin."""

from gateway.incidents.model import (
    ADDRESS_LENGTH,
    NUMBER_LENGTH,
    Feed,
    Incident,
    IncidentReport,
    IncidentStatus,
    Stop,
    purposes_of,
)
from gateway.incidents.service import ALL_TOPIC, Incidents, topic_of

__all__ = [
    "ADDRESS_LENGTH",
    "ALL_TOPIC",
    "NUMBER_LENGTH",
    "Feed",
    "Incident",
    "IncidentReport",
    "IncidentStatus",
    "Incidents",
    "Stop",
    "purposes_of",
    "topic_of",
]
