"""A city's ordinance as a pack of denials and limits, pinned by its digest in every policy document.

A pack can only forbid and cut: there is no effect but deny, so nothing in it, and no owner's rule, can widen. Its
digest is the SHA-256 of its sorted, compact JSON, which equals the canonical form for the values a pack may hold.
`policies.strictness` compares two packs, and says what every pack must forbid unless it cites what allows it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policies.fields import Fields, PolicyError, as_word, unique
from policies.matcher import Row
from policies.matching import ANY
from policies.parts import MAX_CLIP_S, MAX_LINES, MAX_LOOK_BACK_S, MAX_SESSION_S
from policies.vocabulary import Act, Default, GuardCondition, Purpose, Rank, Tag, Technology, Who

SENTINEL: Final = "sentinel"  # a rule that every pack holds, so that no pack is empty
MAX_AGE_S: Final = 90 * 24 * 3600
MAX_REPORT_DAYS: Final = 90
CITE_LENGTH: Final = 400
SOURCE_LENGTH: Final = 1000
_ROLE: Final = re.compile(r"role:[a-z_]{1,40}")
_OPENED_BEFORE: Final = re.compile(r"opened_before:([1-9][0-9]{0,7})")


@dataclass(frozen=True, slots=True)
class GuardRule:
    """One denial.

    Attributes:
        scope: `any` or `tag:…`.
        purposes: words, or `{"any"}`; so are `technologies`.
        condition: a word of `GuardCondition`, or `opened_before:<seconds>`.
        who: `any`, `role:…` or `on_behalf`.
    """

    id: str
    scope: str
    acts: frozenset[Act]
    purposes: frozenset[str]
    technologies: frozenset[str]
    condition: str
    cite: str
    who: str = Who.ANY


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """What the ordinance cuts and obliges to, whatever an owner gives.

    Attributes:
        after_action_days: 0: no day is named.
        second_person: the rank that whoever confirms as the second person must have; None: whoever the agency names.
    """

    session_s: int
    clip_s: int
    look_back_s: int
    height_lines: int
    watermark: bool
    record_reason: bool
    after_action: bool
    after_action_days: int = 0
    second_person: Rank | None = None


@dataclass(frozen=True, slots=True)
class GuardException:
    """What every pack forbids and this one does not, with the ordinance that allows it."""

    of: Default
    cite: str


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One ordinance pack.

    Attributes:
        source: the published rule it is, or is modelled on, and how far; may be empty for a pack written elsewhere.
    """

    id: str
    jurisdiction: str
    title: str
    rules: tuple[GuardRule, ...]
    limits: GuardLimits
    digest: str
    source: str = ""
    exceptions: tuple[GuardException, ...] = ()

    def rows(self) -> tuple[Row, ...]:
        """The rules as the model's rows."""
        return tuple(
            (
                rule.id,
                f"jurisdiction:{self.jurisdiction}",
                rule.scope,
                rule.who,
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
        source=fields.text("source", SOURCE_LENGTH) if "source" in fields else "",
        exceptions=fields.items("exceptions", _exception) if "exceptions" in fields else (),
    )
    unique([rule.id for rule in pack.rules], "pack.rules")
    if SENTINEL not in {rule.id for rule in pack.rules}:
        raise PolicyError("pack.rules", f"needs a rule {SENTINEL!r}, so that a pack is never empty")
    return fields.done(pack)


def age_s(condition: str) -> int | None:
    """The seconds of `opened_before:<seconds>`; None for every other condition."""
    found = _OPENED_BEFORE.fullmatch(condition)
    return int(found[1]) if found else None


def _rule(value: object, path: str) -> GuardRule:
    fields = Fields(value, path)
    rule = GuardRule(
        id=fields.name("id"),
        scope=_scope(fields.text("scope"), fields.at("scope")),
        acts=fields.words("acts", Act),
        purposes=frozenset(fields.ordered("purposes", lambda item, at: _or_any(item, at, Purpose))),
        technologies=frozenset(fields.ordered("technologies", lambda item, at: _or_any(item, at, Technology))),
        condition=_condition(fields.raw("condition"), fields.at("condition")),
        cite=_cited(fields),
        who=_who(fields.text("who"), fields.at("who")) if "who" in fields else str(Who.ANY),
    )
    if not (rule.acts and rule.purposes and rule.technologies):
        raise PolicyError(path, "needs at least one act, purpose and technology")
    return fields.done(rule)


def _cited(fields: Fields) -> str:
    cite = fields.text("cite", CITE_LENGTH)
    if not cite.strip():
        raise PolicyError(fields.at("cite"), "must name the section it is from")
    return cite


def _exception(value: object, path: str) -> GuardException:
    fields = Fields(value, path)
    return fields.done(GuardException(fields.word("of", Default), _cited(fields)))


def _condition(value: object, path: str) -> str:
    if isinstance(value, str):
        seconds = age_s(value)
        if seconds is not None and seconds <= MAX_AGE_S:
            return value
        if value in set(GuardCondition) - {GuardCondition.OPENED_BEFORE}:
            return GuardCondition(value)
    words = ", ".join(GuardCondition)
    raise PolicyError(path, f"must be one of {words}, the last with its seconds up to {MAX_AGE_S}")


def _who(text: str, path: str) -> str:
    if text in set(Who) or _ROLE.fullmatch(text):
        return text
    raise PolicyError(path, "must be any, on_behalf or role:<role>")


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
            after_action_days=fields.whole("after_action_days", 1, MAX_REPORT_DAYS)
            if "after_action_days" in fields
            else 0,
            second_person=fields.word("second_person", Rank) if "second_person" in fields else None,
        )
    )
