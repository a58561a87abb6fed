"""The agreement (MOU): the version that came with the installation, and every version as a document people read."""

from typing import Final

from gateway.partners.model import Version
from policies import packs

CURRENT: Final = "pilot-1"


def load_agreement(version: str = CURRENT) -> Version:
    """The version that came with the installation; read once, by the composition root.

    Raises:
        PolicyError: it is not there or not whole.
    """
    return Version(packs.memorandum(version), is_shipped=True)
