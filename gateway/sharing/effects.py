"""What saving would do, worked out before it is saved: within two seconds, or said to be missing.

Four things are worked out side by side: the search and its lists (in a thread), the solver's proof (in its own
process), what happened in the last days, and what runs now. The solver and the search must agree, and the kernel must
confirm each witness; where they do not, that is an alarm, and the edit counts as a widening. Nothing here decides what
is shared: that is `policies.narrowing`, here and on site.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from gateway.sharing.in_force import InForce
from gateway.sharing.ports import GivenUsage, ViewHistory
from gateway.sharing.prover import Proved, Prover, Unproved
from gateway.sharing.replaying import Replayed, replayed, would_end
from partner_agent.wire.clock import Clock
from policies.analysis import Concern, Difference, Edit, Judges, Verdict
from policies.conflicts import Finding, narrowed, oddities
from policies.guardrail import GuardRule
from policies.layers import GuardrailLayer
from policies.model import Policy
from policies.moments import TooManyError
from policies.smt import BREACH, NARROWER, WIDER, Question, question, witness_of

DEADLINE_S: Final = 2.0
DAYS: Final = 30
MOST_VIEWS: Final = 20_000  # of the last days; the newest, and what they cover is said
THREADS: Final = 2  # searches at a time; more of them wait
_log = logging.getLogger("lenspact.sharing")
T = TypeVar("T")


@dataclass(slots=True)
class Effect:
    """What an edit does. Whatever is None was not ready in time.

    Attributes:
        difference: the search's verdict with a witness for each direction.
        concerns: who gains and who loses.
        oddities: rules of the new policy that do nothing, or fight.
        lines: of the ordinance that narrow what the new policy shares.
        replayed: the last days by the new policy.
        ending: views running now that the new policy would not permit.
        proof: the solver's answer, or why there is none.
        is_alarm: solver, search and kernel do not agree: counts as a widening, and somebody has to look.
    """

    difference: Difference | None = None
    concerns: tuple[Concern, ...] | None = None
    oddities: tuple[Finding, ...] | None = None
    lines: tuple[GuardRule, ...] = ()
    replayed: Replayed | None = None
    ending: int | None = None
    proof: Proved | Unproved = Unproved.LATE
    is_alarm: bool = False

    @property
    def verdict(self) -> Verdict | None:
        """In one word; None where nothing was ready in time."""
        wider, narrower = self._has(WIDER), self._has(NARROWER)
        if wider is None or narrower is None:
            return None if self.difference is None else self.difference.verdict
        if narrower:
            return Verdict.BOTH if wider or self.is_alarm else Verdict.NARROWS
        return Verdict.WIDENS if wider or self.is_alarm else Verdict.SAME

    def _has(self, goal: str) -> bool | None:
        return self.proof.models[goal] is not None if isinstance(self.proof, Proved) else None

    @property
    def disagrees(self) -> bool:
        """Whether the solver and a search that is certain say different things."""
        found = self.difference
        if found is None or not found.is_certain or not isinstance(self.proof, Proved):
            return False
        return (self._has(WIDER), self._has(NARROWER)) != (found.widening is not None, found.narrowing is not None)

    @property
    def is_proved(self) -> bool:
        """Whether the verdict is a proof."""
        return isinstance(self.proof, Proved) and not self.is_alarm


@dataclass(frozen=True, slots=True)
class _Case:
    """One edit at one site, looked at from one moment on."""

    site_id: str
    old: Policy | None
    new: Policy
    since: datetime
    law: GuardrailLayer


class Effects:
    """Works out what edits do."""

    def __init__(
        self,
        *,
        ordinance: InForce,
        prover: Prover,
        clock: Clock,
        history: ViewHistory | None = None,
        usage: GivenUsage | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._ordinance, self._prover, self._clock = ordinance, prover, clock
        self._history, self._usage, self._deadline_s = history, usage, deadline_s
        self._threads = anyio.CapacityLimiter(THREADS)

    async def of(self, site_id: str, old: Policy | None, new: Policy) -> Effect:
        """What it does to replace one policy by the other, cameras under our own names."""
        case = _Case(site_id, old, new, self._clock.now(), self._ordinance.layer)
        effect = Effect(lines=narrowed(new, case.law.guardrail))
        with anyio.move_on_after(self._deadline_s):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._search, effect, case)
                tasks.start_soon(self._prove, effect, case)
                if self._history is not None:
                    tasks.start_soon(self._replay, self._history, effect, case)
        effect.is_alarm = effect.is_alarm or effect.disagrees
        if effect.is_alarm:
            _log.critical("solver, search and kernel disagree about an edit at %s", site_id)
        return effect

    async def _search(self, effect: Effect, case: _Case) -> None:
        """The verdict first, then the lists; each is there as soon as it is found."""
        guardrail = case.law.guardrail
        edit = await self._in_thread(partial(Edit, case.old, case.new, guardrail, since=case.since))
        effect.difference = await self._in_thread(lambda: edit.difference)
        effect.oddities = await self._in_thread(_or_none(partial(oddities, case.new, guardrail, since=case.since)))
        effect.concerns = await self._in_thread(_or_none(edit.concerns))

    async def _prove(self, effect: Effect, case: _Case) -> None:
        asked = await self._in_thread(partial(question, case.old, case.new, case.law.guardrail, since=case.since))
        effect.proof = await self._prover.ask(asked)
        if isinstance(effect.proof, Proved):
            effect.is_alarm = not await self._in_thread(partial(self._is_true, asked, effect.proof, case))

    def _is_true(self, asked: Question, proof: Proved, case: _Case) -> bool:
        """Whether the kernel confirms each witness, and the ordinance holds whatever an owner writes."""
        old = case.old if case.old is not None and case.old.partner == case.new.partner else None
        judges = Judges(old, case.new, case.law)
        witnesses = {goal: model for goal, model in proof.models.items() if goal != BREACH and model is not None}
        is_held = proof.models[BREACH] is None
        return is_held and all(
            judges.confirm(witness_of(asked, model), new=goal == WIDER) for goal, model in witnesses.items()
        )

    async def _replay(self, history: ViewHistory, effect: Effect, case: _Case) -> None:
        """The last days, and what runs now, by the new policy."""
        running = await history.running(case.site_id)
        given = {} if self._usage is None else await self._usage.usage({case.site_id})
        ended = partial(would_end, running, case.old, case.new, now=case.since, given=given.get(case.site_id))
        effect.ending = await self._in_thread(ended)
        since = case.since - timedelta(days=DAYS)
        views = await history.past(case.site_id, case.new.partner, since=since, most=MOST_VIEWS)
        days = DAYS if len(views) < MOST_VIEWS else (case.since - views[-1].at).days
        effect.replayed = await self._in_thread(lambda: replayed(views, case.old, case.new, days=days))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)


def _or_none(work: Callable[[], T]) -> Callable[[], T | None]:
    """None where there is too much to go through."""

    def tried() -> T | None:
        try:
            return work()
        except TooManyError:
            return None

    return tried
