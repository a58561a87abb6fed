"""Agents on site: pairing, the link, key sets, and policy documents on their way there and back."""

from gateway.sites.agents import Agents, Progress, SiteView
from gateway.sites.build import Sites, build_sites
from gateway.sites.hub import LinkHub, Online
from gateway.sites.keysets import KeySets, Published, is_due
from gateway.sites.links import Peer
from gateway.sites.model import Agent, AgentCamera, AgentState
from gateway.sites.ports import (
    DuePolicy,
    PolicyAnswer,
    PolicyOutbox,
    RegisteredCamera,
    Site,
    SiteDirectory,
    TouchAnswer,
)

__all__ = [
    "Agent",
    "AgentCamera",
    "AgentState",
    "Agents",
    "DuePolicy",
    "KeySets",
    "LinkHub",
    "Online",
    "Peer",
    "PolicyAnswer",
    "PolicyOutbox",
    "Progress",
    "Published",
    "RegisteredCamera",
    "Site",
    "SiteDirectory",
    "SiteView",
    "Sites",
    "TouchAnswer",
    "build_sites",
    "is_due",
]
