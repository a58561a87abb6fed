"""The owner's page on this machine as a person sees it: what holds now, what waits, and one act to confirm.

Every text from outside is escaped where it is put into the page, once. The record is `local_record`'s, areas are
`local_areas`'.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import Final

from partner_agent import local_areas, local_record
from partner_agent.clips import Asked
from partner_agent.language import ENGLISH, SPANISH, _, spoken
from partner_agent.local_words import label_of, purpose_of, reference, terms, time_of
from partner_agent.ports import CameraInfo
from partner_agent.running import Running
from partner_agent.site import View
from partner_agent.wire.documents import PolicyDocument
from partner_agent.wire.views import ViewRequest
from policies.model import Policy
from policies.spanish import tongue
from policies.vocabulary import Act
from policies.voice import Voice
from policies.words import Change, say, say_change

_TAGS: Final = {ENGLISH: "en-US", SPANISH: "es-US"}
ACTS: Final[dict[str, str]] = {
    "approve": "share more",
    "clip": "send a recording",
    "clip_unmasked": "send a recording without masks",
    "view": "let somebody look",
    "resume": "end the pause",
    "clear": "clear a warning",
    "decline": "say no",
    "clip_no": "decline a recording",
    "view_no": "decline a request to look",
    "pause": "pause",
    "area": "draw a black area",
    "area_remove": "remove a black area",
}
_LOOKS: Final[dict[Act, tuple[str, str, str, str, str]]] = {  # asked, what a yes gives, the button, the act, its no
    Act.LIVE_VIEW: (
        "Somebody asks to watch live",
        "A yes lets them watch once, for at most five minutes. No answer is a no.",
        "Let them watch…",
        "let somebody watch live",
        "decline a live view",
    ),
    Act.RECORDED_VIEW: (
        "Somebody asks to look at your recording",
        "A yes shows exactly this part, to whoever asked, once, for at most 15 minutes. No answer is a no.",
        "Let them look…",
        "let somebody look at your recording",
        "decline a look at your recording",
    ),
    Act.STILL_TAKE: (
        "Somebody asks for a still picture",
        "A yes gives whoever asked one picture of what happens then. No answer is a no.",
        "Give one picture…",
        "give a still picture",
        "decline a still picture",
    ),
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
WORKS: Final[dict[str, tuple[str, str]]] = {  # and what to do, where the camera itself did not say
    "ok": ("Works", ""),
    "auth_failed": ("Refuses the password", "Correct it in the agent's settings, then restart the agent."),
    "gone": ("Does not answer", "Check its power and network."),
    "frozen": ("Connected, and sends no pictures", "Restart the camera."),
    "unknown": ("Not opened yet", ""),
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
        local_areas.section(view),
        local_record.section(view),
    )


def confirm(view: View, act: str, subject: str, problem: str) -> str:
    """One act, with its effect said, asking for PIN and code."""
    voice = _voice(view)
    effect, name = "", ACTS.get(act, "act")
    for document, policy in view.proposals:
        if document.sha256 == subject and act == "approve":
            effect = _changes(say_change(view.policy, policy, voice))
    for asked in view.asked:
        if asked.request.sha256 == subject:
            effect = _request(asked, view)
    for view_ask in view.view_asks:
        if view_ask.request.sha256 == subject:
            effect = _view_request(view_ask.request, view)
            name = _LOOKS[view_ask.request.kind][4 if act == "view_no" else 3]
    if act == "area":
        effect = local_areas.said(subject, view)
    wrong = f'<p class="wrong" role="alert">{escape(_(problem))}</p>' if problem else ""
    fields = _pin_fields() if act in _NEEDS_PIN else ""
    what = _(name)
    verb = _("Go on") if name == "act" else what[:1].upper() + what[1:]
    body = f"""<section class="card"><h2>{escape(_("You are about to %(act)s", act=what))}</h2>{effect}{wrong}
<form method="post" action="{"/act" if fields else "/begin"}">{_hidden(act, subject)}{fields}
<div class="row"><button class="main">{escape(verb)}</button><a href="/">{escape(_("Back"))}</a></div>
</form></section>"""
    return _page(_("Confirm"), body)


def _voice(view: View) -> Voice:
    """The names of this site, in the reader's language."""
    return replace(view.voice, tongue=tongue(spoken()))


_NEEDS_PIN: Final = frozenset({"approve", "clip", "clip_unmasked", "view", "resume", "clear", "area"})


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
    live = _("is watching and listening at") if item.limits.audio else _("is watching")
    seen = live if item.is_live else _("looks at the recording of")
    what, mark = _("receives a recording of") if item.clip else seen, _("Live") if item.is_live else _("Recording")
    agency = view.agencies.get(grant.subject.agency, grant.subject.agency)
    reason = f" ({grant.incident.kind.replace('_', ' ')})" if grant.incident else ""
    number = f"<br>{reference(_('incident'), grant.incident.ref)}" if grant.incident else ""
    return (
        f'<li><strong class="live"><span aria-hidden="true">●</span> {mark}</strong> '
        f"{escape(agency)}, {escape(grant.subject.role)}, {escape(grant.subject.unit)}, {what} "
        f"{escape(label_of(view, grant.camera))} {escape(_('for %(purpose)s', purpose=purpose_of(grant.purpose)))}"
        f"{escape(reason)}{number}</li>"
    )


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
    until = f"<p>{_('Until %(time)s', time=time_of(document.approve_by))}</p>" if document.approve_by else ""
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
        "Camera": label_of(view, request.camera),
        "From": time_of(request.start),
        "To": time_of(request.end),
        "Who asks": view.agencies.get(request.agency, request.agency),
        "Why": purpose_of(request.purpose),
        "Incident": request.incident or _("none"),
        "Legal basis": request.legal_basis,
        "Answer before": time_of(request.expiry),
    }
    return f"<dl>{terms(facts)}</dl>"


def _view_ask(request: ViewRequest, view: View) -> str:
    title, promise, yes, *_acts = _LOOKS[request.kind]
    return (
        f'<section class="card ask"><h3>{_(title)}</h3>{_view_request(request, view)}'
        f'<p class="soft">{_(promise)}</p>'
        f'<div class="row">{_button("view", request.sha256, _(yes), is_main=True)}'
        f"{_button('view_no', request.sha256, _('Decline'))}</div></section>"
    )


def _view_request(request: ViewRequest, view: View) -> str:
    span = request.span
    facts = {
        "Camera": label_of(view, request.camera),
        **({"From": time_of(span[0]), "To": time_of(span[1])} if span else {}),
        "Who asks": view.agencies.get(request.agency, request.agency),
        **({"Person": request.who} if request.who else {}),
        "Why": purpose_of(request.purpose),
        "Incident": request.incident or _("none"),
        "Answer before": time_of(request.expiry),
    }
    return f"<dl>{terms(facts)}</dl>"


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
    busy, most = view.encoders
    made = _("Streams made anew on this machine now: %(busy)d of at most %(most)d.", busy=busy, most=most)
    table += f'<p class="soft">{made}</p>'
    return f'<section class="card"><h2>{_("Cameras")}</h2>{table}</section>'


def _works(camera: CameraInfo) -> str:
    """In words, with the remedy (the source's own sentence, or the usual one), and which stream is shown."""
    word, remedy = WORKS[camera.state]
    said = (camera.sentence or remedy, camera.live_stream, camera.sound)
    more = "".join(f'<br><span class="soft">{escape(_(text))}</span>' for text in said if text)
    return escape(_(word)) + more


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
