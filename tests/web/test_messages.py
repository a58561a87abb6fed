"""The catalogues: what is translated is whole, and `make messages` writes the same file from the same sources."""

import re
from collections.abc import Iterable

import pytest
from babel.messages.pofile import read_po

from deploy import messages
from gateway.web import load_languages, speaking
from gateway.web.codes import code_in_words

PLACEHOLDER = re.compile(r"%\((\w+)\)([sd])|(%%?)")


def _catalog(language: str):
    with (messages.LOCALE / f"{language}.po").open("rb") as file:
        return [message for message in read_po(file, locale=language) if message.id]


def _forms(text: object) -> Iterable[str]:
    return [text] if isinstance(text, str) else list(text)


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_translation_names_the_same_values(language):
    """What stands in the English sentence stands in the other one too, each as often."""
    wrong = []
    for message in _catalog(language):
        for english, other in zip(_forms(message.id), _forms(message.string), strict=True):
            if other and sorted(PLACEHOLDER.findall(english)) != sorted(PLACEHOLDER.findall(other)):
                wrong.append((english, other))

    assert wrong == []


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_translation_ends_as_the_sentence_ends(language):
    """A sentence stays a sentence, a label a label, a question a question."""
    wrong = []
    for message in _catalog(language):
        for english, other in zip(_forms(message.id), _forms(message.string), strict=True):
            ends = [text[-1] if text and text[-1] in ".?!:…" else "" for text in (english, other)]
            if other and (ends[0] != ends[1] or english[:1].isspace() != other[:1].isspace()):
                wrong.append((english, other))

    assert wrong == []


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_the_file_is_what_make_messages_writes(language):
    """Nobody has to guess whether it was run: the same sources give the same bytes."""
    assert messages.updated(language) == messages.updated(language)
    text = (messages.LOCALE / f"{language}.po").read_text()

    assert "POT-Creation-Date" not in text
    assert not re.search(r"[\w.]+@(?!example\.org)[\w.]+", text)
    assert not re.search(r"^#: .*:\d+", text, re.MULTILINE)


def test_a_code_is_read_in_the_readers_language():
    """English needs no table; other languages have one."""
    assert code_in_words("property_crime") == "property crime"
    with speaking(load_languages()["es"]):
        assert code_in_words("property_crime") == "delito contra la propiedad"
