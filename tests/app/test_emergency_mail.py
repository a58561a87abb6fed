"""What owners are mailed about emergency access, in both languages, for nobody knows which one they read."""

from datetime import UTC, datetime

import pytest

from gateway.app.emergency import emergency_mail
from gateway.emergency import Need
from gateway.web import in_each, load_languages

AT = datetime(2026, 6, 3, 15, 0, tzinfo=UTC)
URL = "https://lenspact.example.org"


@pytest.mark.parametrize(
    ("act", "english", "spanish"),
    [
        ("live.view", "to open the live picture of your camera “Gate”.", "para ver en vivo su cámara “Gate”."),
        (
            "clip.request",
            "to ask for a recording of your camera “Gate”.",
            "para pedir una grabación de su cámara “Gate”.",
        ),
    ],
)
def test_both_languages_say_who_what_when_why_and_how_to_end_it(act, english, spanish):
    """One after the other, with the same names, time and address in each."""
    need = Need(camera_id="cam_1", incident_id="inc_1", act=act, purpose="life_safety")
    text = in_each(
        load_languages().values(),
        lambda: emergency_mail(need, agency="City Police", camera="Gate", at=AT, url=URL),
        between="\n",
    )

    for words in (english, spanish, "Why: life safety", "Por qué: seguridad de la vida", "desactive la cámara"):
        assert words in text
    for twice in ("City Police", "2026-06-03T15:00:00.000Z", f"{URL}/portal/who-looked", "lenspact-agent pause"):
        assert text.count(twice) == 2
