"""What an owner decided for one site, as a value that cannot be wrong.

`read_policy` reads the content fields of a policy document (the header with its chain, approval and signatures is the
wire's); `Policy.to_document` writes them back. Whatever a rule names is defined in the same document.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from policies import parts
from policies.fields import Fields, PolicyError, unique
from policies.parts import (
    ALWAYS,
    NO_TERMS,
    Agreement,
    Camera,
    Envelope,
    Group,
    Owner,
    Rule,
    Terms,
    Totals,
    Window,
    plain,
)
from policies.vocabulary import Condition, Effect, Tag

__all__ = [
    "CONTENT_FIELDS",
    "Agreement",
    "Camera",
    "Envelope",
    "Group",
    "Owner",
    "Policy",
    "PolicyError",
    "Rule",
    "Terms",
    "Totals",
    "Window",
    "read_policy",
]

# the fields of a policy document that are read here; every other field is header
CONTENT_FIELDS: Final = frozenset(
    {"partner", "agreement", "owners", "hold_s", "cameras", "groups", "tags", "rules", "windows", "terms", "envelope"}
    | {"guardrail", "totals"}
)


@dataclass(frozen=True)
class Policy:
    """Everything the owner decided for one site.

    Attributes:
        partner: whose site this is.
        owners: who may approve a widening by passkey.
        hold_s: how long a widening approved by passkey waits.
        rules: in the owner's order; the first that fits gives the terms.
        guardrail: digest of the ordinance pack that binds this site.
    """

    partner: str
    agreement: Agreement
    owners: tuple[Owner, ...]
    hold_s: int
    cameras: tuple[Camera, ...]
    groups: tuple[Group, ...]
    tags: Mapping[Tag, frozenset[str]]
    rules: tuple[Rule, ...]
    windows: tuple[Window, ...]
    terms: tuple[Terms, ...]
    envelope: Envelope
    guardrail: str
    totals: Totals

    def __post_init__(self) -> None:
        _check_definitions(self)
        for rule in self.rules:
            _check_rule(rule, f"policy.rules.{rule.id}", self)

    @cached_property
    def camera_by_id(self) -> Mapping[str, Camera]:
        """The cameras of this policy."""
        return {camera.id: camera for camera in self.cameras}

    @cached_property
    def window_by_id(self) -> Mapping[str, Window]:
        """The windows of this policy, without `always`."""
        return {window.id: window for window in self.windows}

    @cached_property
    def terms_by_id(self) -> Mapping[str, Terms]:
        """The terms of this policy, without `none`."""
        return {terms.id: terms for terms in self.terms}

    @cached_property
    def members_by_scope(self) -> Mapping[str, frozenset[str]]:
        """Every scope that a rule may name, with its cameras."""
        everything = frozenset(self.camera_by_id)  # `partner` is said once and written into the document of each site
        scopes = {"partner": everything, "site": everything}
        scopes |= {f"camera:{camera}": frozenset({camera}) for camera in self.camera_by_id}
        scopes |= {f"group:{group.id}": group.cameras for group in self.groups}
        return scopes | {f"tag:{tag}": self.tags.get(tag, frozenset()) for tag in Tag}

    def scopes_of(self, camera: str) -> frozenset[str]:
        """Every scope that holds this camera; empty for one that is not in this policy."""
        return frozenset(scope for scope, cameras in self.members_by_scope.items() if camera in cameras)

    def tags_of(self, camera: str) -> frozenset[Tag]:
        """What the owner says this camera looks at."""
        return frozenset(tag for tag, cameras in self.tags.items() if camera in cameras)

    def to_document(self) -> dict[str, object]:
        """The content fields as plain JSON types; `read_policy` reads them back."""
        return {name: plain(getattr(self, name)) for name in sorted(CONTENT_FIELDS)}


def read_policy(document: Mapping[str, object]) -> Policy:
    """The content fields of a policy document, checked; its header fields are not looked at.

    Raises:
        PolicyError: a field is missing, unknown, of a wrong type, or names what is not there.
    """
    fields = Fields({key: document[key] for key in CONTENT_FIELDS if key in document}, "policy")
    return Policy(
        partner=fields.name("partner"),
        agreement=parts.read_agreement(fields.raw("agreement"), fields.at("agreement")),
        owners=fields.items("owners", parts.read_owner, 16),
        hold_s=fields.whole("hold_s", 0, 30 * parts.DAY_S),
        cameras=fields.items("cameras", parts.read_camera),
        groups=fields.items("groups", parts.read_group, 64),
        tags=_read_tags(fields.raw("tags"), fields.at("tags")),
        rules=fields.items("rules", parts.read_rule, parts.MAX_RULES),
        windows=fields.items("windows", parts.read_window, 64),
        terms=fields.items("terms", parts.read_terms, parts.MAX_TERMS),
        envelope=parts.read_envelope(fields.raw("envelope"), fields.at("envelope")),
        guardrail=fields.sha256("guardrail"),
        totals=parts.read_totals(fields.raw("totals"), fields.at("totals")),
    )


def _read_tags(value: object, path: str) -> Mapping[Tag, frozenset[str]]:
    fields = Fields(value, path)
    return fields.done({tag: fields.names(tag) for tag in Tag if tag in fields})


def _check_definitions(policy: Policy) -> None:
    for path, names in (
        ("owners", [owner.credential for owner in policy.owners]),
        ("cameras", [camera.id for camera in policy.cameras]),
        ("groups", [group.id for group in policy.groups]),
        ("rules", [rule.id for rule in policy.rules]),
        ("windows", [ALWAYS, *(window.id for window in policy.windows)]),
        ("terms", [NO_TERMS, *(terms.id for terms in policy.terms)]),
    ):
        unique(names, f"policy.{path}")
    for scope, cameras in policy.members_by_scope.items():
        if not cameras <= policy.camera_by_id.keys():
            raise PolicyError(f"policy.{scope}", "names a camera that is not in this document")
    if policy.envelope.mou != policy.agreement.mou:
        raise PolicyError("policy.envelope.mou", "must be the accepted agreement")


def _check_rule(rule: Rule, path: str, policy: Policy) -> None:
    if rule.scope not in policy.members_by_scope:
        raise PolicyError(f"{path}.scope", "names a camera, group or tag that is not in this document")
    if rule.window != ALWAYS and rule.window not in policy.window_by_id:
        raise PolicyError(f"{path}.window", "names a window that is not in this document")
    if rule.effect is Effect.DENY and (rule.condition, rule.terms) != (Condition.ALWAYS, NO_TERMS):
        raise PolicyError(f"{path}.condition", "a deny holds always and has no terms")
    if rule.effect is Effect.ALLOW and rule.terms not in policy.terms_by_id:
        raise PolicyError(f"{path}.terms", "names terms that are not in this document")
    if rule.from_ms is not None and rule.until_ms is not None and rule.from_ms >= rule.until_ms:
        raise PolicyError(f"{path}.until_ms", "must be later than from_ms")
