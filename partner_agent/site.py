"""The acts on site: approve, say no, answer a request, pause, resume, panic, clear. Terminal and page both come here.

What gives (approve, send a recording, let somebody watch, resume, clear) needs the site PIN; what takes (pause, no,
panic's end) never does. Every act is journalled, and its consequence on running sessions comes before its answer to the
gateway.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from partner_agent.areas import Area, AreaError, Point, shape_of
from partner_agent.clips import Asked, ClipDesk
from partner_agent.desk import Desk
from partner_agent.encoders import Encoders
from partner_agent.identity import Identity
from partner_agent.journal import Journal, Line
from partner_agent.masks import Masks, name_of
from partner_agent.pin import SitePin
from partner_agent.policy_store import NotTaken, PolicyStore
from partner_agent.ports import CameraInfo, Cameras
from partner_agent.proofs import Promises
from partner_agent.running import Running
from partner_agent.sessions import Sessions
from partner_agent.store import Store
from partner_agent.switches import Switches
from partner_agent.timekeeping import ClockGuard
from partner_agent.view_asks import ViewAsked, ViewAsks
from partner_agent.wire.check_messages import ConnectionChecked
from partner_agent.wire.documents import PolicyDocument
from partner_agent.wire.problems import PolicyProblem
from policies.model import Policy
from policies.voice import Voice

PROBLEM_SENTENCES: Final[dict[PolicyProblem, str]] = {
    PolicyProblem.DEAD: "This proposal is over: somebody said no, or your rules changed since.",
    PolicyProblem.EXPIRED: "This proposal was not approved in time; save it again in the portal.",
    PolicyProblem.PACK_MISSING: "The city's rules this proposal names have not arrived yet.",
    PolicyProblem.QUARANTINED: "Clear the warning first; then your rules start again at nothing shared.",
    PolicyProblem.LAST_OWNER: "It would take the last passkey away. Suspend it instead, or add another one first.",
}
NO_AREA: Final = "There is no area of this name."
NOTHING_WAITS: Final = "Nothing of this name waits for an answer."


class ActError(Exception):
    """The act was not done; the sentence says why."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything a page or a terminal shows, read at one moment."""

    gateway: str
    agencies: Mapping[str, str]
    is_linked: bool
    position_seq: int
    policy: Policy | None
    proposals: tuple[tuple[PolicyDocument, Policy], ...]
    held: tuple[str, float] | None
    asked: tuple[Asked, ...]
    view_asks: tuple[ViewAsked, ...]
    cameras: tuple[CameraInfo, ...]
    running: tuple[Running, ...]
    journal: tuple[Line, ...]
    states: tuple[str, ...]
    paused_cameras: tuple[str, ...]
    masks: Mapping[str, tuple[Area, ...]]
    encoders: tuple[int, int]  # how many make pictures anew now, and how many may
    contradiction: str | None
    check: tuple[datetime, ConnectionChecked] | None
    is_checking: bool
    check_faults: tuple[str, ...]  # what the newest one could not look at

    @property
    def voice(self) -> Voice:
        """The names in which rules and requests are said here."""
        return Voice(cameras={camera.id: camera.label for camera in self.cameras}, agencies=self.agencies)


class Site:
    """One site, as the person standing in it sees and steers it."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        identity: Identity,
        pin: SitePin,
        policy: PolicyStore,
        switches: Switches,
        proofs: Promises,
        clock_guard: ClockGuard,
        sessions: Sessions,
        clip_desk: ClipDesk,
        view_asks: ViewAsks,
        desk: Desk,
        cameras: Cameras,
        masks: Masks,
        encoders: Encoders,
        panic_s: int,
        is_linked: Callable[[], bool],
    ) -> None:
        self._store, self._journal, self._identity, self._pin = store, journal, identity, pin
        self._policy, self._switches, self._proofs, self._clock_guard = policy, switches, proofs, clock_guard
        self._sessions, self._clips, self._desk, self._cameras = sessions, clip_desk, desk, cameras
        self._view_asks, self._panic_s, self._is_linked = view_asks, panic_s, is_linked
        self._masks, self._encoders = masks, encoders

    def view(self, lines: int = 50) -> View:
        """What is so now."""
        in_force, known = self._policy.in_force, tuple(self._cameras.known())
        return View(
            gateway=self._identity.gateway,
            agencies=self._identity.agencies,
            is_linked=self._is_linked(),
            position_seq=self._policy.position.seq,
            policy=in_force.policy if in_force else None,
            proposals=tuple(self._policy.proposals()),
            held=self._policy.held,
            asked=tuple(self._clips.asked()),
            view_asks=tuple(self._view_asks.asked()),
            cameras=known,
            running=self._sessions.running,
            journal=tuple(self._journal.newest(lines)),
            states=tuple(self.states()),
            paused_cameras=tuple(camera.id for camera in known if self._switches.is_paused(camera.id)),
            masks={camera.id: self._masks.of(camera.id) for camera in known},
            encoders=(self._encoders.busy, self._encoders.most),
            contradiction=self._proofs.contradiction,
            check=self._desk.checks.last,
            is_checking=self._desk.checks.is_running,
            check_faults=tuple(self._desk.checks.faults),
        )

    def states(self) -> list[str]:
        """The words of `messages.STATES` that hold now."""
        found = {
            "paused": self._switches.is_paused(),
            "panic": self._switches.panic_until is not None,
            "quarantined": self._switches.is_quarantined,
            "clock_skew": self._clock_guard.is_skewed(),
            "promise_overdue": self._proofs.is_overdue,
            "contradiction": self._proofs.contradiction is not None,
        }
        return [name for name, holds in found.items() if holds]

    @property
    def panic_until(self) -> datetime | None:
        """Until when panic holds; None when it does not."""
        return self._switches.panic_until

    def look(self) -> None:
        """Look at the connection and the cameras; `view` then has what was found."""
        self._desk.checks.want()

    # --- what takes: no PIN

    def pause(self, camera: str | None = None) -> None:
        """Pause the site or one camera, now."""
        self._switches.pause(camera, by="site")
        self._sessions.decide_again("paused")

    def decline(self, sha256: str) -> None:
        """Say no to a proposal, held or not."""
        self._policy.no(sha256, by="site")

    def decline_clip(self, request_sha256: str) -> None:
        """Say no to a request for a recording.

        Raises:
            ActError: nothing of this name waits.
        """
        if not self._clips.decide(request_sha256, "no"):
            raise ActError(NOTHING_WAITS)
        self._sessions.decide_again("policy")

    def decline_view(self, request_sha256: str) -> None:
        """Say no to a request to look; what runs under a yes ends.

        Raises:
            ActError: nothing of this name waits.
        """
        if not self._view_asks.decide(request_sha256, "no"):
            raise ActError(NOTHING_WAITS)
        self._sessions.decide_again("policy")

    def panic(self, *, is_on: bool) -> None:
        """The site's panic input."""
        self._switches.panic(self._panic_s if is_on else 0)
        self._sessions.decide_again("panic_over")

    def remove_area(self, camera: str, name: str) -> None:
        """Forget an area: what owes it is not shown any more.

        Raises:
            ActError: there is none of this name.
        """
        with self._store.transaction():
            if not self._masks.remove(camera, name):
                raise ActError(NO_AREA)
            self._journal.add("area_removed", camera=camera, area=name)
        self._sessions.decide_again("policy")

    # --- what gives: PIN

    def approve(self, sha256: str, pin: str) -> None:
        """Approve a proposal: in force at once.

        Raises:
            PinError: the PIN was not taken.
            ActError: it cannot be approved any more.
        """
        self._pin.check(pin)
        outcome = self._policy.approve_on_site(sha256, is_quarantined=self._switches.is_quarantined)
        if isinstance(outcome, NotTaken):
            raise ActError(PROBLEM_SENTENCES.get(outcome.problem, "This proposal cannot be approved."))
        self._desk.settle(outcome, re=None)

    def approve_clip(self, request_sha256: str, pin: str, *, is_unmasked: bool) -> None:
        """Agree to send one recording.

        Raises:
            PinError: the PIN was not taken.
            ActError: nothing of this name waits.
        """
        self._pin.check(pin)
        if not self._clips.decide(request_sha256, "yes_unmasked" if is_unmasked else "yes"):
            raise ActError(NOTHING_WAITS)

    def approve_view(self, request_sha256: str, pin: str) -> None:
        """Agree that somebody watches once, for minutes, or takes one still.

        Raises:
            PinError: the PIN was not taken.
            ActError: nothing of this name waits.
        """
        self._pin.check(pin)
        if not self._view_asks.decide(request_sha256, "yes"):
            raise ActError(NOTHING_WAITS)

    def draw(self, camera: str, label: str, points: Sequence[Point], pin: str) -> None:
        """Draw an area, or one of the same label anew; views that run with black areas begin again.

        What owes it is shown from now on, so that drawing gives.

        Raises:
            PinError: the PIN was not taken.
            ActError: no such camera, no area, another one that rules call the same, or its picture was not seen yet.
        """
        self._pin.check(pin)
        info = next((one for one in self._cameras.known() if one.id == camera), None)
        if info is None:
            raise ActError("There is no such camera.")
        if not info.width or not info.height:
            self._cameras.wake(camera)
            raise ActError("This camera's picture was not seen yet. It is being opened; try again in ten seconds.")
        name = name_of(label)
        if not name or not self._masks.has_room(camera, name):
            raise ActError("Give the area a name of a few letters; a camera has at most 16 areas.")
        if any(area.id == name and area.label != label.strip()[:40] for area in self._masks.of(camera)):
            raise ActError("Another area of this camera has these letters and digits already; give this one others.")
        try:
            area = Area(name, label.strip()[:40], tuple(points), shape_of(info.width, info.height))
        except AreaError as error:
            raise ActError(str(error)) from error
        with self._store.transaction():
            self._masks.put(camera, area)
            self._journal.add("area_drawn", camera=camera, area=name, points=[list(point) for point in area.points])
        for running in self._sessions.running:
            if running.grant.camera == camera and running.limits.masks:
                self._sessions.end(running.grant.session, "areas_drawn")

    def resume(self, pin: str, camera: str | None = None) -> None:
        """End a pause.

        Raises:
            PinError: the PIN was not taken.
        """
        self._pin.check(pin)
        self._switches.resume(camera)

    def clear(self, what: str, pin: str) -> None:
        """Clear quarantine or the owner (a new lineage: nothing is shared), clock_skew, a promise, a contradiction.

        Raises:
            PinError: the PIN was not taken.
            ActError: nothing of this name can be cleared.
        """
        self._pin.check(pin)
        match what:
            case "quarantined":
                with self._store.transaction():
                    self._switches.clear_quarantine()
                    self._policy.start_lineage()
                self._sessions.decide_again("policy")
            case "owner":
                self._change_owner()
            case "clock_skew":
                self._clock_guard.clear()
                self._journal.add("clock_cleared")
            case "promise_overdue" | "contradiction":
                self._proofs.clear()
            case _:
                raise ActError("There is nothing of this name to clear.")

    def _change_owner(self) -> None:
        """Somebody else owns this place now: a new lineage, nothing shared, no passkey known."""
        with self._store.transaction():
            self._journal.add("owner_changed")
            self._policy.start_lineage()
        self._sessions.decide_again("policy")
