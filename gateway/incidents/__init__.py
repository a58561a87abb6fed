"""The reasons to look: incidents with kind, place, number and origin."""

from gateway.incidents.model import Incident, IncidentReport, IncidentStatus, Stop, purposes_of
from gateway.incidents.service import Incidents, topic_of

__all__ = ["Incident", "IncidentReport", "IncidentStatus", "Incidents", "Stop", "purposes_of", "topic_of"]
