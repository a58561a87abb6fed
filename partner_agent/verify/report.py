"""How a check ends: an exit code and one sentence."""

from enum import IntEnum


class Outcome(IntEnum):
    """Exit codes of `lenspact-verify`."""

    OK = 0
    BAD = 1  # it was read, and it is not what it claims to be
    TOO_FEW_COSIGNERS = 2  # sound, but fewer independent parties have seen it than was demanded
    UNREADABLE = 3  # missing, cut off, or of another format


class CheckError(Exception):
    """A check that did not pass."""

    def __init__(self, outcome: Outcome, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome
        self.sentence = sentence


def bad(sentence: str) -> CheckError:
    """It is not what it claims to be."""
    return CheckError(Outcome.BAD, sentence)


def unreadable(sentence: str) -> CheckError:
    """It cannot be read."""
    return CheckError(Outcome.UNREADABLE, sentence)
