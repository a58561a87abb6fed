"""Views and stills that the owner is asked about: put before them once, answered on site, or with no by the gateway.

An ask gives nobody access. The checks of one, in this order: 1 in form, for this site and lineage, with an incident,
not over, not of a time to come; 2 the site is neither quarantined nor paused; 3 the camera stands in the document in
force; 4 no other ask of this act for this incident, and room. A yes is signed over the digest of the request and waits
five minutes for its view; a no is for good, whoever gave it. What a grant may make of an answer is for `asking`.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from partner_agent.accounts import Accounts
from partner_agent.identity import Identity
from partner_agent.journal import Journal
from partner_agent.policy_store import PolicyStore
from partner_agent.ports import Outbox, OwnerNotice
from partner_agent.store import Store
from partner_agent.switches import Switches
from partner_agent.wire import views
from partner_agent.wire.clock import Clock, from_ms, has_come, to_ms
from partner_agent.wire.documents import VIEW_LABEL
from partner_agent.wire.limits import RECORDED_AHEAD_S, VIEW_APPROVED_S, VIEW_ASKS
from partner_agent.wire.problems import Code
from partner_agent.wire.views import ViewRequest, ViewRequestError
from policies.vocabulary import Act, Purpose
from policies.voice import Voice
from policies.words import purpose

REMEMBERED: Final = timedelta(days=1)  # after its end, so that one incident asks once
NOTICE: Final = "view_ask"


@dataclass(frozen=True, slots=True)
class ViewAsked:
    """A request that waits for the owner, or was answered."""

    request: ViewRequest
    answer: str | None


class ViewAsks:
    """Requests to look at this site."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        clock: Clock,
        identity: Identity,
        policy: PolicyStore,
        switches: Switches,
        accounts: Accounts,
        outbox: Outbox,
        notice: OwnerNotice,
        voice: Callable[[], Voice],
    ) -> None:
        """`voice`: the names in which the owner is told."""
        self._store, self._journal, self._clock, self._identity = store, journal, clock, identity
        self._policy, self._switches, self._accounts = policy, switches, accounts
        self._outbox, self._notice, self._voice = outbox, notice, voice

    def ask(self, raw: dict[str, Any]) -> Code | None:
        """Put a request before the owner; None once it is, or was before."""
        request = self._mine(raw)
        if request is None:
            return self._refused(None, Code.GRANT_INVALID)  # 1
        if self._store.rows("SELECT 1 FROM view_ask WHERE sha256 = ?", request.sha256):
            return None
        code = self._problem(request)
        if code is not None:
            return self._refused(request, code)
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO view_ask (sha256, raw, lineage, incident, until_ms, act) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    request.sha256,
                    json.dumps(msgspec.to_builtins(request)),
                    request.lineage,
                    request.incident,
                    to_ms(request.expiry),
                    request.act,
                ),
            )
            self._journal.add(
                "view_asked",
                request=request.request_id,
                camera=request.camera,
                agency=request.agency,
                purpose=request.purpose,
                incident=request.incident,
                **_what(request),
            )
        self._tell()
        return None

    def asked(self) -> list[ViewAsked]:
        """Requests of this lineage whose time is not over, newest first."""
        rows = self._store.rows(
            "SELECT raw, answer FROM view_ask WHERE lineage = ? AND until_ms > ? ORDER BY rowid DESC",
            self._policy.position.lineage,
            to_ms(self._clock.now()),
        )
        return [ViewAsked(views.parse(json.loads(row["raw"])), row["answer"]) for row in rows]

    def waiting(self) -> list[ViewRequest]:
        """Those that nobody answered, newest first."""
        return [asked.request for asked in self.asked() if asked.answer is None]

    def answer(self, request: ViewRequest, now: datetime, *, is_new: bool) -> str | None:
        """What the owner said to exactly this request: yes, no, or None.

        Args:
            request: as a grant carries it.
            now: the time of the decision.
            is_new: whether the view opens now; then a yes of more than five minutes ago is none.
        """
        rows = self._store.rows("SELECT answer, answered_ms FROM view_ask WHERE sha256 = ?", request.sha256)
        if not rows or rows[0]["answer"] is None:
            return None
        answer, said_at = str(rows[0]["answer"]), from_ms(rows[0]["answered_ms"])
        is_over = is_new and answer == "yes" and now >= said_at + timedelta(seconds=VIEW_APPROVED_S)
        return None if is_over else answer

    def decide(self, request_sha256: str, answer: str) -> bool:
        """The owner's answer, given on site (the caller has checked the PIN for a yes); False if nothing waits.

        A yes answers what nobody has answered, in time; a no answers that, and takes back a yes.
        """
        rows = self._store.rows("SELECT lineage, answer, until_ms FROM view_ask WHERE sha256 = ?", request_sha256)
        if not rows or rows[0]["lineage"] != self._policy.position.lineage or rows[0]["answer"] == "no":
            return False
        is_late = rows[0]["answer"] is not None or rows[0]["until_ms"] <= to_ms(self._clock.now())
        if answer == "yes" and is_late:
            return False
        with self._store.transaction():
            self._write(request_sha256, answer, by="site")
            claims: dict[str, object] = {"label": VIEW_LABEL, "digest": request_sha256, "answer": answer}
            message = self._accounts.say("view_answer", claims)
        self._outbox.post(message)
        return True

    def no(self, request_sha256: str) -> None:
        """The gateway says that the request is over, or was declined there; unknown ones are no news."""
        rows = self._store.rows("SELECT answer FROM view_ask WHERE sha256 = ?", request_sha256)
        if rows and rows[0]["answer"] != "no":
            with self._store.transaction():
                self._write(request_sha256, "no", by="owner")

    def sweep(self) -> None:
        """Forget what is long over."""
        before_ms = to_ms(self._clock.now() - REMEMBERED)
        with self._store.transaction() as db:
            db.execute("DELETE FROM view_ask WHERE until_ms <= ?", (before_ms,))

    def _mine(self, raw: dict[str, Any]) -> ViewRequest | None:
        try:
            request = views.parse(raw)
        except ViewRequestError:
            return None
        mine = self._identity
        named = (request.lineage, request.site, request.partner)
        is_mine = named == (self._policy.position.lineage, mine.site, mine.partner)
        now = self._clock.now()
        is_past = request.span is None or request.span[1] <= now + timedelta(seconds=RECORDED_AHEAD_S)
        is_due = has_come(request.created, now) and now < request.expiry
        return request if is_mine and request.incident and is_past and is_due else None

    def _problem(self, request: ViewRequest) -> Code | None:
        in_force = self._policy.in_force
        if self._switches.is_quarantined:  # 2
            return Code.QUARANTINED
        if self._switches.is_paused(request.camera):
            return Code.PAUSED
        if in_force is None or request.camera not in in_force.policy.camera_by_id:  # 3
            return Code.NOT_SHARED
        named = (request.lineage, request.incident, request.act)
        same = self._store.rows("SELECT 1 FROM view_ask WHERE lineage = ? AND incident = ? AND act = ?", *named)
        return Code.LIMIT if same or len(self.waiting()) >= VIEW_ASKS else None  # 4

    def _refused(self, request: ViewRequest | None, code: Code) -> Code:
        known = {"request": request.request_id, "camera": request.camera} if request else {}
        self._journal.add("view_ask_refused", code=str(code), **known)
        return code

    def _write(self, request_sha256: str, answer: str, *, by: str) -> None:
        with self._store.transaction() as db:
            values = (answer, to_ms(self._clock.now()), request_sha256)
            db.execute("UPDATE view_ask SET answer = ?, answered_ms = ? WHERE sha256 = ?", values)
            self._journal.add("view_answer", request_sha256=request_sha256, answer=answer, by=by)

    def _tell(self) -> None:
        """Everything that waits, since a newer notice takes the place of an older one."""
        voice, waiting = self._voice(), self.waiting()
        self._notice.tell(NOTICE, "Somebody asks to look through a camera; answer yes or no.", told(waiting, voice))


def told(waiting: Sequence[ViewRequest], voice: Voice) -> list[str]:
    """A line for each request: which camera, who, why, and until when."""
    return [
        f"{voice.cameras.get(request.camera, request.camera)}: {voice.agencies.get(request.agency, request.agency)},"
        f" {said_act(request)}, {said_purpose(request.purpose)}, incident {request.incident}."
        f" Answer before {request.expiry.astimezone():%H:%M %Z}; no answer is a no."
        for request in waiting
    ]


def said_act(request: ViewRequest) -> str:
    """What is asked for, in words; times as on this machine's clock."""
    if request.span is not None:
        start, end = (moment.astimezone() for moment in request.span)
        return f"the recording of {start:%Y-%m-%d} from {start:%H:%M:%S} to {end:%H:%M:%S %Z}, once"
    return "one still picture" if request.kind is Act.STILL_TAKE else "live, once"


def _what(request: ViewRequest) -> dict[str, str]:
    """What the journal says of a request that is for no live view."""
    if request.kind is Act.LIVE_VIEW:
        return {}
    who = {"act": request.act, "who": request.who or ""}
    return who | ({"from": request.start, "to": request.end} if request.start and request.end else {})


def said_purpose(word: str) -> str:
    """A purpose in words; one that is none of ours as it came."""
    return purpose(Purpose(word), Voice()) if word in set(Purpose) else word
