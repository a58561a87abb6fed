"""Links that show one live picture on one phone: sent by whoever watches it, opened once, soon over (ADR 29)."""
