"""Policy documents: closed, bounded, and exactly one place in the chain."""

from datetime import timedelta

import pytest

from partner_agent.wire import documents
from partner_agent.wire.documents import DocumentError, Position
from tests.fakes.clock import START
from tests.support.documents import CONTENT, LINEAGE, document

FIRST = document(Position.nothing(LINEAGE))


def test_a_document_survives_the_wire():
    """Parsing what was built gives the same digest."""
    assert documents.parse(dict(FIRST.raw)) == FIRST


@pytest.mark.parametrize(
    "changed",
    [
        {"more": 1},
        {"v": 2},
        {"v": True},
        {"seq": 0},
        {"seq": "1"},
        {"lineage": "A" * 32},
        {"lineage": "ab"},
        {"parent_sha256": "x" * 64},
        {"created_at": "2026-11-23T15:00:00"},
        {"approve_by": "2026-11-25T15:00:00Z"},
        {"hold_s": -1},
        {"cameras": [1.5]},
        {"agreement": "x" * documents.DOCUMENT_BYTES},
    ],
    ids=str,
)
def test_a_malformed_document_is_refused(changed: dict[str, object]):
    """Foreign fields, other types, open times, a far deadline and size are each refused."""
    with pytest.raises(DocumentError):
        documents.parse({**FIRST.raw, **changed})


@pytest.mark.parametrize("field", sorted(documents.FIELDS))
def test_no_field_may_be_missing(field: str):
    """The document is closed."""
    with pytest.raises(DocumentError):
        documents.parse({k: v for k, v in FIRST.raw.items() if k != field})


def test_only_the_next_document_follows():
    """Lineage, number and parent must all be right."""
    second = document(FIRST.position)

    assert second.follows(FIRST.position)
    assert not second.follows(Position.nothing(LINEAGE))
    assert not second.follows(Position("f" * 32, FIRST.seq, FIRST.sha256))
    assert not document(Position(LINEAGE, 5, FIRST.sha256)).follows(FIRST.position)
    assert not document(Position(LINEAGE, 1, "a" * 64)).follows(FIRST.position)


def test_a_narrowing_waits_for_nobody():
    """approve_by may be absent, and then there is nothing to run out."""
    made = documents.build(
        gateway="gw",
        site="sit_1",
        agent="agt_1",
        base=FIRST.position,
        created_at=START + timedelta(hours=1),
        approve_by=None,
        content=CONTENT,
    )

    assert made.approve_by is None
