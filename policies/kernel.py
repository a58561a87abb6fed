"""The compiled kernel: the same model files as the enforcer, turned into one Python function each.

It reads a Casbin model with exactly one definition per section, accepts a closed list of syntax in the matcher, and
walks rules in document order, so that it can also say which rule decided. Only model text is ever compiled; rules are
data. The Casbin enforcer has the last word on a release; this kernel must agree with it.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from policies import matching, models
from policies.matching import Head

Row = tuple[str, ...]
ALLOW_AND_NO_DENY: Final = "some(where (p.eft == allow)) && !some(where (p.eft == deny))"
NO_DENY: Final = "!some(where (p.eft == deny))"

_SECTIONS: Final = {"request_definition": "r", "policy_definition": "p", "policy_effect": "e", "matchers": "m"}
_SYNTAX: Final = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Compare, ast.Eq, ast.NotEq, ast.Call,
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say: allowed or not, and the row that decided (None: none matched)."""

    is_allowed: bool
    row: int | None


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
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node not in functions and node.id not in names:
            raise ModelError(f"unknown token in a matcher: {node.id}")
    return tree


def compile_matcher(model: Model) -> Callable[[Head, Row], bool]:
    """One function of a request head and a rule row.

    Raises:
        ModelError: as `checked_tree`.
    """
    slots = {f"r_{token}": ("head", index) for index, token in enumerate(model.request)}
    slots |= {f"p_{token}": ("row", index) for index, token in enumerate(model.policy)}
    tree = _Slots(slots).visit(checked_tree(re.sub(r"\b([rp])\.", r"\1_", model.matcher), set(slots)))
    arguments = ast.arguments([], [ast.arg("head"), ast.arg("row")], None, [], [], None, [])
    function = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, tree.body)))
    compiled = compile(function, "<matcher>", "eval")
    result: Callable[[Head, Row], bool] = eval(compiled, environment())  # noqa: S307  our own model file, closed syntax
    return result


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
def load(name: str) -> tuple[Model, Callable[[Head, Row], bool]]:
    """A model of ours with its compiled matcher."""
    model = read_model(models.text(name))
    return model, compile_matcher(model)


class Kernel:
    """One layer's rules under one model. No rules at all is a deny, whatever the effect."""

    def __init__(self, name: str, rows: Sequence[Row]) -> None:
        """`name`: the model; `rows`: the rules in document order.

        Raises:
            ModelError: a row has the wrong number of fields or an effect that is neither allow nor deny.
        """
        self._model, self._matches = load(name)
        check_rows(self._model, rows)
        self._rows = tuple(rows)

    def matches(self, head: Head, index: int) -> bool:
        """Whether one rule matches."""
        return self._matches(head, self._rows[index])

    def verdict(self, head: Head) -> Verdict:
        """The first deny that matches, else the first allow that matches, else nothing."""
        first: int | None = None
        for index, row in enumerate(self._rows):
            if self._matches(head, row):
                if row[-1] == "deny":
                    return Verdict(is_allowed=False, row=index)
                first = index if first is None else first
        if self._model.effect == NO_DENY:
            return Verdict(is_allowed=bool(self._rows), row=first)
        return Verdict(is_allowed=first is not None, row=first)


def check_rows(model: Model, rows: Sequence[Row]) -> None:
    """Refuse rows that Casbin would cut short or misread.

    Raises:
        ModelError: a row has the wrong number of fields, or an effect that is neither allow nor deny.
    """
    for row in rows:
        if len(row) != len(model.policy):
            raise ModelError(f"rule {row[:1]} has {len(row)} fields, the model {len(model.policy)}")
        if row[-1] not in {"allow", "deny"}:
            raise ModelError(f"rule {row[0]}: {row[-1]!r} is neither allow nor deny")
