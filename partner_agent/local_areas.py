"""Areas on the owner's page of this machine: the list, the form, and one area as the subject of an act."""

from collections.abc import Mapping
from html import escape
from typing import Final

from partner_agent.areas import WHOLE, Area, Point, box
from partner_agent.language import _
from partner_agent.ports import CameraInfo
from partner_agent.site import ActError, View

_SIDES: Final = ("left", "top", "right", "bottom")
_EDGES: Final = {"left": "Left edge", "top": "Top edge", "right": "Right edge", "bottom": "Bottom edge"}
_A_PERCENT: Final = WHOLE // 100
_BETWEEN: Final = "|"


def subject_of(form: Mapping[str, str]) -> str:
    """What the form drew, in one line that the code in the terminal stands for."""
    label = form.get("label", "").replace(_BETWEEN, " ").strip()
    return _BETWEEN.join([form.get("subject", ""), label, *(form.get(side, "").strip() for side in _SIDES)])


def read(subject: str) -> tuple[str, str, tuple[Point, ...]]:
    """Camera, label and corners of a subject.

    Raises:
        ActError: it is none.
    """
    parts = subject.split(_BETWEEN)
    try:
        camera, label, *sides = parts
        left, top, right, bottom = (round(float(side) * _A_PERCENT) for side in sides)
    except (ValueError, OverflowError) as error:
        raise ActError("Give four numbers, 0 to 100 percent.") from error
    if left >= right or top >= bottom:
        raise ActError("The right edge lies right of the left one, the bottom edge below the top one.")
    return camera, label, box(left, top, right, bottom)


def named(subject: str) -> tuple[str, str]:
    """Camera and name of an area that is there."""
    camera, _between, name = subject.partition(_BETWEEN)
    return camera, name


def said(subject: str, view: View) -> str:
    """What is about to be drawn, in words."""
    camera, label, *sides = [*subject.split(_BETWEEN), "", ""]
    name = next((info.label for info in view.cameras if info.id == camera), camera)
    facts = {_("Camera"): name, _("Area"): label}
    facts |= {_(_EDGES[side]): f"{value} %" for side, value in zip(_SIDES, sides, strict=False)}
    return f"<dl>{''.join(f'<dt>{escape(what)}</dt><dd>{escape(value)}</dd>' for what, value in facts.items())}</dl>"


def section(view: View) -> str:
    """Every camera's areas, and the form for one more."""
    text = _(
        "A rule may ask that areas are black. Only areas drawn here can be; a view that asks for another one is not "
        "shown. Black areas cost this machine work: every picture is made anew."
    )
    cards = "".join(_camera(camera, view.masks.get(camera.id, ())) for camera in view.cameras)
    return f'<section class="card"><h2>{_("Black areas")}</h2><p>{text}</p>{cards}</section>'


def _camera(camera: CameraInfo, areas: tuple[Area, ...]) -> str:
    rows = "".join(f"<li>{escape(area.label)}: {_extent(area)} {_remove(camera, area)}</li>" for area in areas)
    listed = f"<ul>{rows}</ul>" if rows else f'<p class="soft">{_("No areas.")}</p>'
    name = escape(camera.id)
    fields = _field(name, "label", _("Name of the area"), "text") + "".join(
        _field(name, side, _(_EDGES[side]) + " (%)", "number") for side in _SIDES
    )
    button = f"<p><button>{_('Draw…')}</button></p>"
    return (
        f"<h3>{escape(camera.label)}</h3>{listed}<details><summary>"
        f"{escape(_('Draw an area of %(camera)s', camera=camera.label))}</summary>"
        f'<form method="post" action="/begin"><input type="hidden" name="act" value="area">'
        f'<input type="hidden" name="subject" value="{name}">{fields}{button}</form></details>'
    )


def _field(camera: str, name: str, label: str, kind: str) -> str:
    bounds = ' min="0" max="100" step="0.1"' if kind == "number" else ' maxlength="40"'
    at = f"{camera}-{name}"
    said = f'<label for="{at}">{escape(label)}</label>'
    return f'<p>{said}<input id="{at}" name="{name}" type="{kind}" required{bounds}></p>'


def _extent(area: Area) -> str:
    """The smallest rectangle around it, in percent."""
    across, down = [x for x, _y in area.points], [y for _x, y in area.points]
    sides = [f"{value / _A_PERCENT:g}" for value in (min(across), min(down), max(across), max(down))]
    text = _("%(left)s to %(right)s %% across, %(top)s to %(bottom)s %% down", **dict(zip(_SIDES, sides, strict=True)))
    return escape(text)


def _remove(camera: CameraInfo, area: Area) -> str:
    subject = escape(f"{camera.id}{_BETWEEN}{area.id}")
    text = escape(_("Remove %(area)s", area=area.label))
    return (
        f'<form method="post" action="/begin"><input type="hidden" name="act" value="area_remove">'
        f'<input type="hidden" name="subject" value="{subject}"><button>{text}</button></form>'
    )
