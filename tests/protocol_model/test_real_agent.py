"""The real agent answers every step as the model does: grants, leases, crashes, promises, key sets, asking first."""

from pathlib import Path
from typing import Any

import pytest

from tests.protocol_model.asking import Asking
from tests.protocol_model.engine import Action, After, explore, replay, walk
from tests.protocol_model.key_sets import KeySets
from tests.protocol_model.looks import Looks
from tests.protocol_model.promises import Promises
from tests.protocol_model.real_looks import RealLooks
from tests.protocol_model.real_others import RealAsking, RealKeySets
from tests.protocol_model.real_sessions import RealAgent, RealPromises, RealSessions
from tests.protocol_model.real_viewing import RealViewing
from tests.protocol_model.scenarios import NEEDED, SCENARIOS, Without, build
from tests.protocol_model.sessions import Sessions
from tests.protocol_model.viewing import Viewing

pytestmark = pytest.mark.anyio
REAL: dict[type, type[Any]] = {
    Sessions: RealSessions, Promises: RealPromises, KeySets: RealKeySets, Asking: RealAsking, Viewing: RealViewing,
    Looks: RealLooks,
}  # fmt: skip
MINE = [name for name in SCENARIOS if type(build(name)) in REAL]
WALKS, STEPS, TOUR_STATES = 3, 25, 1_500
FRESH_TICKS, PROGRESS_TICKS = 12, 1  # 60 s and 5 s, in the model's ticks of 5 s


def _model(scenario: str) -> Any:
    """The model with the real agent's numbers."""
    model = build(scenario)
    if isinstance(model, Sessions):
        model.fresh_life, model.progress = FRESH_TICKS, PROGRESS_TICKS
    return model


async def _hold_against(folder: Path, scenario: str, way: tuple[Action, ...]) -> None:
    model = _model(scenario)
    steps: list[tuple[Action, After, Any]] = []
    replay(model, way, lambda action, after, before: steps.append((action, after, before)))
    kind: type[RealAgent] = REAL[type(model)]
    async with kind.at_work(folder) as real:
        for number, (action, after, before) in enumerate(steps):
            told = "\n".join(str(step[0]) for step in steps[: number + 1])
            assert await real.do(action, after, before) == after.answer, told
            real.check(after)


@pytest.mark.parametrize("seed", range(WALKS))
@pytest.mark.parametrize("scenario", MINE)
async def test_the_agent_answers_as_the_model_on_any_way(tmp_path: Path, scenario: str, seed: int):
    """Ways that chance chooses, each kind of step as often as the other."""
    await _hold_against(tmp_path, scenario, tuple(walk(_model(scenario), seed, STEPS)))


@pytest.mark.parametrize("scenario", MINE)
async def test_the_agent_answers_as_the_model_to_every_kind_of_step(tmp_path: Path, scenario: str):
    """A shortest way to each kind of step with each of its answers."""
    ways = explore(_model(scenario), max_states=TOUR_STATES).tour.values()
    whole = [way for way in ways if not any(way != other and way == other[: len(way)] for other in ways)]
    for number, way in enumerate(whole):
        await _hold_against(tmp_path / str(number), scenario, way)


@pytest.mark.parametrize(
    "case", [case for case in NEEDED if case.scenario in MINE], ids=lambda case: case.rule.name.lower()
)
async def test_the_agent_stops_the_attack_that_each_rule_is_for(tmp_path: Path, case: Without):
    """The shortest way to break a property without the rule, on the real agent, which keeps the rule."""
    found = explore(build(case.scenario, without=case.rule), max_states=60_000, until=case.broken)

    await _hold_against(tmp_path, case.scenario, found.broken[case.broken])
