"""The Casbin model files, read once: the only text that is ever compiled."""

from functools import cache
from importlib import resources


@cache
def text(name: str) -> str:
    """The text of `<name>.conf`: guardrail, sharing or agency."""
    return resources.files(__package__).joinpath(f"{name}.conf").read_text(encoding="utf-8")
