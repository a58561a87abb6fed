"""Live viewing: sessions, grants, leases, tickets and the relay.

The door re-exports lazily: the relay process enters by it and must not load sessions, SQL or the web framework.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gateway.live.asking.model import ANSWER_S, AskState, Standing, ViewAsk
    from gateway.live.asking.ports import AskPlace, AskWish
    from gateway.live.asking.service import ViewAsks, topic_of_asker
    from gateway.live.build import RELAY_NAME, AskGround, Ground, LivePlane, PhoneGround, StillGround, build_live
    from gateway.live.calls import Calls
    from gateway.live.endings import topic_of_viewer
    from gateway.live.grants import FINGERPRINT_PREFIX
    from gateway.live.ice_servers import IceServerError, IceServers, server_hosts
    from gateway.live.model import EndReason, OpenedBy, Session, SessionState, Words, words_of
    from gateway.live.opening import OpenedView
    from gateway.live.phones.answers import PhoneState
    from gateway.live.phones.model import PhoneLink
    from gateway.live.phones.ports import Called
    from gateway.live.phones.service import Phones
    from gateway.live.ports import Consequences, Decider, DeviceKeys, SiteLinks, ViewDeny, ViewPermit, ViewQuestion
    from gateway.live.relay.config import RelayConfig
    from gateway.live.routes import LIVE_ROUTES
    from gateway.live.service import Live
    from gateway.live.showing import Showings
    from gateway.live.stills.model import Still
    from gateway.live.stills.service import Stills

__all__ = [
    "ANSWER_S",
    "FINGERPRINT_PREFIX",
    "LIVE_ROUTES",
    "RELAY_NAME",
    "AskGround",
    "AskPlace",
    "AskState",
    "AskWish",
    "Called",
    "Calls",
    "Consequences",
    "Decider",
    "DeviceKeys",
    "EndReason",
    "Ground",
    "IceServerError",
    "IceServers",
    "Live",
    "LivePlane",
    "OpenedBy",
    "OpenedView",
    "PhoneGround",
    "PhoneLink",
    "PhoneState",
    "Phones",
    "RelayConfig",
    "Session",
    "SessionState",
    "Showings",
    "SiteLinks",
    "Standing",
    "Still",
    "StillGround",
    "Stills",
    "ViewAsk",
    "ViewAsks",
    "ViewDeny",
    "ViewPermit",
    "ViewQuestion",
    "Words",
    "build_live",
    "server_hosts",
    "topic_of_asker",
    "topic_of_viewer",
    "words_of",
]

_HOMES: Final = {
    "ANSWER_S": "asking.model",
    "AskGround": "build",
    "AskPlace": "asking.ports",
    "AskState": "asking.model",
    "AskWish": "asking.ports",
    "Called": "phones.ports",
    "Calls": "calls",
    "Consequences": "ports",
    "Decider": "ports",
    "DeviceKeys": "ports",
    "EndReason": "model",
    "FINGERPRINT_PREFIX": "grants",
    "Ground": "build",
    "IceServerError": "ice_servers",
    "IceServers": "ice_servers",
    "LIVE_ROUTES": "routes",
    "Live": "service",
    "LivePlane": "build",
    "OpenedBy": "model",
    "OpenedView": "opening",
    "PhoneGround": "build",
    "PhoneLink": "phones.model",
    "PhoneState": "phones.answers",
    "Phones": "phones.service",
    "RELAY_NAME": "build",
    "RelayConfig": "relay.config",
    "Session": "model",
    "SessionState": "model",
    "Showings": "showing",
    "SiteLinks": "ports",
    "Still": "stills.model",
    "StillGround": "build",
    "Stills": "stills.service",
    "Standing": "asking.model",
    "ViewAsk": "asking.model",
    "ViewAsks": "asking.service",
    "ViewDeny": "ports",
    "ViewPermit": "ports",
    "ViewQuestion": "ports",
    "Words": "model",
    "build_live": "build",
    "topic_of_asker": "asking.service",
    "topic_of_viewer": "endings",
    "server_hosts": "ice_servers",
    "words_of": "model",
}


def __getattr__(name: str) -> Any:
    """Load the module that holds `name` when somebody asks for it."""
    if name not in _HOMES:
        raise AttributeError(f"gateway.live has no {name}")
    return getattr(importlib.import_module(f"gateway.live.{_HOMES[name]}"), name)
