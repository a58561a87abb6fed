"""The authorization server for agents: RFC 8628 on Authlib, for one public client and one grant.

Authlib's core is synchronous, so it gets everything it needs beforehand and touches no database: the caller fetches the
enrolment (locked), hands it in with the request, and stores afterwards what `outcome` says, in the same transaction.
Four overrides of Authlib: unknown and used codes answer `expired_token` on the same path as old ones; a code is
consumed with the answer that uses it; the client's scope filter is always asked; invalid_client is 401.
Source: RFC 8628 §3; RFC 8414.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, InvalidScopeError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant, DeviceCredentialMixin

from gateway.sites.model import CODE_LIFE, POLL_INTERVAL_S, Enrolment, EnrolmentState
from partner_agent.wire.enrolment import CLIENT_ID, GRANT_TYPE

SCOPE: Final = "agent:enrol"
DEVICE_PATH: Final = "/oauth/device"
TOKEN_PATH: Final = "/oauth/token"  # noqa: S105  (an address)

Answer = tuple[int, Mapping[str, Any]]


class Outcome(Enum):
    """What the caller stores after the answer."""

    NOTHING = auto()
    BEGUN = auto()  # the enrolment exists, with these codes
    POLLED = auto()
    POLLED_TOO_FAST = auto()  # and the interval grew
    CONSUMED = auto()  # the pairing was handed out


class EnrolmentRequest(OAuth2Request):  # type: ignore[misc]  # authlib has no types
    """One form, with what the caller fetched for it."""

    def __init__(
        self,
        form: Mapping[str, str],
        *,
        now: datetime,
        found: Enrolment | None = None,
        pairing: Mapping[str, Any] | None = None,
        codes: tuple[str, str] = ("", ""),
    ) -> None:
        """`codes`: fresh device and user code, for a device request; `pairing`: what an approved poll receives."""
        # Authlib refuses http addresses. TLS ends before us, and settings allow plain http on loopback only.
        super().__init__("POST", "https://gateway.invalid/")
        self.payload = BasicOAuth2Payload(dict(form))
        self.now = now
        self.found = found
        self.pairing = pairing
        self.codes = codes
        self.outcome = Outcome.NOTHING

    @property
    def args(self) -> dict[str, str]:
        """Nothing is read from the query."""
        return {}

    @property
    def form(self) -> dict[str, str]:
        """The form's fields."""
        return dict(self.payload.data)


class AgentClient(ClientMixin):  # type: ignore[misc]
    """The one client there is: public, for enrolment only."""

    def get_client_id(self) -> str:
        """Its name."""
        return CLIENT_ID

    def get_allowed_scope(self, scope: str | None) -> str:
        """What of `scope` this client may have."""
        return " ".join(word for word in (scope or SCOPE).split() if word == SCOPE)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """A public client proves itself by nothing; the agent proves its key."""
        return method == "none"

    def check_grant_type(self, grant_type: str) -> bool:
        """Only the device grant."""
        return grant_type == GRANT_TYPE


class _Credential(DeviceCredentialMixin):  # type: ignore[misc]
    def __init__(self, enrolment: Enrolment | None, now: datetime) -> None:
        self._is_over = enrolment is None or enrolment.is_over(now)

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_scope(self) -> str:
        return SCOPE

    def get_user_code(self) -> str:
        return ""  # the request carries the enrolment itself

    def is_expired(self) -> bool:
        return self._is_over


class _DeviceEndpoint(DeviceAuthorizationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS: Final = ["none"]
    EXPIRES_IN = int(CODE_LIFE.total_seconds())
    INTERVAL = POLL_INTERVAL_S

    def __init__(self, server: AuthorizationServer, verification_uri: str) -> None:
        super().__init__(server)
        self._verification_uri = verification_uri

    def create_endpoint_response(self, request: EnrolmentRequest) -> Any:
        """The codes of `request`, once client and scope are right."""
        client = self.authenticate_client(request)
        _check_scope(client, request.payload.scope)
        device_code, user_code = request.codes
        request.outcome = Outcome.BEGUN
        body = {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": self._verification_uri,
            "verification_uri_complete": f"{self._verification_uri}?code={user_code}",
            "expires_in": self.EXPIRES_IN,
            "interval": self.INTERVAL,
        }
        return 200, body, []


class _DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS: Final = ["none"]

    def query_device_credential(self, _device_code: str) -> _Credential:
        """Never None: an unknown code takes the path of an old one."""
        return _Credential(self.request.found, self.request.now)

    def query_user_grant(self, _user_code: str) -> tuple[str, bool] | None:
        """What the owner decided; None while nobody has."""
        match self.request.found.state:
            case EnrolmentState.APPROVED:
                return self.request.found.approved_by, True
            case EnrolmentState.DENIED:
                return "", False
            case _:
                return None

    def should_slow_down(self, _credential: _Credential) -> bool:
        """Whether this poll came sooner than the interval allows."""
        found: Enrolment = self.request.found
        last = found.last_polled_at
        is_fast = last is not None and (self.request.now - last).total_seconds() < found.interval_s
        self.request.outcome = Outcome.POLLED_TOO_FAST if is_fast else Outcome.POLLED
        return is_fast

    def create_token_response(self) -> Any:
        """The pairing, once; the caller consumes the code in the same transaction."""
        _check_scope(self.request.client, self.request.credential.get_scope())
        self.request.outcome = Outcome.CONSUMED
        return 200, self.request.pairing, self.TOKEN_RESPONSE_HEADER


class EnrolmentServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server, wired to the two endpoints and nothing else."""

    def __init__(self, *, public_url: str, verification_uri: str) -> None:
        super().__init__(scopes_supported=[SCOPE])
        self._public_url = public_url
        self.register_grant(_DeviceGrant)
        self.register_endpoint(_DeviceEndpoint(self, verification_uri))

    def begin(self, request: EnrolmentRequest) -> Answer:
        """Answer `POST /oauth/device`."""
        return self._answer(self.create_endpoint_response("device_authorization", request))

    def poll(self, request: EnrolmentRequest) -> Answer:
        """Answer `POST /oauth/token`."""
        return self._answer(self.create_token_response(request))

    def metadata(self) -> dict[str, Any]:
        """RFC 8414 §2."""
        return {
            "issuer": self._public_url,
            "device_authorization_endpoint": self._public_url + DEVICE_PATH,
            "token_endpoint": self._public_url + TOKEN_PATH,
            "grant_types_supported": [GRANT_TYPE],
            "response_types_supported": [],
            "scopes_supported": [SCOPE],
            "token_endpoint_auth_methods_supported": ["none"],
        }

    def query_client(self, client_id: str) -> AgentClient | None:
        """The one client, or none."""
        return AgentClient() if client_id == CLIENT_ID else None

    def create_oauth2_request(self, request: EnrolmentRequest) -> EnrolmentRequest:
        """It is one already."""
        return request

    def send_signal(self, *_arguments: Any, **_named: Any) -> None:
        """Nobody listens."""

    def handle_response(self, status: int, body: Any, _headers: Any) -> Answer:
        """Status and body; the route writes the headers."""
        return status, dict(body)

    @staticmethod
    def _answer(answer: Answer) -> Answer:
        status, body = answer
        return (401 if body.get("error") == "invalid_client" else status), body


def error(code: str, status: int = 400) -> Answer:
    """An OAuth error of our own making, in the same form as Authlib's."""
    return status, {"error": code}


def _check_scope(client: AgentClient, scope: str | None) -> None:
    """The filter that a token generator of one's own would bypass: refuse if anything was dropped.

    Raises:
        InvalidScopeError: the client may not have all of it.
    """
    if scope is not None and set(client.get_allowed_scope(scope).split()) != set(scope.split()):
        raise InvalidScopeError


__all__ = [
    "DEVICE_PATH",
    "SCOPE",
    "TOKEN_PATH",
    "EnrolmentRequest",
    "EnrolmentServer",
    "OAuth2Error",
    "Outcome",
    "error",
]
