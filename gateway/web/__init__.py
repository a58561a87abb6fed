"""Templates, static files, map tiles and the design system."""

from gateway.web.changes import CHANGED, change_stream, messages
from gateway.web.codes import code_in_words
from gateway.web.forms import Form, read_form
from gateway.web.language import ENGLISH, Language, _, in_each, load_languages, ngettext, speaking, spoken
from gateway.web.pages import style_routes
from gateway.web.render import after, home, page, template_config
from gateway.web.static import Assets, static_routes
from gateway.web.tiles import MAPS, open_sets, tile_routes
from gateway.web.touches import read_touch
from gateway.web.voice import reader_s_voice

__all__ = [
    "CHANGED",
    "ENGLISH",
    "MAPS",
    "Assets",
    "Form",
    "Language",
    "_",
    "after",
    "change_stream",
    "code_in_words",
    "home",
    "in_each",
    "load_languages",
    "messages",
    "ngettext",
    "open_sets",
    "page",
    "read_form",
    "read_touch",
    "reader_s_voice",
    "speaking",
    "spoken",
    "static_routes",
    "style_routes",
    "template_config",
    "tile_routes",
]
