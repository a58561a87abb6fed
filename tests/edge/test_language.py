"""The language of an answer is the one that was chosen, else the one the browser asks for, else English."""

import httpx
import pytest

from gateway.edge.language import asked_for
from gateway.web import ENGLISH, Language

pytestmark = pytest.mark.anyio

SPANISH = Language("es", "es-US", "Español")
BOTH = {"en": ENGLISH, "es": SPANISH}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("de", "en"),
        ("*", "en"),
        ("es;q=0", "en"),
        ("es;q=nan", "en"),
        ("es;q=7", "en"),
        ("es;q=1e-9999999", "en"),
        ("es;v=1", "en"),
        ("en,es", "en"),
        ("es;q=0.4,en;q=0.5", "en"),
        (",;=,=;", "en"),
        ("x," * 400 + "es", "en"),
        ("es", "es"),
        ("ES-mx", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("de,fr;q=0.9,es;q=0.1", "es"),
        ("en;q=0.5, es", "es"),
    ],
)
def test_what_a_browser_asks_for_is_read_as_it_is_meant(header, code):
    """The highest weight wins, regions do not matter, and nonsense or a header without end is English."""
    assert asked_for(header, BOTH).code == code


async def _page(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.get("/nowhere", headers=headers)


async def test_english_where_nothing_is_asked(client: httpx.AsyncClient):
    """Without a choice and without a wish, and with a cookie of no language of ours, pages are English."""
    assert '<html lang="en-US"' in (await _page(client)).text
    client.cookies.set("language", "tlh")
    assert '<html lang="en-US"' in (await _page(client)).text


async def test_a_page_says_its_language_and_what_it_hung_on(client: httpx.AsyncClient):
    """`lang`, Content-Language and the words agree, and no cache may hand it to somebody with another wish."""
    answer = await _page(client, **{"accept-language": "es-MX"})

    assert '<html lang="es-US"' in answer.text
    assert "No hay nada aquí" in answer.text
    assert answer.headers["content-language"] == "es-US"
    assert answer.headers["vary"] == "accept-language, cookie"
    assert answer.headers["cache-control"] == "no-store"


async def test_problems_are_told_in_the_readers_language(client: httpx.AsyncClient):
    """Scripts show the detail of a problem to a person; its type stays a code."""
    answer = await client.get("/nowhere", headers={"accept": "application/json", "accept-language": "es"})

    assert answer.json()["title"] == "No hay nada aquí"
    assert answer.json()["type"] == "urn:lenspact:problem:not_found"
    assert answer.headers["content-language"] == "es-US"


async def test_a_choice_counts_more_than_what_the_browser_asks(client: httpx.AsyncClient):
    """Choosing goes back to the page it was made on, and holds for the pages after it, signed in or not."""
    chosen = await client.get("/language/es?next=/form")

    assert (chosen.status_code, chosen.headers["location"]) == (303, "/form")
    assert '<html lang="es-US"' in (await _page(client, **{"accept-language": "en"})).text
    await client.get("/language/en")
    assert '<html lang="en-US"' in (await _page(client, **{"accept-language": "es"})).text


@pytest.mark.parametrize("place", ["https://evil.test/", "//evil.test", "/%5cevil.test", "form", ""])
async def test_choosing_leads_to_no_other_site(client: httpx.AsyncClient, place: str):
    """What is no path of ours leads to the start."""
    chosen = await client.get("/language/es", params={"next": place})

    assert chosen.headers["location"] == "/"


async def test_there_is_no_other_language(client: httpx.AsyncClient):
    """A code that is no language is nothing here, and keeps nothing."""
    answer = await client.get("/language/tlh")

    assert answer.status_code == 404
    assert "language" not in client.cookies


async def test_two_readers_at_once_each_read_their_own(client: httpx.AsyncClient):
    """The language belongs to the request, not to the process: after Spanish, English is English again."""
    spanish = await _page(client, **{"accept-language": "es"})
    english = await _page(client, **{"accept-language": "en"})

    assert ("No hay nada aquí" in spanish.text, "There is nothing here" in english.text) == (True, True)
