"""What this capability writes in the log, one function per event. Every leaf concerns the organisation and the site."""

from gateway.audit import Kind, LeafDraft
from gateway.kernel.principal import Principal
from gateway.sites.model import Agent, Enrolment
from gateway.sites.ports import PolicyAnswer, Site
from partner_agent.wire.tokens import hash_of


def code_entry_locked(principal: Principal, *, is_everywhere: bool) -> LeafDraft:
    """Somebody typed wrong pairing codes, or many did."""
    return LeafDraft(
        kind=Kind.AGENT_CODE_ENTRY_LOCKED,
        streams=frozenset({principal.organisation_id, principal.person_id} - {""}),
        public={"scope": "everywhere" if is_everywhere else "session"},
        restricted={"person": principal.person_id},
    )


def pairing_approved(principal: Principal, site: Site, enrolment: Enrolment) -> LeafDraft:
    """The owner typed the code of an agent and said it is theirs."""
    return LeafDraft(
        kind=Kind.AGENT_APPROVED,
        streams=frozenset({site.organisation_id, site.id, principal.person_id}),
        details={
            "site": site.id,
            "organisation": site.organisation_id,
            "person": principal.person_id,
            "key": enrolment.thumbprint,
        },
    )


def agent_enrolled(agent: Agent) -> LeafDraft:
    """The agent fetched its pairing; from here on its key speaks for the site."""
    return _about(agent, Kind.AGENT_ENROLLED, key=agent.thumbprint)


def agent_removed(agent: Agent, *, reason: str, person_id: str) -> LeafDraft:
    """The agent's key no longer speaks for the site."""
    return _about(agent, Kind.AGENT_REMOVED, reason=reason, person=person_id)


def agent_quarantined(agent: Agent, *, stated: int) -> LeafDraft:
    """The agent came with another epoch than its last: two copies of one disk may exist."""
    return _about(agent, Kind.AGENT_QUARANTINED, epoch=agent.epoch, stated_epoch=stated)


def agent_cleared(agent: Agent) -> LeafDraft:
    """The site ended the quarantine and began a new lineage, at nothing shared."""
    return _about(agent, Kind.AGENT_CLEARED, lineage=agent.lineage)


def agent_state_changed(agent: Agent, kind: Kind, *, conditions: frozenset[str]) -> LeafDraft:
    """The site paused, resumed, called for help or said that this is over."""
    return _about(agent, kind, conditions=" ".join(sorted(conditions)))


def policy_answered(agent: Agent, answer: PolicyAnswer) -> LeafDraft:
    """The site took a policy document, or refused it, and signed that."""
    kind = Kind.POLICY_REFUSED if answer.kind == "refused" else Kind.POLICY_ACKNOWLEDGED
    return _about(
        agent,
        kind,
        policy_sha256=answer.sha256,
        lineage=answer.lineage,
        seq=answer.seq,
        reason=answer.code,
        statement_sha256=hash_of(answer.token),
    )


def camera_ticked(agent: Agent, local_id: str, camera_id: str | None, *, person_id: str) -> LeafDraft:
    """The owner said which registered camera an agent's camera is, or took that back."""
    draft = _about(agent, Kind.AGENT_CAMERA_TICKED, local_camera=local_id, camera=camera_id or "", person=person_id)
    return LeafDraft(
        kind=draft.kind, streams=draft.streams | ({camera_id} if camera_id else set()), details=draft.details
    )


def key_set_published(*, version: int, sha256: str) -> LeafDraft:
    """The gateway's keys changed; everybody may know which key set is in force."""
    return LeafDraft(kind=Kind.KEYSET_PUBLISHED, public={"version": version, "sha256": sha256})


def _about(agent: Agent, kind: Kind, **details: str | int) -> LeafDraft:
    return LeafDraft(
        kind=kind,
        streams=frozenset({agent.organisation_id, agent.site_id, agent.id}),
        details={"agent": agent.id, "site": agent.site_id, "organisation": agent.organisation_id, **details},
    )
