"""The memorandum of understanding as data: typed clauses that say what owners may give at most, and for how long.

One body is both the human document (`gateway.partners.agreements` renders it) and the rules (`template` compiles it to
an `Envelope`). A version is the SHA-256 of its canonical body. Between what an owner signed and what the agency offers
now, only what both say counts (`AgreementTemplate.within`): nothing widens without the owner, less counts at once.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from policies.fields import Fields, PolicyError, unique
from policies.parts import MAX_CLIP_S, MAX_HOLD_S, MAX_LINES, MAX_LOOK_BACK_S, MAX_SESSION_S, Envelope
from policies.vocabulary import Act, Purpose

NUMBERS: Final = ("session_s", "clip_s", "hold_s", "look_back_s", "height_lines")
MAX_TERM_DAYS: Final = 3650
MAX_NOTICE_DAYS: Final = 365
MAX_ARTICLES: Final = 40
ARTICLE_LENGTH: Final = 4000


class Consent(StrEnum):
    """How an owner's consent came about."""

    FREE = "free"
    CONTRACT = "contract"  # a contract asks for it: a lease, a donation, an insurance
    LICENCE_CONDITION = "licence_condition"  # a permit or licence of a public body asks for it


@dataclass(frozen=True, slots=True)
class Article:
    """A promise in words; it binds people, not the rules."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class AgreementTemplate:
    """What a version lets owners give; parties and dates come when it is signed."""

    mou: str
    title: str
    term: timedelta
    unbound: Envelope

    def bind(self, *, agencies: Iterable[str], accepted_at: datetime) -> Envelope:
        """The envelope of an accepted agreement.

        Args:
            agencies: the ids of the agencies that are party to it.
            accepted_at: when the owner accepted; it ends after the term.
        """
        start_ms = round(accepted_at.timestamp() * 1000)
        end_ms = round((accepted_at + self.term).timestamp() * 1000)
        return replace(self.unbound, agencies=frozenset(agencies), from_ms=start_ms, until_ms=end_ms)

    def within(self, other: "AgreementTemplate") -> "AgreementTemplate":
        """This version with nothing that the other does not give too, under its own name."""
        mine, theirs = self.unbound, other.unbound
        numbers = {name: min(getattr(mine, name), getattr(theirs, name)) for name in NUMBERS}
        both = replace(mine, acts=mine.acts & theirs.acts, purposes=mine.purposes & theirs.purposes, **numbers)
        return replace(self, term=min(self.term, other.term), unbound=both)


@dataclass(frozen=True, slots=True)
class Memorandum:
    """One version, as both sides read and sign it.

    Attributes:
        mou: its name.
        acts: the most that any owner's rule may give.
        session_s: seconds of one live view; `clip_s` of one recording, which is at most `look_back_s` old; `hold_s` of
            a hold.
        notice_days: how long before it ends this the agency says so; the owner gives none.
        retention: what happens to recordings that were received, in words.
        termination: how it ends, in words.
        consent: how an owner's consent may have come about.
        body: the canonical JSON, whose SHA-256 names the version.
    """

    mou: str
    title: str
    acts: frozenset[Act]
    purposes: frozenset[Purpose]
    session_s: int
    clip_s: int
    hold_s: int
    look_back_s: int
    height_lines: int
    term_days: int
    notice_days: int
    retention: str
    termination: str
    consent: frozenset[Consent]
    articles: tuple[Article, ...]
    body: str

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the canonical body: what both sides sign and the log holds."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    @property
    def template(self) -> AgreementTemplate:
        """The rules that this version stands for."""
        unbound = Envelope(
            mou=self.mou,
            agencies=frozenset(),
            acts=self.acts,
            purposes=self.purposes,
            from_ms=0,
            until_ms=None,
            session_s=self.session_s,
            clip_s=self.clip_s,
            hold_s=self.hold_s,
            look_back_s=self.look_back_s,
            height_lines=self.height_lines,
        )
        return AgreementTemplate(self.mou, self.title, timedelta(days=self.term_days), unbound)


def read_memorandum(document: Mapping[str, object]) -> Memorandum:
    """A version of the memorandum, checked.

    Raises:
        PolicyError: a field is missing, unknown or of a wrong type.
    """
    fields = Fields(document, "agreement")
    fields.whole("v", 2, 2)
    read = Memorandum(
        mou=fields.name("mou"),
        title=_said(fields, "title", 200),
        acts=fields.words("acts", Act),
        purposes=fields.words("purposes", Purpose),
        session_s=fields.whole("session_s", 0, MAX_SESSION_S),
        clip_s=fields.whole("clip_s", 0, MAX_CLIP_S),
        hold_s=fields.whole("hold_s", 0, MAX_HOLD_S),
        look_back_s=fields.whole("look_back_s", 0, MAX_LOOK_BACK_S),
        height_lines=fields.whole("height_lines", 0, MAX_LINES),
        term_days=fields.whole("term_days", 1, MAX_TERM_DAYS),
        notice_days=fields.whole("notice_days", 0, MAX_NOTICE_DAYS),
        retention=_said(fields, "retention", ARTICLE_LENGTH),
        termination=_said(fields, "termination", ARTICLE_LENGTH),
        consent=fields.words("consent", Consent),
        articles=fields.items("articles", _article, MAX_ARTICLES),
        body=json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False),
    )
    unique([article.heading for article in read.articles], "agreement.articles")
    if not read.consent:
        raise PolicyError("agreement.consent", "needs at least one way in which consent may have come about")
    return fields.done(read)


def parse_memorandum(text: str) -> Memorandum:
    """A version from its JSON text.

    Raises:
        PolicyError: it is no JSON object, with the line, or not whole.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "the text"
        raise PolicyError(where, "is not JSON") from error
    if not isinstance(document, dict):
        raise PolicyError("agreement", "must be an object")
    return read_memorandum(document)


def widens(old: Memorandum, new: Memorandum) -> bool:
    """Whether the new version gives anything that the old one does not, so that it needs a new signature."""
    return new.template.within(old.template) != new.template or (new.sha256 != old.sha256 and _promises_less(old, new))


def _promises_less(old: Memorandum, new: Memorandum) -> bool:
    """Whether a promise in words is gone or another one: nobody can tell by machine that it says no less."""
    kept = set(new.articles) >= set(old.articles)
    words = (new.retention, new.termination) == (old.retention, old.termination)
    return not (kept and words and new.notice_days >= old.notice_days and new.consent <= old.consent)


def _article(value: object, path: str) -> Article:
    fields = Fields(value, path)
    return fields.done(Article(_said(fields, "heading", 120), _said(fields, "text", ARTICLE_LENGTH)))


def _said(fields: Fields, name: str, limit: int) -> str:
    text = fields.text(name, limit)
    if not text.strip():
        raise PolicyError(fields.at(name), "must say something")
    return text
