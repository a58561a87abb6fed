"""A signature: what the decisions about one camera depend on, with the names that only its partner uses taken out.

Cameras with the same signature get the same answer, so a list decides once for all of them. What changes from look to
look is not in it: the person, the purpose, the minute, the incident and its distance, an alarm at the site, the
network-wide switch, the ordinance. What binds recordings alone is not in it either, for those are decided one by one.
Pure: the caller says what is stored.

Dates: a rule or an agreement has begun or not, has ended or not; which of these holds is in the signature, the moment
itself is not. So a signature is good only up to the next such moment, which is kept beside the mark.

Distance: rules look at it only through their radii, so two places with the same signature get the same answer as long
as the same radii reach them (`Signature.band`).
"""

import dataclasses
import hashlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from partner_agent.wire import canonical
from policies.fields import MAX_INT, Fields, PolicyError
from policies.geo import Point
from policies.model import Agreement, Camera, Envelope, Policy, Rule, Terms, Window, read_policy
from policies.parts import ALWAYS, NO_TERMS, plain, radius_m, read_envelope
from policies.vocabulary import Act, Condition, Notify

FORM: Final = 4  # of what is written below; another form is another mark
CAMERA: Final = "camera"
MASKED: Final = "masked"  # whichever areas that are not drawn there: no live picture is given then
PARTNER: Final = "partner"
STRANGER: Final = "stranger"  # a document that another partner's name stands in
ANY_PACK: Final = "0" * 64  # the centre decides by the ordinance in force, whichever a document pins
ENDED_MS: Final = 1  # 1970
NOT_BEGUN_MS: Final = MAX_INT
_NOWHERE: Final = Point(0, 0)
_MARK_CHARACTERS: Final = 32  # 128 bits of the digest


@dataclass(frozen=True)
class Signature:
    """What the decisions about a camera depend on.

    Attributes:
        is_connected: its site's agent offers it; otherwise it is on the list only.
        documents: what must permit, each with one camera in it; empty where the site acknowledged nothing.
        draft: for a camera on the list only: what its owner answered; None where there is neither answer nor agreement.
        envelope: the agreement as the centre holds it; None where none was accepted.
        suspended: the agencies that the organisation shares nothing with, or everybody.
    """

    is_connected: bool
    documents: tuple[Policy, ...]
    draft: Policy | None
    envelope: Envelope | None
    is_partner_active: bool
    is_paused: bool
    suspended: frozenset[str] = frozenset()

    @cached_property
    def body(self) -> str:
        """The written form: canonical JSON."""
        return canonical.encode(
            {
                "form": FORM,
                "is_connected": self.is_connected,
                "documents": [policy.to_document() for policy in self.documents],
                "draft": None if self.draft is None else self.draft.to_document(),
                "envelope": None if self.envelope is None else plain(self.envelope),
                "is_partner_active": self.is_partner_active,
                "is_paused": self.is_paused,
                "suspended": sorted(self.suspended),
            }
        ).decode()

    @cached_property
    def digest(self) -> str:
        """The name of it, 32 hex characters."""
        return hashlib.sha256(self.body.encode()).hexdigest()[:_MARK_CHARACTERS]

    @property
    def _policies(self) -> tuple[Policy, ...]:
        return self.documents if self.draft is None else (*self.documents, self.draft)

    @cached_property
    def radii_m(self) -> tuple[int, ...]:
        """Every radius that a rule names, ascending."""
        named = (radius_m(rule.condition) for policy in self._policies for rule in policy.rules)
        return tuple(sorted({metres for metres in named if metres is not None}))

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """Every weekly window that a rule names, each once."""
        named = {(window.zone, window.spans): window for policy in self._policies for window in policy.windows}
        return tuple(named.values())

    def band(self, distance_m: int) -> int:
        """How many radii do not reach this far: the answer is the same for all distances of a band."""
        return bisect_left(self.radii_m, distance_m)


@dataclass(frozen=True, slots=True)
class Signed:
    """The signature of a camera, and until when it is that: milliseconds since 1970, None where no date comes."""

    signature: Signature
    until_ms: int | None


class _Dates:
    """Puts in place of dates what they mean now, and remembers the next one that will mean something else."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self.next_ms: int | None = None

    def of_rule(self, rule: Rule) -> Rule:
        """The rule as open, ended, or not begun."""
        low, high = self._meaning(rule.from_ms, rule.until_ms)
        return dataclasses.replace(rule, from_ms=low, until_ms=high)

    def of_envelope(self, envelope: Envelope) -> Envelope:
        """The agreement as in force, ended, or not begun; what bounds recordings alone is taken out."""
        low, high = self._meaning(envelope.from_ms, envelope.until_ms)
        return dataclasses.replace(envelope, from_ms=low or 0, until_ms=high, clip_s=0, hold_s=0, look_back_s=0)

    def _meaning(self, low: int | None, high: int | None) -> tuple[int | None, int | None]:
        if high is not None and high <= self._now_ms:
            return None, ENDED_MS
        coming = [at for at in (low, high) if at is not None and at > self._now_ms]
        if coming:
            self.next_ms = min([*coming, *([self.next_ms] if self.next_ms is not None else [])])
        return (NOT_BEGUN_MS if low is not None and low > self._now_ms else None), None


def signature_of(
    name: str,
    *,
    partner: str,
    place: Point,
    is_connected: bool,
    documents: Sequence[Policy],
    draft: Policy | None,
    envelope: Envelope | None,
    is_partner_active: bool,
    is_paused: bool,
    now_ms: int,
    suspended: frozenset[str] = frozenset(),
    drawn: frozenset[str] = frozenset(),
) -> Signed | None:
    """The signature of one camera as it is now.

    Args:
        name: the camera as the documents call it; as the draft calls it when it is on the list only.
        partner: whose camera it is.
        place: where the list says it is.
        is_connected: whether the site's agent offers it.
        documents: the document in force and what is pending.
        draft: what the owner answered, in our own names.
        envelope: the agreement as the centre holds it.
        is_partner_active: whether the partner takes part.
        is_paused: whether the site said that it is paused.
        now_ms: milliseconds since 1970.
        suspended: the agencies that the organisation shares nothing with, or everybody.
        drawn: the areas that the site can make black in its live pictures.

    Returns:
        None where a document says that the camera is somewhere else, so that distances cannot be told by the list's
        place; and where an alarm at the site would make known that the camera is there.
    """
    drafts = () if is_connected or draft is None else (draft,)
    for policy in (*documents, *drafts):
        if name in policy.camera_by_id and policy.camera_by_id[name].place != place:
            return None
        if any(Act.REGISTRY_VIEW in rule.acts and rule.condition == Condition.PANIC for rule in policy.rules):
            return None
    dates = _Dates(now_ms)
    signature = Signature(
        is_connected=is_connected,
        documents=tuple(_normal(policy, name, partner, dates, drawn) for policy in documents),
        draft=next((_normal(one, name, partner, dates, drawn) for one in drafts), None),
        envelope=None if envelope is None else dates.of_envelope(envelope),
        is_partner_active=is_partner_active,
        is_paused=is_paused,
        suspended=suspended,
    )
    return Signed(signature, dates.next_ms)


def read_signature(body: Mapping[str, object]) -> Signature:
    """A signature from its written form.

    Raises:
        PolicyError: it is none, or of another form.
    """
    fields = Fields(body, "signature")
    fields.whole("form", FORM, FORM)
    draft, envelope = fields.raw("draft"), fields.raw("envelope")
    return fields.done(
        Signature(
            is_connected=fields.flag("is_connected"),
            documents=fields.items("documents", _read, 8),
            draft=None if draft is None else _read(draft, fields.at("draft")),
            envelope=None if envelope is None else read_envelope(envelope, fields.at("envelope")),
            is_partner_active=fields.flag("is_partner_active"),
            is_paused=fields.flag("is_paused"),
            suspended=frozenset(fields.ordered("suspended", _text)),
        )
    )


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise PolicyError(path, "must be text")
    return value


def _read(value: object, path: str) -> Policy:
    if not isinstance(value, Mapping):
        raise PolicyError(path, "must be an object")
    return read_policy(value)


def _normal(policy: Policy, name: str, partner: str, dates: _Dates, drawn: frozenset[str]) -> Policy:
    """The document as it binds this one camera, in names that are the same in every document."""
    scopes = policy.scopes_of(name)
    windows: dict[Window, Window] = {}
    terms: dict[Terms, Terms] = {}
    rules = tuple(
        dataclasses.replace(
            dates.of_rule(rule),
            id=f"r{number}",
            scope="site",
            window=_window(policy, rule, windows),
            terms=_terms(policy, rule, terms, drawn),
        )
        for number, rule in enumerate((one for one in policy.rules if one.scope in scopes), start=1)
    )
    envelope = dates.of_envelope(policy.envelope)
    return Policy(
        partner=PARTNER if policy.partner == partner else STRANGER,
        agreement=Agreement(envelope.mou, "0" * 64),
        owners=(),
        hold_s=0,
        cameras=(Camera(CAMERA, *_NOWHERE),) if name in policy.camera_by_id else (),
        groups=(),
        tags={tag: frozenset({CAMERA}) for tag in policy.tags_of(name)},
        rules=rules,
        windows=tuple(windows.values()),
        terms=tuple(terms.values()),
        envelope=envelope,
        guardrail=ANY_PACK,
        totals=policy.totals,
    )


def _window(policy: Policy, rule: Rule, known: dict[Window, Window]) -> str:
    if rule.window == ALWAYS:
        return ALWAYS
    content = dataclasses.replace(policy.window_by_id[rule.window], id="")
    return known.setdefault(content, dataclasses.replace(content, id=f"w{len(known) + 1}")).id


def _terms(policy: Policy, rule: Rule, known: dict[Terms, Terms], drawn: frozenset[str]) -> str:
    """Of terms only what bounds a look; what a view obliges to is said when it is asked for, not in a list."""
    if rule.terms == NO_TERMS:
        return NO_TERMS
    own = policy.terms_by_id[rule.terms]
    content = Terms(
        id="",
        session_s=own.session_s,
        clip_s=0,
        hold_s=0,
        look_back_s=0,
        around_s=None,
        height_lines=own.height_lines,
        history_from_ms=0,
        masks=frozenset({MASKED} if own.masks - drawn else ()),
        watermark=False,
        notify=Notify.DIGEST,
    )
    return known.setdefault(content, dataclasses.replace(content, id=f"t{len(known) + 1}")).id
