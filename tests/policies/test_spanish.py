"""Rules said in Spanish say the same as in English, sentence for sentence, with no English left."""

import ast
import dataclasses
import re
from itertools import product
from pathlib import Path

import pytest

import policies.words
from policies.clauses import Clause, Live, Recordings, Where, expand
from policies.narrowing import Widening
from policies.parts import Owner
from policies.spanish import SPANISH, conjunction, tongue
from policies.vocabulary import Act, Origin, Purpose
from policies.voice import Voice
from policies.words import distance, duration, say, say_change
from tests.policies.build import NOW, OFFICE, envelope, policy, rule, terms
from tests.policies.test_words import CAMERAS, MASKED, OTHERS, SAID

NAMES = {"cam_1": "Portón", "cam_2": "Patio"}
ENGLISH = Voice(cameras=NAMES, agencies={"age_1": "Policía", "age_2": "Bomberos"}, zone="America/Chicago")
SPOKEN = dataclasses.replace(ENGLISH, tongue=SPANISH)
HELD = re.compile(r"\{\w+\}")


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-záéíóúñü]+", HELD.sub("", text).lower()))


TEXTS = SPANISH.texts | SPANISH.of_many
# words that only the English texts have: none of them may be left in a Spanish sentence
FOREIGN = {word for text in TEXTS for word in _words(text)} - {w for text in TEXTS.values() for w in _words(text)}


def _clauses() -> list[Clause]:
    """Every answer with every other answer, and every tick in every company."""
    window = {"zone": "America/Chicago", "spans": OFFICE.spans}
    mine = {"excluded": frozenset({"unit:age_1/rtcc"}), "named": frozenset({"role:age_1/operator"})}
    ticks = [
        {"by_hand": True, "is_moving": True},
        {"origins": frozenset({Origin.ALERT, Origin.HAND}), "on_panic": True, "emergency": True},
        {"audio": True, "ptz": True, "hold": False, "height_lines": 720},
        {"until_ms": round(NOW.timestamp() * 1000), "session_s": 45, "history_from_ms": 1},
    ]
    extras = [*ticks, {}, window, mine, window | mine | ticks[0] | ticks[2]]
    return [
        Clause(CAMERAS, live, recordings, where, radius_m=radius, **extra)
        for live, recordings, where, radius, extra in product(Live, Recordings, Where, (300, 1600), extras)
    ]


@pytest.mark.parametrize("live", Live)
def test_every_answer_is_said_without_english_and_without_loss(live):
    """As many sentences as in English, in the same order, with the same figures, and no English word."""
    for clause in (clause for clause in _clauses() if clause.live is live):
        held = expand([clause]).into(policy())
        english, spanish = say(held, ENGLISH), say(held, SPOKEN)

        assert len(spanish) == len(english)
        for one, other in zip(english, spanish, strict=True):
            assert FOREIGN & _words(other) == set(), other
            assert "{" not in other
            assert sorted(re.findall(r"\d+", other)) == sorted(re.findall(r"\d+", one))


@pytest.mark.parametrize("name", SAID)
def test_each_part_of_a_rule_is_said_in_spanish(name):
    """Hours, dates, conditions, grantees and masks have their words."""
    one, _words_of_it = SAID[name]
    held = policy(one, terms=(terms(), MASKED))

    assert len(say(held, SPOKEN)) == len(say(held, ENGLISH))
    assert FOREIGN & _words(" ".join(say(held, SPOKEN))) == set()


@pytest.mark.parametrize("words", OTHERS)
def test_what_changes_beside_the_rules_is_said_in_spanish(words):
    """Owners, waiting time, ordinance, totals, cameras."""
    old = policy(rule())
    changes = say_change(old, dataclasses.replace(old, **OTHERS[words]), SPOKEN)

    assert all(FOREIGN & _words(change.sentence) == set() for change in changes)


def test_every_text_of_the_words_has_its_spanish():
    """What `translate` is given anywhere in `policies.words` is in the tongue, with the same names in it."""
    tree = ast.parse(Path(policies.words.__file__).read_text())
    tables = ("_PHRASES", "_ORIGINS", "_PURPOSES", "_REASONS")
    asked: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="translate") | ast.Name("said"), args=[first, *_]):
                asked |= {n.value for n in ast.walk(first) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
            case ast.AnnAssign(target=ast.Name(name)) if name in tables:
                asked |= {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    asked -= {"", "1"}

    assert len(asked) > 60
    assert asked - SPANISH.texts.keys() == set()
    for english, spanish in TEXTS.items():
        assert sorted(HELD.findall(english)) == sorted(HELD.findall(spanish)), english


def test_every_purpose_act_and_widening_is_said():
    """No word of the vocabulary is left in English."""
    held = policy(rule(acts=frozenset(Act), purposes=frozenset(Purpose)), owners=(Owner("a", "k", is_suspended=False),))

    assert FOREIGN & _words(" ".join(change.sentence for change in say_change(None, held, SPOKEN))) == set()
    assert len(Widening) == len(policies.words._REASONS)


def test_the_default_answers_read_like_this():
    """The preset for emergencies in full, as an owner reads it."""
    held = expand([Clause(CAMERAS, Live.NEARBY, Recordings.ASK, Where.SHOWN)]).into(policy())

    assert say(held, SPOKEN) == [
        "Policía puede ver Portón en el mapa.",
        "Policía puede ver Portón en vivo y tomar fotos, solo por un incidente cercano, a menos de 2,000 pies, unas 6 "
        "cuadras, reportado al centro del 911, como máximo 30 minutos cada vez.",
        "Policía puede pedirle a usted clips de Portón, como máximo 60 minutos de grabación, de hasta 7 días atrás.",
        "Policía puede ver grabaciones de Portón y recibir clips, solo cuando usted dice que sí, cada vez, como máximo "
        "60 minutos de grabación, de hasta 7 días atrás.",
        "Policía puede hacer que no se borren las grabaciones de Portón, por 3 días como máximo.",
        "Todo esto solo en casos de peligro para la vida, delitos violentos, robos y hurtos, tránsito, personas "
        "desaparecidas, incendios, emergencias médicas, tormentas y sustancias peligrosas, eventos públicos e "
        "investigaciones.",
        "Se le avisa a usted cada vez.",
        "De Patio no se comparte nada.",
    ]


def test_days_hours_and_dates_are_spanish():
    """The window is that of the rule, with the days named as Spanish names them."""
    held = policy(rule(window="office", until_ms=round(NOW.timestamp() * 1000)))

    assert "lun–vie 08:00–18:00 (Chicago), hasta 2026-06-03 10:00 CDT" in say(held, SPOKEN)[0]


def test_several_agencies_take_the_plural():
    """The verb follows whom it speaks of."""
    both = envelope(agencies=frozenset({"age_1", "age_2"}))

    assert say(policy(rule(), envelope=both), SPOKEN)[0].startswith("Policía y Bomberos pueden ver")
    assert say(policy(rule()), SPOKEN)[0].startswith("Policía puede ver")


def test_a_service_is_no_purpose():
    """The fire service and the purpose of fire are the same word in the rules, and two in Spanish."""
    one = rule(grantee="role:age_2/fire", purposes=frozenset({Purpose.FIRE}))

    assert say(policy(one), SPOKEN)[0].startswith("Bomberos, bomberos puede ver")
    assert "en casos de incendios" in " ".join(say(policy(one), SPOKEN))


@pytest.mark.parametrize(
    ("last", "joined"),
    [("incendios", "e"), ("Iglesia", "e"), ("Hidalgo", "e"), ("“Índice”", "e"),
     ("Patio", "y"), ("hielo", "y"), ("Iowa", "y"), ("", "y")],
)  # fmt: skip
def test_y_becomes_e_before_an_i(last, joined):
    """As it is spoken, so that a list does not stumble."""
    assert conjunction(last) == f"{{some}} {joined} {{last}}"


@pytest.mark.parametrize(
    ("metres", "words"), [(300, "1,000 pies, unas 3 cuadras"), (1600, "1 milla"), (3200, "2 millas")]
)
def test_distances_in_spanish(metres, words):
    """The same figures, in feet, blocks and miles."""
    assert distance(metres, SPOKEN) == words


@pytest.mark.parametrize(("seconds", "words"), [(45, "45 segundos"), (1800, "30 minutos"), (259_200, "3 días")])
def test_lengths_in_spanish(seconds, words):
    """The same unit as in English."""
    assert duration(seconds, SPOKEN) == words


def test_what_is_not_spoken_is_english():
    """A code of no tongue of ours gives the English texts."""
    assert tongue("es") is SPANISH
    assert say(policy(), Voice(cameras=NAMES, tongue=tongue("tlh"))) == say(policy(), Voice(cameras=NAMES))
