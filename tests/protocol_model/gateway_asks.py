"""The gateway's side of asking first: put to an owner once, answered from anywhere, opened once, over at its deadline.

Two operators of an agency, two cameras of one owner, two incidents. Touches, portal and the site's own word answer, the
latter late, again and in any order; another process acts on what it read before; the gateway restarts. Time is in
steps, of which the owner has three to answer, and a yes, like the view it opens, lives one.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.protocol_model.engine import Action, After
from tests.protocol_model.rules import ALL, Rule

TWICE = "one incident asked an owner twice"
FOREIGN = "a yes opened a view of somebody else, of another camera or in another incident"
AGAIN = "a yes opened two views"
LATE_YES = "a yes counted after its deadline"
LATE_NO = "silence was turned into a no after its deadline"
LATE_VIEW = "a view was opened after the time of its yes"
OVERTAKEN = "a no was overtaken by a yes"
OVER_NO = "a view was opened after a no"
STAYS = "a view that was asked for goes on after a no"
TOLD = "whoever asked can tell a no from silence"
LEFT = "a request waits although it is over"
ASKED, APPROVED, OPENED, DECLINED, LAPSED = "asked", "approved", "opened", "declined", "lapsed"
ANSWER, LIFE = 3, 1
View = tuple[int, int, int]  # incident, operator, camera
WAYS: tuple[View, ...] = ((0, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0))
OTHERS_WISH: View = (0, 1, 1)  # what is asked for in another process


class Ask(NamedTuple):
    """One request as the gateway keeps it."""

    by: int
    camera: int
    state: str = ASKED
    age: int = 0
    yes_age: int | None = None
    is_pictureless: bool = False  # its view never came to a picture

    @property
    def is_waiting(self) -> bool:
        """Whether its owner may still say yes."""
        return self.state == ASKED and self.age < ANSWER

    @property
    def is_young(self) -> bool:
        """Whether a yes is within its time."""
        return self.yes_age is not None and self.yes_age < LIFE and self.age < ANSWER


class World(NamedTuple):
    """What the gateway keeps and shows; then what another process holds, what really happened, and what still may."""

    asks: tuple[Ask | None, ...] = (None, None)
    views: frozenset[View] = frozenset()
    closed: frozenset[int] = frozenset()
    read: tuple[int, Ask | None] | None = None
    asked: frozenset[int] = frozenset()
    declined: frozenset[int] = frozenset()
    shown: frozenset[int] = frozenset()
    restarts: int = 1
    failures: int = 1


class GatewayAsks:
    """The part of the protocol about asking that the gateway keeps; `ways`: what is asked for and opened."""

    def __init__(self, rules: frozenset[Rule] = ALL, *, ways: tuple[View, ...] = WAYS) -> None:
        self.rules, self.ways, self.start = rules, ways, World()

    # --- what may happen

    def actions(self, w: World) -> Iterator[Action]:
        """See `Model.actions`."""
        for way in self.ways:
            yield Action("an operator asks", way)
            yield Action("a view is opened", way)
            if w.failures:
                yield Action("a view comes to no picture", way)
            yield Action("a no arrives while a view is opened", way)
        for incident, ask in enumerate(w.asks):
            if ask is not None:
                for what in ("an owner touches", "no in the portal", "yes from the site", "no from the site"):
                    yield Action(what, (incident,))
        yield from (Action("a view is closed", view) for view in sorted(w.views))
        yield Action("another process reads", (0,))
        if w.read is not None:
            yield from map(
                Action, ("another process asks", "another process takes a yes", "another process takes a no")
            )
        yield from map(Action, ("time passes", "the gateway looks"))
        if 0 not in w.closed:
            yield Action("the incident closes", (0,))
        if w.restarts:
            yield Action("the gateway restarts")

    # --- what follows

    def apply(self, w: World, action: Action) -> After | None:
        """See `Model.apply`."""
        match action.what, action.args:
            case "an operator asks", (incident, by, camera):
                return self._ask(w, incident, by, camera, before=w.asks[incident])
            case "a view is opened" | "a view comes to no picture" | "a no arrives while a view is opened", way:
                return self._open(w, (way[0], way[1], way[2]), action.what)
            case "an owner touches" | "yes from the site" as what, (incident,):
                after = self._yes(w, incident)
                return after if what == "an owner touches" else after._replace(answer="heard")
            case "no in the portal" | "no from the site" as what, (incident,):
                after = self._no(w, incident, by_site=what == "no from the site")
                return after._replace(answer="heard") if what == "no from the site" else after
            case "a view is closed", view:
                return After(w._replace(views=w.views - {view}))
            case "time passes", _:
                aged = tuple(ask and _older(ask) for ask in w.asks)
                return After(w._replace(asks=aged, views=frozenset(), read=None))
            case "the gateway looks", _:
                return self._look(w)
            case "the incident closes", (incident,):
                left = frozenset(view for view in w.views if view[0] != incident)
                return After(w._replace(closed=w.closed | {incident}, views=left))
            case "the gateway restarts", _:
                asks = w.asks if Rule.KEPT in self.rules else (None, None)
                return After(w._replace(asks=asks, views=frozenset(), read=None, restarts=w.restarts - 1))
        return self._elsewhere(w, action)

    def _elsewhere(self, w: World, action: Action) -> After | None:
        """Another process, which acts on what it read."""
        if action.what == "another process reads":
            (incident,) = action.args
            return After(w._replace(read=(incident, w.asks[incident])))
        if w.read is None:
            return None
        incident, seen = w.read
        w = w._replace(read=None)
        match action.what:
            case "another process asks":
                return self._ask(w, *OTHERS_WISH, before=seen)
            case "another process takes a yes" if seen is not None:
                return self._yes(w, incident, seen)
            case "another process takes a no" if seen is not None:
                return self._no(w, incident)
        return None

    def _ask(self, w: World, incident: int, by: int, camera: int, *, before: Ask | None) -> After:
        if incident in w.closed:
            return After(w, "not available")
        is_kept = Rule.ASKED_ONCE in self.rules
        if before is not None and before.camera == camera and before.is_waiting:
            return After(w, "asked")
        if is_kept and (before is not None or w.asks[incident] is not None):
            return After(w, "not available")
        after = w._replace(asks=_put(w.asks, incident, Ask(by, camera)), asked=w.asked | {incident})
        return After(after, "asked", (TWICE,) if incident in w.asked else ())

    def _yes(self, w: World, incident: int, read: Ask | None = None) -> After:
        now = w.asks[incident]
        seen = read or now
        if now is None or seen is None or (now != seen and Rule.AS_READ in self.rules):
            return After(w, "over")
        is_open = seen.is_waiting if Rule.IN_TIME in self.rules else seen.state == ASKED
        is_open = is_open or (seen.state == DECLINED and Rule.NO_IS_LAST not in self.rules)
        if not is_open:
            return After(w, "over")
        broken = [LATE_YES] if seen.state == ASKED and seen.age >= ANSWER else []
        broken += [OVERTAKEN] if incident in w.declined else []
        said = now._replace(state=APPROVED, yes_age=0)
        return After(w._replace(asks=_put(w.asks, incident, said)), "said", tuple(broken))

    def _no(self, w: World, incident: int, *, by_site: bool = False) -> After:
        ask = w.asks[incident]
        is_final = ask is None or ask.state in {DECLINED, LAPSED}
        is_late = ask is not None and ask.state in {ASKED, APPROVED} and ask.age >= ANSWER and not by_site
        if ask is None or is_final or (is_late and Rule.SILENT in self.rules):
            return After(w, "over")
        opened = frozenset(view for view in w.views if view[0] == incident)
        after = w._replace(asks=_put(w.asks, incident, _ended(ask, DECLINED)), declined=w.declined | {incident})
        late = (LATE_NO,) if is_late else ()
        if Rule.NO_STOPS in self.rules:
            return After(after._replace(views=w.views - opened), "said", late)
        return After(after, "said", (STAYS,) if opened else ())

    def usable(self, w: World, way: View) -> int | None:
        """The incident whose yes opens this view."""
        for incident, ask in enumerate(w.asks):
            if ask is None:
                continue
            is_his = (incident, ask.by, ask.camera) == way or Rule.EXACT_VIEW not in self.rules
            is_left = ask.state == APPROVED or (ask.state == OPENED and ask.is_pictureless)
            is_left = is_left or (ask.state == OPENED and Rule.ONE_VIEW not in self.rules)
            is_good = ask.is_young if Rule.GOOD_UNTIL in self.rules else ask.yes_age is not None
            if is_his and is_left and is_good and way[0] not in w.closed:
                return incident
        return None

    def _open(self, w: World, way: View, what: str) -> After | None:
        incident = self.usable(w, way)
        if what == "a no arrives while a view is opened":
            return None if incident is None else self._open_late(w, way, incident)
        if incident is None:
            return After(w, self.refusal(w, way))
        ask = w.asks[incident]
        assert ask is not None
        is_failed = what == "a view comes to no picture"
        broken = [] if (incident, ask.by, ask.camera) == way else [FOREIGN]
        broken += [] if ask.is_young else [LATE_VIEW]
        broken += [AGAIN] if incident in w.shown and not is_failed else []
        broken += [OVER_NO] if incident in w.declined else []
        asks = _put(w.asks, incident, ask._replace(state=OPENED, is_pictureless=is_failed))
        if is_failed:
            return After(w._replace(asks=asks, failures=w.failures - 1), "failed", tuple(broken))
        after = w._replace(asks=asks, views=w.views | {way}, shown=w.shown | {incident})
        return After(after, "opened", tuple(broken))

    def _open_late(self, w: World, way: View, incident: int) -> After:
        """The no is written between the decision about the view and its opening."""
        after = self._no(w, incident).state
        if Rule.AS_READ in self.rules:
            return After(after, "over")
        ask = after.asks[incident]._replace(state=OPENED)
        asks = _put(after.asks, incident, ask)
        return After(after._replace(asks=asks, views=w.views | {way}), "opened", (OVER_NO,))

    def _look(self, w: World) -> After:
        if Rule.LAPSES not in self.rules:
            left = [ask for i, ask in enumerate(w.asks) if ask and self._is_over(w, i, ask)]
            return After(w, "", (LEFT,) if left else ())
        asks = tuple(_ended(ask, LAPSED) if ask and self._is_over(w, i, ask) else ask for i, ask in enumerate(w.asks))
        return After(w._replace(asks=asks))

    def _is_over(self, w: World, incident: int, ask: Ask) -> bool:
        is_late = ask.age >= ANSWER or (ask.state == APPROVED and not ask.is_young)
        return ask.state in {ASKED, APPROVED} and (is_late or incident in w.closed)

    # --- what whoever asks can see

    def refusal(self, w: World, way: View) -> str:
        """What a person reads whose view is not permitted."""
        ask = w.asks[way[0]]
        if way[0] in w.closed:
            return "not available"
        if ask is None or (ask.camera == way[2] and ask.is_waiting):
            return "ask first"
        return "declined" if ask.state == DECLINED and Rule.ALIKE not in self.rules else "not available"

    def reads(self, w: World, incident: int, by: int) -> str:
        """How a request stands, to a person."""
        ask = w.asks[incident]
        if ask is None or ask.is_waiting:
            return "asked" if ask else ""
        if ask.state == DECLINED and Rule.ALIKE not in self.rules:
            return "declined"
        return "granted" if ask.state == APPROVED and ask.is_young and ask.by == by else "over"

    def broken(self, w: World) -> Iterator[str]:
        """See `Model.broken`: a request that was declined, beside the same one that nobody answered."""
        for incident, ask in enumerate(w.asks):
            if ask is None or ask.state != DECLINED:
                continue
            silent = w._replace(asks=_put(w.asks, incident, ask._replace(state=LAPSED)))
            ways = [way for way in WAYS if way[0] == incident]
            if [self.refusal(w, way) for way in ways] != [self.refusal(silent, way) for way in ways] or any(
                self.reads(w, incident, by) != self.reads(silent, incident, by) for by in (0, 1)
            ):
                yield TOLD


def _put(asks: tuple[Ask | None, ...], incident: int, ask: Ask) -> tuple[Ask | None, ...]:
    return (ask, asks[1]) if incident == 0 else (asks[0], ask)


def _ended(ask: Ask, state: str) -> Ask:
    """Its times matter no more."""
    return Ask(ask.by, ask.camera, state, age=ANSWER)


def _older(ask: Ask) -> Ask:
    yes_age = None if ask.yes_age is None else min(ask.yes_age + 1, LIFE)
    return ask._replace(age=min(ask.age + 1, ANSWER), yes_age=yes_age)
