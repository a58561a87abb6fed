"""Whether a new policy only takes away: the check that lets a document pass without the owner's approval.

It compares expanded content, never ids: every new allow must be covered by one old allow, and every old deny, on the
cameras that stay, by one new deny. Whatever cannot be shown to be narrower counts as wider. A property test holds the
answer against `decide`: what a narrowing permits was permitted before, with obligations at least as strict.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from policies import hours
from policies.guardrail import Guardrail
from policies.model import Policy
from policies.parts import ALWAYS, Envelope, Owner, Rule, Terms, radius_m
from policies.strictness import loosened
from policies.vocabulary import Condition, Effect, Notify, OwnerRole


class Widening(StrEnum):
    """Why a change is not a narrowing."""

    PARTNER = "partner"
    AGREEMENT = "agreement"
    OWNERS = "owners"  # who approves changes
    ANSWERERS = "answerers"  # who only answers requests
    HOLD = "hold"
    GUARDRAIL = "guardrail"
    ENVELOPE = "envelope"
    TOTALS = "totals"
    CAMERA_ADDED = "camera_added"
    CAMERA_CHANGED = "camera_changed"
    TAG_REMOVED = "tag_removed"
    ALLOW = "allow"  # a new allow is covered by no single old one
    DENY = "deny"  # an old deny is covered by no single new one
    OBLIGATION = "obligation"  # another rule now comes first, and obliges to less


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is wider: what, and which rule, camera or field."""

    what: Widening
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every reason why the new policy is not a narrowing of the old one."""

    reasons: tuple[Reason, ...]

    @property
    def is_narrowing(self) -> bool:
        """Whether it only takes away; an unchanged policy does."""
        return not self.reasons


def compare(old: Policy, new: Policy, *, packs: Mapping[str, Guardrail] | None = None) -> Comparison:
    """What the new policy gives that the old one did not.

    Args:
        old: the policy in force.
        new: the one that is to replace it.
        packs: ordinance packs by digest; a change of pack between two that are not both here is a widening.
    """
    return Comparison(
        (
            *_of_site(old, new, packs or {}),
            *_of_cameras(old, new),
            *(Reason(Widening.ALLOW, rule.id) for rule in _allows(new) if covering(rule, old, new) is None),
            *(Reason(Widening.DENY, rule.id) for rule in _denies(old) if not _still_denied(rule, old, new)),
            *(Reason(Widening.OBLIGATION, rule.id) for rule in _allows(new) if _obliges_less(rule, old, new)),
        )
    )


def _of_site(old: Policy, new: Policy, packs: Mapping[str, Guardrail]) -> Iterator[Reason]:
    checks = (
        (Widening.PARTNER, old.partner == new.partner),
        (Widening.AGREEMENT, old.agreement == new.agreement),
        (Widening.OWNERS, _owners_narrow(old.owners, new.owners)),
        (Widening.ANSWERERS, _answerers_narrow(old.owners, new.owners)),
        (Widening.HOLD, old.hold_s <= new.hold_s),
        (Widening.GUARDRAIL, old.guardrail == new.guardrail or _pack_narrows(old, new, packs)),
        (Widening.ENVELOPE, _envelope_narrows(old.envelope, new.envelope)),
        (Widening.TOTALS, _no_more(old.totals, new.totals, "live_s_per_day", "clip_s_per_day", "views_at_once")),
    )
    return (Reason(what) for what, is_narrower in checks if not is_narrower)


def _of_cameras(old: Policy, new: Policy) -> Iterator[Reason]:
    for camera in new.cameras:
        before = old.camera_by_id.get(camera.id)
        if before is None:
            yield Reason(Widening.CAMERA_ADDED, camera.id)
        elif before != camera:
            yield Reason(Widening.CAMERA_CHANGED, camera.id)
        elif not old.tags_of(camera.id) <= new.tags_of(camera.id):
            yield Reason(Widening.TAG_REMOVED, camera.id)


def _owners_narrow(old: tuple[Owner, ...], new: tuple[Owner, ...]) -> bool:
    """The same credentials, of which more may be suspended; taking one off the list needs another owner."""
    before = [owner for owner in old if owner.role is OwnerRole.OWNER]
    after = [owner for owner in new if owner.role is OwnerRole.OWNER]
    return len(before) == len(after) and all(map(_is_no_more, after, before))


def _answerers_narrow(old: tuple[Owner, ...], new: tuple[Owner, ...]) -> bool:
    """Some of the same credentials, of which more may be suspended: whoever only answers needs nobody to go."""
    before = {owner.credential: owner for owner in old if owner.role is OwnerRole.ANSWERS}
    after = [owner for owner in new if owner.role is OwnerRole.ANSWERS]
    return all(owner.credential in before and _is_no_more(owner, before[owner.credential]) for owner in after)


def _is_no_more(after: Owner, before: Owner) -> bool:
    """Whether it is the same passkey, in the same role, suspended if it was."""
    named = [(one.credential, one.public_key, one.role) for one in (after, before)]
    return named[0] == named[1] and (after.is_suspended or not before.is_suspended)


def _pack_narrows(old: Policy, new: Policy, packs: Mapping[str, Guardrail]) -> bool:
    before, after = packs.get(old.guardrail), packs.get(new.guardrail)
    if before is None or after is None or before.jurisdiction != after.jurisdiction:
        return False
    return not loosened(before, after)


def _envelope_narrows(old: Envelope, new: Envelope) -> bool:
    return (
        old.mou == new.mou
        and new.agencies <= old.agencies
        and new.acts <= old.acts
        and new.purposes <= old.purposes
        and _dates_cover((old.from_ms, old.until_ms), (new.from_ms, new.until_ms))
        and _no_more(old, new, "session_s", "clip_s", "hold_s", "look_back_s", "height_lines")
    )


def _no_more(old: object, new: object, *numbers: str) -> bool:
    return all(getattr(new, name) <= getattr(old, name) for name in numbers)


def _allows(policy: Policy) -> list[Rule]:
    return [rule for rule in policy.rules if rule.effect is Effect.ALLOW]


def _denies(policy: Policy) -> list[Rule]:
    return [rule for rule in policy.rules if rule.effect is Effect.DENY]


def covering(rule: Rule, old: Policy, new: Policy, *, cameras: frozenset[str] | None = None) -> int | None:
    """The place of the first old allow that covers this new allow by itself; None if there is none.

    Args:
        rule: an allow of `new`.
        old: where it may be covered.
        new: whose rule it is.
        cameras: look at these cameras of the rule only.
    """
    cameras = new.members_by_scope[rule.scope] if cameras is None else cameras
    return next(
        (
            index
            for index, before in enumerate(old.rules)
            if before.effect is Effect.ALLOW
            and cameras <= old.members_by_scope[before.scope]
            and _speaks_of(before, old, rule, new)
            and _condition_covers(before, rule)
            and _terms_cover(old.terms_by_id[before.terms], new.terms_by_id[rule.terms])
        ),
        None,
    )


def _still_denied(rule: Rule, old: Policy, new: Policy) -> bool:
    """Whether one new deny covers this old deny on every camera that is still there."""
    cameras = old.members_by_scope[rule.scope] & new.camera_by_id.keys()
    return not cameras or any(
        cameras <= new.members_by_scope[after.scope] and _speaks_of(after, new, rule, old) for after in _denies(new)
    )


def _speaks_of(outer: Rule, outer_policy: Policy, inner: Rule, inner_policy: Policy) -> bool:
    """Whether `outer` holds for every caller, act, purpose and time of `inner`."""
    return (
        _grantee_covers(outer.grantee, inner.grantee)
        and inner.acts <= outer.acts
        and inner.purposes <= outer.purposes
        and _window_covers(outer_policy, outer.window, inner_policy, inner.window)
        and _dates_cover((outer.from_ms, outer.until_ms), (inner.from_ms, inner.until_ms))
    )


def _grantee_covers(outer: str, inner: str) -> bool:
    if outer in {"any", inner}:
        return True
    kind, _, agency = outer.partition(":")
    return kind == "agency" and inner.partition(":")[2].partition("/")[0] == agency and inner != "any"


def _window_covers(outer_policy: Policy, outer: str, inner_policy: Policy, inner: str) -> bool:
    if outer == ALWAYS:
        return True
    wide = outer_policy.window_by_id[outer]
    if wide.spans == hours.ALL_WEEK:
        return True
    if inner == ALWAYS:
        return False
    narrow = inner_policy.window_by_id[inner]
    return wide.zone == narrow.zone and hours.covers(wide.spans, narrow.spans)


def _dates_cover(outer: tuple[int | None, int | None], inner: tuple[int | None, int | None]) -> bool:
    starts = outer[0] is None or (inner[0] is not None and inner[0] >= outer[0])
    return starts and (outer[1] is None or (inner[1] is not None and inner[1] <= outer[1]))


def _condition_covers(outer: Rule, inner: Rule) -> bool:
    """`always` covers everything, a radius every smaller one; nothing else is comparable."""
    if outer.condition == Condition.ALWAYS:
        return True
    wide, narrow = radius_m(outer.condition), radius_m(inner.condition)
    if outer.condition != inner.condition and (wide is None or narrow is None or narrow > wide):
        return False
    return inner.origins <= outer.origins and (outer.is_moving or not inner.is_moving)


def _terms_cover(outer: Terms, inner: Terms) -> bool:
    around = outer.around_s is None or (inner.around_s is not None and inner.around_s <= outer.around_s)
    numbers = ("session_s", "clip_s", "hold_s", "look_back_s", "height_lines")
    return (
        around
        and _no_more(outer, inner, *numbers)
        and inner.history_from_ms >= outer.history_from_ms
        and _obligations_cover(outer, inner)
    )


def _obligations_cover(outer: Terms, inner: Terms) -> bool:
    """Whether `inner` obliges to at least as much."""
    return (
        inner.masks >= outer.masks
        and (inner.watermark or not outer.watermark)
        and (inner.notify is Notify.NOW or outer.notify is Notify.DIGEST)
    )


def _obliges_less(rule: Rule, old: Policy, new: Policy) -> bool:
    """Whether this new allow may now decide where a stricter old one decided.

    The first allow that fits gives the obligations. Where this rule fits, the old one that covers it fitted too, so
    the old answer came from that one or from one before it. For each of those on a common camera and act, either this
    rule obliges to as much, or that one still stands before it, word for word, on those cameras.
    """
    cameras = new.members_by_scope[rule.scope]
    ahead = new.rules[: new.rules.index(rule)]
    for before in old.rules[: covering(rule, old, new)]:
        common = cameras & old.members_by_scope[before.scope]
        if before.effect is Effect.DENY or not common or rule.acts.isdisjoint(before.acts):
            continue
        said = content_of(before, old)
        still_there = any(
            content_of(other, new) == said and common <= new.members_by_scope[other.scope] for other in ahead
        )
        if not still_there and not _as_strict(rule, new, before, old):
            return True
    return False


def _as_strict(rule: Rule, policy: Policy, before: Rule, old: Policy) -> bool:
    needs_two = before.condition == Condition.TWO_PERSONS and rule.condition != Condition.TWO_PERSONS
    return not needs_two and _obligations_cover(old.terms_by_id[before.terms], policy.terms_by_id[rule.terms])


def content_of(rule: Rule, policy: Policy) -> tuple[object, ...]:
    """What a rule says of whatever cameras, without any id."""
    said = dataclasses.replace(rule, id="", scope="", window="", terms="")
    window, terms = policy.window_by_id.get(rule.window), policy.terms_by_id.get(rule.terms)
    return (said, window and (window.zone, window.spans), terms and dataclasses.replace(terms, id=""))
