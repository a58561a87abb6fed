"""A gateway process that decides one question: the whole gateway, with what keeps a process fresh running in it.

It says on its standard output, a JSON line each, what it would answer: first of all, again whenever that is another
answer because something changed, and whenever it is asked by a line on its standard input. `at` is the machine's
monotonic clock in nanoseconds, which every process shares.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import anyio
import msgspec

from gateway.app.services import Services, build_services
from gateway.app.settings import Settings
from gateway.identity import Passwords
from gateway.kernel.background import supervise
from gateway.kernel.errors import NotFoundError, UnavailableError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.sharing import Freshness, Question
from partner_agent.wire.clock import SystemClock
from policies.request import Permit
from policies.vocabulary import Act

FRESH = {"freshness", "listening for changes"}
DECIDE_S = 3.0


async def main(wish: dict[str, Any]) -> None:
    """Decide until the standard input ends."""
    settings = Settings(
        state_dir=Path(wish["state_dir"]), public_url=wish["public_url"], database_url=wish["database_url"]
    )
    services = build_services(settings, passwords=Passwords(memory_kib=64, passes=1))
    freshness: Freshness = services.decisions._freshness  # type: ignore[assignment]
    incident = await services.incidents.find(wish["incident"])
    question = Question(
        principal=operator(wish["agency"]),
        camera_id=wish["camera"],
        act=Act.LIVE_VIEW,
        purpose="violent_crime",
        incident=incident,
    )
    async with anyio.create_task_group() as tasks:
        for work in services.background:
            if work.name in FRESH:
                tasks.start_soon(lambda each=work: supervise(each, clock=SystemClock()))  # type: ignore[misc]
        tasks.start_soon(_follow, services, freshness, question)
        await _answer(services, freshness, question)
        tasks.cancel_scope.cancel()
    await services.close()


def operator(agency_id: str) -> Principal:
    """Somebody at the centre with two factors."""
    return Principal(
        kind=PrincipalKind.AGENCY,
        person_id="per_" + "9" * 26,
        organisation_id=agency_id,
        roles=frozenset({Role.OPERATOR}),
        unit="rtcc",
        factors=frozenset({"password", "totp"}),
    )


async def _decide(services: Services, question: Question) -> str:
    try:
        with anyio.fail_after(DECIDE_S):
            decided = await services.decisions.decide_for(question)
    except NotFoundError:
        return "deny"
    except (UnavailableError, TimeoutError):
        return "unavailable"
    return "permit" if isinstance(decided.decision, Permit) else "deny"


def _say(**what: object) -> None:
    what["at"] = int(SystemClock().monotonic() * 1e9)
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def _follow(services: Services, freshness: Freshness, question: Question) -> None:
    last = ""
    with freshness.changes() as changes:
        while True:
            await changes.get()
            answer = await _decide(services, question)
            if answer != last:
                _say(changed=answer, stamp=freshness.stamp)
            last = answer


async def _answer(services: Services, freshness: Freshness, question: Question) -> None:
    """Answer each line, in a thread that reads them, until there are no more."""
    while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        answer = await _decide(services, question)
        _say(asked=line.strip(), answer=answer, is_confirmed=freshness.is_confirmed)


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    anyio.run(main, msgspec.json.decode(sys.argv[1]), backend="asyncio")
