"""The texts of the agreement (MOU), one file per version; a version that was accepted never changes."""

from pathlib import Path
from typing import Final

from gateway.partners.model import Agreement

CURRENT: Final = "pilot-1"


def load_agreement(version: str = CURRENT) -> Agreement:
    """Read a version; done once, by the composition root."""
    return Agreement(version, (Path(__file__).parent / f"{version}.txt").read_text(encoding="utf-8"))
