"""A grant carries every obligation the site derives, at least as strictly, and none that the site does not know."""

import pytest

from policies.obligations import to_json, unmet
from policies.vocabulary import Obligation

DERIVED = {
    Obligation.WATERMARK: True,
    Obligation.NOTIFY: "now",
    Obligation.MASKS: ("a", "b"),
    Obligation.MAX_SECONDS: 300,
}
CARRIED = to_json(DERIVED)

WEAKER = {
    "nothing": ({}, "watermark"),
    "no watermark": ({"watermark": None}, "watermark"),
    "false watermark": ({"watermark": False}, "watermark"),
    "told later": ({"notify": "digest"}, "notify"),
    "told never": ({"notify": "never"}, "notify"),
    "told 1": ({"notify": 1}, "notify"),
    "one mask less": ({"masks": ["a"]}, "masks"),
    "masks as text": ({"masks": "ab"}, "masks"),
    "masks as numbers": ({"masks": [1, 2]}, "masks"),
    "longer": ({"max_s": 301}, "max_s"),
    "endless": ({"max_s": True}, "max_s"),
    "negative": ({"max_s": -1}, "max_s"),
    "unknown": ({"dance": True}, "dance"),
}


@pytest.mark.parametrize("name", WEAKER)
def test_weaker_or_unknown_is_named(name):
    """What is missing, weaker, malformed or unknown is the answer."""
    changes, unmet_one = WEAKER[name]
    carried = {} if name == "nothing" else {**CARRIED, **changes}

    assert unmet(DERIVED, carried) == unmet_one


def test_an_unknown_obligation_of_our_own_is_unmet():
    """An older side that derives something it cannot name refuses."""
    assert unmet({"dance": True}, CARRIED) == "dance"  # type: ignore[dict-item]
    assert unmet({Obligation.MAX_HEIGHT: "tall"}, {"max_height_lines": 5}) == "max_height_lines"


def test_the_same_or_stricter_is_enough():
    """Equal, shorter, more masks, more flags."""
    assert unmet(DERIVED, CARRIED) == ""
    stricter = {**CARRIED, "max_s": 10, "masks": ["a", "b", "c"], "after_action": True}
    assert unmet(DERIVED, stricter) == ""
    assert unmet({Obligation.NOTIFY: "digest"}, {"notify": "now"}) == ""
