"""What two policies have in common, as a policy of its own: the part of a change that can take effect at once.

An owner who in one act switches one camera off and shares more of another wants the first now, although the second
waits for approval. `meet(old, new)` gives a narrowing of `old` that lets through nothing that `new` would not, or None
where that cannot be written down.
"""

import dataclasses
from collections.abc import Iterator

from policies.model import Policy
from policies.narrowing import compare, content_of, covering
from policies.parts import ALWAYS, NO_TERMS, Group, Owner, Rule, Terms, Totals, Window
from policies.vocabulary import Effect, OwnerRole, Tag


def meet(old: Policy, new: Policy) -> Policy | None:
    """A narrowing of `old` within `new`: every rule of either that the other covers, and every deny of both."""
    cameras = tuple(camera for camera in old.cameras if new.camera_by_id.get(camera.id) == camera)
    names = frozenset(camera.id for camera in cameras)
    parts = _unique([_Part(index, *kept) for index, kept in enumerate(_kept(old, new, names)) if kept[-1]])
    made = dataclasses.replace(
        old,
        owners=kept_owners(old, new),
        hold_s=max(old.hold_s, new.hold_s),
        cameras=cameras,
        groups=tuple(Group(part.name, part.cameras) for part in parts),
        tags={tag: (old.tags.get(tag, frozenset()) | new.tags.get(tag, frozenset())) & names for tag in Tag},
        rules=tuple(part.renamed for part in parts),
        windows=tuple(window for part in parts for window in part.windows),
        terms=tuple(terms for part in parts for terms in part.terms),
        totals=Totals(*(min(getattr(old.totals, name), getattr(new.totals, name)) for name in _TOTALS)),
    )
    return made if compare(old, made).is_narrowing else None


def kept_owners(old: Policy, new: Policy, *, is_whole: bool = True) -> tuple[Owner, ...]:
    """Every owner of `old`, suspended if either says so; one that `new` does not know is as before.

    Whoever only answers requests is gone where `new` does not name them.

    Args:
        old: what is narrowed.
        new: what is wanted.
        is_whole: whether `new` names everybody who is to stay; else those who answer stay as well.
    """
    suspended = {owner.credential for owner in new.owners if owner.is_suspended}
    named = {owner.credential for owner in new.owners}
    return tuple(
        dataclasses.replace(owner, is_suspended=owner.is_suspended or owner.credential in suspended)
        for owner in old.owners
        if not is_whole or owner.role is OwnerRole.OWNER or owner.credential in named
    )


_TOTALS = tuple(field.name for field in dataclasses.fields(Totals))


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    """One rule on its way into another policy, with what it names."""

    index: int
    policy: Policy
    rule: Rule
    cameras: frozenset[str]

    @property
    def name(self) -> str:
        return f"m{self.index}"

    @property
    def renamed(self) -> Rule:
        return dataclasses.replace(
            self.rule,
            id=self.name,
            scope=f"group:{self.name}",
            window=self.name if self.windows else ALWAYS,
            terms=self.name if self.terms else NO_TERMS,
        )

    @property
    def windows(self) -> tuple[Window, ...]:
        window = self.policy.window_by_id.get(self.rule.window)
        return () if window is None else (dataclasses.replace(window, id=self.name),)

    @property
    def terms(self) -> tuple[Terms, ...]:
        terms = self.policy.terms_by_id.get(self.rule.terms)
        return () if terms is None else (dataclasses.replace(terms, id=self.name),)


def _kept(old: Policy, new: Policy, names: frozenset[str]) -> Iterator[tuple[Policy, Rule, frozenset[str]]]:
    """Every rule of either, with those of its cameras on which the other covers it."""
    for policy, other in ((old, new), (new, old)):
        for rule in policy.rules:
            cameras = policy.members_by_scope[rule.scope] & names
            if rule.effect is Effect.ALLOW:
                one = {name: covering(rule, other, policy, cameras=frozenset({name})) for name in cameras}
                cameras = frozenset(name for name, place in one.items() if place is not None)
            yield policy, rule, cameras


def _unique(parts: list[_Part]) -> list[_Part]:
    said: dict[tuple[object, ...], _Part] = {}
    for part in parts:
        said.setdefault((*content_of(part.rule, part.policy), part.cameras), part)
    return list(said.values())
