"""What an owner shares at a site as JSON: read it, see what a change would do, change it.

The same use cases as the pages, with the answers in their written form (`policies.clauses`). A mistake is a problem
with one sentence for each field, named by its path; whoever is too late gets a conflict that says what was saved
meanwhile and what theirs would change of it.
"""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Router, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from gateway.edge.inputs import StrictInput
from gateway.edge.requires import requires
from gateway.kernel.errors import ConflictError, InvalidError
from gateway.kernel.phrases import phrase
from gateway.kernel.principal import Principal
from gateway.sharing.changing import effect_of
from gateway.sharing.service import Preview, Sharing
from gateway.sharing.views import SharingView
from gateway.web import _
from policies.clauses import MAX_CLAUSES, Clause, read_clause
from policies.fields import PolicyError

MOST_CAMERAS: Final = 1024


class AnswersInput(StrictInput, frozen=True):
    """Every answer of a site; `made_from` is the version that was read, `off` the cameras that are switched off."""

    made_from: Annotated[int, Meta(ge=0)]
    clauses: Annotated[list[dict[str, Any]], Meta(max_length=MAX_CLAUSES)]
    off: Annotated[list[str], Meta(max_length=MOST_CAMERAS)] | None = None


class AnswersOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about a site, and how far it has come."""

    version: int
    clauses: list[object]
    off: list[str]
    sentences: list[str]
    standing: str

    @classmethod
    def of(cls, view: SharingView) -> "AnswersOutput":
        """The answer for a site."""
        answers = view.answers
        return cls(
            version=view.version,
            clauses=[clause.to_json() for clause in answers.clauses] if answers else [],
            off=sorted(answers.off) if answers else [],
            sentences=list(view.sentences),
            standing=view.standing.value,
        )


class ConcernOutput(msgspec.Struct, frozen=True, kw_only=True):
    """Who gains or loses what; no role and no unit: everybody of the agency."""

    way: str
    agency: str
    unit: str
    roles: list[str]
    cameras: list[str]
    acts: list[str]


class PreviewOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What a save would do; null is what could not be worked out in time."""

    verdict: str | None
    is_proved: bool
    needs_approval: bool
    is_at_once: bool
    changes: list[dict[str, str]]
    examples: list[str]
    concerns: list[ConcernOutput] | None
    replay: dict[str, int] | None
    views_that_end: int | None

    @classmethod
    def of(cls, preview: Preview, view: SharingView) -> "PreviewOutput":
        """The answer for a change."""
        effect, words = preview.effect, effect_of(preview, view)
        past = effect.replayed if effect else None
        return cls(
            verdict=effect.verdict.value if effect and effect.verdict else None,
            is_proved=bool(effect and effect.is_proved),
            needs_approval=preview.needs_approval,
            is_at_once=preview.is_at_once,
            changes=[{"kind": change.kind, "sentence": change.sentence} for change in preview.changes],
            examples=[text for text in (words.more, words.less) if text] if words else [],
            concerns=None if effect is None or effect.concerns is None else [
                ConcernOutput(
                    way=one.way.value,
                    agency=one.agency,
                    unit=one.unit,
                    roles=sorted(one.roles),
                    cameras=sorted(one.cameras),
                    acts=sorted(one.acts),
                )
                for one in effect.concerns
            ],
            replay=None if past is None else {
                "days": past.days, "decisions": past.made, "refused": past.refused, "allowed": past.allowed
            },
            views_that_end=effect.ending if effect else None,
        )  # fmt: skip


class SavedOutput(AnswersOutput, frozen=True, kw_only=True):
    """What stands now, and what the save changed: nothing is saved before that was worked out, or its time was over."""

    change: PreviewOutput


@get("/sites/{site_id:str}/sharing", opt=requires("portal.read"))
async def get_answers(
    site_id: FromPath[str], principal: NamedDependency[Principal], sharing: NamedDependency[Sharing]
) -> AnswersOutput:
    """Every answer of a site."""
    return AnswersOutput.of(await sharing.view(principal, site_id))


@post("/sites/{site_id:str}/sharing/preview", opt=requires("portal.edit"), status_code=200)
async def preview_answers(
    site_id: FromPath[str],
    data: JSONBody[AnswersInput],
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
) -> PreviewOutput:
    """What these answers would change; nothing is saved."""
    view = await sharing.view(principal, site_id)
    clauses = _clauses(data, view)
    return PreviewOutput.of(await sharing.preview(principal, site_id, clauses, off=_off(data)), view)


@put("/sites/{site_id:str}/sharing", opt=requires("portal.edit"))
async def put_answers(
    site_id: FromPath[str],
    data: JSONBody[AnswersInput],
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
) -> SavedOutput:
    """Save every answer of a site, once it is worked out what that changes."""
    view = await sharing.view(principal, site_id)
    clauses = _clauses(data, view)
    if data.made_from != view.version:
        raise await _late(principal, sharing, view, clauses, data)
    change = PreviewOutput.of(await sharing.preview(principal, site_id, clauses, off=_off(data)), view)
    await sharing.save(principal, site_id, clauses, made_from=data.made_from, off=_off(data))
    now = AnswersOutput.of(await sharing.view(principal, site_id))
    return SavedOutput(**msgspec.structs.asdict(now), change=change)


def _off(data: AnswersInput) -> frozenset[str] | None:
    return None if data.off is None else frozenset(data.off)


def _clauses(data: AnswersInput, view: SharingView) -> list[Clause]:
    """The answers, each field checked; all mistakes of one answer at a time.

    Raises:
        InvalidError: the first field that is wrong, or a new answer that is over already, or speaks of no camera here.
    """
    known = set(view.answers.clauses) if view.answers else set()
    cameras = {camera.id for camera in view.cameras}
    found = []
    for place, value in enumerate(data.clauses):
        path = f"clauses[{place}]"
        try:
            clause = read_clause(value, path)
        except PolicyError as error:
            raise _wrong(_field(error.path, path), _sentence(error.sentence)) from error
        if not clause.cameras <= cameras:
            raise _wrong(f"{path}.cameras", "There is no such camera at this site.")
        if clause not in known and clause.until_ms is not None and clause.until_ms <= _ms(view.seen_at):
            raise _wrong(f"{path}.until_ms", "This end is over. Give a time to come, or null.")
        found.append(clause)
    if not frozenset(data.off or ()) <= cameras:
        raise _wrong("off", "There is no such camera at this site.")
    return found


def _field(path: str, clause: str) -> str:
    """The path of a field; what a clause checks as a whole names its field alone."""
    return path if path.startswith(clause) else f"{clause}.{path}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _wrong(field: str, sentence: str) -> InvalidError:
    return InvalidError("These answers cannot be used as they are; see the marked fields.", fields={field: sentence})


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


async def _late(
    principal: Principal, sharing: Sharing, view: SharingView, clauses: list[Clause], data: AnswersInput
) -> ConflictError:
    """That somebody else saved, with what they saved and what these answers would change of it."""
    preview = await sharing.preview(principal, view.site.id, clauses, off=_off(data))
    saved = " ".join(view.sentences) or _("Nothing is shared.")
    changes = " ".join(f"{change.kind}: {change.sentence}" for change in preview.changes) or "nothing"
    return ConflictError(
        "Somebody else changed what is shared meanwhile. Nothing was saved: look at what they saved, then decide.",
        fields={
            "made_from": phrase("Version %(version)s is saved now.", version=str(view.version)),
            "clauses": phrase("They saved: %(saved)s Yours would change: %(changes)s", saved=saved, changes=changes),
        },
    )


def sharing_routes() -> Router:
    """The routes below `/api/v1`."""
    return Router("/api/v1", route_handlers=[get_answers, preview_answers, put_answers])
