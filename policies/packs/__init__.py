"""The packs that ship with us: ordinances, agreements, agencies, and, in the folders here, answers for kinds of places.

Each refuses to load rather than to load in part.
"""

import json
from collections.abc import Mapping
from importlib import resources

from policies.agency import AgencyRule, read_agency_rules
from policies.fields import PolicyError, as_name
from policies.guardrail import Guardrail, read_guardrail
from policies.mou import AgreementTemplate, Memorandum, read_memorandum
from policies.places import PlacePack, read_place
from policies.strictness import demand_defaults


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
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise PolicyError(f"{folder}/{path}", f"is not JSON at {where} ({error.msg})") from error
    except (OSError, ValueError) as error:
        raise PolicyError(f"{folder}/{path}", "is not a pack of ours, or not readable text") from error
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


def memorandum(mou: str) -> Memorandum:
    """A version of the memorandum of understanding, words and rules.

    Raises:
        PolicyError: it is not there or not whole.
    """
    read = read_memorandum(load_document("agreements", f"{mou}.json"))
    if read.mou != mou:
        raise PolicyError("agreement.mou", "must be the name of its file")
    return read


def agreement(mou: str) -> AgreementTemplate:
    """The rules of a version of the memorandum of understanding.

    Raises:
        PolicyError: it is not there or not whole.
    """
    return memorandum(mou).template
