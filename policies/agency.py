"""What an agency lets its own people do: rules by role, act and assurance of sign-in."""

from collections.abc import Mapping
from dataclasses import dataclass

from policies.fields import Fields, PolicyError, as_word, unique
from policies.matcher import Row
from policies.matching import ANY
from policies.vocabulary import Act, Duty, Effect, Purpose


@dataclass(frozen=True, slots=True)
class AgencyRule:
    """One sentence: people of `agency` (or `any`) with `role` may or may not do these acts and duties.

    Attributes:
        assurance: for an allow, the least assurance of sign-in: 1 password, 2 two factors, 3 passkey.
        purposes: words, or `{"any"}`.
    """

    id: str
    agency: str
    role: str
    acts: frozenset[Act | Duty]
    assurance: int
    effect: Effect
    purposes: frozenset[str] = frozenset({ANY})


def read_agency_rules(document: Mapping[str, object]) -> tuple[AgencyRule, ...]:
    """The rules of an agency pack, checked.

    Raises:
        PolicyError: a field is missing, unknown or of a wrong type, or there is no rule.
    """
    fields = Fields(document, "agency")
    fields.whole("v", 1, 1)
    fields.text("title")
    rules = fields.items("rules", _rule)
    unique([rule.id for rule in rules], "agency.rules")
    if not rules:
        raise PolicyError("agency.rules", "needs at least one rule")
    return fields.done(rules)


def rows(rules: tuple[AgencyRule, ...]) -> tuple[Row, ...]:
    """The rules as the model's rows."""
    return tuple(
        (
            rule.id,
            f"agency:{rule.agency}",
            f"role:{rule.role}",
            "|".join(sorted(rule.acts)),
            "|".join(sorted(rule.purposes)),
            f"assurance:{rule.assurance}",
            str(rule.effect),
        )
        for rule in rules
    )


def _act(value: object, path: str) -> Act | Duty:
    return Duty(value) if isinstance(value, str) and value in set(Duty) else as_word(value, path, Act)


def _rule(value: object, path: str) -> AgencyRule:
    fields = Fields(value, path)
    rule = AgencyRule(
        id=fields.name("id"),
        agency=fields.name("agency"),
        role=fields.name("role"),
        acts=frozenset(fields.ordered("acts", _act)),
        assurance=fields.whole("assurance", 0, 3),
        effect=fields.word("effect", Effect),
        purposes=frozenset(fields.words("purposes", Purpose)) if "purposes" in fields else frozenset({ANY}),
    )
    if not rule.acts or not rule.purposes:
        raise PolicyError(path, "needs at least one act and one purpose")
    if rule.effect is Effect.DENY and rule.assurance:
        raise PolicyError(fields.at("assurance"), "must be 0: a deny holds however somebody signed in")
    return fields.done(rule)
