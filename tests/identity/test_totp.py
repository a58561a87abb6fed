"""One-time codes agree with the specification's own vectors and each is found once."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from gateway.identity import totp
from tests.support.authenticator_app import AuthenticatorApp

SEED = b"12345678901234567890"  # RFC 6238, appendix B


@pytest.mark.parametrize(
    ("unix_s", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_rfc_6238_vectors(unix_s: int, code: str):
    """The last six digits of the published eight."""
    assert totp.code_at(SEED, unix_s // 30) == code


def test_agrees_with_pyotp():
    """An independent implementation makes the same codes from our URI."""
    uri = totp.otpauth_uri(SEED, issuer="Lenspact City Police", account="dana@city.example")
    parsed = pyotp.parse_uri(uri)

    assert isinstance(parsed, pyotp.TOTP)
    assert parsed.at(1_800_000_000) == totp.code_at(SEED, 60_000_000)
    assert parsed.issuer == "Lenspact City Police"


@pytest.mark.parametrize(("offset_s", "is_taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_one_step_to_either_side(offset_s: int, is_taken: bool):
    """A phone up to a step off is understood, more is not."""
    now = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    code = totp.code_at(SEED, totp.step_at(now + timedelta(seconds=offset_s)))

    assert (totp.matching_step(SEED, code, now=now, last_step=0) is not None) == is_taken


def test_used_and_older_steps_are_refused():
    """A code of the last accepted step, or of one before it, does not count."""
    now = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    step = totp.step_at(now)

    assert totp.matching_step(SEED, totp.code_at(SEED, step), now=now, last_step=step) is None
    assert totp.matching_step(SEED, totp.code_at(SEED, step - 1), now=now, last_step=step) is None
    assert totp.matching_step(SEED, totp.code_at(SEED, step + 1), now=now, last_step=step) == step + 1


def test_who_signs_in_three_times_within_a_step_gives_a_code_that_is_taken_each_time():
    """The second takes the next step's code, the third waits until that is no longer too early."""
    unix_s = 1_800_000_007.0
    waited_s: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal unix_s
        waited_s.append(seconds)
        unix_s += seconds

    app, last_step = AuthenticatorApp(SEED, unix_s=lambda: unix_s, sleep=sleep), 0
    for _ in range(3):
        code = app.code()
        taken = totp.matching_step(SEED, code, now=datetime.fromtimestamp(unix_s, UTC), last_step=last_step)
        assert taken is not None
        last_step = taken

    assert waited_s == [pytest.approx(23.0)]


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "12 34 5"])
def test_what_is_no_code_is_refused(code: str):
    """Six ASCII digits or nothing; blanks between them are forgiven."""
    assert totp.matching_step(SEED, code, now=datetime(2026, 11, 22, tzinfo=UTC), last_step=0) is None
