"""A document is read strictly, and what is read is written back the same."""

import copy
import dataclasses

import pytest

from partner_agent.wire import canonical
from policies import vocabulary
from policies.model import CONTENT_FIELDS, PolicyError, read_policy
from policies.parts import Owner
from policies.vocabulary import Act, OwnerRole, Tag
from tests.policies.build import camera, deny, policy, rule

HELD = policy(
    rule("a", window="office", condition="near:300", from_ms=1, until_ms=2),
    deny("b", scope="group:yard"),
    rule("c", scope="tag:residential", condition="panic"),
    owners=(Owner("credential", "key", is_suspended=True),),
    tags={Tag.RESIDENTIAL: frozenset({"cam_1"})},
)
DOCUMENT = HELD.to_document()


def test_a_document_reads_back_as_the_same_policy():
    """Every field survives; the written form is canonical JSON and stable."""
    assert set(DOCUMENT) == CONTENT_FIELDS
    assert read_policy(DOCUMENT) == HELD
    assert read_policy(canonical.decode_object(canonical.encode(DOCUMENT))).to_document() == DOCUMENT


def test_a_role_is_written_only_where_it_is_not_an_owners():
    """Documents without such passkeys keep their bytes, and an older site refuses the others."""
    first, second = Owner("a", "k", is_suspended=False), Owner("b", "k", is_suspended=False, role=OwnerRole.ANSWERS)
    document = dataclasses.replace(HELD, owners=(first, second)).to_document()

    written = [{"credential": "a", "public_key": "k", "is_suspended": False},
               {"credential": "b", "public_key": "k", "is_suspended": False, "role": "answers"}]  # fmt: skip
    assert document["owners"] == written
    assert read_policy(document).owners == (first, second)


def test_header_fields_are_not_looked_at():
    """The chain, the approval and the signatures are the wire's."""
    assert read_policy({**DOCUMENT, "seq": 7, "lineage": "x"}) == HELD


def changed(path: str, value: object) -> dict[str, object]:
    """The document with one place changed; `value` DELETE removes it."""
    document = copy.deepcopy(DOCUMENT)
    *steps, last = path.split(".")
    place = document
    for step in steps:
        place = place[int(step) if step.isdigit() else step]  # type: ignore[index,assignment]
    if value is DELETE:
        del place[last]
    else:
        place[int(last) if last.isdigit() else last] = value  # type: ignore[index]
    return document


DELETE = object()
BAD = [
    ("partner", DELETE), ("partner", "Org 1"), ("partner", 3),
    ("agreement", "mou"), ("agreement.sha256", "xyz"), ("agreement.more", 1), ("agreement.mou", "another"),
    ("owners", "nobody"), ("owners.0.credential", "x" * 513), ("owners.0.is_suspended", 1), ("owners.0.more", 1),
    ("owners.0.role", "owner"), ("owners.0.role", "manager"), ("owners.0.role", None),
    ("owners", [DOCUMENT["owners"][0]] * 2),  # type: ignore[index]
    ("hold_s", -1), ("hold_s", True), ("hold_s", 1.5),
    ("cameras", {}), ("cameras.0.id", "Cam"), ("cameras.0.lat_e6", 90_000_001), ("cameras.0.lon_e6", "x"),
    ("cameras.0.name", "Front door"), ("cameras.1.id", "cam_1"), ("cameras", [{}] * 257),
    ("groups.0.cameras", ["cam_9"]), ("groups.0.cameras", ["cam_2", "cam_2"]), ("groups.0.id", ""),
    ("groups.0.cameras", ["cam_2", "cam_1"]),
    ("tags.moonlight", []), ("tags.residential", ["cam_9"]), ("tags", []),
    ("rules.0.id", "b"), ("rules.0.effect", "Allow"), ("rules.0.effect", 1), ("rules.0.grantee", "agency:"),
    ("rules.0.grantee", "anybody"), ("rules.0.scope", "camera:cam_9"), ("rules.0.scope", "group:none"),
    ("rules.0.scope", "tag:moonlight"), ("rules.0.acts", []), ("rules.0.acts", ["live.view", "live.audio"]),
    ("rules.0.acts", ["live.view", "live.view"]), ("rules.0.acts", ["fly"]), ("rules.0.purposes", []),
    ("rules.0.purposes", ["curiosity"]), ("rules.0.window", "nights"), ("rules.0.condition", "near"),
    ("rules.0.condition", "near:0"), ("rules.0.condition", "near:050"), ("rules.0.condition", "near:50001"),
    ("rules.0.condition", "near:1e3"), ("rules.0.condition", "always:1"), ("rules.0.condition", 3),
    ("rules.0.origins", ["rumour"]), ("rules.0.is_moving", "no"), ("rules.0.from_ms", 2), ("rules.0.until_ms", -1),
    ("rules.0.terms", "none"), ("rules.0.terms", "x"), ("rules.1.condition", "ask"), ("rules.1.terms", "t"),
    ("rules.0.note", "hello"), ("rules", [DOCUMENT["rules"][0]] * 257),  # type: ignore[index]
    ("windows.0.zone", "America/Nowhere"), ("windows.0.spans", []), ("windows.0.spans", [[5, 5]]),
    ("windows.0.spans", [[0, 10_081]]), ("windows.0.spans", [[10, 20], [5, 7]]), ("windows.0.spans", [[0, 5], [5, 9]]),
    ("windows.0.spans", [[False, True]]), ("windows.0.spans", [[1, 2, 3]]), ("windows.0.spans", "all"),
    ("windows.0.id", "always"), ("terms.0.id", "none"), ("terms.0.session_s", 43_201), ("terms.0.around_s", -1),
    ("terms.0.notify", "never"), ("terms.0.masks", [1]), ("terms.0.watermark", None), ("terms.0.height_lines", 9_999),
    ("envelope.mou", "mou-2"), ("envelope.agencies", "age_1"), ("envelope.acts", ["fly"]), ("envelope.from_ms", None),
    ("guardrail", "0" * 63), ("guardrail", "A" * 64), ("totals.views_at_once", 257), ("totals.more", 1),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), BAD, ids=[f"{path}={str(value)[:20]}" for path, value in BAD])
def test_whatever_does_not_fit_is_refused(path, value):
    """Missing, unknown, mistyped, unsorted, doubled or dangling: refused, and the field is named."""
    with pytest.raises(PolicyError) as error:
        read_policy(changed(path, value))
    assert str(error.value).startswith("policy")
    assert error.value.sentence


def test_scopes_and_tags_of_a_camera():
    """A camera stands in the site, itself, its groups and its tags; a foreign one in nothing."""
    assert HELD.scopes_of("cam_1") == {"partner", "site", "camera:cam_1", "tag:residential"}
    assert HELD.scopes_of("cam_2") == {"partner", "site", "camera:cam_2", "group:yard"}
    assert HELD.scopes_of("cam_9") == frozenset()
    assert HELD.tags_of("cam_1") == {Tag.RESIDENTIAL}
    assert camera().place.lat_e6 == 41_880_000


def test_no_act_contains_another():
    """A matcher that compared by substring instead of by set would otherwise go unnoticed."""
    for one in Act:
        assert [other for other in Act if one in other] == [one]


def test_every_incident_kind_is_a_ground_for_something():
    """Opening an incident proposes a purpose; the forbidden ones are nobody's ground."""
    for kind in vocabulary.IncidentKind:
        purposes = vocabulary.PURPOSES_OF_KIND[kind]
        assert purposes
        assert not {"immigration", "protest_monitoring", "health_care_seeking"} & set(purposes)
