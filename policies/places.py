"""Ready answers for a kind of place: a shop, a home, a school, a hospital, transit, a city department.

A pack is a template of one clause, and its parameters: the cameras it speaks of, the time zone of the place, and the
agencies it is for. It is where an owner starts, never what an owner said: nothing is shared until it is saved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from policies.clauses import Clause, read_clause
from policies.fields import Fields, PolicyError

ZONE = "UTC"  # of a pack's hours until the place gives its own
_GIVEN_LATER = ("cameras", "agencies", "zone")


@dataclass(frozen=True, slots=True)
class PlacePack:
    """A starting answer for one kind of place; `why` is one sentence for its owner."""

    id: str
    title: str
    why: str
    template: Clause

    def clause(self, cameras: frozenset[str], *, zone: str, agencies: frozenset[str] = frozenset()) -> Clause:
        """The clause for these cameras; hours are meant on the clocks of `zone`."""
        return replace(self.template, cameras=cameras, agencies=agencies, zone=zone if self.template.spans else "")


def read_place(document: Mapping[str, object]) -> PlacePack:
    """A place pack, checked.

    Raises:
        PolicyError: a field is missing, unknown or of a wrong type, or gives what only an owner can.
    """
    fields = Fields(document, "place")
    fields.whole("v", 1, 1)
    given = fields.raw("clause")
    if not isinstance(given, Mapping):
        raise PolicyError(fields.at("clause"), "must be an object")
    for name in _GIVEN_LATER:
        if name in given:
            raise PolicyError(f"{fields.at('clause')}.{name}", "is said by the owner, not by a pack")
    zone = ZONE if given.get("spans") else ""
    clause = read_clause({**given, "cameras": [], "agencies": [], "zone": zone}, fields.at("clause"))
    return fields.done(PlacePack(fields.name("id"), fields.text("title"), fields.text("why", 400), clause))
