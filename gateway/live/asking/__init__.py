"""Asking a camera's owner for one live view: at most once for an incident and owner, with a deadline."""
