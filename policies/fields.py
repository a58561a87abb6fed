"""Strict reading of documents: each field by name and type, an unknown field refused, errors that name the place."""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeVar

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
MAX_INT: Final = 2**53 - 1


class PolicyError(ValueError):
    """A document breaks its format. `path` names the field, the message says what it must be."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}")
        self.path = path
        self.sentence = sentence


class Fields:
    """One JSON object being read. Read each field once, then give the result through `done`."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            raise PolicyError(path, "must be an object")
        self._value: Mapping[str, object] = value
        self._left = set(value)
        self.path = path

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def done(self, result: _T) -> _T:
        """`result`, once every field has been read.

        Raises:
            PolicyError: there are unknown fields.
        """
        if self._left:
            raise PolicyError(self.at(min(map(str, self._left))), "is not a field we know")
        return result

    def at(self, name: str) -> str:
        """The path of a field."""
        return f"{self.path}.{name}"

    def raw(self, name: str) -> object:
        """The field as it is.

        Raises:
            PolicyError: it is missing.
        """
        if name not in self._value:
            raise PolicyError(self.at(name), "is missing")
        self._left.discard(name)
        return self._value[name]

    def whole(self, name: str, low: int = 0, high: int = MAX_INT) -> int:
        """An integer from `low` to `high`."""
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise PolicyError(self.at(name), f"must be a whole number from {low} to {high}")
        return value

    def whole_or_none(self, name: str) -> int | None:
        """A non-negative integer, or null."""
        return None if self.raw(name) is None else self.whole(name)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.raw(name)
        if not isinstance(value, bool):
            raise PolicyError(self.at(name), "must be true or false")
        return value

    def text(self, name: str, limit: int = 200) -> str:
        """Text of at most `limit` characters."""
        value = self.raw(name)
        if not isinstance(value, str) or len(value) > limit:
            raise PolicyError(self.at(name), f"must be text of at most {limit} characters")
        return value

    def name(self, name: str) -> str:
        """A name: lower-case letters, digits, `_`, `.`, `-`."""
        return as_name(self.raw(name), self.at(name))

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        """Text that matches the whole of `pattern`."""
        value = self.raw(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise PolicyError(self.at(name), f"must have the form {pattern.pattern}")
        return value

    def sha256(self, name: str) -> str:
        """64 lower-case hex digits."""
        return self.matching(name, _SHA256)

    def word(self, name: str, words: type[_E]) -> _E:
        """One word of a closed vocabulary."""
        return as_word(self.raw(name), self.at(name), words)

    def words(self, name: str, words: type[_E]) -> frozenset[_E]:
        """A set of words, sorted, each once."""
        return frozenset(self.ordered(name, lambda item, path: as_word(item, path, words)))

    def names(self, name: str) -> frozenset[str]:
        """A set of names, sorted, each once."""
        return frozenset(self.ordered(name, as_name))

    def ordered(self, name: str, read: Callable[[object, str], _T]) -> tuple[_T, ...]:
        """A list whose items are sorted and differ, so that one set has one written form."""
        items = self.items(name, read)
        if list(items) != sorted(set(items), key=str):
            raise PolicyError(self.at(name), "must be sorted, each entry once")
        return items

    def items(self, name: str, read: Callable[[object, str], _T], limit: int = 256) -> tuple[_T, ...]:
        """A list of at most `limit` entries."""
        value = self.raw(name)
        if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > limit:
            raise PolicyError(self.at(name), f"must be a list of at most {limit} entries")
        return tuple(read(item, f"{self.at(name)}[{index}]") for index, item in enumerate(value))


def as_name(value: object, path: str) -> str:
    """A name: lower-case letters, digits, `_`, `.`, `-`, at most 64.

    Raises:
        PolicyError: it is none.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise PolicyError(path, "must be a name of lower-case letters, digits, '_', '.' and '-'")
    return value


def as_word(value: object, path: str, words: type[_E]) -> _E:
    """One word of a closed vocabulary.

    Raises:
        PolicyError: the word is unknown.
    """
    try:
        return words(str(value))
    except ValueError as error:
        raise PolicyError(path, f"{value!r} is not one of {', '.join(words)}") from error


def unique(names: Sequence[str], path: str) -> None:
    """Refuse a name used twice.

    Raises:
        PolicyError: two entries share a name.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise PolicyError(path, f"{name!r} is there twice")
        seen.add(name)
