"""The 30 s stream ticket: the one place for python-jose, fenced."""

from jose import jws  # noqa: F401
