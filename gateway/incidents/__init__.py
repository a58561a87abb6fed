"""The reasons to look: incidents with kind, place, number and origin."""
