"""Whom an answer reaches: a label is one word however it was typed, and nothing unnamed comes into a document."""

import dataclasses

import pytest

from policies.clauses import Preset, expand, of_preset, read_clause
from policies.fields import PolicyError
from policies.reach import LABEL_LENGTH, MOST_LABELS, Reach, as_label, is_label, labels_in

CAMERAS = {"cam_1": frozenset({"entrance"}), "cam_2": frozenset({"car park", "entrance"}), "cam_3": frozenset[str]()}
USUAL = of_preset(Preset.OPEN, frozenset({"cam_3"}), is_home=False)


@pytest.mark.parametrize(
    "text",
    ["", " ", "Entrance", "car  park", "-door", "a,b", "a/b", "<b>", "a\u202eb", "x" * (LABEL_LENGTH + 1), "ﬁre"],
)
def test_what_is_no_label(text):
    """Capitals, double spaces, commas, marks of direction, and more than the length are not kept as they are."""
    assert not is_label(text)
    with pytest.raises(PolicyError):
        dataclasses.replace(USUAL, labels=frozenset({text}))


@pytest.mark.parametrize(
    "text", ["entrance", "car park", "aunt zora's", "lift 2", "entrée", "вход", "入口", "back-door"]
)
def test_what_is_a_label(text):
    """Letters and digits of any script, with spaces, hyphens and apostrophes between."""
    assert is_label(text)
    assert as_label(f"  {text.upper()}  ") == text or not text.isascii()


def test_a_line_of_labels_holds_each_once():
    """As it was typed: commas between, capitals and spaces do not make another label."""
    assert labels_in("Entrance, car   PARK,, entrance ,") == ("entrance", "car park")


def test_whom_an_answer_reaches():
    """Those it names and those with one of its labels; every camera where it says so; never one that is left out."""
    labelled = dataclasses.replace(USUAL, labels=frozenset({"car park"}))
    every = dataclasses.replace(USUAL, cameras=frozenset(), reach=Reach.SITE)

    assert USUAL.over(CAMERAS).cameras == {"cam_3"}
    assert labelled.over(CAMERAS).cameras == {"cam_2", "cam_3"}
    assert every.over(CAMERAS).cameras == set(CAMERAS)
    assert dataclasses.replace(every, reach=Reach.PARTNER).over(CAMERAS).cameras == set(CAMERAS)
    for clause in (USUAL, labelled, every):
        without = dataclasses.replace(clause, without=frozenset({"cam_2", "cam_3"})).over(CAMERAS)
        assert not without.cameras & {"cam_2", "cam_3"}
    assert dataclasses.replace(labelled, cameras=frozenset()).over({}).cameras == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": frozenset({"entrance"})},
        {"cameras": frozenset(), "reach": Reach.SITE},
        {"without": frozenset({"cam_1"})},
    ],
)
def test_a_document_is_never_made_of_what_names_no_camera(changes):
    """Whoever forgets to look labels up gets an error, not a document that leaves a no out."""
    with pytest.raises(PolicyError, match="name their cameras first"):
        expand([dataclasses.replace(USUAL, **changes)])


def test_an_answer_for_every_camera_names_none():
    """One written form for one meaning; and a bounded number of labels."""
    for changes in (
        {"reach": Reach.SITE},
        {"reach": Reach.PARTNER, "cameras": frozenset(), "labels": frozenset({"a"})},
    ):
        with pytest.raises(PolicyError, match="names no camera and no label"):
            dataclasses.replace(USUAL, **changes)
    with pytest.raises(PolicyError, match="at most"):
        dataclasses.replace(USUAL, labels=frozenset(f"l{number}" for number in range(MOST_LABELS + 1)))


def test_the_reach_survives_the_written_form_and_is_not_written_where_it_says_nothing():
    """A gateway from before reads every answer it can say; what was stored then reads as it was."""
    for clause in (
        USUAL,
        dataclasses.replace(USUAL, labels=frozenset({"entrance", "car park"})),
        dataclasses.replace(USUAL, cameras=frozenset(), reach=Reach.PARTNER),
    ):
        assert read_clause(clause.to_json(), "clause") == clause
    assert not {"reach", "labels", "without"} & set(USUAL.to_json())  # type: ignore[call-overload]
    for wrong in ({"labels": ["Entrance"]}, {"reach": "everywhere"}, {"without": ["cam_1"]}, {"labels": ["b", "a"]}):
        with pytest.raises(PolicyError, match=next(iter(wrong))):
            read_clause({**USUAL.to_json(), **wrong}, "clause")  # type: ignore[dict-item]
