"""A version of the agreement as people read it: headings and paragraphs made of its typed clauses, and what changes.

The same sections stand on the page and in the PDF. A difference is said clause by clause: more, less, or other words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.kernel.phrases import Phrase, phrase
from gateway.web import _, reader_s_voice
from policies.mou import Consent, Memorandum
from policies.vocabulary import Act, Purpose
from policies.words import duration
from policies.words import purpose as said_purpose


@dataclass(frozen=True, slots=True)
class Section:
    """One clause: its heading and what it says, and which paragraphs are a list."""

    heading: str
    paragraphs: tuple[str, ...]
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One clause of another version: `more` is given, `less`, or it says something `other`."""

    kind: str
    clause: str
    before: str
    after: str


_ACTS: Final[dict[Act, Phrase]] = {
    Act.REGISTRY_VIEW: phrase("know where the cameras are"),
    Act.LIVE_VIEW: phrase("watch live"),
    Act.LIVE_AUDIO: phrase("listen live, where the city's ordinance allows it"),
    Act.PTZ_MOVE: phrase("move a camera"),
    Act.STILL_TAKE: phrase("take stills"),
    Act.RECORDED_VIEW: phrase("play recordings"),
    Act.CLIP_REQUEST: phrase("ask for recordings"),
    Act.CLIP_FETCH: phrase("receive recordings"),
    Act.PRESERVE_PLACE: phrase("keep recordings from being overwritten"),
    Act.SHARE_FORWARD: phrase("hand pictures on to other agencies"),
}
CONSENTS: Final[dict[Consent, Phrase]] = {
    Consent.FREE: phrase("Freely: nothing depends on it"),
    Consent.CONTRACT: phrase("A contract asks for it, such as a lease, a donation or an insurance"),
    Consent.LICENCE_CONDITION: phrase("A permit or licence of a public body asks for it"),
}


def sections(memorandum: Memorandum, *, agency: str, partner: str) -> tuple[Section, ...]:
    """The document.

    Args:
        memorandum: the version.
        agency: the agency's own name.
        partner: the name of the organisation that reads or signs it; empty says "you".
    """
    articles = [Section(article.heading, (article.text,)) for article in memorandum.articles]
    party = partner or _("you, who have the cameras")
    return (
        Section(_("Between"), (_("{agency}, “the agency”, and {partner}.").format(agency=agency, partner=party),)),
        *articles[:1],
        Section(_("The most that your rules can let the agency do"), (), tuple(_acts(memorandum))),
        Section(_("Only for these purposes"), (), tuple(_purposes(memorandum))),
        Section(_("At most this much"), (), tuple(text for _name, text in _limits(memorandum))),
        *articles[1:],
        Section(_("How long it holds"), (_days(memorandum.term_days, _("{n} days from your signature.")),)),
        Section(_("Recordings that were received"), (memorandum.retention,)),
        Section(
            _("Ending"),
            (
                memorandum.termination,
                _days(memorandum.notice_days, _("The agency says so {n} days before it ends this. You need not.")),
            ),
        ),
        Section(
            _("How consent may have come about"),
            (),
            tuple(_(text) for consent, text in CONSENTS.items() if consent in memorandum.consent),
        ),
        Section(
            _("Other versions"),
            (
                _(
                    "A version that gives more counts for you only once you have signed it. Where one gives less, that "
                    "counts at once."
                ),
            ),
        ),
    )


def differences(old: Memorandum, new: Memorandum) -> tuple[Difference, ...]:
    """What the new version says otherwise, clause by clause."""
    return tuple(_differences(old, new))


def _differences(old: Memorandum, new: Memorandum) -> Iterator[Difference]:
    yield from _sets(_("The most that your rules can let the agency do"), _acts(old), _acts(new))
    yield from _sets(_("Only for these purposes"), _purposes(old), _purposes(new))
    for (name, before), (_name, after) in zip(_limits(old), _limits(new), strict=True):
        yield from _numbers(_("At most this much"), getattr(old, name), getattr(new, name), before, after)
    term = _("{n} days from your signature.")
    yield from _numbers(
        _("How long it holds"), old.term_days, new.term_days, _days(old.term_days, term), _days(new.term_days, term)
    )
    notice = _("The agency says so {n} days before it ends this. You need not.")
    if old.notice_days != new.notice_days:
        yield Difference("other", _("Ending"), _days(old.notice_days, notice), _days(new.notice_days, notice))
    for heading, before, after in (
        (_("Recordings that were received"), old.retention, new.retention),
        (_("Ending"), old.termination, new.termination),
    ):
        if before != after:
            yield Difference("other", heading, before, after)
    consents = [[_(text) for one, text in CONSENTS.items() if one in each.consent] for each in (old, new)]
    yield from _sets(_("How consent may have come about"), *consents)
    mine = {article.heading: article.text for article in old.articles}
    theirs = {article.heading: article.text for article in new.articles}
    for heading in (*mine, *(name for name in theirs if name not in mine)):
        if mine.get(heading) != theirs.get(heading):
            yield Difference("other", heading, mine.get(heading, ""), theirs.get(heading, ""))


def _sets(clause: str, before: list[str], after: list[str]) -> Iterator[Difference]:
    yield from (Difference("more", clause, "", one) for one in after if one not in before)
    yield from (Difference("less", clause, one, "") for one in before if one not in after)


def _numbers(clause: str, low: int, high: int, before: str, after: str) -> Iterator[Difference]:
    if low != high:
        yield Difference("more" if high > low else "less", clause, before, after)


def _acts(memorandum: Memorandum) -> list[str]:
    return [_(text) for act, text in _ACTS.items() if act in memorandum.acts]


def _purposes(memorandum: Memorandum) -> list[str]:
    voice = reader_s_voice()
    return [said_purpose(word, voice) for word in Purpose if word in memorandum.purposes]


def _limits(memorandum: Memorandum) -> list[tuple[str, str]]:
    voice = reader_s_voice()
    said = [
        ("session_s", _("one live view: {much}")),
        ("clip_s", _("one recording: {much}")),
        ("look_back_s", _("how old a recording may be: {much}")),
        ("hold_s", _("keeping a recording from being overwritten: {much}")),
    ]
    found = [(name, text.format(much=duration(getattr(memorandum, name), voice))) for name, text in said]
    return [*found, ("height_lines", _("picture height: {n} lines").format(n=memorandum.height_lines))]


def _days(days: int, text: str) -> str:
    return text.format(n=days)
