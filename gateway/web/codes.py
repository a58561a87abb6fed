"""Codes of the law and the log as people read them: purposes, kinds of incident, roles, reasons, kinds of entries.

A code is English with underscores and dots for spaces, so in English it needs no table. The words are listed here so
that other languages have a text for each; a test holds the lists to the codes themselves.
"""

from typing import Final

from gateway.web.language import _

WORDS: Final = (
    *("account inactive", "act", "admin", "agency", "agreement", "alarm", "answers", "assault", "burglary", "captain"),
    *("compliance", "condition", "crash", "dates", "deny rule", "disagreement", "disaster", "disturbance"),
    *("emergency management", "ems", "error", "federal", "fire", "grantee", "guardrail", "hazmat"),
    *("health care seeking", "immigration", "investigation", "layer missing", "life safety", "manager", "masks"),
    *("medical", "missing person", "no such camera", "not shared", "officer needs help", "operator", "other", "owner"),
    *("partner inactive", "paused", "planned event", "property crime", "protest monitoring", "public event"),
    *("purpose", "purpose mismatch", "pursuit", "range missing", "robbery", "second", "shooting", "supervisor"),
    *("suspended", "terms", "theft", "totals", "traffic", "transport", "unknown term", "violent crime", "weapon"),
    *("weather", "window", "wrong guardrail", "wrong partner"),
)
ENTRIES: Final = (
    *("Agent approved", "Agent camera ticked", "Agent cleared", "Agent code entry locked", "Agent code issued"),
    *("Agent connected", "Agent disconnected", "Agent enrolled", "Agent paused", "Agent quarantined"),
    *("Agent removed", "Agent resumed", "Agreement accepted", "Agreement proposed", "Agreement signed"),
    *("Camera added", "Camera changed", "Camera removed", "Clip accepted", "Clip approved", "Clip captured"),
    *("Clip declined", "Clip deleted", "Clip denied", "Clip downloaded", "Clip expired", "Clip failed"),
    *("Clip preserved", "Clip refused", "Clip released", "Clip requested", "Clip uploaded", "Counts differed"),
    *("Credential added", "Credential removed", "Credential resumed", "Credential suspended", "Detail erased"),
    *("Detail opened", "Emergency asked", "Emergency confirmed", "Emergency declined", "Emergency lapsed"),
    *("Emergency refused", "Entries exported", "Grant issued", "Guardrail changed", "Help called", "Help over"),
    *("Incident changed", "Incident closed", "Incident opened", "Keyset published", "Log adopted", "Log key rotated"),
    *("Ordinance approved", "Ordinance declined", "Ordinance proposed", "Package downloaded", "Package sealed"),
    *("Partner changed", "Partner confirmed", "Partner member added", "Partner member removed", "Partner registered"),
    *(
        "Partner withdrew",
        "Phone link made",
        "Phone link opened",
        "Phone link stopped",
        "Person registered",
        "Person roles changed",
        "Person suspended",
        "Policy acknowledged",
    ),
    *("Policy approved", "Policy refused", "Policy saved", "Policy sent", "Policy withdrawn", "Promise broken"),
    *("Report overdue", "Report owed", "Report written", "Review decided", "Session stopped", "Setting changed"),
    *("Sharing resumed", "Sharing suspended", "Sign in ended", "Sign in failed", "Sign in succeeded", "Site added"),
    *("Recording shown", "View approved"),
    *("Site changed", "Site removed", "Still read", "Still taken", "View accepted", "View accounted"),
    *("View asked", "View declined", "View denied", "View ended", "View failed", "View interrupted", "View lapsed"),
    *("View refused", "View requested", "View started"),
)


def code_in_words(code: str) -> str:
    """A code in the reader's language."""
    return _(code.replace("_", " ").replace(".", " "))


def in_words(codes: str) -> str:
    """The filter of templates for codes that are joined with commas and have become words already."""
    return ", ".join(_(word) for word in codes.split(", "))
