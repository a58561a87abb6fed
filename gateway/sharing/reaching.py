"""Which cameras an answer is said for, in words: those of a label, of a place, of all places."""

from collections.abc import Sequence

from gateway.web import _, reader_s_voice
from policies.clauses import Clause
from policies.reach import Reach
from policies.words import Change


def said_for(clause: Clause) -> str:
    """For whom an answer is said beyond the cameras it names; empty for no others."""
    match clause.reach:
        case Reach.PARTNER:
            return _("Said for all your places: every camera, also one that comes later.")
        case Reach.SITE:
            return _("Said for every camera of this place, also one that comes later.")
        case Reach.NAMED if clause.labels:
            labels = reader_s_voice().listed([f"“{label}”" for label in sorted(clause.labels)])
            return _(
                "Said for the label %(labels)s: every camera that has it, also one that gets it later.", labels=labels
            )
        case _:
            return ""


def reach_changes(before: Sequence[Clause], after: Sequence[Clause]) -> list[Change]:
    """What changes about that from some answers to others."""
    old, new = (dict.fromkeys(filter(None, map(said_for, clauses))) for clauses in (before, after))
    ended = [_("No longer: %(sentence)s", sentence=sentence) for sentence in old if sentence not in new]
    return [Change("other", sentence) for sentence in [*(one for one in new if one not in old), *ended]]
