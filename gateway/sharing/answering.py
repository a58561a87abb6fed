"""The form of one answer: for which cameras it speaks, how it is first seen, what it changes, and its one Save."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from litestar import Request
from litestar.response import Redirect, Template

from gateway.cameras import Camera
from gateway.kernel.errors import ConflictError, LenspactError, NotFoundError, PreconditionError
from gateway.kernel.principal import Principal
from gateway.sharing.changing import Act, effect_of, save_word
from gateway.sharing.choosing import (
    Chosen,
    field_of,
    fields_of_cameras,
    labels_of,
    read_cameras,
    values_of_cameras,
)
from gateway.sharing.exact import ROLES, Choices, area_field, heights_of
from gateway.sharing.forms import DAYS, PURPOSES, digest_of, fields_of, read_clause_form, values_of
from gateway.sharing.model import Answers
from gateway.sharing.service import Preview, Sharing
from gateway.sharing.views import SharingView
from gateway.sharing.weeks import rows_shown
from gateway.web import Form, _, after, page, read_form, reader_s_voice
from policies.clauses import DEFAULT_PRESET, RADII_M, Clause, Preset, of_preset
from policies.reach import Reach
from policies.words import distance, purpose

AnyRequest = Request[Any, Any, Any]
_MEANWHILE: Final = (
    "Somebody else changed what is shared meanwhile. Nothing you typed is lost: look at what they saved and at what "
    "your answer would change of it, then decide."
)

PRESETS: Final = (
    (Preset.LIST_ONLY, "On the list only", "Operators know that the camera is there. Nobody looks through it."),
    (
        Preset.ASK_ME,
        "Ask me",
        "You say yes or no to each recording, and to each live view: once for an incident, five minutes.",
    ),
    (Preset.EMERGENCIES, "Emergencies only", "Live only during an incident nearby. You are asked for recordings."),
    (Preset.OPEN, "Open", "Live at any time, recordings without asking."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a form answers for.

    Attributes:
        title: of the page.
        cameras: the cameras it speaks of, or may choose among.
        kept: the clause it starts from.
        number: the place of the clause among the site's answers; None for a new one.
        is_choosing: the form asks which cameras; otherwise it is the only answer of `cameras`.
        is_alone: it is the only answer of the place, whatever was said for a label or the whole place.
        action: where the form is sent; empty for where it stands.
    """

    title: str
    cameras: tuple[Camera, ...]
    kept: Clause | None = None
    number: int | None = None
    is_choosing: bool = False
    is_alone: bool = False
    action: str = ""

    @property
    def is_for_all_places(self) -> bool:
        """Whether its clause is said for all places at once."""
        return self.kept is not None and self.kept.reach is Reach.PARTNER

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that choose cameras."""
        return fields_of_cameras(self.cameras, self.kept) if self.is_choosing else ()

    @property
    def labels(self) -> list[tuple[str, str]]:
        """The labels to choose among, each with its field."""
        return [(field_of(label), label) for label in labels_of(self.cameras, self.kept)]

    def read(self, form: Form) -> Chosen:
        """The cameras of a form; what is wrong is said at its field."""
        if not self.is_choosing:
            return Chosen(frozenset(camera.id for camera in self.cameras))
        return read_cameras(form, self.cameras, self.kept)

    def values(self) -> dict[str, str]:
        """The cameras as the form shows them."""
        return values_of_cameras(self.cameras, self.kept) if self.is_choosing else {}

    def placed(self, answers: Answers | None, clause: Clause) -> Sequence[Clause]:
        """Every answer of the site, with this one in its place."""
        others = () if answers is None else answers.clauses
        if self.number is not None:
            return [clause if number == self.number else one for number, one in enumerate(others)]
        if self.is_choosing:
            return [*others, clause]
        if self.is_alone:
            return [clause]
        names = frozenset(camera.id for camera in self.cameras)
        return [*(dataclasses.replace(one, cameras=one.cameras - names) for one in others), clause]


def only_answer(view: SharingView, cameras: Sequence[Camera]) -> Target:
    """The one answer of these cameras, instead of whatever was said about them."""
    one = cameras[0].name if len(cameras) == 1 else ""
    every = _("What do you share of every camera at %(site)s?", site=view.site.name)
    title = _("What do you share of %(camera)s?", camera=one) if one else every
    return Target(title=title, cameras=tuple(cameras), kept=_known(view.answers, cameras))


def answer_of_all(view: SharingView) -> Target:
    """The one answer of a place, instead of whatever was said there."""
    return dataclasses.replace(only_answer(view, view.cameras), is_alone=True)


def is_said_apart(view: SharingView, camera: Camera) -> bool:
    """Whether this camera alone may be answered for: nothing that speaks of it reaches it but by its name, once."""
    clauses = view.answers.of_camera(camera.id, camera.facts.labels) if view.answers else ()
    return len(clauses) < 2 and all(clause.reach is Reach.NAMED and not clause.labels for clause in clauses)


def new_answer(view: SharingView) -> Target:
    """One more answer, besides those there are."""
    return Target(title=_("Another answer"), cameras=view.cameras, is_choosing=True)


def late_answer(view: SharingView) -> Target:
    """An answer that somebody took away while it was changed: as one more, so that nothing typed is lost."""
    return dataclasses.replace(new_answer(view), action=f"/portal/sites/{view.site.id}/sharing/answers/new")


def numbered_answer(view: SharingView, number: int) -> Target:
    """One of the site's answers.

    Raises:
        NotFoundError: there is none of this number.
    """
    clauses = view.answers.clauses if view.answers else ()
    if not 0 < number <= len(clauses):
        raise NotFoundError("There is no such answer.")
    title = _("Answer %(n)d", n=number)
    return Target(title=title, cameras=view.cameras, kept=clauses[number - 1], number=number - 1, is_choosing=True)


def removal(view: SharingView, number: int) -> Act:
    """Taking one of the site's answers away.

    Raises:
        NotFoundError: there is none of this number.
    """
    target = numbered_answer(view, number)
    others = [one for place, one in enumerate(view.answers.clauses if view.answers else ()) if place != target.number]
    return Act(title=_("Take answer %(n)d away", n=number), verb=_("Take this answer away"), clauses=tuple(others))


def start(request: AnyRequest, view: SharingView, target: Target, preset: str) -> Template:
    """The form as it is first seen: the answers there are, those of a preset or a kind of place, or the preselected."""
    ready = _of_place(view, preset)
    if ready is not None:
        values = {**values_of(ready, view.site, choices_of(view)), "place": preset}
    elif preset in set(Preset) or target.kept is None:
        chosen = Preset(preset) if preset in set(Preset) else DEFAULT_PRESET
        values = values_of_preset(chosen, view)
    else:
        values = values_of(target.kept, view.site, choices_of(view))
    return _form_page(request, view, target=target, values=values | target.values(), made_from=view.version)


def _of_place(view: SharingView, name: str) -> Clause | None:
    """The ready answer for a kind of place, without its cameras."""
    pack = next((pack for pack in view.places if pack.id == name), None)
    return None if pack is None else pack.clause(frozenset(), zone=view.site.zone)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was shown before a save: its effect, the digest of what was typed, and the word on the button."""

    preview: Preview
    digest: str
    word: str


async def answer(
    request: AnyRequest, *, principal: Principal, sharing: Sharing, view: SharingView, target: Target
) -> Template | Redirect:
    """Show what the answer changes, or save it; where somebody saved meanwhile, what it would change of that."""
    choices = choices_of(view)
    form = await read_form(request, *fields_of(choices), *target.fields, "made_from", "looked_at", "then", "place")
    made_from = int(form.given("made_from")) if form.given("made_from").isdecimal() else -1
    show = partial(_form_page, request, target=target, values=form.values)
    try:
        if not target.cameras:
            raise PreconditionError("Put a camera on the map first.")
        chosen = target.read(form)
        kept = _of_place(view, form.given("place")) or target.kept
        clause = read_clause_form(
            form,
            view.site,
            choices,
            cameras=chosen.cameras,
            now=view.seen_at,
            kept=kept,
            reach=chosen.reach,
            labels=chosen.labels,
        )
        is_look = form.given("then") != "save" or form.given("looked_at") != digest_of(clause)
        is_late = made_from != view.version and (target.number is not None or bool(target.action) or not is_look)
        if is_look or is_late:
            looked = await _look(principal, sharing, view, target, clause)
            if is_late:
                error = ConflictError(_MEANWHILE)
                return show(view, made_from=view.version, looked=looked, error=error, meanwhile=view.sentences)
            return show(view, made_from=made_from, looked=looked)
        await sharing.save(principal, view.site.id, target.placed(view.answers, clause), made_from=made_from)
    except LenspactError as error:
        return show(view, made_from=made_from, error=error)
    return after(f"/portal/sites/{view.site.id}/sharing", "sharing-saved")


async def _look(principal: Principal, sharing: Sharing, view: SharingView, target: Target, clause: Clause) -> Looked:
    preview = await sharing.preview(principal, view.site.id, target.placed(view.answers, clause))
    return Looked(preview, digest_of(clause), save_word(preview, view.standing))


def choices_of(view: SharingView) -> Choices:
    """What the folded part of the form offers at a site."""
    named = [clause.masks for clause in view.answers.clauses] if view.answers else []
    areas = frozenset(name for name, _label, _cameras in view.areas).union(*named)
    return Choices(view.agencies, view.said.envelope, tuple(sorted(areas)))


def _known(answers: Answers | None, cameras: Sequence[Camera]) -> Clause | None:
    """The clause these cameras have in common, if they have one."""
    found = {answers.of_camera(camera.id, camera.facts.labels)[:1] for camera in cameras} if answers else set()
    return next(iter(found))[0] if len(found) == 1 and next(iter(found)) else None


def values_of_preset(preset: Preset, view: SharingView) -> dict[str, str]:
    """A preset as the form of a place shows it."""
    clause = of_preset(preset, frozenset(), is_home=view.site.people_live_here)
    return values_of(clause, view.site, choices_of(view))


def _form_page(
    request: AnyRequest,
    view: SharingView,
    *,
    target: Target,
    values: Mapping[str, str],
    made_from: int,
    looked: Looked | None = None,
    error: LenspactError | None = None,
    meanwhile: Sequence[str] = (),
) -> Template:
    return page(
        "sharing/answers.html",
        request,
        title=target.title,
        view=view,
        target=target,
        made_from=made_from,
        preview=looked.preview if looked else None,
        effect=effect_of(looked.preview, view) if looked else None,
        looked_at=looked.digest if looked else "",
        save_word=looked.word if looked else "",
        place=values.get("place", ""),
        clocks=_("Clocks at %(zone)s.", zone=view.site.zone),
        meanwhile=meanwhile,
        **questions(view, target.kept, values, error, besides=(*target.fields, "place")),
    )


def questions(
    view: SharingView,
    kept: Clause | None,
    values: Mapping[str, str],
    error: LenspactError | None,
    *,
    besides: Sequence[str] = (),
) -> dict[str, Any]:
    """What the three questions and everything below them need to be shown; `besides`: fields that are no answer."""
    voice, choices = reader_s_voice(), choices_of(view)
    said = {name: value for name, value in values.items() if name not in besides}
    ready = (preset for preset in Preset if said == values_of_preset(preset, view))
    return {
        "presets": [(preset, _(word), _(hint)) for preset, word, hint in PRESETS],
        "chosen": next(ready, ""),
        "radii": [
            (str(radius), distance(radius, voice)) for radius in sorted({*RADII_M, *([kept.radius_m] if kept else [])})
        ],
        "purposes": [(f"purpose_{word}", purpose(word, voice)) for word in PURPOSES],
        "days": [_(day) for day in DAYS],
        "rows": rows_shown(values),
        "roles": [str(role) for role in ROLES],
        "caps": dict(choices.caps),
        "areas": _areas(view, choices),
        "heights": [(str(height), _("%(n)s lines", n=f"{height:,}")) for height in heights_of(values)],
        "folds": _folds(said, view, error),
        "values": values,
        "error": error,
    }


def _areas(view: SharingView, choices: Choices) -> list[tuple[str, str, str]]:
    """Each area that can be chosen: its field, its name, and which cameras have it."""
    drawn = {name: (label, ", ".join(cameras)) for name, label, cameras in view.areas}
    nowhere = _("No camera has it. While you ask for it, nothing is shown live.")
    said = ((name, *drawn.get(name, (name, ""))) for name in choices.areas)
    return [
        (area_field(name), label, _("At %(cameras)s.", cameras=cameras) if cameras else nowhere)
        for name, label, cameras in said
    ]


def _folds(said: Mapping[str, str], view: SharingView, error: LenspactError | None) -> set[str]:
    """Which folded parts stand open: those that say something unusual, and those with a mistake."""
    usual = values_of_preset(DEFAULT_PRESET, view)
    unlike = {name for name in {*said, *usual} if said.get(name, "") != usual.get(name, "")}
    unlike |= set(error.fields if error else ())
    return {fold for fold, names in choices_of(view).folds.items() if not unlike.isdisjoint(names)}
