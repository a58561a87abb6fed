"""What owners and administrators do about sharing: answer, see what a change does, switch off, switch the network off.

A save is one transaction: the answers, the narrowing that counts from now on, the generation and the leaf. What it
widens waits for approval on site (`outbox`). Everything happens inside the caller's own organisation; a site or camera
of another is `NotFoundError`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.audit import Kind, LeafDraft
from gateway.cameras import Camera
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import InvalidError, NotFoundError, PreconditionError
from gateway.kernel.generations import AGREEMENT
from gateway.kernel.principal import Principal
from gateway.partners import Site
from gateway.sharing.effects import Effect, Effects
from gateway.sharing.forbidding import demand_lawful
from gateway.sharing.model import EVERYBODY, Answers, Plan, fitting, merged, policy_of
from gateway.sharing.ports import Log, Publisher, SharingRows, SiteAgent
from gateway.sharing.reaching import reach_changes
from gateway.sharing.site_book import SiteBook
from gateway.sharing.standing import Standings
from gateway.sharing.views import CameraCard, SharingView, Standing
from partner_agent.wire.clock import Clock
from policies.clauses import Clause, Live
from policies.fields import PolicyError
from policies.model import Owner, Policy
from policies.places import PlacePack
from policies.words import Change, say, say_change

NETWORK = "network"


def topic_of(site_id: str) -> str:
    """The bus topic on which a change of what a site shares is announced: decide its running views again."""
    return f"sharing.{site_id}"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a save would do.

    Attributes:
        changes: what is shared more, less, or otherwise.
        needs_approval: whether part of it waits for approval.
        is_at_once: whether part of it counts from the save on.
        effect: who gains and loses by it; None where nothing works that out.
        after: the policy that the new answers stand for, in our own names of the cameras.
    """

    changes: tuple[Change, ...]
    needs_approval: bool
    is_at_once: bool
    effect: Effect | None
    after: Policy


@dataclass(frozen=True, slots=True)
class Save:
    """Every answer of a site, made from a version that a person looked at; `off` as in `Sharing.save`."""

    site_id: str
    clauses: Sequence[Clause]
    made_from: int
    off: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    """What a save leads to at a site."""

    site: Site
    known: Answers | None
    answers: Answers
    made_from: int


class Sharing:
    """Use cases of owners and administrators."""

    def __init__(
        self,
        *,
        database: Database,
        rows: SharingRows,
        book: SiteBook,
        log: Log,
        publisher: Publisher,
        clock: Clock,
        places: Sequence[PlacePack] = (),
        effects: Effects | None = None,
    ) -> None:
        self._database = database
        self._rows = rows
        self._book = book
        self._log = log
        self._publisher = publisher
        self._clock = clock
        self._places = places
        self._effects = effects
        self._standings = Standings(rows=rows, book=book)

    async def view(self, principal: Principal, site_id: str) -> SharingView:
        """What is shared at a site, and how far it has come.

        Raises:
            NotFoundError: no such site of the caller's organisation.
            PreconditionError: the agreement was not accepted.
        """
        site = await self._book.partners.site(site_id, organisation_id=principal.organisation_id)
        return await self.view_of(site)

    async def view_of(self, site: Site) -> SharingView:
        """The same for a site whose reader was checked by the caller.

        Raises:
            PreconditionError: the agreement was not accepted.
        """
        answers = await self._rows.answers(site.id)
        said = await self._said(site, answers.effective if answers else ())
        voice = await self._book.voice(site)
        cameras = await self._book.cameras.of_site(site.id)
        unticked = await self._standings.unticked(site, answers)
        organisation = await self._book.partners.organisation(site.organisation_id)
        return SharingView(
            site=site,
            cameras=tuple(cameras),
            answers=answers,
            sentences=tuple(say(said, voice)) if answers else (),
            standing=await self._standings.standing(site, answers),
            unticked=tuple(camera.name for camera in cameras if camera.id in unticked),
            seen_at=self._clock.now(),
            said=said,
            agencies=(await self._book.agency(),),
            voice=voice,
            areas=await self._book.areas(site.id, cameras),
            places=fitting(self._places, organisation.kind, is_home=site.people_live_here),
        )

    async def preview(
        self,
        principal: Principal,
        site_id: str,
        clauses: Sequence[Clause],
        *,
        off: frozenset[str] | None = None,
        is_brief: bool = False,
    ) -> Preview:
        """What saving these answers would change; `off` as in `save`. A brief one does not work out who gains by it.

        Raises:
            NotFoundError: no such site of the caller's organisation, or a camera that is not there.
            InvalidError: the answers cannot be written down, or a line of the ordinance forbids one in every case.
        """
        site = await self._mine(principal, site_id, clauses)
        known = await self._rows.answers(site.id)
        answers = self._next(known, site, _read(clauses), off)
        before, after = await self._lawful(site, known, answers)
        reach = reach_changes(known.clauses if known else (), answers.clauses)
        step = await self._standings.plan(site, known, dataclasses.replace(answers, owners=None))
        return Preview(
            changes=(*say_change(before, after, await self._book.voice(site)), *reach),
            needs_approval=step.proposal is not None,
            is_at_once=step.narrowing is not None,
            effect=None if self._effects is None or is_brief else await self._effects.of(site.id, before, after),
            after=after,
        )

    async def save(
        self,
        principal: Principal,
        site_id: str,
        clauses: Sequence[Clause],
        *,
        made_from: int,
        off: frozenset[str] | None = None,
    ) -> Answers:
        """Save answers for a site.

        Args:
            principal: who answers.
            site_id: for which site.
            clauses: every answer of the site.
            made_from: the version the person looked at.
            off: cameras that are switched off; None leaves them.

        Raises:
            NotFoundError: no such site of the caller's organisation, or a camera that is not there.
            InvalidError: the answers cannot be written down, or a line of the ordinance forbids one in every case.
            ConflictError: somebody saved in between; nothing is lost, nothing is changed.
            PreconditionError: the agreement was not accepted.
        """
        (answers,) = await self._keep(principal, await self._written(principal, Save(site_id, clauses, made_from, off)))
        return answers

    async def save_everywhere(self, principal: Principal, saves: Sequence[Save]) -> None:
        """Save answers at many places: at all of them, or at none; without a place there is nothing to do.

        Raises:
            NotFoundError, InvalidError, ConflictError, PreconditionError: as `save`; nothing is changed anywhere.
        """
        if saves:
            await self._keep(principal, *[await self._written(principal, save) for save in saves])

    async def name_owners(self, principal: Principal, answers: Answers, owners: tuple[Owner, ...] | None) -> Answers:
        """Want exactly these owners named in the document of the site that `answers` are of; None takes the wish back.

        Raises:
            NotFoundError: no such site of the caller's organisation.
            ConflictError: somebody saved in between; nothing is changed.
            PreconditionError: the agreement was not accepted.
        """
        site = await self._book.partners.site(answers.site_id, organisation_id=principal.organisation_id)
        wanted = dataclasses.replace(answers, owners=owners, changed_at=self._clock.now())
        (kept,) = await self._keep(principal, _Written(site, answers, wanted, answers.version))
        return kept

    async def _written(self, principal: Principal, save: Save) -> _Written:
        """What is to be written of a save, once it may be."""
        site = await self._mine(principal, save.site_id, save.clauses)
        known = await self._rows.answers(site.id)
        answers = self._next(known, site, _read(save.clauses), save.off)
        await self._lawful(site, known, answers)
        return _Written(site, known, answers, save.made_from)

    async def _keep(self, principal: Principal, *written: _Written) -> list[Answers]:
        """All of it in one transaction, each place with its own version and leaf."""
        steps = []
        for one in written:
            step = await self._standings.plan(one.site, one.known, one.answers)
            pending = one.answers.pending if step.narrowing is None else step.narrowing.to_document()
            answers = dataclasses.replace(one.answers, pending=pending, version=one.made_from + 1)
            steps.append((one, answers, step, await self._book.agents.agent_of(one.site.id)))
        async with self._database.unit_of_work() as unit:
            for one, answers, step, agent in steps:
                await self._rows.save_answers(unit, answers, made_from=one.made_from)
                await self._rows.keep_version(unit, one.known, answers, author=principal.person_id, name=principal.name)
                await self._leaf(unit, principal, answers, step)
                await self._announce(unit, one.site.id, agent)
            await unit.commit()
        return [answers for _, answers, _, _ in steps]

    async def switch(self, principal: Principal, camera: Camera, *, is_on: bool) -> None:
        """Stop sharing a camera at once, or share it again by the answers it had.

        Raises:
            NotFoundError: the camera belongs to somebody else.
            PreconditionError: nothing was said yet about what is shared.
        """
        if camera.organisation_id != principal.organisation_id:
            raise NotFoundError("There is no such camera.")
        known = await self._rows.answers(camera.site_id)
        if known is None or not known.of_camera(camera.id, camera.facts.labels):
            raise PreconditionError("Choose first what is shared of this camera.")
        off = known.off - {camera.id} if is_on else known.off | {camera.id}
        if off != known.off:
            await self.save(principal, camera.site_id, known.clauses, made_from=known.version, off=off)

    async def cards(self, cameras: Sequence[Camera]) -> Mapping[str, CameraCard]:
        """How each of these cameras stands, by id."""
        found = {}
        for site_id in {camera.site_id for camera in cameras}:
            answers = await self._rows.answers(site_id)
            site = await self._book.partners.site(site_id)
            unticked = await self._standings.unticked(site, answers)
            try:
                standing = await self._standings.standing(site, answers)
            except PreconditionError:
                standing = Standing.NOTHING_SAID
            for camera in (one for one in cameras if one.site_id == site_id):
                clauses = answers.of_camera(camera.id, camera.facts.labels) if answers else ()
                live = max((clause.live for clause in clauses), key=list(Live).index, default=None)
                is_on = None if answers is None or live is None else camera.id not in answers.off
                own = Standing.NOT_TICKED if camera.id in unticked else standing
                is_stopped = answers is not None and EVERYBODY in answers.suspended
                found[camera.id] = CameraCard(live, is_on, own, is_stopped=is_stopped)
        return found

    async def has_rules(self, organisation_id: str) -> bool:
        """Whether the organisation has said what it shares."""
        return bool(await self._rows.answers_of(organisation_id))

    async def answers_of(self, organisation_id: str) -> Mapping[str, Answers]:
        """What the organisation said, by site."""
        return {answers.site_id: answers for answers in await self._rows.answers_of(organisation_id)}

    async def suspend(self, principal: Principal, *, is_suspended: bool) -> None:
        """Switch sharing off, or on again, for the whole network; running views end by the next decision."""
        async with self._database.unit_of_work() as unit:
            by = principal.person_id
            await self._rows.set_suspended(unit, is_suspended=is_suspended, at=self._clock.now(), by=by)
            unit.bump(NETWORK)
            kind = Kind.SHARING_SUSPENDED if is_suspended else Kind.SHARING_RESUMED
            await self._log.append(unit, LeafDraft(kind=kind, restricted={"person": by}))
            unit.after_commit(lambda: self._publisher.publish(topic_of(NETWORK), NETWORK))
            await unit.commit()

    async def is_suspended(self) -> bool:
        """Whether sharing is switched off for the whole network."""
        return await self._rows.is_suspended()

    async def site_changed(self, unit: UnitOfWork, site: Site) -> None:
        """A fact of the site changed (`partners.SiteWatcher`): what it should hold may be another document now."""
        await self._announce(unit, site.id, await self._book.agents.agent_of(site.id))

    async def agreement_changed(self, unit: UnitOfWork) -> None:
        """The agency signed a version of the agreement (`partners.AgreementWatcher`): all is decided again by it."""
        unit.bump(AGREEMENT)  # every site: one that somebody answers for meanwhile is not in what is read here
        for site_id in await self._rows.sites():
            await self._announce(unit, site_id, await self._book.agents.agent_of(site_id))

    async def site_removed(self, unit: UnitOfWork, site: Site) -> None:
        """The site is gone, and what was said about it."""
        await self._rows.forget(unit, site.id)
        await self._announce(unit, site.id, None)

    async def announce(self, unit: UnitOfWork, site_id: str) -> None:
        """What a site should hold changes in this transaction: its generation goes up, and its agent is told after."""
        await self._announce(unit, site_id, await self._book.agents.agent_of(site_id))

    async def follows(self, site: Site, known: Answers, answers: Answers) -> Plan:
        """What follows from other answers for where the site stands.

        Raises:
            PreconditionError: the agreement was not accepted.
        """
        return await self._standings.plan(site, known, answers)

    # -- inside --------------------------------------------------------------------------------------------------

    async def _mine(self, principal: Principal, site_id: str, clauses: Sequence[Clause]) -> Site:
        site = await self._book.partners.site(site_id, organisation_id=principal.organisation_id)
        known = {camera.id for camera in await self._book.cameras.of_site(site.id)}
        if any(not clause.cameras <= known for clause in clauses):
            raise NotFoundError("There is no such camera.", fields={"cameras": "There is no such camera at this site."})
        return site

    def _next(
        self, known: Answers | None, site: Site, clauses: tuple[Clause, ...], off: frozenset[str] | None
    ) -> Answers:
        kept = known.off if known else frozenset[str]()
        return Answers(
            site_id=site.id,
            organisation_id=site.organisation_id,
            version=(known.version if known else 0) + 1,
            clauses=clauses,
            off=kept if off is None else off,
            changed_at=self._clock.now(),
            pending=known.pending if known else None,
            owners=known.owners if known else None,
            suspended=known.suspended if known else frozenset(),
        )

    async def _lawful(self, site: Site, known: Answers | None, answers: Answers) -> tuple[Policy | None, Policy]:
        """What was said and what is to be said, as policies; the ordinance leaves something of each new answer."""
        before = await self._said(site, known.effective) if known else None
        after = await self._said(site, answers.effective)
        demand_lawful(before, after, self._book.guardrail, await self._book.names(site.id))
        return before, after

    async def _said(self, site: Site, clauses: Sequence[Clause]) -> Policy:
        """The policy in our own names of the cameras, to be said in words."""
        return policy_of(await self._book.facts(site.id, site.organisation_id, None), clauses)

    async def _announce(self, unit: UnitOfWork, site_id: str, agent: SiteAgent | None) -> None:
        unit.bump(site_id)
        unit.after_commit(lambda: self._publisher.publish(topic_of(site_id), site_id))
        if agent is not None:
            unit.after_commit(lambda: self._book.agents.nudge(agent.id))

    async def _leaf(self, unit: UnitOfWork, principal: Principal, answers: Answers, step: Plan) -> None:
        who = {"organisation": answers.organisation_id, "site": answers.site_id, "person": principal.person_id}
        draft = LeafDraft(
            kind=Kind.POLICY_SAVED,
            streams=frozenset(who.values()),
            public={
                "is_less_at_once": step.narrowing is not None,
                "is_more_proposed": step.proposal is not None,
                "cameras_off": len(answers.off),
                "is_owners_changed": answers.owners is not None,
            },
            details={**who, "version": answers.version},
        )
        await self._log.append(unit, draft)


def _read(clauses: Sequence[Clause]) -> tuple[Clause, ...]:
    try:
        return merged(clauses)
    except PolicyError as error:
        raise InvalidError(error.sentence.capitalize() + ".", fields={error.path: error.sentence}) from error
