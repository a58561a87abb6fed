"""Whose passkey may approve what on this site, and how often each has signed.

Owners are part of the document, so a change of them is a document too: suspending one only narrows; adding one needs a
passkey of the document in force, or the site; removing one needs another passkey than the one removed, or the site, and
never takes the last. Who holds the site itself can always act; a new owner of the place starts a new lineage there.
A passkey that only answers requests is none of the owners: adding it, or giving it another role, needs an owner or the
site; it goes by a narrowing; and it is never the one that stays. What it may approve is check 2 of `wire.approvals`.
"""

from collections.abc import Sequence
from typing import Final

from partner_agent.store import Store
from partner_agent.wire import approvals
from partner_agent.wire.approvals import ApprovalError, Approved, Profile
from partner_agent.wire.problems import PolicyProblem
from partner_agent.wire.touches import Assertion, Path
from policies.model import Owner, Policy
from policies.vocabulary import OwnerRole

COUNTER_CHECK: Final = 6  # continues the numbers of `wire.approvals`


def problem(old: Policy | None, new: Policy, *, by: str | None) -> PolicyProblem | None:
    """Why this change of owners cannot be approved.

    Args:
        old: the policy in force.
        new: the one that waits.
        by: the credential that approves; None for the site itself.
    """
    before, after = _keys(old) if old else set(), _keys(new)
    if before and not after:
        return PolicyProblem.LAST_OWNER
    if by is not None and by in {credential for credential, _ in before - after}:
        return PolicyProblem.ANOTHER_OWNER
    return None


def _keys(policy: Policy) -> set[tuple[str, str]]:
    """The passkeys that approve changes."""
    return {(owner.credential, owner.public_key) for owner in policy.owners if owner.role is OwnerRole.OWNER}


class Owners:
    """The passkeys of this site, as its document in force names them."""

    def __init__(self, *, store: Store, profile: Profile) -> None:
        self._store, self._profile = store, profile

    def check(
        self, assertion: Assertion, *, label: str, digest: str, path: Path | None, owners: Sequence[Owner]
    ) -> Approved:
        """Verify a touch for the document `digest` (hex), without its counter: for what was approved before.

        Raises:
            ApprovalError: the first numbered check that failed.
        """
        return approvals.verify(
            assertion, label=label, digest=bytes.fromhex(digest), path=path, profile=self._profile, owners=owners
        )

    def take(
        self, assertion: Assertion, *, label: str, digest: str, path: Path | None, owners: Sequence[Owner]
    ) -> Approved:
        """Verify a touch, and that its counter has not gone back; then remember the counter.

        Raises:
            ApprovalError: the first numbered check that failed.
        """
        approved = self.check(assertion, label=label, digest=digest, path=path, owners=owners)
        self._count(approved)  # 6
        return approved

    def _count(self, approved: Approved) -> None:
        """6. A counter only grows (WebAuthn §7.2, step 22), but one signature may come for each of its documents."""
        rows = self._store.rows("SELECT * FROM touch WHERE credential = ?", approved.credential)
        seen = (int(rows[0]["sign_count"]), str(rows[0]["challenge"])) if rows else (0, "")
        is_same = (approved.sign_count, approved.challenge) == seen
        if seen[0] and not is_same and approved.sign_count <= seen[0]:
            raise ApprovalError(COUNTER_CHECK, "the passkey's counter went back: it may have been copied")
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO touch VALUES (?, ?, ?) ON CONFLICT (credential) DO UPDATE"
                " SET sign_count = excluded.sign_count, challenge = excluded.challenge",
                (approved.credential, approved.sign_count, approved.challenge),
            )
