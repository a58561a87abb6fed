"""Which cameras an answer is for, as fields: every camera of the place, or some, by name and by the owner's labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.cameras import Camera
from gateway.kernel.phrases import phrase
from gateway.web import Form
from policies.clauses import Clause
from policies.reach import MOST_LABELS, Reach

REACHES: Final = (Reach.NAMED, Reach.SITE)  # what one place offers; all places have a form of their own


@dataclass(frozen=True, slots=True)
class Chosen:
    """The cameras an answer is for, as `Clause` holds them."""

    cameras: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    reach: Reach = Reach.NAMED


def labels_of(cameras: Sequence[Camera], kept: Clause | None = None) -> tuple[str, ...]:
    """The labels to choose among: those that a camera has, and those that the answer names already."""
    own = frozenset[str]().union(*(camera.facts.labels for camera in cameras), kept.labels if kept else ())
    return tuple(sorted(own))


def field_of(label: str) -> str:
    """The field of a label; no label holds what stands for the space."""
    return "label_" + label.replace(" ", "_")


def fields_of_cameras(cameras: Sequence[Camera], kept: Clause | None) -> tuple[str, ...]:
    """Every field that chooses cameras."""
    named = (f"camera_{camera.id}" for camera in cameras)
    return ("reach", *named, *map(field_of, labels_of(cameras, kept)))


def read_cameras(form: Form, cameras: Sequence[Camera], kept: Clause | None) -> Chosen:
    """What a form chose; what is wrong is said at its field."""
    if form.given("reach") not in {"", *REACHES}:
        form.wrong("reach", "Choose one of these.")
    if form.given("reach") == Reach.SITE:
        return Chosen(reach=Reach.SITE)
    named = frozenset(camera.id for camera in cameras if form.is_ticked(f"camera_{camera.id}"))
    labels = frozenset(label for label in labels_of(cameras, kept) if form.is_ticked(field_of(label)))
    if not named and not labels:
        form.wrong("cameras", "Choose at least one camera or label.")
    if len(labels) > MOST_LABELS:
        form.wrong("cameras", phrase("Choose at most %(most)d labels.", most=MOST_LABELS))
    return Chosen(named, labels)


def values_of_cameras(cameras: Sequence[Camera], kept: Clause | None) -> dict[str, str]:
    """What was chosen, as the form shows it; at first every camera there is, by name."""
    if kept is None:
        return {"reach": Reach.NAMED} | {f"camera_{camera.id}": "yes" for camera in cameras}
    ticked = [*(f"camera_{name}" for name in kept.cameras), *map(field_of, kept.labels)]
    return {"reach": kept.reach} | dict.fromkeys(ticked, "yes")
