"""The site's own record on the owner's page: which of its lines are shown, and in which words."""

from collections.abc import Callable
from html import escape
from typing import Final

from partner_agent.journal import Line
from partner_agent.language import _
from partner_agent.local_words import label_of, purpose_of, reference, time_of
from partner_agent.site import View
from partner_agent.wire.clock import from_rfc3339

_LINES: Final[dict[str, str]] = {
    "accepted": "Looked",
    "stopped": "Ended",
    "interrupted": "Broke off",
    "refused": "Refused",
    "policy_in_force": "Your rules changed",
    "policy_proposed": "Sharing more was proposed",
    "policy_refused": "A change was refused",
    "policy_stale": "A change came out of order",
    "policy_no": "You said no",
    "policy_held": "A change waits",
    "approval_refused": "An approval was refused",
    "owner_changed": "A new owner",
    "clip_answer": "You answered a request",
    "view_asked": "Somebody asked to look",
    "view_ask_refused": "A question to you was refused",
    "view_answer": "A request to look was answered",
    "preserved": "A recording is kept",
    "released": "A recording is no longer kept",
    "capture": "A recording was cut",
    "still": "A still picture was taken",
    "thumbnails": "Small pictures of a recording were sent",
    "pause": "Paused",
    "resume": "Pause ended",
    "panic": "Panic",
    "panic_over": "Panic ended",
    "quarantine": "Quarantine",
    "promise_overdue": "A log entry is missing",
    "proof_overtaken": "A proof of the log was older than what was known, and was asked for again",
    "checks_too_often": "The gateway asked for connection checks too often, and was refused",
    "log_contradiction": "The log contradicts itself",
    "pin_wrong": "Wrong PIN",
    "pin_set": "The site PIN was set",
    "clock_cleared": "You cleared a warning",
    "promises_cleared": "You cleared a warning",
    "quarantine_cleared": "You cleared a warning",
    "area_drawn": "You drew a black area",
    "area_removed": "You removed a black area",
    "fault": "Something failed that should not; only what it touched has ended",
}
_DETAILS: Final[dict[str, str]] = {  # in the order in which they are said
    "of": "in {}",
    "camera": "{}",
    "agency": "{}",
    "role": "{}",
    "unit": "{}",
    "purpose": "for {}",
    "sound": "with sound",
    "seconds": "{} seconds",
    "reason": "because: {}",
    "code": "{}",
    "why": "{}",
    "check": "at check {}",
    "how": "{}",
    "answer": "you said: {}",
}
_HOW: Final[dict[str, str]] = {
    "narrowing": "you share less",
    "site": "approved on this machine",
    "hold": "approved by passkey, after the wait",
}
_OF: Final[dict[str, str]] = {  # where a fault was
    "session": "a view or a recording that was sent",
    "goodbye": "the end of a view",
    "order": "an order to a recording that was shown",
    "check": "a connection check",
    "network": "the look at the network",
}
_A_MESSAGE: Final = "a message of the gateway's"


def section(view: View) -> str:
    """The newest lines, in words."""
    rows = "".join(
        f"<tr><td><time>{time_of(from_rfc3339(line.at))}</time></td><td>{_(_LINES[line.kind])}</td>"
        f"<td>{_details(line, view)}</td></tr>"
        for line in view.journal
        if line.kind in _LINES
    )
    return (
        f'<section class="card"><h2>{_("Who looked, and what else happened")}</h2>'
        f"<table><tbody>{rows}</tbody></table>"
        f'<p class="soft">{_("The whole record:")} <code>lenspact-agent journal</code></p></section>'
    )


def _details(line: Line, view: View) -> str:
    """What the journal says of it, in the names that people gave; the rest small, to be quoted."""
    said = {name: str(line.body[name]) for name in _DETAILS if line.body.get(name) not in (None, "")}
    names: dict[str, Callable[[str], str]] = {
        "camera": lambda value: label_of(view, value),
        "agency": lambda value: view.agencies.get(value, value),
        "purpose": purpose_of,
        "how": lambda value: _(_HOW.get(value, value)),
        "of": lambda value: _(_OF.get(value, _A_MESSAGE)),
    }
    words = [_(_DETAILS[name]).format(names.get(name, str)(said[name])) for name in _DETAILS if name in said]
    numbers = [reference(_(name), str(line.body[name])) for name in ("incident",) if line.body.get(name)]
    return "<br>".join([escape(", ".join(words)), *numbers] if words else numbers)
