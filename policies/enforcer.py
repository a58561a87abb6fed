"""The Casbin enforcer: the last word on every release. The only importer of casbin.

One enforcer per layer and owner, built from an immutable snapshot of rows and never changed: a new policy is a new
enforcer. Casbin keeps its own loop and effect; one hook keeps the matcher compiled instead of parsing it on each call.
No adapter, watcher, auto-save or reload is used: each of them fails open in some way, and a test here holds each way
shut.
"""

import logging
from collections.abc import Mapping, Sequence
from types import CodeType
from typing import Any, Final

import casbin

from policies import models
from policies.matcher import NOTHING, ModelError, Row, checked_tree, environment, load, read_rows
from policies.matching import Head, Names

# Casbin prints each request, with whoever asks, and switches its loggers off only until somebody configures logging.
_SILENT: Final = logging.Logger("casbin, silenced", level=logging.CRITICAL + 1)  # noqa: LOG001  out of reach of any configuration


class _Compiled:
    """An expression in the form Casbin's loop asks for."""

    def __init__(self, expression: str, names: set[str]) -> None:
        self._code: CodeType = compile(checked_tree(expression, names), "<casbin matcher>", "eval")
        self._environment = environment()

    def eval(self, parameters: Mapping[str, object]) -> bool:
        """The matcher's answer for one request and one rule."""
        answer = eval(self._code, self._environment, parameters)  # noqa: S307  our own model file, closed syntax
        if not isinstance(answer, bool):
            raise ModelError(f"a matcher answered {answer!r}")
        return answer


class _Casbin(casbin.Enforcer):  # type: ignore[misc]  # casbin has no types
    """Casbin's enforcer with the matcher kept compiled."""

    compiled: _Compiled | None = None

    def _get_expression(self, expr: str, functions: Mapping[str, Any] | None = None) -> _Compiled:
        del functions  # the closed list of policies.matching, not what anybody registered
        if self.compiled is None:
            names = {*self.model["r"]["r"].tokens, *self.model["p"]["p"].tokens}
            self.compiled = _Compiled(expr, names)
        return self.compiled


class Enforcer:
    """One layer's rules under one model, enforced by Casbin. No rules at all is a deny."""

    def __init__(self, name: str, rows: Sequence[Row], names: Names = NOTHING) -> None:
        """`name`: the model; `rows`: the rules in document order; `names`: what windows and terms stand for.

        Raises:
            ModelError: as `read_rows`.
        """
        self._has_rules = bool(rows)
        model = casbin.Enforcer.new_model(text=models.text(name))
        model.logger = _SILENT
        self._casbin = _Casbin(model)
        self._casbin.logger = _SILENT
        # a tuple: nothing can add or remove afterwards
        self._casbin.model["p"]["p"].policy = read_rows(load(name)[0], rows, names)

    def permits(self, head: Head) -> bool:
        """Whether Casbin allows this request.

        Raises:
            Exception: the matcher failed; the caller denies.
        """
        if not self._has_rules or not self._casbin.enabled:
            return False
        return self._casbin.enforce(*head) is True
