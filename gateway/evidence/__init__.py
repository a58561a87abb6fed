"""Recordings as evidence: requests, uploads, sealed packages."""

from gateway.evidence.build import build_evidence
from gateway.evidence.model import Chunk, ClipRequest, ClipState, words
from gateway.evidence.objects import DamagedError, EncryptedObjects
from gateway.evidence.ports import (
    ClipLaw,
    ClipSites,
    Consequences,
    Decision,
    Kept,
    Place,
    SiteRefusedError,
    SiteUnreachableError,
    Wanted,
)
from gateway.evidence.service import Evidence
from gateway.evidence.unwired import NoClipLaw, NoClipSites

__all__ = [
    "Chunk",
    "ClipLaw",
    "ClipRequest",
    "ClipSites",
    "ClipState",
    "Consequences",
    "DamagedError",
    "Decision",
    "EncryptedObjects",
    "Evidence",
    "Kept",
    "NoClipLaw",
    "NoClipSites",
    "Place",
    "SiteRefusedError",
    "SiteUnreachableError",
    "Wanted",
    "build_evidence",
    "words",
]
