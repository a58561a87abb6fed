"""Model files, read and compiled: each Casbin model becomes one Python function of a request and a rule.

A model has exactly one definition per section. Its matcher is a conjunction in a closed list of syntax: names of ours,
predicates of `policies.matching`, comparisons, and `in` for a rule's word among the words of a request. The model files
are the only text that is ever compiled; rules are data.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from policies import matching, models
from policies.matching import Head, Names

Row = tuple[str, ...]
Read = tuple[Any, ...]  # a row with its fields read
ALLOW_AND_NO_DENY: Final = "some(where (p.eft == allow)) && !some(where (p.eft == deny))"
NOTHING: Final[Names] = {}  # for models whose rules name nothing of a document
NO_DENY: Final = "!some(where (p.eft == deny))"

_SECTIONS: Final = {"request_definition": "r", "policy_definition": "p", "policy_effect": "e", "matchers": "m"}
_SYNTAX: Final = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Compare, ast.Eq, ast.NotEq, ast.In, ast.Call,
    ast.Name, ast.Load, ast.Constant,
)  # fmt: skip


class ModelError(ValueError):
    """A model file says something that we do not accept."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model file: request tokens, rule tokens, effect and matcher."""

    request: tuple[str, ...]
    policy: tuple[str, ...]
    effect: str
    matcher: str


def read_model(text: str) -> Model:
    """The model of a `.conf` text.

    Raises:
        ModelError: a section is missing, doubled, numbered (`e2`: Casbin ignores it) or unknown.
    """
    found: dict[str, str] = {}
    section = ""
    for line in (raw.strip() for raw in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            continue
        key, _, value = (part.strip() for part in line.partition("="))
        if "#" in value or _SECTIONS.get(section) != key or key in found:
            raise ModelError(f"unexpected line in [{section}]: {line}")
        found[key] = value
    if set(found) != set(_SECTIONS.values()):
        raise ModelError(f"a model needs exactly the sections {', '.join(_SECTIONS)}")
    if found["e"] not in {ALLOW_AND_NO_DENY, NO_DENY}:
        raise ModelError(f"unknown effect: {found['e']}")
    tokens = {key: tuple(item.strip() for item in found[key].split(",")) for key in "rp"}
    if tokens["p"][-1] != "eft":
        raise ModelError("the last rule field must be eft")
    return Model(tokens["r"], tokens["p"], found["e"], found["m"])


def checked_tree(expression: str, names: set[str]) -> ast.Expression:
    """The syntax tree of a matcher in Python's words, every node of it on the closed list.

    Args:
        expression: with `&&`, `||`, `!`, and tokens written `r_sub`, `p_act`.
        names: the tokens it may use.

    Raises:
        ModelError: it uses other syntax, an unknown function or an unknown token.
    """
    text = re.sub(r"!(?!=)", " not ", expression.replace("&&", " and ").replace("||", " or "))
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise ModelError(f"not a matcher: {expression}") from error
    functions = set()
    for node in ast.walk(tree):
        if not isinstance(node, _SYNTAX):
            raise ModelError(f"{type(node).__name__} may not stand in a matcher")
        if isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name) or node.func.id not in matching.FUNCTIONS or node.keywords:
                raise ModelError(f"unknown function in a matcher: {ast.unparse(node)}")
            functions.add(node.func)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In) and not _is_request(node.comparators):
            raise ModelError(f"`in` looks among the words of the request only, never into text: {ast.unparse(node)}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node not in functions and node.id not in names:
            raise ModelError(f"unknown token in a matcher: {node.id}")
    return tree


def _is_request(nodes: Sequence[ast.expr]) -> bool:
    return len(nodes) == 1 and isinstance(nodes[0], ast.Name) and nodes[0].id.startswith("r_")


def compile_matcher(model: Model) -> "Matcher":
    """The matcher as one function, which also tells how far a rule came.

    Raises:
        ModelError: as `checked_tree`.
    """
    slots = {f"r_{token}": ("head", index) for index, token in enumerate(model.request)}
    slots |= {f"p_{token}": ("row", index) for index, token in enumerate(model.policy)}
    body = checked_tree(re.sub(r"\b([rp])\.", r"\1_", model.matcher), set(slots)).body
    terms = body.values if isinstance(body, ast.BoolOp) and isinstance(body.op, ast.And) else [body]
    fields = tuple(_field(term) for term in terms)
    chain: ast.expr = ast.Constant(len(terms))
    for index, term in reversed(list(enumerate(terms))):
        chain = ast.IfExp(test=_Slots(slots).visit(term), body=chain, orelse=ast.Constant(index))
    arguments = ast.arguments([], [ast.arg("head"), ast.arg("row")], None, [], [], None, [])
    function = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, chain)))
    passed: Callable[[Head, Read], int] = eval(compile(function, "<matcher>", "eval"), environment())  # noqa: S307  our own model file, closed syntax
    return Matcher(passed, fields)


def _field(term: ast.expr) -> str:
    """The first rule field that a term looks at."""
    fields = [node.id for node in ast.walk(term) if isinstance(node, ast.Name) and node.id.startswith("p_")]
    return fields[0].removeprefix("p_") if fields else ""


@dataclass(frozen=True, slots=True)
class Matcher:
    """A compiled matcher: its terms are joined by `and`, and hold one after another or not.

    Attributes:
        passed: how many terms of a rule hold before the first that does not; all of them: the rule matches.
        fields: the rule field that each term looks at, in the model's order.
    """

    passed: Callable[[Head, Read], int]
    fields: tuple[str, ...]

    def matches(self, head: Head, row: Read) -> bool:
        """Whether the rule matches."""
        return self.passed(head, row) == len(self.fields)


def environment() -> dict[str, object]:
    """What a compiled matcher may call: our predicates and nothing else."""
    return {"__builtins__": {}, **matching.FUNCTIONS}


class _Slots(ast.NodeTransformer):
    """Writes `r_sub` as `head[0]`, `p_act` as `row[4]`."""

    def __init__(self, slots: Mapping[str, tuple[str, int]]) -> None:
        self._slots = slots

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._slots:
            return node
        variable, index = self._slots[node.id]
        return ast.Subscript(ast.Name(variable, ast.Load()), ast.Constant(index), ast.Load())


@cache
def load(name: str) -> tuple[Model, Matcher]:
    """A model of ours with its compiled matcher.

    Raises:
        ModelError: as `read_model` and `checked_tree`, or no term looks at `act`, by which rules are found.
    """
    model = read_model(models.text(name))
    matcher = compile_matcher(model)
    if "act" not in matcher.fields:
        raise ModelError(f"{name}: a term on `act` is needed")
    return model, matcher


def read_rows(model: Model, rows: Sequence[Row], names: Names) -> tuple[Read, ...]:
    """The rules with their fields read; rows that Casbin would cut short or misread are refused.

    Raises:
        ModelError: a row has the wrong number of fields, an effect that is neither allow nor deny, or names what is not
            there.
    """
    for row in rows:
        if len(row) != len(model.policy):
            raise ModelError(f"rule {row[:1]} has {len(row)} fields, the model {len(model.policy)}")
        if row[-1] not in {"allow", "deny"}:
            raise ModelError(f"rule {row[0]}: {row[-1]!r} is neither allow nor deny")
    try:
        return tuple(matching.prepared(model.policy, row, names) for row in rows)
    except (KeyError, ValueError) as error:
        raise ModelError(f"a rule names what is not there: {error}") from error
