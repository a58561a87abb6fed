"""One answer for all places of an owner: part of what each place says, shown place by place, saved at all or none.

A place has its own document, its own clock on the wall and its own approval; what is said for all of them stands beside
what the place says for itself. A place that is added later is not among them until the answer is saved again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.kernel.errors import ConflictError
from gateway.kernel.principal import Principal
from gateway.sharing.changing import save_word
from gateway.sharing.service import Preview, Save, Sharing
from gateway.sharing.views import SharingView
from partner_agent.wire import canonical
from policies.clauses import Clause
from policies.reach import Reach

ALL_PLACES: Final = "/portal/sharing/all-places"
_MEANWHILE: Final = (
    "Somebody else changed what is shared at one of your places meanwhile. Nothing you typed is lost and nothing was "
    "saved: look at what they saved and at what your answer would change of it, then decide."
)


@dataclass(frozen=True, slots=True)
class AtPlace:
    """What is to be said at one place.

    Attributes:
        clauses: every answer of the place afterwards.
    """

    view: SharingView
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a save would do at one place.

    Attributes:
        word: what becomes of it there.
        meanwhile: what somebody else saved there, in sentences.
    """

    view: SharingView
    preview: Preview
    word: str
    meanwhile: tuple[str, ...]


def said_at(view: SharingView) -> Clause | None:
    """What is said for all places, as it stands at one; None where it does not."""
    clauses = view.answers.clauses if view.answers else ()
    return next((clause for clause in clauses if clause.reach is Reach.PARTNER), None)


def placed(view: SharingView, clause: Clause | None) -> AtPlace:
    """Every answer of a place with this one for all places in its place; None takes it away."""
    own = [one for one in (view.answers.clauses if view.answers else ()) if one.reach is not Reach.PARTNER]
    return AtPlace(view, (*own, *([] if clause is None else [clause])))


def digest_of(wanted: Sequence[AtPlace]) -> str:
    """What a person looked at before saving: what they say themselves; what others said has its version."""
    said = {
        place.view.site.id: [clause.to_json() for clause in place.clauses if clause.reach is Reach.PARTNER]
        for place in wanted
    }
    return canonical.sha256_hex(said)


def versions_of(views: Sequence[SharingView]) -> str:
    """The version of each place, as a form carries it."""
    return " ".join(f"{view.site.id}:{view.version}" for view in views)


async def show(principal: Principal, sharing: Sharing, wanted: Sequence[AtPlace], *, seen: str) -> list[Shown]:
    """What it would do, place by place; `seen`: the versions that the person looked at."""
    known = set(seen.split())
    found = []
    for place in wanted:
        view = place.view
        preview = await sharing.preview(principal, view.site.id, place.clauses, is_brief=True)
        is_late = bool(known) and f"{view.site.id}:{view.version}" not in known
        said = (*view.sentences, *view.reach) if is_late else ()
        found.append(Shown(view, preview, save_word(preview, view.standing), said))
    return found


async def save(principal: Principal, sharing: Sharing, wanted: Sequence[AtPlace], *, seen: str) -> None:
    """Save at every place, or nowhere.

    Raises:
        ConflictError: somebody saved at one of them since, or a place came or went.
    """
    if set(seen.split()) != set(versions_of([place.view for place in wanted]).split()):
        raise ConflictError(_MEANWHILE)
    changed = [place for place in wanted if place.clauses != (place.view.answers.clauses if place.view.answers else ())]
    saves = [Save(place.view.site.id, place.clauses, place.view.version) for place in changed]
    try:
        await sharing.save_everywhere(principal, saves)
    except ConflictError as error:
        raise ConflictError(_MEANWHILE) from error
