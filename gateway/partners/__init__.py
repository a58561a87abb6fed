"""Organisations, their people, sites and agreements."""

from gateway.partners.agreements.document import differences, sections
from gateway.partners.model import (
    Acceptance,
    AgreementInForce,
    Member,
    Organisation,
    OrganisationKind,
    OrganisationState,
    Place,
    Registration,
    SignatureOffer,
    Site,
)
from gateway.partners.service import Partners

__all__ = [
    "Acceptance",
    "AgreementInForce",
    "Member",
    "Organisation",
    "OrganisationKind",
    "OrganisationState",
    "Partners",
    "Place",
    "Registration",
    "SignatureOffer",
    "Site",
    "differences",
    "sections",
]
