"""The closed list of error kinds. No HTTP here: `edge.problems` alone maps a kind to a status.

A message is one clear sentence for the person who asked, saying what to do; it must not name what they may not
know of. Not permitted to know a thing exists is `NotFoundError`.
"""

from collections.abc import Mapping


class LenspactError(Exception):
    """An expected failure with a kind and one sentence for the caller.

    Attributes:
        kind: the stable code, used as the problem type.
        fields: for invalid input, field name to one sentence.
    """

    kind = "internal"

    def __init__(self, sentence: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fields = dict(fields or {})


class InvalidError(LenspactError):
    """The input cannot be used; correct the named fields and send it again."""

    kind = "invalid"


class UnauthenticatedError(LenspactError):
    """Nobody is signed in, or the proof of identity is wrong or over; sign in again."""

    kind = "unauthenticated"


class DeniedError(LenspactError):
    """The caller may know of the thing but not do this."""

    kind = "denied"


class NotFoundError(LenspactError):
    """There is no such thing, or the caller may not know of it: the same answer."""

    kind = "not_found"


class ConflictError(LenspactError):
    """Somebody else changed it, or it is already done; look again, then decide."""

    kind = "conflict"


class PreconditionError(LenspactError):
    """A step before this one is missing; the sentence names it."""

    kind = "precondition"


class OutdatedError(LenspactError):
    """The caller named a state that is no more; read the present one first."""

    kind = "outdated"


class UnconditionalError(LenspactError):
    """The caller has to name the state it means, so that no change meets another one."""

    kind = "unconditional"


class UnsupportedError(LenspactError):
    """Well said, but what serves this cannot do it; the sentence says what to do instead."""

    kind = "unsupported"


class LimitedError(LenspactError):
    """Too often or too much; wait `retry_after_s`."""

    kind = "limited"

    def __init__(self, sentence: str, *, retry_after_s: int) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class UnavailableError(LenspactError):
    """Something we need is down; try again later."""

    kind = "unavailable"


class DeadlineError(LenspactError):
    """It took longer than the caller allowed."""

    kind = "timeout"
