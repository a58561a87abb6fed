"""Recordings as evidence: requests, uploads, sealed packages."""

from gateway.evidence.build import build_evidence
from gateway.evidence.model import ClipRequest, ClipState, words
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
    "ClipLaw",
    "ClipRequest",
    "ClipSites",
    "ClipState",
    "Consequences",
    "Decision",
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
