"""Key sets: only the root speaks, versions never go back, an absent key is revoked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from partner_agent.wire import classes, keyset
from partner_agent.wire.keyset import Key, KeySet
from partner_agent.wire.tokens import LocalSigner, TokenError
from tests.fakes.clock import START

ROOT = LocalSigner.generate("Ed25519")
GRANT_1, GRANT_2, LOG = (LocalSigner.generate("Ed25519").public for _ in range(3))


def _sign(
    previous: KeySet | None, *keys: Key, root: LocalSigner = ROOT, gateway: str = "gw", now: datetime = START
) -> KeySet:
    return keyset.sign(
        root.only(classes.KEY_SET),
        root.public,
        gateway=gateway,
        previous=previous,
        keys=keys,
        hosts=["gw.example"],
        relay_fingerprints=["AA"],
        log_origin="gw.example/log",
        now=now,
    )


def _grant(public, days: int = 30) -> Key:
    return Key(role="grant", public=public, expires_at=START + timedelta(days=days))


FIRST = _sign(None, _grant(GRANT_1))
SECOND = _sign(FIRST, _grant(GRANT_2))
THIRD = _sign(SECOND, _grant(GRANT_1))


def test_a_set_not_signed_by_the_root_is_refused():
    """Live keys cannot extend their own life."""
    with pytest.raises(TokenError):
        keyset.parse(_sign(None, root=LocalSigner.generate("Ed25519")).token, ROOT.public)


@pytest.mark.parametrize(
    "offered",
    [
        [FIRST],
        [THIRD],
        [_sign(FIRST, _grant(LOG)), THIRD],
        [_sign(None, _grant(LOG))],
        [_sign(SECOND, _grant(GRANT_2), gateway="other")],
    ],
    ids=["older", "gap", "fork", "another first", "another gateway"],
)
def test_the_chain_only_goes_on(offered: Sequence[KeySet]):
    """A step back, a gap, a fork and another gateway are all refused by a holder of version 2."""
    held = keyset.advance(FIRST, [SECOND.token], ROOT.public)

    tokens = [item.token for item in offered]
    if offered == [THIRD]:
        held = FIRST
    with pytest.raises(TokenError):
        keyset.advance(held, tokens, ROOT.public)


def test_the_chain_is_followed_after_any_absence():
    """Expired sets between the held one and the newest need no live key but the root."""
    assert keyset.advance(FIRST, [FIRST.token, SECOND.token, THIRD.token], ROOT.public) == THIRD


def test_an_absent_key_is_revoked():
    """The grant key of version 1 opens nothing under version 2."""
    assert SECOND.live("grant", START) == (GRANT_2,)


def test_an_expired_key_opens_nothing():
    """Expiry is checked by the reader's clock, to the moment."""
    assert FIRST.live("grant", START + timedelta(days=30)) == ()


def test_a_key_lives_at_most_ninety_days():
    """A set-up that asks for more is refused."""
    with pytest.raises(ValueError, match="90 days"):
        _sign(None, _grant(GRANT_1, days=91))


def test_one_key_serves_one_role():
    """A set that uses one key twice is malformed."""
    with pytest.raises(TokenError):
        _sign(None, _grant(GRANT_1), Key(role="lease", public=GRANT_1, expires_at=START))


def test_the_root_has_twelve_words():
    """Both screens show the same 12 words for the same root."""
    words = keyset.root_words(ROOT.public)

    assert len(words) == 12
    assert words == keyset.root_words(ROOT.public) != keyset.root_words(GRANT_1)


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://gw.example/whip/1", True),
        ("https://gw.example.evil/whip/1", False),
        ("https://user@gw.example/", False),
        ("https://gw.example:444/", False),
        ("//gw.example", True),
    ],
)
def test_a_url_is_on_a_host_of_the_set(url: str, is_allowed: bool):
    """Host and port are compared whole."""
    assert FIRST.allows(url) is is_allowed
