"""Stills: one picture each, taken and marked on site, kept encrypted for whoever took it, gone when it expires."""
