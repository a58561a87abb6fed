"""Pages show the caller, keep what was typed, escape everything and never redirect elsewhere."""

from pathlib import Path

import pytest
from litestar.testing import TestClient

from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.web.notices import NOTICES
from gateway.web.render import after, home, navigation
from tests.support.pages import Caller, web_app

ROOT = Path(__file__).parents[2]
OWNER = Principal(
    kind=PrincipalKind.PARTNER,
    person_id="per_1",
    organisation_id="org_1",
    roles=frozenset({Role.OWNER}),
    name="Ana <b>Ruiz</b>",
)
OPERATOR = Principal(kind=PrincipalKind.AGENCY, person_id="per_2", roles=frozenset({Role.OPERATOR, Role.COMPLIANCE}))


def test_what_people_typed_is_text_never_markup():
    """A name written as a tag is shown as the letters it is made of, in text and in attributes."""
    with TestClient(web_app(caller=Caller(OWNER))) as client:
        text = client.get("/style").text

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "Ana &lt;b&gt;Ruiz" in text


def test_an_error_stands_beside_its_field_and_keeps_what_was_typed():
    """The input names its error, is marked invalid, and still holds the value."""
    with TestClient(web_app()) as client:
        text = client.get("/style").text

    assert 'aria-describedby=" address-error" aria-invalid="true"' in text
    assert 'value="no address"' in text
    assert 'id="address-error"' in text


def test_no_page_carries_inline_script_or_style():
    """The content security policy forbids them; a page with one would be half dead."""
    with TestClient(web_app()) as client:
        text = client.get("/style").text

    assert "<style" not in text
    assert "style=" not in text
    assert "<script>" not in text
    assert "onclick" not in text


def test_a_notice_comes_from_our_list_only():
    """Words in an address never reach the page."""
    with TestClient(web_app()) as client:
        assert "The camera is saved." in client.get("/style?done=camera-saved").text
        assert "evil words" not in client.get("/style?done=evil+words").text


def test_every_notice_is_said_by_some_page():
    """A sentence that nothing leads to is not kept until it is wrong."""
    source = "".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py") if path.name != "notices.py")

    assert [name for name in NOTICES if f'"{name}"' not in source] == []


@pytest.mark.parametrize("href", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "portal"])
def test_a_redirect_stays_here(href):
    """No act ends on another site."""
    with pytest.raises(ValueError, match="stays"):
        after(href)


def test_a_redirect_names_its_notice():
    """The answer is 303, so a reload repeats nothing."""
    redirect = after("/portal?x=1", "camera-saved")

    assert (redirect.status_code, redirect.url) == (303, "/portal?x=1&done=camera-saved")


def test_navigation_follows_the_roles():
    """Each caller sees the pages of their roles, the current one marked, and starts at the first."""
    assert [i.href for i in navigation(OPERATOR, "/console/clips") if i.is_current] == ["/console/clips"]
    assert [i.href for i in navigation(OPERATOR, "/")] == [
        "/console", "/console/clips", "/console/reports", "/oversight", "/console/watching", "/oversight/reports",
    ]  # fmt: skip
    assert home(OWNER) == "/portal"
    assert navigation(Principal(kind=PrincipalKind.AGENT), "/") == []
