"""Input models refuse what they do not name and what has another type."""

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.inputs import Email, decode_form, decode_json
from gateway.kernel.errors import InvalidError
from gateway.kernel.principal import Role
from tests.edge.conftest import Thing
from tests.fakes.authenticator import FakeAuthenticator
from tests.support.application import browser


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"x","count":"1"}',
        b'{"name":"x","count":true}',
        b'{"name":"x","count":1.5}',
        b'{"name":"x","ratio":false}',
        b'{"name":"x","is_on":1}',
        b'{"name":"x","is_on":"true"}',
        b'{"name":1}',
        b'{"name":null}',
        b'{"name":""}',
        b"{}",
        b'{"name":"x","admin":true}',
        b'{"name":"a\\u0000b"}',
        b'{"name":"a\\nb"}',
        b'{"name":"\\ud800"}',
        b"[]",
        b"",
        b"\xff",
        b'{"name":"' + b"x" * 201 + b'"}',
        b"[" * 60_000,
        b'{"name":"x","tags":"y"}',
        b'{"name":"x","tags":[1]}',
    ],
)
def test_json_of_another_shape_is_refused(body: bytes):
    """Wrong types, unknown fields, control characters and broken text are InvalidError and nothing else."""
    with pytest.raises(InvalidError):
        decode_json(body, Thing)


def test_error_names_the_field_and_not_the_value():
    """The caller learns which field, and its value is not repeated."""
    with pytest.raises(InvalidError) as caught:
        decode_json(b'{"name":"x","count":"hunter2"}', Thing)

    assert caught.value.fields == {"count": "Expected int."}
    assert "hunter2" not in str(caught.value)


def test_form_reads_text_as_its_type():
    """Numbers, checkboxes and single values of lists are read from text; csrf and empty numbers are dropped."""
    form = {"name": "x", "count": "5", "ratio": "", "is_on": "yes", "tags": "a", "csrf": "t"}

    assert decode_form(form, Thing) == Thing(name="x", count=5, is_on=True, tags=["a"])


@pytest.mark.parametrize("form", [{"name": "x", "id": "1"}, {"name": "x", "count": "x"}, {"name": ["x", "y"]}, {}])
def test_form_of_another_shape_is_refused(form: dict[str, object]):
    """Unknown fields, wrong text and repeated fields are refused."""
    with pytest.raises(InvalidError):
        decode_form(form, Thing)


@given(st.text(max_size=40))
def test_hostile_name_is_kept_whole_or_refused(text: str):
    """A name is either taken exactly as sent or refused; never changed."""
    try:
        thing = decode_json(msgspec.json.encode({"name": text}), Thing)
    except (InvalidError, UnicodeEncodeError):
        return
    assert thing.name == text
    assert not any(ord(c) < 32 and c != "\t" for c in text)


@pytest.mark.parametrize(
    "text", ["a@b.example\n", "a b@c.example", "a@b", "<a@b.example>", "a@b.example,c@d.example", "@b.c"]
)
def test_odd_addresses_are_refused(text: str):
    """What could carry a second recipient or header is no mail address."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Email)


@pytest.mark.anyio
async def test_framework_decodes_strictly(app: object, authenticator: FakeAuthenticator):
    """Through a real route too, "1" is no number and an unknown field no field."""
    async with browser(app, session=authenticator.sign_in(Role.ADMIN)) as client:
        headers = {"x-csrf-token": (await client.get("/form")).text}
        answers = [
            (await client.post("/api/v1/things", json=body, headers=headers)).status_code
            for body in (
                {"name": "x"},
                {"name": "x", "count": "1"},
                {"name": "x", "count": True},
                {"name": "x", "id": 1},
            )
        ]

    assert answers == [201, 400, 400, 400]


@pytest.mark.anyio
async def test_body_over_the_limit_is_refused(client: httpx.AsyncClient):
    """64 KiB is the most a body may have unless its route says more."""
    token = (await client.get("/form")).text
    answer = await client.post(
        "/form", data={"name": "x" * 70_000, "csrf": token}, headers={"accept": "application/json"}
    )

    assert answer.status_code == 413
