"""Which situations are explored, how far, and which property each rule's absence breaks in which of them.

`SUITE_STATES` keeps the tests to seconds; `make explore-protocol` explores the same situations much further.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from tests.protocol_model import asking, documents, gateway_asks, key_sets, looks, promises, sessions, viewing
from tests.protocol_model.asking import Asking
from tests.protocol_model.documents import Documents
from tests.protocol_model.engine import Model
from tests.protocol_model.gateway_asks import GatewayAsks
from tests.protocol_model.key_sets import KeySets
from tests.protocol_model.looks import Looks
from tests.protocol_model.promises import Promises
from tests.protocol_model.rules import ALL, Rule
from tests.protocol_model.sessions import Sessions
from tests.protocol_model.site import ANSWERS, PINNED
from tests.protocol_model.viewing import Viewing

SUITE_STATES: Final = 8_000
DEEP_STATES: Final = 400_000

Build = Callable[[frozenset[Rule]], Model]
_ODD = frozenset


class Without(NamedTuple):
    """Take this rule away, and in this scenario this property breaks."""

    rule: Rule
    scenario: str
    broken: str


SCENARIOS: Final[dict[str, Build]] = {
    "two owners at once, acks lost": lambda rules: Documents(rules, is_lying=False, level=2, narrow=2, halves=0),
    "a withdrawn approval, refused and then narrowed": lambda rules: Documents(
        rules, is_lying=False, propose=2, touch=2, odd=_ODD({"clock +2", "restart"})
    ),
    "a restored snapshot, a reinstall": lambda rules: Documents(
        rules, is_lying=False, level=2, halves=2,
        odd=_ODD({"a snapshot is taken", "the snapshot is restored", "the agent loses its state"}),
    ),
    "a gateway that lies, clocks that jump": lambda rules: Documents(
        rules, is_lying=True, narrow=2, touch=2, odd=_ODD({"clock +2", "clock -2", "restart"})
    ),
    "a gateway that lies about owners": lambda rules: Documents(rules, is_lying=True, touch=2, owners=True),
    "a gateway that lies about a passkey that only answers": lambda rules: Documents(
        rules, is_lying=True, halves=2, owners=True, second=ANSWERS
    ),
    "a passkey that removes itself": lambda rules: Documents(
        rules, is_lying=True, narrow=0, halves=2, owners=True
    ),
    "lost passkeys in the hands of a gateway that lies": lambda rules: Documents(
        rules, is_lying=True, halves=2, owners=True, changes=((PINNED, PINNED),),
        odd=_ODD({"passkey 0 is lost", "passkey 1 is lost"}),
    ),
    "a gateway that lies after a reinstall": lambda rules: Documents(
        rules, is_lying=True, touch=2, halves=3, odd=_ODD({"the agent loses its state"})
    ),
    "a crash and a pause under a view": lambda rules: Sessions(
        rules, is_lying=False, odd=_ODD({"the agent crashes", "the site pauses", "the clock goes back"})
    ),
    "a narrowing and a new link under a view": lambda rules: Sessions(
        rules, is_lying=False, odd=_ODD({"a narrowing forbids it", "the link is made anew"})
    ),
    "batches held back, the gateway restarts, the agent is set up anew": lambda rules: Sessions(
        rules, is_lying=False, batches=2, odd=_ODD({"the agent loses its state", "the gateway restarts"})
    ),
    "a gateway that lies about grants and leases": lambda rules: Sessions(
        rules, is_lying=True,
        odd=_ODD({"the agent crashes", "the site pauses", "a narrowing forbids it", "the link is made anew",
                  "the agent loses its state", "the session is ended"}),
    ),
    "a leaf that is never sequenced, one leaf for two grants": lambda rules: Promises(
        rules, odd=_ODD({"the agent restarts", "a head of another history"})
    ),
    "a key set rolled back, an agent long away": lambda rules: KeySets(
        rules, odd=_ODD({"the agent is away until its keys expire"})
    ),
    "recordings and views to be asked for": Asking,
    "live, a recording and a still, each asked for": Looks,
    "a view asked for on site, answered there and elsewhere": Viewing,
    "an owner asked by the gateway, answers late and again, two processes": lambda rules: GatewayAsks(
        rules, ways=gateway_asks.WAYS[:3]
    ),
    "an owner asked by the gateway in two incidents": GatewayAsks,
}  # fmt: skip

NEEDED: Final = (
    Without(Rule.DEAD, "a withdrawn approval, refused and then narrowed", documents.WIDENED),
    Without(Rule.NEXT, "a gateway that lies, clocks that jump", documents.STUCK),
    Without(Rule.BASE, "a gateway that lies, clocks that jump", documents.MOVED),
    Without(Rule.AGAIN, "a restored snapshot, a reinstall", documents.COPY),
    Without(Rule.MONOTONIC, "a gateway that lies, clocks that jump", documents.CUT),
    Without(Rule.REACK, "two owners at once, acks lost", documents.UNHEARD),
    Without(Rule.LINK, "a restored snapshot, a reinstall", documents.STUCK),
    Without(Rule.ANEW, "a restored snapshot, a reinstall", documents.UNDONE),
    Without(Rule.LABEL, "a gateway that lies, clocks that jump", documents.WIDENED),
    Without(Rule.PINNED, "a gateway that lies, clocks that jump", documents.WIDENED),
    Without(Rule.ROLE, "a gateway that lies about a passkey that only answers", documents.WIDENED),
    Without(Rule.PINNED, "lost passkeys in the hands of a gateway that lies", documents.LOST),
    Without(Rule.PUT_BACK, "lost passkeys in the hands of a gateway that lies", documents.BACK),
    Without(Rule.OTHER, "a passkey that removes itself", documents.LOCKED),
    Without(Rule.LAST, "a gateway that lies about owners", documents.LOCKED),
    Without(Rule.FIRST, "a gateway that lies about grants and leases", sessions.NO_LEASE),
    Without(Rule.SESSION, "a gateway that lies about grants and leases", sessions.RESUMED),
    Without(Rule.ABSENT, "batches held back, the gateway restarts, the agent is set up anew", sessions.ENDED_BY_OLD),
    Without(Rule.REDECIDE, "a narrowing and a new link under a view", sessions.FORBIDDEN),
    Without(Rule.LINKN, "batches held back, the gateway restarts, the agent is set up anew", sessions.DOWN),
    Without(Rule.BOUND, "a crash and a pause under a view", sessions.UNACCOUNTED),
    Without(Rule.CLOSE, "a crash and a pause under a view", sessions.UNACCOUNTED),
    Without(Rule.BURN, "a crash and a pause under a view", sessions.REOPENED),
    Without(Rule.CLEAR, "a leaf that is never sequenced, one leaf for two grants", promises.DOWN),
    Without(Rule.DURABLE, "a leaf that is never sequenced, one leaf for two grants", promises.WHILE_BROKEN),
    Without(Rule.ONE_LEAF, "a leaf that is never sequenced, one leaf for two grants", promises.SECOND_USE),
    Without(Rule.CONSISTENT, "a leaf that is never sequenced, one leaf for two grants", promises.REWRITTEN),
    Without(Rule.KEYS_FIRST, "a key set rolled back, an agent long away", key_sets.UNREACHABLE),
    Without(Rule.FORWARD, "a key set rolled back, an agent long away", key_sets.REVOKED),
    Without(Rule.ONCE, "recordings and views to be asked for", asking.AGAIN),
    Without(Rule.EXACT, "recordings and views to be asked for", asking.WITHOUT),
    Without(Rule.NO_WINS, "recordings and views to be asked for", asking.OVER_NO),
    Without(Rule.KIND, "recordings and views to be asked for", asking.WITHOUT),
    Without(Rule.FIVE, "recordings and views to be asked for", asking.TOO_LONG),
    Without(Rule.ACT, "live, a recording and a still, each asked for", looks.OTHER_ACT),
    Without(Rule.RANGE, "live, a recording and a still, each asked for", looks.MORE),
    Without(Rule.PERSON, "live, a recording and a still, each asked for", looks.SOMEBODY),
    Without(Rule.INCIDENT, "a view asked for on site, answered there and elsewhere", viewing.NAGGED),
    Without(Rule.FINAL, "a view asked for on site, answered there and elsewhere", viewing.OVER_NO),
    Without(Rule.NO_ENDS, "a view asked for on site, answered there and elsewhere", viewing.STAYS),
    Without(Rule.WAITS, "a view asked for on site, answered there and elsewhere", viewing.LATER),
    Without(Rule.ON_DISK, "a view asked for on site, answered there and elsewhere", viewing.AGAIN),
    Without(
        Rule.ASKED_ONCE, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.TWICE
    ),
    Without(Rule.EXACT_VIEW, "an owner asked by the gateway in two incidents", gateway_asks.FOREIGN),
    Without(Rule.ONE_VIEW, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.AGAIN),
    Without(
        Rule.IN_TIME, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.LATE_YES
    ),
    Without(Rule.SILENT, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.LATE_NO),
    Without(
        Rule.GOOD_UNTIL, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.LATE_VIEW
    ),
    Without(
        Rule.NO_IS_LAST, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.OVERTAKEN
    ),
    Without(Rule.NO_STOPS, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.STAYS),
    Without(Rule.AS_READ, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.OVER_NO),
    Without(Rule.KEPT, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.TWICE),
    Without(Rule.ALIKE, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.TOLD),
    Without(Rule.LAPSES, "an owner asked by the gateway, answers late and again, two processes", gateway_asks.LEFT),
)


def build(scenario: str, *, without: Rule | None = None) -> Model:
    """The model of a scenario, with every rule or all but one."""
    return SCENARIOS[scenario](ALL - {without} if without else ALL)
