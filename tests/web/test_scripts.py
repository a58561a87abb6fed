"""Scripts say their few words in the page's language."""

import json
import re
from html import unescape

from litestar.testing import TestClient

from gateway.app.settings import Settings
from gateway.edge.language import Speaking
from gateway.web import load_languages
from gateway.web.scripts import SCRIPT_WORDS, script_words
from gateway.web.static import ROOT
from tests.support.pages import web_app


def _style_page(code: str) -> str:
    app = Speaking(web_app(), languages=load_languages(), origin=Settings(public_url="http://localhost:8080").origin)
    with TestClient(app) as client:  # type: ignore[arg-type]
        return client.get("/style", headers={"accept-language": code}).text


def test_an_english_page_carries_no_words():
    """They stand in the scripts."""
    assert "lenspact-words" not in _style_page("en")
    assert script_words() == {}


def test_a_spanish_page_carries_the_words_of_its_scripts():
    """As data in an attribute, which no policy has to let run."""
    found = re.search(r'<meta name="lenspact-words" content="([^"]*)">', _style_page("es"))
    assert found
    words = json.loads(unescape(found.group(1)))

    assert words["The connection to the camera was lost"] == "Se perdió la conexión con la cámara"
    assert words["The camera is offline"] == "La cámara está sin conexión"
    assert set(words) == set(SCRIPT_WORDS)


def test_every_word_is_said_by_a_script():
    """A word that no script says any more is not kept until it is wrong."""
    source = "".join(path.read_text() for path in (ROOT / "js").glob("*.js"))

    assert [word for word in SCRIPT_WORDS if f'"{word}"' not in source] == []
