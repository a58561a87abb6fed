"""Key sets (section 1): three versions of which the second revokes the first's grant key, rollback, long absence."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.protocol_model.engine import Action, After
from tests.protocol_model.rules import ALL, Rule

REVOKED = "a revoked grant key opened something"
UNREACHABLE = "a narrowing cannot be accepted after a long absence"
VERSIONS = 3


class World(NamedTuple):
    """What the agent holds, and what the root has signed."""

    held: int = 1
    latest: int = 1
    highest: int = 1  # ever held
    is_expired: bool = False
    odd: frozenset[str] = frozenset()


class KeySets:
    """The part of the protocol about key sets."""

    def __init__(self, rules: frozenset[Rule] = ALL, *, odd: frozenset[str] = frozenset()) -> None:
        self.rules, self.start = rules, World(odd=odd)

    def actions(self, w: World) -> Iterator[Action]:
        """See `Model.actions`."""
        if w.latest < VERSIONS:
            yield Action("the root signs a key set")
        for first in range(1, w.latest + 1):
            for last in range(first, w.latest + 1):
                yield Action("key sets are offered", (first, last))
        for version in range(1, w.latest + 1):
            yield Action("a grant is sent", (version,))
        if "the agent is away until its keys expire" in w.odd:
            yield Action("the agent is away until its keys expire")

    def apply(self, w: World, action: Action) -> After | None:
        """See `Model.apply`."""
        match action.what, action.args:
            case "the root signs a key set", _ if w.latest < VERSIONS:
                return After(w._replace(latest=w.latest + 1))
            case "key sets are offered", (first, last):
                return self._offered(w, first, last)
            case "a grant is sent", (version,):
                is_live = version == w.held and not w.is_expired and self._is_linked(w)
                broken = (REVOKED,) if is_live and version < w.highest else ()
                return After(w, "accepted" if is_live else "grant_invalid", broken)
            case "the agent is away until its keys expire" as what, _ if what in w.odd:
                return After(w._replace(is_expired=True, odd=w.odd - {what}))
        return None

    def _is_linked(self, w: World) -> bool:
        return not w.is_expired or Rule.KEYS_FIRST in self.rules

    def _offered(self, w: World, first: int, last: int) -> After:
        if not self._is_linked(w):
            return After(w)
        follows = first <= w.held + 1 if first == w.held else first == w.held + 1
        if not follows and Rule.FORWARD in self.rules:
            return After(w, "refused")
        is_expired = w.is_expired and last == w.held
        return After(w._replace(held=last, highest=max(w.highest, last), is_expired=is_expired), "noted")

    def broken(self, w: World) -> Iterator[str]:
        """See `Model.broken`."""
        if not self._is_linked(w):
            yield UNREACHABLE
