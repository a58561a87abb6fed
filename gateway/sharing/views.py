"""What the pages of sharing show about a site and its cameras: how far it has come, and what was said in words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.cameras import Camera
from gateway.partners import Site
from gateway.sharing.model import Answers
from gateway.sharing.reaching import said_for
from gateway.sharing.site_book import Agency
from policies.clauses import Clause, Live
from policies.model import Policy
from policies.places import PlacePack
from policies.voice import Voice
from policies.words import say_rules


class Standing(StrEnum):
    """Where a site stands with what its owner wants."""

    NOTHING_SAID = "nothing_said"
    NOT_CONNECTED = "not_connected"
    NOT_TICKED = "not_ticked"  # no camera that the answers name is ticked among the agent's
    TO_CONFIRM = "to_confirm"  # less is shared already; the site has not confirmed it yet
    TO_APPROVE = "to_approve"  # more waits for approval on site
    REFUSED = "refused"  # the site said no to a proposal
    NOTHING_SHARED = "nothing_shared"  # nothing is wanted, and the site never held anything to confirm
    IN_FORCE = "in_force"  # the site signed that it holds this


@dataclass(frozen=True, slots=True)
class SharingView:
    """What an owner sees about a site.

    Attributes:
        unticked: names of cameras that the answers share and that are no camera of the site's agent, so that nobody can
            look through them whatever the site confirmed.
        said: the policy that the answers stand for, in our own names of the cameras.
        agencies: those that the agreement is with.
        voice: how all of this is said.
        areas: what can be black in pictures there: what rules call it, its label, the cameras that have it.
        places: ready answers for kinds of places, the one that fits first.
    """

    site: Site
    cameras: tuple[Camera, ...]
    answers: Answers | None
    sentences: tuple[str, ...]
    standing: Standing
    unticked: tuple[str, ...]
    seen_at: datetime
    said: Policy
    agencies: tuple[Agency, ...]
    voice: Voice
    areas: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    places: tuple[PlacePack, ...] = ()

    @property
    def version(self) -> int:
        """What a save has to name."""
        return self.answers.version if self.answers else 0

    @property
    def parts(self) -> list[tuple[int, Clause, list[str]]]:
        """Each answer with its number and its sentences; none where all of its cameras are switched off or gone."""
        found, named = [], 0
        labelled = {camera.id: camera.facts.labels for camera in self.cameras}
        for number, clause in enumerate(self.answers.clauses if self.answers else (), start=1):
            off = self.answers.off if self.answers else frozenset[str]()
            sentences: list[str] = []
            if clause.over(labelled).cameras & self.said.camera_by_id.keys() - off:
                named += 1
                rules = [rule for rule in self.said.rules if rule.id.startswith(f"c{named}.")]
                sentences = say_rules(self.said, rules, self.voice)
            sentences += filter(None, [said_for(clause)])
            found.append((number, clause, sentences))
        return found

    @property
    def reach(self) -> list[str]:
        """What is said beyond the cameras that there are now, each once."""
        return list(dict.fromkeys(filter(None, map(said_for, self.answers.clauses if self.answers else ()))))

    @property
    def rest(self) -> list[str]:
        """What is said of the place as a whole and by no single answer."""
        said = {sentence for _, _, sentences in self.parts for sentence in sentences}
        return [sentence for sentence in self.sentences if sentence not in said]


@dataclass(frozen=True, slots=True)
class CameraCard:
    """How a camera stands, for its card.

    Attributes:
        live: the widest answer about live pictures; None where nothing was said.
        is_on: whether its switch is on; None where nothing was said.
        is_stopped: the organisation shares nothing at all, whatever its switch says.
        standing: how far its site has come, and `NOT_TICKED` where the site has no such camera.
    """

    live: Live | None
    is_on: bool | None
    standing: Standing
    is_stopped: bool = False
