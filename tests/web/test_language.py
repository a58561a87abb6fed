"""Sentences are said in the language of the request, with their values; what has no text is said in English."""

from datetime import UTC, datetime

import anyio
import pytest

from gateway.kernel.phrases import phrase
from gateway.web import ENGLISH, Language, _, in_each, ngettext, speaking, spoken
from gateway.web.language import load_languages, number, plain_time, said

SPANISH = Language(
    "es",
    "es-US",
    "Español",
    texts={"The place is saved.": "El lugar quedó guardado.", "at most %(most)s": "como máximo %(most)s", "one": "uno"},
    plurals={"%(num)d camera": ("%(num)d cámara", "%(num)d cámaras")},
)


def test_a_sentence_without_a_text_is_said_in_english():
    """Better a sentence in the wrong language than none."""
    with speaking(SPANISH):
        assert _("Nobody wrote this down.") == "Nobody wrote this down."
        assert ngettext("%(num)d clip", "%(num)d clips", 2) == "2 clips"


def test_a_sentence_is_said_in_the_language_of_the_moment():
    """Inside, Spanish; before and after, English."""
    assert _("The place is saved.") == "The place is saved."
    with speaking(SPANISH):
        assert _("The place is saved.") == "El lugar quedó guardado."
        assert said("The place is saved.") == "El lugar quedó guardado."
    assert spoken() is ENGLISH


def test_a_phrase_is_english_text_that_can_be_said_otherwise():
    """A rule's sentence with values in it, and a phrase within one, follow the reader."""
    told = phrase("at most %(most)s", most=phrase("one"))

    assert told == "at most one"
    with speaking(SPANISH):
        assert _(told) == "como máximo uno"


def test_a_percent_sign_in_a_plain_sentence_is_left_alone():
    """Only a sentence with values is a pattern."""
    assert _("100 % of it") == "100 % of it"


@pytest.mark.parametrize(("num", "words"), [(0, "0 cámaras"), (1, "1 cámara"), (2, "2 cámaras")])
def test_one_and_many_differ(num, words):
    """Zero is many, in Spanish as in English."""
    with speaking(SPANISH):
        assert ngettext("%(num)d camera", "%(num)d cameras", num) == words


def test_times_and_numbers_follow_the_language():
    """Month names and separators are those of the reader."""
    moment = datetime(2026, 1, 5, 14, 7, tzinfo=UTC)

    assert (plain_time(moment), number(12345.5)) == ("5 Jan 2026, 14:07 UTC", "12,345.5")
    with speaking(SPANISH):
        assert (plain_time(moment), number(12345.5)) == ("5 ene 2026, 14:07 UTC", "12,345.5")


@pytest.mark.anyio
async def test_tasks_speak_their_own_language():
    """Two tasks at once, each after the other has chosen, hear only themselves."""
    heard: dict[str, str] = {}
    both = anyio.Event(), anyio.Event()

    async def tell(language: Language, mine: anyio.Event, other: anyio.Event) -> None:
        with speaking(language):
            mine.set()
            await other.wait()
            heard[language.code] = _("one")

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(tell, SPANISH, both[0], both[1])
            group.start_soon(tell, ENGLISH, both[1], both[0])

    assert heard == {"es": "uno", "en": "one"}


def test_somebody_whose_language_nobody_knows_reads_each():
    """One after the other; what was spoken before is spoken afterwards."""
    assert in_each([ENGLISH, SPANISH], lambda: _("one"), between=" / ") == "one / uno"
    assert spoken() is ENGLISH


def test_an_installation_without_its_catalogue_does_not_start(tmp_path):
    """A missing file is an error at start, not English in silence."""
    with pytest.raises(FileNotFoundError):
        load_languages(tmp_path)
