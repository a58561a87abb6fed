"""The real gateway answers every step as the model does: asking an owner once, answers, views, restarts, processes."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.kernel.database import Database
from tests.protocol_model.engine import Action, After, explore, replay, walk
from tests.protocol_model.gateway_asks import GatewayAsks
from tests.protocol_model.real_gateway import RealGateway
from tests.protocol_model.scenarios import NEEDED, SCENARIOS, Without, build

pytestmark = pytest.mark.anyio
MINE = [name for name in SCENARIOS if isinstance(build(name), GatewayAsks)]
WALKS, STEPS, TOUR_STATES = 4, 30, 1_500


def _database(template: Path, folder: Path) -> Database:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(template, folder / "lenspact.db")
    return Database(f"sqlite+in_loop:///{folder / 'lenspact.db'}")


async def _hold_against(template: Path, folder: Path, scenario: str, way: tuple[Action, ...]) -> None:
    """Follow a way, and compare what is answered, kept, shown and read after every step."""
    model = build(scenario)
    assert isinstance(model, GatewayAsks)
    steps: list[tuple[Action, After, Any]] = []
    replay(model, way, lambda action, after, before: steps.append((action, after, before)))
    database = _database(template, folder)
    async with RealGateway.at_work(database, folder) as real:
        for number, (action, after, before) in enumerate(steps):
            told = "\n".join(str(step[0]) for step in steps[: number + 1])
            assert await real.do(action, before) == after.answer, told
            await real.check(after)
            for incident in (0, 1):
                for by in (0, 1):
                    assert await real.reads(incident, by) == model.reads(after.state, incident, by), told
    await database.close()


@pytest.mark.parametrize("seed", range(WALKS))
@pytest.mark.parametrize("scenario", MINE)
async def test_the_gateway_answers_as_the_model_on_any_way(
    sqlite_template: Path, tmp_path: Path, scenario: str, seed: int
):
    """Ways that chance chooses, each kind of step as often as the other."""
    await _hold_against(sqlite_template, tmp_path, scenario, tuple(walk(build(scenario), seed, STEPS)))


@pytest.mark.parametrize("scenario", MINE[:1])
async def test_the_gateway_answers_as_the_model_to_every_kind_of_step(
    sqlite_template: Path, tmp_path: Path, scenario: str
):
    """A shortest way to each kind of step with each of its answers."""
    ways = explore(build(scenario), max_states=TOUR_STATES).tour.values()
    whole = [way for way in ways if not any(way != other and way == other[: len(way)] for other in ways)]
    for number, way in enumerate(whole):
        await _hold_against(sqlite_template, tmp_path / str(number), scenario, way)


@pytest.mark.parametrize(
    "case", [case for case in NEEDED if case.scenario in MINE], ids=lambda case: case.rule.name.lower()
)
async def test_the_gateway_stops_the_attack_that_each_rule_is_for(sqlite_template: Path, tmp_path: Path, case: Without):
    """The shortest way to break a property without the rule, on the real gateway, which keeps the rule."""
    found = explore(build(case.scenario, without=case.rule), max_states=60_000, until=case.broken)

    await _hold_against(sqlite_template, tmp_path, case.scenario, found.broken[case.broken])
