"""A change that needs no form: what it would do is shown, and one button does it. Nothing is saved unseen."""

from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.response import Redirect, Template

from gateway.kernel.errors import ConflictError, LenspactError
from gateway.kernel.principal import Principal
from gateway.sharing.effect_words import EffectWords, words_of
from gateway.sharing.service import Preview, Sharing
from gateway.sharing.views import SharingView, Standing
from gateway.web import _, after, page, read_form
from partner_agent.wire import canonical
from policies.clauses import Clause


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A change of what is said about a site.

    Attributes:
        title: of the page that shows it.
        verb: what its button says.
        clauses: every answer of the site afterwards.
        off: the cameras that are switched off afterwards; None leaves them.
    """

    title: str
    verb: str
    clauses: tuple[Clause, ...]
    off: frozenset[str] | None = None

    @property
    def digest(self) -> str:
        """What a person looked at."""
        off = None if self.off is None else sorted(self.off)
        return canonical.sha256_hex({"clauses": [clause.to_json() for clause in self.clauses], "off": off})


async def look_at(
    request: Request[Any, Any, Any],
    *,
    principal: Principal,
    sharing: Sharing,
    view: SharingView,
    act: Act,
    error: LenspactError | None = None,
) -> Template:
    """What the change would do."""
    preview = await sharing.preview(principal, view.site.id, act.clauses, off=act.off)
    return page(
        "sharing/change.html",
        request,
        title=act.title,
        view=view,
        act=act,
        preview=preview,
        effect=effect_of(preview, view),
        word=save_word(preview, view.standing),
        error=error,
    )


async def carry_out(
    request: Request[Any, Any, Any], *, principal: Principal, sharing: Sharing, view: SharingView, act: Act
) -> Template | Redirect:
    """Do it, if it is still what was looked at; otherwise show it anew."""
    form = await read_form(request, "made_from", "looked_at")
    try:
        if form.given("made_from") != str(view.version) or form.given("looked_at") != act.digest:
            raise ConflictError("What is shared was changed meanwhile. Look again, then decide.")
        await sharing.save(principal, view.site.id, act.clauses, made_from=view.version, off=act.off)
    except LenspactError as error:
        return await look_at(request, principal=principal, sharing=sharing, view=view, act=act, error=error)
    return after(f"/portal/sites/{view.site.id}/sharing", "sharing-saved")


def effect_of(preview: Preview, view: SharingView) -> EffectWords | None:
    """What the change does for whom, in words."""
    return None if preview.effect is None else words_of(preview.effect, preview.after, view.voice)


def save_word(preview: Preview, standing: Standing) -> str:
    """What the one button does."""
    if standing in {Standing.NOT_CONNECTED, Standing.NOTHING_SAID}:
        return _("Save for when my site is connected")
    if preview.is_at_once and preview.needs_approval:
        return _("Share less now, and more once I approve it")
    if preview.is_at_once:
        return _("Share less now")
    if preview.needs_approval:
        return _("Share more once I approve it")
    return _("Save")
