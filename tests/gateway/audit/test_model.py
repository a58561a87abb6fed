"""Leaves: what is public identifies nobody, what is committed opens by its salt, and nothing exceeds its size."""

import hashlib
from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import Decision, Kind, LeafDraft
from gateway.audit.model import make_leaf
from partner_agent.wire import canonical, leaves
from partner_agent.wire.limits import LEAF_BYTES
from tests.fakes.clock import START

PERSON = "per_" + "0" * 26
CAMERA = "cam_" + "0" * 26
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz_", max_size=5), inner, max_size=4),
    max_leaves=20,
)


def _leaf(draft: LeafDraft):
    names = [*draft.details, *draft.restricted]
    salts = {name: hashlib.sha256(name.encode()).digest()[:16] for name in names}
    return make_leaf(draft, event_id="evt_" + "0" * 26, at=START, origin="o", salts=salts)


@given(VALUES)
def test_leaf_bytes_are_rfc_8785_and_open(value: object):
    """Any detail is committed in the canonical form another implementation writes, and its opening reproduces it."""
    ref = _leaf(LeafDraft(kind=Kind.VIEW_REQUESTED, details={"thing": value}))

    assert rfc8785.dumps(ref.document) == ref.leaf
    assert canonical.encode(value) == rfc8785.dumps(value)
    assert leaves.said(ref.document, ref.openings_json(), "thing") == value


def test_leaf_holds_no_detail():
    """Neither a detail's value nor its salt is in the leaf."""
    draft = LeafDraft(kind=Kind.VIEW_DENIED, details={"camera": "Lobby"}, restricted={"person": PERSON})
    ref = _leaf(draft)

    assert b"Lobby" not in ref.leaf
    assert PERSON.encode() not in ref.leaf
    assert set(ref.document["c"]) == {"camera", "person"}
    assert ref.openings["person"].is_restricted


@pytest.mark.parametrize(("by", "streams"), [(PERSON, {CAMERA, PERSON}), ("system", {CAMERA}), ("", {CAMERA})])
def test_who_did_it_is_for_compliance_and_only_a_person_can_be_looked_up(by: str, streams: set[str]):
    """Everything else of the draft stays as it was."""
    draft = LeafDraft(
        kind=Kind.VIEW_ENDED,
        streams=frozenset({CAMERA}),
        decision=Decision.DENY,
        public={"purpose": "missing_person"},
        details={"unit": "Patrol"},
        restricted={"person": PERSON},
        once="end 1",
    )
    done = draft.done_by(by, named="stopped_by")

    assert done.streams == streams
    assert done.restricted == {"person": PERSON, "stopped_by": by}
    assert replace(done, streams=draft.streams, restricted=draft.restricted) == draft


def test_decision_is_public():
    """How it was decided can be counted by everybody."""
    ref = _leaf(LeafDraft(kind=Kind.VIEW_DENIED, decision=Decision.DENY, public={"purpose": "missing_person"}))

    assert ref.document["public"] == {"decision": "deny", "purpose": "missing_person"}


@pytest.mark.parametrize(
    "value", [PERSON, "x:" + PERSON, "two words", "", "é", "x" * 65, None, [PERSON], [["a"]], [None], {"a": 1}]
)
def test_public_words_identify_nobody(value: object):
    """An id of a person, place or camera, or free text, is refused as a public word."""
    with pytest.raises(ValueError, match="public field"):
        LeafDraft(kind=Kind.VIEW_REQUESTED, public={"who": value})


def test_field_is_in_one_place():
    """A field is public, a detail or restricted."""
    with pytest.raises(ValueError, match="only one"):
        LeafDraft(kind=Kind.VIEW_REQUESTED, public={"a": 1}, details={"a": 1})
    with pytest.raises(ValueError, match="only one"):
        LeafDraft(kind=Kind.VIEW_REQUESTED, details={"a": 1}, restricted={"a": 1})


@pytest.mark.parametrize("name", ["", "A", "a b", "a-b", "é", "a" * 41])
def test_field_names_are_plain(name: str):
    """Field names are lower-case words."""
    with pytest.raises(ValueError, match="field name"):
        LeafDraft(kind=Kind.VIEW_REQUESTED, details={name: 1})
    with pytest.raises(ValueError, match="field name"):
        LeafDraft(kind=Kind.VIEW_REQUESTED, public={name: 1})


def test_streams_are_ids():
    """A stream key is an id, so that it cannot carry a name."""
    with pytest.raises(ValueError, match="stream"):
        LeafDraft(kind=Kind.VIEW_REQUESTED, streams=frozenset({"Lobby camera"}))


def test_leaf_over_the_limit_is_refused():
    """A leaf larger than 8 KiB is a programming error, not a truncated record."""
    with pytest.raises(ValueError, match=str(LEAF_BYTES)):
        _leaf(LeafDraft(kind=Kind.VIEW_REQUESTED, details={f"field_{i}": i for i in range(200)}))
