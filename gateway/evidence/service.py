"""Requests for recordings: asked, kept, answered, released by the site, received, sealed, downloaded.

Keeping comes before deciding: the site preserves the footage at once, which gives nobody access. What cannot be done
now (the site is away, the log has not been signed) stays as a state and is done by `tick`, which is all that has to
run again after a crash. Every step is a leaf.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from gateway.audit import AuditLog, Decision, Json, Kind
from gateway.evidence.asking import check_range, new_request
from gateway.evidence.leaves import leaf
from gateway.evidence.model import (
    NOT_AVAILABLE,
    OPEN,
    WAITING,
    ClipRequest,
    ClipState,
    UploadState,
)
from gateway.evidence.packages import Packages, Readable
from gateway.evidence.ports import (
    ClipLaw,
    ClipSites,
    Consequences,
    EvidenceStore,
    SiteRefusedError,
    SiteUnreachableError,
    Wanted,
)
from gateway.evidence.reading import BATCH, NONE, Requests
from gateway.evidence.steps import Steps
from gateway.evidence.uploads import Uploads
from gateway.kernel.errors import ConflictError, DeniedError, InvalidError, NotFoundError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.kernel.wake import Wake
from partner_agent.wire.clock import Clock
from partner_agent.wire.documents import CLIP_LABEL
from partner_agent.wire.ids import IdSource

TICK_S: Final = 2.0
_LOG: Final = logging.getLogger("lenspact.evidence")


class Evidence(Requests):
    """Everything about recordings.

    Attributes:
        uploads: files on their way here.
        packages: sealed packages.
    """

    def __init__(
        self,
        *,
        public_url: str,
        store: EvidenceStore,
        steps: Steps,
        audit: AuditLog,
        uploads: Uploads,
        packages: Packages,
        law: ClipLaw,
        consequences: Consequences,
        sites: ClipSites,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        """`public_url`: where sites reach `/uploads`."""
        self.uploads = uploads
        self.packages = packages
        self._public_url = public_url.rstrip("/")
        super().__init__(store)
        self._steps = steps
        self._audit = audit
        self._law, self._consequences = law, consequences
        self._sites = sites
        self._clock = clock
        self._due = Wake()
        self._ids = ids
        self._releasing: set[str] = set()

    def upload_url(self, upload_id: str) -> str:
        """One upload's own address."""
        return f"{self._public_url}/uploads/{upload_id}"

    # --- the operator asks ---------------------------------------------------------------------------------------

    async def ask(self, principal: Principal, wanted: Wanted) -> ClipRequest:
        """Ask for a recording; the site is told to keep it at once.

        Raises:
            InvalidError: a range nobody could give.
            NotFoundError: no such camera, or the caller may not know of it.
            DeniedError: not available for this purpose.
            ConflictError: the second person's word it would stand on was used, or is over.
        """
        now = self._clock.now()
        check_range(wanted, now=now)
        decision = await self._law.decide(principal, wanted, now=now)
        if decision.place is None:
            raise NotFoundError("There is no such camera.")
        request = new_request(
            principal,
            wanted,
            decision.place,
            request_id=self._ids.new("clr"),
            now=now,
            second_id=decision.second_id,
        )
        async with self._steps.database.unit_of_work() as unit:
            if decision.is_permitted:
                await self._store.add_request(unit, request)
                if decision.second_id:
                    await self._consequences.of_request(unit, request)
            kind = Kind.CLIP_REQUESTED if decision.is_permitted else Kind.CLIP_DENIED
            said = Decision.PERMIT if decision.is_permitted else Decision.DENY
            public = {"needs_owner": decision.needs_owner} if decision.is_permitted else {"reason": decision.reason}
            await self._audit.append(unit, leaf(kind, request, decision=said, public=public))
            await unit.commit()
        if not decision.is_permitted:
            raise DeniedError(NOT_AVAILABLE)
        request = await self._keep(request, ask_owner=decision.needs_owner)
        if not decision.needs_owner:
            by = "two_persons" if decision.second_id else "clause"
            request = await self._approve(request, by=by, person="", approval=None)
        return request

    async def may_ask(self, principal: Principal, wanted: Wanted) -> bool:
        """Whether `ask` would be permitted; asks nobody, and writes nothing.

        Raises:
            InvalidError: a range nobody could give.
        """
        now = self._clock.now()
        check_range(wanted, now=now)
        return (await self._law.decide(principal, wanted, now=now)).is_permitted

    async def _keep(self, request: ClipRequest, *, ask_owner: bool) -> ClipRequest:
        """Have the footage kept; a site that is away hears it from `tick`."""
        try:
            kept = await self._sites.keep(request, ask_owner=ask_owner)
        except SiteUnreachableError:
            return request
        public: dict[str, Any] = {"is_held": kept.until is not None, **({"code": kept.code} if kept.code else {})}
        step = self._steps.step(
            request, ClipState.HELD, Kind.CLIP_PRESERVED, public=public, cause=kept.code, held_until=kept.until
        )
        with suppress(ConflictError):  # the other hand was faster
            async with step:
                pass
        return await self.get(request.id)

    # --- the owner answers ----------------------------------------------------------------------------------------

    async def answer(
        self, principal: Principal, request_id: str, *, is_yes: bool, approval: dict[str, Any] | None
    ) -> ClipRequest:
        """The owner's answer from the portal; a yes carries what the owner signed over the request's digest.

        Raises:
            NotFoundError: no such request at the caller's organisation.
            ConflictError: it was answered, or is over.
            InvalidError: a yes without what was signed.
        """
        request = await self.get(request_id)
        if not await self._law.may_answer(principal, request.organisation_id):
            raise NotFoundError(NONE)
        if is_yes and approval is None:
            raise InvalidError("A yes is signed by the owner.")
        if is_yes:
            return await self._approve(request, by="owner", person=principal.person_id, approval=approval)
        return await self._decline(request, by="owner", person=principal.person_id)

    async def site_answered(self, agent_id: str, request_sha256: str, *, is_yes: bool, token: str) -> None:
        """The owner answered on site; `token` is the site's signed statement, verified by the caller.

        A yes is only recorded here: the grant goes out from `run`, at once, for whoever reads the site's link is
        waiting for us, and could not read the site's answer to the grant meanwhile.
        """
        await self._steps.insist(lambda: self._site_answered(agent_id, request_sha256, is_yes=is_yes, token=token))

    async def _site_answered(self, agent_id: str, request_sha256: str, *, is_yes: bool, token: str) -> None:
        request = await self._store.request_of_digest(request_sha256)
        if request is None or request.agent_id != agent_id or request.state not in WAITING:
            return
        if is_yes:
            approval = {"label": CLIP_LABEL, "document": request.document, "site_token": token}
            await self._record_yes(request, by="site", person="", approval=approval)
            self._due.set()
        else:
            await self._decline(request, by="site", person="")

    async def _approve(
        self, request: ClipRequest, *, by: str, person: str, approval: dict[str, Any] | None
    ) -> ClipRequest:
        await self._record_yes(request, by=by, person=person, approval=approval)
        await self._release(await self.get(request.id))
        return await self.get(request.id)

    async def _record_yes(self, request: ClipRequest, *, by: str, person: str, approval: dict[str, Any] | None) -> None:
        session_id = self._ids.new("ses")
        step = self._steps.step(
            request,
            ClipState.APPROVED,
            Kind.CLIP_APPROVED,
            decision=Decision.PERMIT,
            public={"by": by},
            person=person,
            approval=approval,
            session_id=session_id,
            answered_by=person,
        )
        async with step:
            pass

    async def _decline(self, request: ClipRequest, *, by: str, person: str) -> ClipRequest:
        step = self._steps.step(
            request,
            ClipState.DECLINED,
            Kind.CLIP_DECLINED,
            decision=Decision.DENY,
            public={"by": by},
            person=person,
            cause="declined",
            answered_by=person,
        )
        async with step:
            pass
        await self._sites.let_go(request)
        return await self.get(request.id)

    # --- the site releases ----------------------------------------------------------------------------------------

    async def _release(self, request: ClipRequest) -> None:
        """Send the grant; an absent site gets it from `tick`, under the same session and the same upload.

        One hand at a time: whoever comes while the site thinks leaves it to the first. While the log is behind nothing
        new leaves a site; `tick` sends the grant once the log has caught up.
        """
        if request.id in self._releasing:
            return
        self._releasing.add(request.id)
        try:
            await self._audit.demand_timely()
            request = await self.get(request.id)
            if request.state is ClipState.APPROVED:
                await self._send_grant(request)
        except UnavailableError:
            return
        finally:
            self._releasing.discard(request.id)

    async def _send_grant(self, request: ClipRequest) -> None:
        async with self._steps.database.unit_of_work() as unit:
            upload, token = await self.uploads.expect(unit, request)
            await unit.commit(unaudited="an address for a clip whose approval has its leaf")
        try:
            await self._sites.release(request, upload_url=self.upload_url(upload.id), upload_token=token)
        except SiteUnreachableError:
            return
        except SiteRefusedError as error:
            if error.code != "replayed":  # it has this grant already, and our answer was lost
                await self.failed(request.session_id, error.code, kind=Kind.CLIP_REFUSED)
                return
        await self.accepted(request.session_id)

    async def accepted(self, session_id: str) -> None:
        """The site took the grant, however late it said so; after the capture, which may be faster, it is no news."""
        request = await self._store.request_of_session(session_id)
        if request is not None and request.state is ClipState.APPROVED:
            with suppress(ConflictError):
                async with self._steps.step(request, ClipState.CUTTING, Kind.CLIP_ACCEPTED):
                    pass

    async def knows_session(self, session_id: str, *, agent_id: str) -> bool:
        """Whether a session is of a recording of this agent's site."""
        request = await self._store.request_of_session(session_id)
        return request is not None and request.agent_id == agent_id

    async def failed(self, session_id: str, code: str, *, kind: Kind = Kind.CLIP_FAILED) -> None:
        """The site could not, or would not, deliver under this session; unknown and finished sessions are ignored."""
        await self._steps.insist(lambda: self._failed(session_id, code, kind))

    async def _failed(self, session_id: str, code: str, kind: Kind) -> None:
        request = await self._store.request_of_session(session_id)
        if request is None or request.state not in {ClipState.APPROVED, ClipState.CUTTING, ClipState.UPLOADING}:
            return
        async with self._steps.step(request, ClipState.FAILED, kind, public={"code": code}, cause=code):
            pass

    # --- what time brings -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """`tick` for ever, and at once when something became due; the composition root owns and supervises this."""
        while True:
            await self.tick()
            await self._due.wait(TICK_S)

    async def tick(self) -> None:
        """Do what is due of every open request; one that fails does not hold up the others."""
        async for request in self._open_requests():
            try:
                await self._advance(request)
            except ConflictError:
                continue  # somebody else was faster: next time
            except Exception:  # noqa: BLE001  (the supervisor of single requests)
                _LOG.exception("request %s could not go on", request.id)

    async def _open_requests(self) -> AsyncIterator[ClipRequest]:
        before = ""
        while found := await self._store.requests(states=tuple(OPEN), before=before, limit=BATCH):
            for request in found:
                yield request
            before = found[-1].id

    async def _advance(self, request: ClipRequest) -> None:
        is_over = request.expires_at <= self._clock.now()
        if is_over and request.state not in {ClipState.RECEIVED, ClipState.UPLOADING}:
            async with self._steps.step(request, ClipState.EXPIRED, Kind.CLIP_EXPIRED, cause="expired"):
                pass
            await self._sites.let_go(request)
            return
        match request.state:
            case ClipState.REQUESTED | ClipState.HELD if request.second_id:  # a crash came between the word and this
                await self._approve(request, by="two_persons", person="", approval=None)
            case ClipState.REQUESTED:
                await self._keep(request, ask_owner=True)
            case ClipState.APPROVED:
                await self._release(request)
            case ClipState.UPLOADING:
                await self._finish(request)
            case ClipState.RECEIVED:
                await self.packages.seal(request)
            case _:
                pass

    async def _finish(self, request: ClipRequest) -> None:
        """Compare a file whose last byte came before a crash; end one that never went on."""
        upload = await self._store.upload_of_request(request.id)
        if upload is not None and upload.state is UploadState.OPEN and upload.offset == upload.length:
            await self.uploads.finish(upload)
        elif upload is not None and upload.expires_at <= self._clock.now():
            async with self._steps.step(request, ClipState.EXPIRED, Kind.CLIP_EXPIRED, cause="upload_expired"):
                pass

    # --- the package ----------------------------------------------------------------------------------------------

    async def open_package(self, principal: Principal, request_id: str, *, first: int, last: int) -> Readable:
        """The package, to be read out; that somebody does is in the log before the first byte.

        Raises:
            NotFoundError: there is none the caller may know of.
        """
        request = await self.seen_by(principal, request_id)
        readable = await self.packages.open(request.id)
        async with self._steps.database.unit_of_work() as unit:
            details: dict[str, Json] = {
                "package": readable.package.id,
                "sha256": readable.package.sha256,
                "first": first,
                "last": last,
            }
            draft = leaf(Kind.PACKAGE_DOWNLOADED, request, details=details, person=principal.person_id)
            draft = replace(draft, streams=draft.streams | {principal.person_id})
            await self._audit.append(unit, draft)
            await unit.commit()
        return readable
