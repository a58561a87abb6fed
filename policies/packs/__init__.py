"""The packs that ship with us: ordinances, agreements, agencies, and, in the folders here, answers for kinds of places.

Each refuses to load rather than to load in part.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources

from policies.agency import AgencyRule, read_agency_rules
from policies.fields import Fields, PolicyError, as_name
from policies.guardrail import Guardrail, read_guardrail
from policies.parts import MAX_CLIP_S, MAX_HOLD_S, MAX_LINES, MAX_LOOK_BACK_S, MAX_SESSION_S, Envelope
from policies.places import PlacePack, read_place
from policies.strictness import demand_defaults
from policies.vocabulary import Act, Purpose


@dataclass(frozen=True, slots=True)
class AgreementTemplate:
    """What a version of the memorandum of understanding lets owners give; parties and dates come when it is signed."""

    mou: str
    title: str
    term: timedelta
    _unbound: Envelope

    def bind(self, *, agencies: Iterable[str], accepted_at: datetime) -> Envelope:
        """The envelope of an accepted agreement.

        Args:
            agencies: the ids of the agencies that are party to it.
            accepted_at: when the owner accepted; it ends after the term.
        """
        start_ms = round(accepted_at.timestamp() * 1000)
        end_ms = round((accepted_at + self.term).timestamp() * 1000)
        unbound = {name: getattr(self._unbound, name) for name in Envelope.__dataclass_fields__}
        return Envelope(**{**unbound, "agencies": frozenset(agencies), "from_ms": start_ms, "until_ms": end_ms})


def load_document(folder: str, path: str) -> Mapping[str, object]:
    """A pack's document as shipped.

    Args:
        folder: `ordinances`, `agreements`, `agencies` or `packs`.
        path: below it, with `/`.

    Raises:
        PolicyError: there is no such pack, or it is no JSON object.
    """
    for part in path.split("/"):
        as_name(part, folder)
    try:
        document = json.loads(resources.files(f"policies.{folder}").joinpath(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolicyError(f"{folder}/{path}", "is not a pack of ours, or not JSON") from error
    if not isinstance(document, dict):
        raise PolicyError(f"{folder}/{path}", "must be an object")
    return document


def ordinance(name: str) -> Guardrail:
    """An ordinance pack.

    Raises:
        PolicyError: it is not there or not whole, or lets through what is denied by default without citing why.
    """
    return read_ordinance(load_document("ordinances", f"{name}/pack.json"))


def read_ordinance(document: Mapping[str, object]) -> Guardrail:
    """An ordinance pack that may be put in force.

    Raises:
        PolicyError: it is not whole, or lets through what is denied by default without citing why.
    """
    return demand_defaults(read_guardrail(document))


def ordinances() -> list[str]:
    """The names of the ordinance packs that ship with us, sorted."""
    folders = resources.files("policies.ordinances").iterdir()
    return sorted(folder.name for folder in folders if folder.joinpath("pack.json").is_file())


def place(name: str) -> PlacePack:
    """The ready answer for a kind of place.

    Raises:
        PolicyError: it is not there or not whole, or has another name than its folder.
    """
    pack = read_place(load_document("packs", f"{name}/pack.json"))
    if pack.id != name:
        raise PolicyError("place.id", "must be the name of its folder")
    return pack


def places() -> list[str]:
    """The names of the place packs, sorted."""
    folders = resources.files("policies.packs").iterdir()
    return sorted(folder.name for folder in folders if folder.joinpath("pack.json").is_file())


def agency_rules(name: str) -> tuple[AgencyRule, ...]:
    """An agency's own rules.

    Raises:
        PolicyError: they are not there or not whole.
    """
    return read_agency_rules(load_document("agencies", f"{name}.json"))


def agreement(mou: str) -> AgreementTemplate:
    """A version of the memorandum of understanding.

    Raises:
        PolicyError: it is not there or not whole.
    """
    fields = Fields(load_document("agreements", f"{mou}.json"), "agreement")
    fields.whole("v", 1, 1)
    template = AgreementTemplate(
        mou=fields.name("mou"),
        title=fields.text("title"),
        term=timedelta(days=fields.whole("term_days", 1, 3650)),
        _unbound=Envelope(
            mou=mou,
            agencies=frozenset(),
            acts=fields.words("acts", Act),
            purposes=fields.words("purposes", Purpose),
            from_ms=0,
            until_ms=None,
            session_s=fields.whole("session_s", 0, MAX_SESSION_S),
            clip_s=fields.whole("clip_s", 0, MAX_CLIP_S),
            hold_s=fields.whole("hold_s", 0, MAX_HOLD_S),
            look_back_s=fields.whole("look_back_s", 0, MAX_LOOK_BACK_S),
            height_lines=fields.whole("height_lines", 0, MAX_LINES),
        ),
    )
    if template.mou != mou:
        raise PolicyError("agreement.mou", "must be the name of its file")
    return fields.done(template)
