"""What links to phones write in the log: made, opened on a device, taken back. Views name their own recipient."""

from gateway.audit import Json, Kind, LeafDraft
from gateway.kernel.principal import Principal
from gateway.live.model import EndReason
from gateway.live.phones.model import PhoneLink
from partner_agent.wire.clock import to_rfc3339
from policies.vocabulary import Act


def made(link: PhoneLink, *, unit: str, role: str) -> LeafDraft:
    """Somebody who watches sent it; nothing is shown by that."""
    until = to_rfc3339(link.open_until)
    return _about(link, Kind.PHONE_LINK_MADE, unit=unit, role=role, open_until=until, seconds_at_most=link.lasts_s)


def opened(link: PhoneLink) -> LeafDraft:
    """The first device that came has it from now on."""
    assert link.ends_at is not None
    return _about(link, Kind.PHONE_LINK_OPENED, ends_at=to_rfc3339(link.ends_at))


def stopped(link: PhoneLink, reason: EndReason, *, by: Principal) -> LeafDraft:
    """Somebody took it back; a view that it showed has its own entry."""
    return _about(link, Kind.PHONE_LINK_STOPPED, reason=reason.value).done_by(by.person_id, named="stopped_by")


def _about(link: PhoneLink, kind: Kind, **details: Json) -> LeafDraft:
    return LeafDraft(
        kind=kind,
        streams=link.streams,
        public={"act": Act.LIVE_VIEW.value, "purpose": link.purpose},
        details={
            "link": link.id,
            "session": link.sent_from,
            "camera": link.camera_id,
            "site": link.site_id,
            "organisation": link.organisation_id,
            "incident": link.incident_id,
            "agency": link.agency_id,
            "shown_to": link.recipient,
            **details,
        },
        restricted={"person": link.person_id},
        once=f"{kind.value} {link.id}",
    )
