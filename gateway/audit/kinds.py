"""What can be written in the log: the closed list of kinds, and the words of a leaf's fields.

A kind is `object.what_happened`, in the past tense. It is public in every leaf, so it says what sort of thing happened
and never to whom. A capability that does something new adds its kind here, and the sentence people read in
`gateway.desks`. Kinds are never renamed or reused: old leaves keep theirs.

Fields (`LeafDraft.details`, `restricted`) are named from the same words everywhere, so that pages and proofs need no
translation: `camera`, `site`, `organisation`, `person`, `agency`, `unit`, `role`, `incident`, `incident_kind`, `call`,
`purpose`, `act`, `session`, `grant_sha256`, `policy_sha256`, `reason`, `seconds`, `bytes`, `agent`, `clip`,
`request`, `sha256`, `confirmation`, `second` (the second person of emergency access), `ground` (the condition of the
rule it stands on), `shown_to` (on whose phone, as the sender said), `link`; `camera_name`, `person_name` … where the
name at that time is to be kept. Everything else refers by id to a row that can be deleted. What is somebody's own words
or address is in `OWN_WORDS`, and nowhere else.
"""

from enum import StrEnum
from typing import Final

# Fields whose values are somebody's own words or where they were; erased when that somebody leaves.
OWN_WORDS: Final = ("camera_name", "host", "network", "person_name")


class Kind(StrEnum):
    """What happened."""

    # people and their sign-in
    PERSON_REGISTERED = "person.registered"
    PERSON_ROLES_CHANGED = "person.roles_changed"
    PERSON_SUSPENDED = "person.suspended"
    SIGN_IN_SUCCEEDED = "sign_in.succeeded"
    SIGN_IN_FAILED = "sign_in.failed"
    SIGN_IN_ENDED = "sign_in.ended"
    CREDENTIAL_ADDED = "credential.added"
    CREDENTIAL_SUSPENDED = "credential.suspended"
    CREDENTIAL_RESUMED = "credential.resumed"
    CREDENTIAL_REMOVED = "credential.removed"

    # partners, their agreement and their places
    PARTNER_REGISTERED = "partner.registered"
    PARTNER_CONFIRMED = "partner.confirmed"
    PARTNER_CHANGED = "partner.changed"
    PARTNER_MEMBER_ADDED = "partner.member_added"
    PARTNER_MEMBER_REMOVED = "partner.member_removed"
    PARTNER_WITHDREW = "partner.withdrew"
    AGREEMENT_PROPOSED = "agreement.proposed"
    AGREEMENT_SIGNED = "agreement.signed"  # by the agency
    AGREEMENT_ACCEPTED = "agreement.accepted"  # by an owner
    ORDINANCE_PROPOSED = "ordinance.proposed"
    ORDINANCE_APPROVED = "ordinance.approved"
    ORDINANCE_DECLINED = "ordinance.declined"
    SITE_ADDED = "site.added"
    SITE_CHANGED = "site.changed"
    SITE_REMOVED = "site.removed"
    CAMERA_ADDED = "camera.added"
    CAMERA_CHANGED = "camera.changed"
    CAMERA_REMOVED = "camera.removed"

    # agents on site and what they are told
    AGENT_CODE_ISSUED = "agent.code_issued"
    AGENT_CODE_ENTRY_LOCKED = "agent.code_entry_locked"
    AGENT_APPROVED = "agent.approved"
    AGENT_CAMERA_TICKED = "agent.camera_ticked"
    AGENT_ENROLLED = "agent.enrolled"
    AGENT_CONNECTED = "agent.connected"
    AGENT_DISCONNECTED = "agent.disconnected"
    AGENT_QUARANTINED = "agent.quarantined"
    AGENT_CLEARED = "agent.cleared"
    AGENT_REMOVED = "agent.removed"
    AGENT_PAUSED = "agent.paused"
    AGENT_RESUMED = "agent.resumed"
    HELP_CALLED = "help.called"
    HELP_OVER = "help.over"
    KEYSET_PUBLISHED = "keyset.published"
    POLICY_SAVED = "policy.saved"
    POLICY_SENT = "policy.sent"
    POLICY_ACKNOWLEDGED = "policy.acknowledged"
    POLICY_REFUSED = "policy.refused"
    POLICY_APPROVED = "policy.approved"
    POLICY_WITHDRAWN = "policy.withdrawn"
    SHARING_SUSPENDED = "sharing.suspended"
    SHARING_RESUMED = "sharing.resumed"
    GUARDRAIL_CHANGED = "guardrail.changed"

    # incidents
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_CHANGED = "incident.changed"
    INCIDENT_CLOSED = "incident.closed"

    # live views
    VIEW_REQUESTED = "view.requested"
    VIEW_DENIED = "view.denied"
    VIEW_ASKED = "view.asked"
    VIEW_APPROVED = "view.approved"
    VIEW_DECLINED = "view.declined"
    VIEW_LAPSED = "view.lapsed"
    GRANT_ISSUED = "grant.issued"
    VIEW_ACCEPTED = "view.accepted"
    VIEW_REFUSED = "view.refused"
    VIEW_STARTED = "view.started"
    VIEW_ENDED = "view.ended"
    VIEW_INTERRUPTED = "view.interrupted"
    VIEW_FAILED = "view.failed"
    VIEW_ACCOUNTED = "view.accounted"
    RECORDING_SHOWN = "recording.shown"  # the same of a view of a recording, with what of it was shown
    SESSION_STOPPED = "session.stopped"
    STILL_TAKEN = "still.taken"
    STILL_READ = "still.read"
    PHONE_LINK_MADE = "phone.link_made"
    PHONE_LINK_OPENED = "phone.link_opened"  # on one device, to which it is bound from then on
    PHONE_LINK_STOPPED = "phone.link_stopped"

    # emergency access by two people
    EMERGENCY_ASKED = "emergency.asked"
    EMERGENCY_CONFIRMED = "emergency.confirmed"
    EMERGENCY_DECLINED = "emergency.declined"
    EMERGENCY_LAPSED = "emergency.lapsed"
    EMERGENCY_REFUSED = "emergency.refused"
    REPORT_OWED = "report.owed"
    REPORT_WRITTEN = "report.written"
    REPORT_OVERDUE = "report.overdue"

    # recordings
    CLIP_REQUESTED = "clip.requested"
    CLIP_DENIED = "clip.denied"
    CLIP_PRESERVED = "clip.preserved"
    CLIP_RELEASED = "clip.released"
    CLIP_APPROVED = "clip.approved"
    CLIP_DECLINED = "clip.declined"
    CLIP_EXPIRED = "clip.expired"
    CLIP_ACCEPTED = "clip.accepted"
    CLIP_CAPTURED = "clip.captured"
    CLIP_UPLOADED = "clip.uploaded"
    CLIP_FAILED = "clip.failed"
    CLIP_REFUSED = "clip.refused"
    CLIP_DOWNLOADED = "clip.downloaded"
    CLIP_DELETED = "clip.deleted"
    PACKAGE_SEALED = "package.sealed"
    PACKAGE_DOWNLOADED = "package.downloaded"

    # oversight and the log itself
    REVIEW_DECIDED = "review.decided"
    ENTRIES_EXPORTED = "entries.exported"
    DETAIL_OPENED = "detail.opened"
    DETAIL_ERASED = "detail.erased"
    LOG_KEY_ROTATED = "log.key_rotated"
    LOG_ADOPTED = "log.adopted"
    SETTING_CHANGED = "setting.changed"
    PROMISE_BROKEN = "promise.broken"
    COUNTS_DIFFERED = "counts.differed"
