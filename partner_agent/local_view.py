"""The words and marks of the owner's page on this machine; every text from outside is escaped here, once."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import Final

from partner_agent.clips import Asked
from partner_agent.journal import Line
from partner_agent.language import ENGLISH, SPANISH, _, spoken
from partner_agent.ports import CameraInfo
from partner_agent.sessions import Running
from partner_agent.site import View
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.documents import PolicyDocument
from partner_agent.wire.views import ViewRequest
from policies.model import Policy
from policies.spanish import tongue
from policies.vocabulary import Purpose
from policies.voice import Voice
from policies.words import Change, purpose, say, say_change

_TAGS: Final = {ENGLISH: "en-US", SPANISH: "es-US"}
ACTS: Final[dict[str, str]] = {
    "approve": "share more",
    "clip": "send a recording",
    "clip_unmasked": "send a recording without masks",
    "view": "let somebody watch live",
    "resume": "end the pause",
    "clear": "clear a warning",
    "decline": "say no",
    "clip_no": "decline a recording",
    "view_no": "decline a live view",
    "pause": "pause",
}
STATES: Final[dict[str, tuple[str, str, str]]] = {
    "paused": ("Paused", "Nothing leaves this site. Only you can end the pause, here.", "resume"),
    "panic": ("Panic is on", "It ends by itself.", ""),
    "quarantined": (
        "This agent may have been copied or reset",
        "Nothing is sent. Clearing this starts again at nothing shared; you approve your rules anew.",
        "clear",
    ),
    "clock_skew": ("This machine's clock cannot be trusted", "Set the clock (NTP); then clear this.", "clear"),
    "promise_overdue": (
        "A promised log entry did not appear",
        "Nothing is sent until it does. Ask the gateway's operator why; clear this when you are satisfied.",
        "clear",
    ),
    "contradiction": (
        "The gateway's log showed two different histories",
        "Nothing is sent. Keep this page: it is evidence. Clear this only when somebody has explained it to you.",
        "clear",
    ),
}
_WORKS: Final[dict[str, tuple[str, str]]] = {  # and what to do, where the camera itself did not say
    "ok": ("Works", ""),
    "auth_failed": ("Refuses the password", "Correct it in the agent's settings, then restart the agent."),
    "gone": ("Does not answer", "Check its power and network."),
    "frozen": ("The picture does not move", "Restart the camera."),
    "unknown": ("Not opened yet", ""),
}
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
    "view_asked": "Somebody asked to watch live",
    "view_ask_refused": "A question to you was refused",
    "view_answer": "A request to watch live was answered",
    "preserved": "A recording is kept",
    "released": "A recording is no longer kept",
    "capture": "A recording was cut",
    "pause": "Paused",
    "resume": "Pause ended",
    "panic": "Panic",
    "panic_over": "Panic ended",
    "quarantine": "Quarantine",
    "promise_overdue": "A log entry is missing",
    "log_contradiction": "The log contradicts itself",
    "pin_wrong": "Wrong PIN",
}
_DETAILS: Final[dict[str, str]] = {  # in the order in which they are said
    "camera": "{}",
    "agency": "{}",
    "role": "{}",
    "unit": "{}",
    "purpose": "for {}",
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


def home(view: View, now: datetime) -> str:
    """The page."""
    voice = _voice(view)
    return _page(
        _("Your cameras"),
        _banners(view),
        _now_watched(view),
        _waiting(view, voice, now),
        _rules(view, voice),
        _cameras(view),
        _record(view),
    )


def confirm(view: View, act: str, subject: str, problem: str) -> str:
    """One act, with its effect said, asking for PIN and code."""
    voice = _voice(view)
    effect = ""
    for document, policy in view.proposals:
        if document.sha256 == subject and act == "approve":
            effect = _changes(say_change(view.policy, policy, voice))
    for asked in view.asked:
        if asked.request.sha256 == subject:
            effect = _request(asked, view)
    for view_ask in view.view_asks:
        if view_ask.request.sha256 == subject:
            effect = _view_request(view_ask.request, view)
    wrong = f'<p class="wrong" role="alert">{escape(_(problem))}</p>' if problem else ""
    fields = _pin_fields() if act in _NEEDS_PIN else ""
    what, verb = _(ACTS.get(act, "act")), _(ACTS.get(act, "Go on")).capitalize()
    body = f"""<section class="card"><h2>{escape(_("You are about to %(act)s", act=what))}</h2>{effect}{wrong}
<form method="post" action="{"/act" if fields else "/begin"}">{_hidden(act, subject)}{fields}
<div class="row"><button class="main">{escape(verb)}</button><a href="/">{escape(_("Back"))}</a></div>
</form></section>"""
    return _page(_("Confirm"), body)


def _voice(view: View) -> Voice:
    """The names of this site, in the reader's language."""
    return replace(view.voice, tongue=tongue(spoken()))


_NEEDS_PIN: Final = frozenset({"approve", "clip", "clip_unmasked", "view", "resume", "clear"})


def _pin_fields() -> str:
    return f"""<p><label for="code">{escape(_("Code from this agent's terminal"), quote=False)}</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="6"></p>
<p><label for="pin">{escape(_("Site PIN"))}</label>
<input id="pin" name="pin" type="password" autocomplete="off" required maxlength="64"></p>"""


def _banners(view: View) -> str:
    kind, mark, words = ("ok", "●", _("Connected to")) if view.is_linked else ("off", "○", _("Not connected to"))
    link = f'<p class="state {kind}"><span aria-hidden="true">{mark}</span> {escape(words)} {escape(view.gateway)}</p>'
    found = [link]
    for state in view.states:
        title, text, act = STATES[state]
        subject = state if act == "clear" else ""
        more = f"<pre>{escape(view.contradiction)}</pre>" if state == "contradiction" and view.contradiction else ""
        button = _button(act, subject, _("End the pause") if act == "resume" else _("Clear…")) if act else ""
        said = f"<h2>{escape(_(title), quote=False)}</h2><p>{escape(_(text), quote=False)}</p>"
        found.append(f'<section class="card warn" role="status">{said}{more}{button}</section>')
    if "paused" not in view.states:
        found.append(_button("pause", "", _("Pause everything"), is_danger=True))
    return "".join(found)


def _now_watched(view: View) -> str:
    rows = "".join(_running(item, view) for item in view.running)
    text = f"<ul>{rows}</ul>" if rows else f"<p>{_('Nobody is watching right now.')}</p>"
    return f'<section class="card"><h2>{_("Now")}</h2>{text}</section>'


def _running(item: Running, view: View) -> str:
    grant = item.grant
    what = _("receives a recording of") if item.clip else _("is watching")
    agency = view.agencies.get(grant.subject.agency, grant.subject.agency)
    reason = f" ({grant.incident.kind.replace('_', ' ')})" if grant.incident else ""
    number = f"<br>{_reference(_('incident'), grant.incident.ref)}" if grant.incident else ""
    return (
        f'<li><strong class="live"><span aria-hidden="true">●</span> {_("Live")}</strong> '
        f"{escape(agency)}, {escape(grant.subject.role)}, {escape(grant.subject.unit)}, {what} "
        f"{escape(_label(view, grant.camera))} {escape(_('for %(purpose)s', purpose=_purpose(grant.purpose)))}"
        f"{escape(reason)}{number}</li>"
    )


def _reference(what: str, name: str) -> str:
    """A name no person gave, small: it can be quoted when somebody asks about it."""
    return f'<span class="soft">{escape(what)} <code>{escape(name)}</code></span>'


def _waiting(view: View, voice: Voice, now: datetime) -> str:
    cards = [_proposal(view, document, policy, voice) for document, policy in view.proposals]
    cards += [_view_ask(asked.request, view) for asked in view.view_asks if asked.answer is None]
    cards += [_ask(asked, view) for asked in view.asked if asked.answer is None and now < asked.request.expiry]
    if not cards:
        return f'<section class="card"><h2>{_("Waiting for you")}</h2><p>{_("Nothing needs you.")}</p></section>'
    return f"<h2>{_('Waiting for you')}</h2>{''.join(cards)}"


def _proposal(view: View, document: PolicyDocument, policy: Policy, voice: Voice) -> str:
    held = view.held if view.held and view.held[0] == document.sha256 else None
    minutes = _("Takes effect in %(minutes)d minutes", minutes=round(held[1] / 60)) if held else ""
    wait = f"<p><strong>{minutes}</strong> {_('unless you say no.')}</p>" if held else ""
    until = f"<p>{_('Until %(time)s', time=_time(document.approve_by))}</p>" if document.approve_by else ""
    return (
        f'<section class="card ask"><h3>{_("Share more?")}</h3>'
        f"{_changes(say_change(view.policy, policy, voice))}{wait}{until}"
        f'<div class="row">{_button("approve", document.sha256, _("Approve…"), is_main=True)}'
        f"{_button('decline', document.sha256, _('Say no'))}</div></section>"
    )


def _ask(asked: Asked, view: View) -> str:
    digest = asked.request.sha256
    return (
        f'<section class="card ask"><h3>{_("Somebody asks for a recording")}</h3>{_request(asked, view)}'
        f'<div class="row">{_button("clip", digest, _("Send…"), is_main=True)}'
        f"{_button('clip_unmasked', digest, _('Send without masks…'))}"
        f"{_button('clip_no', digest, _('Decline'))}</div></section>"
    )


def _request(asked: Asked, view: View) -> str:
    request = asked.request
    facts = {
        "Camera": _label(view, request.camera),
        "From": _time(request.start),
        "To": _time(request.end),
        "Who asks": view.agencies.get(request.agency, request.agency),
        "Why": _purpose(request.purpose),
        "Incident": request.incident or _("none"),
        "Legal basis": request.legal_basis,
        "Answer before": _time(request.expiry),
    }
    return f"<dl>{_terms(facts)}</dl>"


def _view_ask(request: ViewRequest, view: View) -> str:
    return (
        f'<section class="card ask"><h3>{_("Somebody asks to watch live")}</h3>{_view_request(request, view)}'
        f'<p class="soft">{_("A yes lets them watch once, for at most five minutes. No answer is a no.")}</p>'
        f'<div class="row">{_button("view", request.sha256, _("Let them watch…"), is_main=True)}'
        f"{_button('view_no', request.sha256, _('Decline'))}</div></section>"
    )


def _view_request(request: ViewRequest, view: View) -> str:
    facts = {
        "Camera": _label(view, request.camera),
        "Who asks": view.agencies.get(request.agency, request.agency),
        "Why": _purpose(request.purpose),
        "Incident": request.incident or _("none"),
        "Answer before": _time(request.expiry),
    }
    return f"<dl>{_terms(facts)}</dl>"


def _rules(view: View, voice: Voice) -> str:
    if view.policy is None:
        text = f"<p>{_('Nothing is shared. Choose in the portal what to share; then approve it here.')}</p>"
    else:
        text = "".join(f"<p>{escape(sentence)}</p>" for sentence in say(view.policy, voice))
        version = _("Version %(number)d. This page decides what is in force.", number=view.position_seq)
        text += f'<p class="soft">{version}</p>'
    return f'<section class="card"><h2>{_("What you share")}</h2>{text}</section>'


def _cameras(view: View) -> str:
    rows = []
    for camera in view.cameras:
        is_paused = camera.id in view.paused_cameras
        ticked = view.policy is not None and camera.id in view.policy.camera_by_id
        state = _("Paused") if is_paused else _("Shared by your rules") if ticked else _("Not shared")
        stop, go_on = _("Pause %(camera)s", camera=camera.label), _("Resume %(camera)s", camera=camera.label)
        button = "" if is_paused or not ticked else _button("pause", camera.id, stop)
        end = _button("resume", camera.id, go_on) if is_paused and "paused" not in view.states else ""
        rows.append(
            f"<tr><th scope=row>{escape(camera.label)}</th><td>{_works(camera)}</td>"
            f"<td>{state}</td><td>{button}{end}</td></tr>"
        )
    names = (_("Camera"), _("Works"), _("Sharing"), _("Stop or go on"))
    head = f"<tr>{''.join(f'<th scope=col>{name}</th>' for name in names)}</tr>"
    table = f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<section class="card"><h2>{_("Cameras")}</h2>{table}</section>'


def _works(camera: CameraInfo) -> str:
    """In words, with the remedy (the source's own sentence, or the usual one), and which stream is shown."""
    word, remedy = _WORKS[camera.state]
    said = (camera.sentence or remedy, camera.live_stream)
    more = "".join(f'<br><span class="soft">{escape(_(text))}</span>' for text in said if text)
    return escape(_(word)) + more


def _record(view: View) -> str:
    rows = "".join(
        f"<tr><td><time>{_time(from_rfc3339(line.at))}</time></td><td>{_(_LINES[line.kind])}</td>"
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
        "camera": lambda value: _label(view, value),
        "agency": lambda value: view.agencies.get(value, value),
        "purpose": _purpose,
        "how": lambda value: _(_HOW.get(value, value)),
    }
    words = [_(_DETAILS[name]).format(names.get(name, str)(said[name])) for name in _DETAILS if name in said]
    numbers = [_reference(_(name), str(line.body[name])) for name in ("incident",) if line.body.get(name)]
    return "<br>".join([escape(", ".join(words)), *numbers] if words else numbers)


def _changes(changes: Iterable[Change]) -> str:
    marks = {"more": ("+", _("More")), "less": ("−", _("Less")), "other": ("•", _("Also"))}
    items = "".join(
        f'<li class="{change.kind}"><span aria-hidden="true">{marks[change.kind][0]}</span> '
        f"<b>{marks[change.kind][1]}:</b> {escape(change.sentence)}</li>"
        for change in changes
    )
    return f'<ul class="changes">{items}</ul>'


def _button(act: str, subject: str, text: str, *, is_main: bool = False, is_danger: bool = False) -> str:
    kind = ' class="main"' if is_main else ' class="danger"' if is_danger else ""
    return f'<form method="post" action="/begin">{_hidden(act, subject)}<button{kind}>{escape(text)}</button></form>'


def _hidden(act: str, subject: str) -> str:
    pairs = {"act": act, "subject": subject}
    return "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in pairs.items())


def _terms(facts: dict[str, str]) -> str:
    return "".join(f"<dt>{escape(_(name))}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())


def _label(view: View, camera: str) -> str:
    return next((info.label for info in view.cameras if info.id == camera), camera)


def _purpose(word: str) -> str:
    """A purpose in words; one that is none of ours as it came."""
    return purpose(Purpose(word), Voice(tongue=tongue(spoken()))) if word in set(Purpose) else word


def _time(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _page(title: str, *parts: str) -> str:
    return f"""<!doctype html>
<html lang="{_TAGS[spoken()]}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} · Lenspact {_("on site")}</title>
<link rel="stylesheet" href="/style.css"></head>
<body><a class="skip" href="#main">{_("Skip to content")}</a>
<header><p class="brand">Lenspact <span>{_("on site")}</span></p></header>
<main id="main"><h1>{escape(title)}</h1>{"".join(parts)}</main>
<footer><p>{_("This page runs on your own machine. The gateway cannot change it.")}</p></footer>
</body></html>
"""
