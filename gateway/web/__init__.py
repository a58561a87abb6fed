"""Templates, static files and the design system."""

from gateway.web.pages import style_routes
from gateway.web.render import after, page, template_config
from gateway.web.static import Assets, static_routes

__all__ = ["Assets", "after", "page", "static_routes", "style_routes", "template_config"]
