"""Small pieces of the owner's page that several of its parts use: names, times, purposes, a list of facts."""

from datetime import datetime
from html import escape

from partner_agent.language import _, spoken
from partner_agent.site import View
from policies.spanish import tongue
from policies.vocabulary import Purpose
from policies.voice import Voice
from policies.words import purpose


def reference(what: str, name: str) -> str:
    """A name no person gave, small: it can be quoted when somebody asks about it."""
    return f'<span class="soft">{escape(what)} <code>{escape(name)}</code></span>'


def terms(facts: dict[str, str]) -> str:
    """The inside of a `dl`: each name in the reader's language, each value as it is."""
    return "".join(f"<dt>{escape(_(name))}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())


def label_of(view: View, camera: str) -> str:
    """What its owner calls it; a camera that is not here any more by its id."""
    return next((info.label for info in view.cameras if info.id == camera), camera)


def purpose_of(word: str) -> str:
    """A purpose in words; one that is none of ours as it came."""
    return purpose(Purpose(word), Voice(tongue=tongue(spoken()))) if word in set(Purpose) else word


def time_of(moment: datetime) -> str:
    """By this machine's zone, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
