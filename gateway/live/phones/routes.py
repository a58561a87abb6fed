"""Links to phones over HTTP: `/api/v1/phone-links` for whoever sends, `/phone` for whoever opens one.

What a phone asks is answered to its own cookie and to nothing else: no route here reads who is signed in. The secret of
a link comes in a body, never in an address, so that no log of addresses holds it.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Template

from gateway.edge.inputs import Line, StrictInput
from gateway.edge.origin import PublicOrigin
from gateway.edge.rate_limit import Limit, RateLimiter, address_prefix
from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.errors import DeniedError
from gateway.kernel.principal import Principal
from gateway.live.calls import Calls
from gateway.live.ice_servers import IceServer
from gateway.live.phones.answers import PhoneState, Taken
from gateway.live.phones.model import LISTED_FOR, PhoneLink, Token, read_token
from gateway.live.phones.qr import svg_data_of
from gateway.live.phones.service import Phones
from gateway.web import _, page

COOKIE: Final = "lenspact-phone"
A_MINUTE: Final = 10  # links that one person makes
OPENINGS_A_MINUTE: Final = 60  # from one network: a carrier hides many phones behind one address
VIEWS_A_MINUTE: Final = 40  # of one link: a phone in a tunnel asks every two seconds
REPORTS_A_MINUTE: Final = 60  # of what one link's phone measured
_PATH: Final = "/api/v1/phone-links"
_PHONE: Final = requires(PUBLIC, reads_cookies=False)
AnyRequest = Request[Any, Any, Any]


class SendLink(StrictInput, frozen=True, kw_only=True):
    """Which of one's own views, and for whom: a unit or a name."""

    session_id: Line
    recipient: Line


class OpenLink(StrictInput, frozen=True, kw_only=True):
    """The secret of a link, as it stands behind the # of its address."""

    token: Line


class ViewLink(StrictInput, frozen=True, kw_only=True):
    """The phone's certificate for this view: SHA-256, upper-case hex with colons."""

    dtls_fingerprint: Line


class PhoneSeen(StrictInput, frozen=True, kw_only=True):
    """How long the picture was on the phone's screen since this view began."""

    on_screen_s: int


class LinkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A link as its sender reads it; `standing` is waiting, opened, expired or over, `words` why it is over."""

    id: str
    camera_id: str
    incident_id: str
    recipient: str
    standing: str
    words: str
    is_shown: bool
    open_until: datetime
    ends_at: datetime | None

    @classmethod
    def of(cls, state: PhoneState) -> "LinkFacts":
        """What may be told of it."""
        link = state.link
        return cls(
            id=link.id,
            camera_id=link.camera_id,
            incident_id=link.incident_id,
            recipient=link.recipient,
            standing=state.standing.value,
            words=_(state.words) if state.words else "",
            is_shown=state.is_shown,
            open_until=link.open_until,
            ends_at=link.ends_at,
        )


class NewLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was made: its address and the same as an image are told this once."""

    id: str
    url: str
    qr: str
    recipient: str
    open_until: datetime
    lasts_s: int


class PhoneFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A link as its phone reads it; `words` say why it is over, `is_shown` whether a view of it runs."""

    standing: str
    words: str
    is_shown: bool
    left_s: int
    camera: str
    sender: str
    agency: str
    recipient: str

    @classmethod
    def of(cls, taken: Taken) -> "PhoneFacts":
        """What may be told of it."""
        state, called = taken.state, taken.called
        return cls(
            standing=state.standing.value,
            words=_(state.words) if state.words else "",
            is_shown=state.is_shown,
            left_s=state.left_s,
            camera=called.camera,
            sender=called.sender,
            agency=called.agency,
            recipient=state.link.recipient,
        )


class PhoneView(msgspec.Struct, frozen=True, kw_only=True):
    """What the phone needs to call the relay, and the code to lay over the picture."""

    whep_url: str
    ticket: str
    mark: str
    left_s: int
    ice_servers: tuple[IceServer, ...]


@post(_PATH, opt=requires("phone.send"), status_code=201)
async def make_link(
    data: JSONBody[SendLink],
    principal: NamedDependency[Principal],
    phones: NamedDependency[Phones],
    origin: NamedDependency[PublicOrigin],
    rate_limiter: NamedDependency[RateLimiter],
) -> NewLink:
    """Make a link to a picture that one watches."""
    await rate_limiter.check("phone links", [Limit("account", principal.person_id, count=A_MINUTE, window_s=60)])
    sent = await phones.send(principal, session_id=data.session_id, recipient=data.recipient)
    link, url = sent.link, f"{origin.text}/phone#{sent.token}"
    return NewLink(
        id=link.id,
        url=url,
        qr=svg_data_of(url),
        recipient=link.recipient,
        open_until=link.open_until,
        lasts_s=link.lasts_s,
    )


@get(_PATH, opt=requires("phone.send"))
async def my_links(principal: NamedDependency[Principal], phones: NamedDependency[Phones]) -> list[LinkFacts]:
    """The caller's links of the last half hour, newest first."""
    return [LinkFacts.of(state) for state in await phones.mine(principal)]


@post(_PATH + "/{link_id:str}/stop", opt=requires("phone.send"), status_code=204)
async def stop_link(
    link_id: FromPath[str], principal: NamedDependency[Principal], phones: NamedDependency[Phones]
) -> None:
    """Take one's own link back; answered when no picture of it passes any more."""
    await phones.stop(principal, link_id)


@get("/phone", opt=_PHONE, include_in_schema=False, sync_to_thread=False)
def phone_page(request: AnyRequest) -> Template:
    """What a link leads to: the same page for everybody, which opens nothing by itself."""
    answer = page("phone/phone.html", request, title=_("A live picture for you"), theme="dark")
    answer.headers["referrer-policy"] = "no-referrer"
    return answer


@post("/phone/open", opt=_PHONE, status_code=200, include_in_schema=False)
async def open_link(
    request: AnyRequest,
    data: JSONBody[OpenLink],
    phones: NamedDependency[Phones],
    origin: NamedDependency[PublicOrigin],
    rate_limiter: NamedDependency[RateLimiter],
) -> Response[PhoneFacts]:
    """Bind the link to this device, which gets a cookie of its own."""
    _demand_own_page(request, origin)
    address = address_prefix(request.client.host if request.client else "")
    await rate_limiter.check("phone", [Limit("address", address, count=OPENINGS_A_MINUTE, window_s=60)])
    taken = await phones.open(link_token=read_token(data.token), device_token=_device(request, origin))
    cookies = [_cookie(taken.device, taken.state.link, origin)] if taken.device else []
    return Response(PhoneFacts.of(taken), cookies=cookies)


@get("/phone/state", opt=_PHONE, include_in_schema=False)
async def phone_state(
    request: AnyRequest, phones: NamedDependency[Phones], origin: NamedDependency[PublicOrigin]
) -> PhoneFacts:
    """Where the link of this device stands."""
    return PhoneFacts.of(await phones.state(_device(request, origin)))


@post("/phone/view", opt=_PHONE, status_code=200, include_in_schema=False)
async def phone_view(
    *,
    request: AnyRequest,
    data: JSONBody[ViewLink],
    phones: NamedDependency[Phones],
    origin: NamedDependency[PublicOrigin],
    live_calls: NamedDependency[Calls],
    rate_limiter: NamedDependency[RateLimiter],
) -> PhoneView:
    """Open the picture; call `whep_url` with the ticket within 30 s."""
    _demand_own_page(request, origin)
    device = _device(request, origin)
    link = await phones.of_device(device)  # before it is counted: nobody uses up the views of another's link
    await rate_limiter.check("phone views", [Limit("account", link.id, count=VIEWS_A_MINUTE, window_s=60)])
    shown = await phones.view(device, fingerprint=data.dtls_fingerprint)
    return PhoneView(
        whep_url=shown.view.whep_url,
        ticket=shown.view.ticket,
        mark=shown.view.mark,
        left_s=shown.left_s,
        ice_servers=live_calls.ice_servers(shown.link.id),
    )


@post("/phone/seen", opt=_PHONE, status_code=204, include_in_schema=False)
async def phone_seen(
    request: AnyRequest,
    data: JSONBody[PhoneSeen],
    phones: NamedDependency[Phones],
    origin: NamedDependency[PublicOrigin],
    rate_limiter: NamedDependency[RateLimiter],
) -> None:
    """What the phone measured."""
    _demand_own_page(request, origin)
    device = _device(request, origin)
    link = await phones.of_device(device)
    await rate_limiter.check("phone reports", [Limit("account", link.id, count=REPORTS_A_MINUTE, window_s=60)])
    await phones.seen(device, on_screen_s=data.on_screen_s)


PHONE_ROUTES: Final = (
    make_link,
    my_links,
    stop_link,
    phone_page,
    open_link,
    phone_state,
    phone_view,
    phone_seen,
)


def _demand_own_page(request: AnyRequest, origin: PublicOrigin) -> None:
    """No other site makes a phone ask: these routes need no form's token, and the cookie is strict besides.

    Raises:
        DeniedError: the browser says that it comes from elsewhere.
    """
    site, given = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in {None, "same-origin"} or given not in {None, origin.text}:
        raise DeniedError("This did not come from a page of ours. Open the link again.")


def _device(request: AnyRequest, origin: PublicOrigin) -> Token | None:
    return read_token(request.cookies.get(origin.cookie_name(COOKIE), ""))


def _cookie(device: Token, link: PhoneLink, origin: PublicOrigin) -> Cookie:
    """The device's own secret, as long as anything can be read of the link; no script sees it."""
    return Cookie(
        key=origin.cookie_name(COOKIE),
        value=str(device),
        path="/",
        max_age=link.lasts_s + int(LISTED_FOR.total_seconds()),
        secure=origin.is_https,
        httponly=True,
        samesite="strict",
    )
