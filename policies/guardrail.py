"""A city's ordinance as a pack of denials and limits, pinned by its digest in every policy document.

A pack can only forbid and cut: there is no effect but deny, so nothing in it, and no owner's rule, can widen. Its
digest is the SHA-256 of its sorted, compact JSON, which equals the canonical form for the values a pack may hold.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policies.fields import Fields, PolicyError, as_word, unique
from policies.matcher import Row
from policies.matching import ANY
from policies.parts import MAX_CLIP_S, MAX_LINES, MAX_LOOK_BACK_S, MAX_SESSION_S
from policies.vocabulary import Act, GuardCondition, Purpose, Tag, Technology

SENTINEL: Final = "sentinel"  # a rule that every pack holds, so that no pack is empty


@dataclass(frozen=True, slots=True)
class GuardRule:
    """One denial. `purposes` and `technologies` may be `{"any"}`; `scope` is `any` or `tag:…`."""

    id: str
    scope: str
    acts: frozenset[Act]
    purposes: frozenset[str]
    technologies: frozenset[str]
    condition: GuardCondition
    cite: str


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """What the ordinance cuts and obliges to, whatever an owner gives."""

    session_s: int
    clip_s: int
    look_back_s: int
    height_lines: int
    watermark: bool
    record_reason: bool
    after_action: bool


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One ordinance pack."""

    id: str
    jurisdiction: str
    title: str
    rules: tuple[GuardRule, ...]
    limits: GuardLimits
    digest: str

    def rows(self) -> tuple[Row, ...]:
        """The rules as the model's rows."""
        return tuple(
            (
                rule.id,
                f"jurisdiction:{self.jurisdiction}",
                rule.scope,
                "|".join(sorted(rule.acts)),
                "|".join(sorted(rule.purposes)),
                "|".join(sorted(rule.technologies)),
                rule.condition,
                "deny",
            )
            for rule in self.rules
        )


def digest(document: object) -> str:
    """Hex SHA-256 of the sorted, compact JSON of a pack."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_guardrail(document: Mapping[str, object]) -> Guardrail:
    """An ordinance pack, checked.

    Raises:
        PolicyError: a field is missing, unknown or of a wrong type, or the sentinel rule is not there.
    """
    fields = Fields(document, "pack")
    fields.whole("v", 1, 1)
    pack = Guardrail(
        id=fields.name("id"),
        jurisdiction=fields.name("jurisdiction"),
        title=fields.text("title"),
        rules=fields.items("rules", _rule),
        limits=_limits(fields.raw("limits"), fields.at("limits")),
        digest=digest(document),
    )
    unique([rule.id for rule in pack.rules], "pack.rules")
    if SENTINEL not in {rule.id for rule in pack.rules}:
        raise PolicyError("pack.rules", f"needs a rule {SENTINEL!r}, so that a pack is never empty")
    return fields.done(pack)


def _rule(value: object, path: str) -> GuardRule:
    fields = Fields(value, path)
    rule = GuardRule(
        id=fields.name("id"),
        scope=_scope(fields.text("scope"), fields.at("scope")),
        acts=fields.words("acts", Act),
        purposes=frozenset(fields.ordered("purposes", lambda item, at: _or_any(item, at, Purpose))),
        technologies=frozenset(fields.ordered("technologies", lambda item, at: _or_any(item, at, Technology))),
        condition=fields.word("condition", GuardCondition),
        cite=fields.text("cite", 400),
    )
    if not (rule.acts and rule.purposes and rule.technologies):
        raise PolicyError(path, "needs at least one act, purpose and technology")
    return fields.done(rule)


def _scope(text: str, path: str) -> str:
    kind, _, name = text.partition(":")
    if text == ANY or (kind == "tag" and as_word(name, path, Tag)):
        return text
    raise PolicyError(path, "must be any or tag:<tag>")


def _or_any(value: object, path: str, words: type[Purpose] | type[Technology]) -> str:
    return ANY if value == ANY else str(as_word(value, path, words))


def _limits(value: object, path: str) -> GuardLimits:
    fields = Fields(value, path)
    return fields.done(
        GuardLimits(
            session_s=fields.whole("session_s", 0, MAX_SESSION_S),
            clip_s=fields.whole("clip_s", 0, MAX_CLIP_S),
            look_back_s=fields.whole("look_back_s", 0, MAX_LOOK_BACK_S),
            height_lines=fields.whole("height_lines", 0, MAX_LINES),
            watermark=fields.flag("watermark"),
            record_reason=fields.flag("record_reason"),
            after_action=fields.flag("after_action"),
        )
    )
