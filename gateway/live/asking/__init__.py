"""Asking a camera's owner for one look: at most once of each act for an incident and owner, with a deadline."""
