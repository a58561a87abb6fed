"""Input from outside: models that refuse unknown fields and wrong types, for JSON and for forms.

Litestar decodes bodies leniently (`"1"` and `true` pass as numbers) and a lenient model hides it, so the strict
decoder is installed for every `StrictInput` by `StrictInputPlugin`; a route needs nothing but the annotation. JSON
must have exact types. A form has only text: numbers and dates are read from it, an empty field that is not text
counts as not given, a ticked box sends `yes`, and `csrf` is dropped.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin

import msgspec
from litestar.connection import ASGIConnection
from litestar.dto import AbstractDTO
from litestar.plugins import SerializationPlugin
from litestar.typing import FieldDefinition
from msgspec import Meta

from gateway.edge.csrf import FIELD as CSRF_FIELD
from gateway.kernel.errors import InvalidError
from gateway.kernel.phrases import phrase

# `$(?!\n)`: Python's `$` alone lets a trailing line break pass; `\Z` would mean something else to OpenAPI clients.
_PRINTABLE: Final = r"^[^\x00-\x08\x0a-\x1f\x7f\u2028\u2029]*$(?!\n)"
_PROSE: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$(?!\n)"
Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=_PRINTABLE)]  # a name, a title
OptionalLine = Annotated[str, Meta(max_length=200, pattern=_PRINTABLE)]
Prose = Annotated[str, Meta(max_length=4000, pattern=_PROSE)]  # may hold line breaks
Email = Annotated[
    str, Meta(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f<>\",;]+@[^@\s\x00-\x1f<>\",;]+\.[^@\s.]+$(?!\n)")
]


_TICKED: Final = frozenset({"yes", "on"})  # what a checkbox may send


class StrictInput(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Base of everything a caller may send: `class X(StrictInput, frozen=True)`. Never a table model."""


Input = TypeVar("Input", bound=StrictInput)


def decode_json(body: bytes, model: type[Input]) -> Input:
    """Read a JSON body with exact types.

    Raises:
        InvalidError: unknown, missing or wrong fields; `fields` names the first.
    """
    try:
        value = msgspec.json.decode(body, type=model, strict=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(error) from None
    return value


def decode_form(values: Mapping[str, Any], model: type[Input]) -> Input:
    """Read the fields of a form, all of them text.

    Raises:
        InvalidError: unknown, missing or wrong fields; `fields` names the first.
    """
    kinds = {field.encode_name: field.type for field in msgspec.structs.fields(model)}
    given: dict[str, Any] = {}
    for name, value in values.items():
        kind = kinds.get(name, str)
        if name == CSRF_FIELD or (value == "" and not _is_text(kind)):
            continue
        value = "true" if _bare(kind) is bool and value in _TICKED else value  # noqa: PLW2901
        given[name] = [value] if _is_list(kind) and not isinstance(value, list) else value
    try:
        return msgspec.convert(given, model, strict=False)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _invalid(error) from None


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _is_text(kind: Any) -> bool:
    bare = _bare(kind)
    return bare is str or any(_bare(part) is str for part in get_args(bare))


def _is_list(kind: Any) -> bool:
    return get_origin(_bare(kind)) in {list, tuple, set, frozenset}


def _invalid(error: Exception) -> InvalidError:
    """Name the field, never quote the value."""
    text = str(error)
    path = re.search(r" - at `\$\.?([^`]*)`$", text)
    unknown = re.search(r"unknown field `([^`]*)`", text)
    missing = re.search(r"missing required field `([^`]*)`", text)
    if unknown:
        return InvalidError("There is a field too many.", fields={unknown.group(1)[:100]: "There is no such field."})
    if missing:
        name = ".".join(part for part in (path.group(1) if path else "", missing.group(1)) if part)
        return InvalidError("Something is missing.", fields={name[:100]: "This is needed."})
    if path and path.group(1):
        return InvalidError("Something cannot be used as it is.", fields={path.group(1)[:100]: _reason(text)})
    return InvalidError("This could not be read.")


_REASONS: Final = {
    "length <=": "This is too long.",
    "length >=": "This is too short.",
    "matching regex": "This holds a character that cannot be used here.",
}


def _reason(text: str) -> str:
    known = next((sentence for sign, sentence in _REASONS.items() if sign in text), "")
    expected = re.match(r"Expected `([a-z |]+)`", text)
    if known or not expected:
        return known or "This value cannot be used."
    return phrase("Expected %(kind)s.", kind=expected.group(1))


class _StrictDTO(AbstractDTO[StrictInput]):
    """Only the decoding hooks are used; nothing is transferred field by field."""

    annotation: type[StrictInput]

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: object = None
    ) -> None:
        """Nothing to prepare."""

    @classmethod
    def create_openapi_schema(cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any) -> Any:
        """The model's own schema."""
        del handler_id
        return schema_creator.for_field_definition(field_definition)

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Any:
        """Not used."""
        raise NotImplementedError

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """Not used."""
        raise NotImplementedError

    def __init__(self, asgi_connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        super().__init__(asgi_connection)

    def decode_bytes(self, value: bytes) -> StrictInput:
        """A JSON body."""
        return decode_json(value, self.annotation)

    def decode_builtins(self, value: dict[str, Any]) -> StrictInput:
        """A form."""
        return decode_form(value, self.annotation)


class StrictInputPlugin(SerializationPlugin):
    """Makes Litestar read every `StrictInput` body with the decoders above."""

    def supports_type(self, field_definition: FieldDefinition) -> bool:
        """Whether this is one of ours."""
        return bool(field_definition.is_subclass_of(StrictInput))

    def create_dto_for_type(self, field_definition: FieldDefinition) -> type[AbstractDTO[Any]]:
        """A decoder bound to the model."""
        return type(
            f"Strict{field_definition.raw.__name__}", (_StrictDTO,), {"annotation": field_definition.annotation}
        )
