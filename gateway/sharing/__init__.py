"""The owner's answers turned into policy documents, and the centre's decisions."""

from gateway.sharing.approving import Approvals, Waiting
from gateway.sharing.deciding import Decided, Decisions, Question, Snapshot
from gateway.sharing.effects import Effect, Effects
from gateway.sharing.evaluating import Asked, Evaluations, Person, SomeRole, Supposed, Tried
from gateway.sharing.everywhere import Batch, Everywhere, Outcome, WaitingAt
from gateway.sharing.explaining import Audience, Explained, audience_of
from gateway.sharing.following import LawSpreader, follow_forever
from gateway.sharing.freshness import EVERYTHING, Changes, Freshness
from gateway.sharing.history import History
from gateway.sharing.in_force import InForce
from gateway.sharing.layering import Layering
from gateway.sharing.listing import Listed, Listing, MapView, NearView, Page, Search
from gateway.sharing.looking import NOTHING, WISH, Availability, Look, wish_of
from gateway.sharing.marking import Marker, ground_of
from gateway.sharing.model import EVERYBODY, Answers, DocumentState, Step
from gateway.sharing.ordinance_words import lines, say_added, say_limits, say_loosened
from gateway.sharing.ordinances import Ordinances, Progress, Proposal
from gateway.sharing.outbox import Outbox
from gateway.sharing.owners import MAX_OWNERS, Key, KeyState, Owners, SiteKeys
from gateway.sharing.ports import GivenUsage, SiteAgent, SiteAgents, StoredDocument, ViewHistory, ViewMade
from gateway.sharing.prover import Proved, Prover, Unproved
from gateway.sharing.service import NETWORK, Preview, Sharing, topic_of
from gateway.sharing.signs import Signs
from gateway.sharing.site_book import Agency, AgencyDirectory, SiteBook
from gateway.sharing.stopping import Stopping
from gateway.sharing.touching import Touches, TouchOffer
from gateway.sharing.views import CameraCard, SharingView, Standing
from gateway.sharing.who_sees import WhoSees

__all__ = [
    "EVERYBODY",
    "EVERYTHING",
    "MAX_OWNERS",
    "NETWORK",
    "NOTHING",
    "WISH",
    "Agency",
    "AgencyDirectory",
    "Answers",
    "Approvals",
    "Asked",
    "Audience",
    "Availability",
    "Batch",
    "CameraCard",
    "Changes",
    "Decided",
    "Decisions",
    "DocumentState",
    "Effect",
    "Effects",
    "Evaluations",
    "Everywhere",
    "Explained",
    "Freshness",
    "GivenUsage",
    "History",
    "InForce",
    "Key",
    "KeyState",
    "LawSpreader",
    "Layering",
    "Listed",
    "Listing",
    "Look",
    "MapView",
    "Marker",
    "NearView",
    "Ordinances",
    "Outbox",
    "Outcome",
    "Owners",
    "Page",
    "Person",
    "Preview",
    "Progress",
    "Proposal",
    "Proved",
    "Prover",
    "Question",
    "Search",
    "Sharing",
    "SharingView",
    "Signs",
    "SiteAgent",
    "SiteAgents",
    "SiteBook",
    "SiteKeys",
    "Snapshot",
    "SomeRole",
    "Standing",
    "Step",
    "Stopping",
    "StoredDocument",
    "Supposed",
    "TouchOffer",
    "Touches",
    "Tried",
    "Unproved",
    "ViewHistory",
    "ViewMade",
    "Waiting",
    "WaitingAt",
    "WhoSees",
    "audience_of",
    "follow_forever",
    "ground_of",
    "lines",
    "say_added",
    "say_limits",
    "say_loosened",
    "topic_of",
    "wish_of",
]
