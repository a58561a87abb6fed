"""The token of an Authorization header."""

import pytest

from gateway.edge.bearer import bearer


@pytest.mark.parametrize("authorization", ["Bearer abc.def", "bearer abc.def", "BEARER abc.def", "Bearer  abc.def"])
def test_the_scheme_is_taken_in_any_case(authorization: str):
    """RFC 9110 §11.1: case-insensitive; §11.4: one space or more before the credentials."""
    assert bearer(authorization) == "abc.def"


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "bearer", "Basic abc", "abc", " Bearer abc", "Bearerabc", "Bearer\tabc"]
)
def test_anything_else_is_no_token(authorization: str):
    """No header, another scheme, nothing behind it."""
    assert bearer(authorization) == ""
