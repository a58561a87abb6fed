"""The real agent answers every step as the model does: documents, touches, holds, a no, quarantine, loss of state."""

from pathlib import Path

import pytest

from tests.protocol_model.documents import Documents
from tests.protocol_model.engine import Action, After, explore, replay, walk
from tests.protocol_model.real_documents import RealDocuments
from tests.protocol_model.scenarios import NEEDED, SCENARIOS, Without, build
from tests.protocol_model.site import OWNERS, PINNED, POLICY, SUSPENDED, Touch

MINE = [name for name in SCENARIOS if isinstance(build(name), Documents)]
WALKS, STEPS, TOUR_STATES = 3, 25, 2_000


def _model(scenario: str) -> Documents:
    """The model with the real agent's largest number."""
    model = build(scenario)
    assert isinstance(model, Documents)
    model.site.last_seq = 2**53
    return model


def _hold_against(folder: Path, scenario: str, way: tuple[Action, ...]) -> None:
    model = _model(scenario)
    real = RealDocuments(folder, model.start, is_lying=model.is_lying)
    seen: list[str] = []

    def see(action: Action, after: After, before: object) -> None:
        seen.append(str(action))
        assert real.do(action, after, before) == after.answer, "\n".join(seen)
        real.check(after)

    replay(model, way, see)


@pytest.mark.parametrize("seed", range(WALKS))
@pytest.mark.parametrize("scenario", MINE)
def test_the_agent_answers_as_the_model_on_any_way(tmp_path: Path, scenario: str, seed: int):
    """Ways that chance chooses, each kind of step as often as the other."""
    _hold_against(tmp_path, scenario, tuple(walk(_model(scenario), seed, STEPS)))


@pytest.mark.parametrize("scenario", MINE)
def test_the_agent_answers_as_the_model_to_every_kind_of_step(tmp_path: Path, scenario: str):
    """A shortest way to each kind of step with each of its answers."""
    ways = explore(_model(scenario), max_states=TOUR_STATES).tour.values()
    whole = [way for way in ways if not any(way != other and way == other[: len(way)] for other in ways)]
    for number, way in enumerate(whole):
        _hold_against(tmp_path / str(number), scenario, way)


@pytest.mark.parametrize(
    "case", [case for case in NEEDED if case.scenario in MINE], ids=lambda case: case.rule.name.lower()
)
def test_the_agent_stops_the_attack_that_each_rule_is_for(tmp_path: Path, case: Without):
    """The shortest way to break a property without the rule, on the real agent, which keeps the rule."""
    found = explore(build(case.scenario, without=case.rule), max_states=60_000, until=case.broken)

    _hold_against(tmp_path, case.scenario, found.broken[case.broken])


def test_with_every_passkey_lost_the_site_alone_widens(tmp_path: Path):
    """Both are suspended at once; neither widens nor comes back by a touch, and PIN and code on site do both."""
    scenario = "lost passkeys in the hands of a gateway that lies"
    first = _model(scenario).start.agent.current
    off = first.but(seq=2, owners=(SUSPENDED, SUSPENDED), parent=first, approve_by=None)
    more, back = (
        first.but(seq=3, parent=off, **changes)
        for changes in ({"level": 2, "owners": off.owners}, {"owners": (PINNED, PINNED)})
    )
    touches = Touch(more, 0, POLICY), Touch(back, 1, OWNERS)
    way = [
        Action("a passkey is lost", (0,)), Action("a passkey is lost", (1,)),
        Action("a narrowing is sent", (off,)),
        *(Action("a proposal is sent", (doc,)) for doc in (more, back)),
        *(Action("an approval is delivered", (touch.doc, touch)) for touch in touches),
        Action("the site approves", (back,)),
    ]  # fmt: skip

    _hold_against(tmp_path, scenario, tuple(way))

    said: list[str] = []
    replay(_model(scenario), way, lambda _, after, __: said.append(after.answer))
    assert said == ["", "", "ack", "proposed", "proposed", "approval_invalid", "approval_invalid", "ack"]
