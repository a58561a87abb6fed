"""Templates, static files and the design system."""
