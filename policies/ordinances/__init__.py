"""Ordinance packs: one folder each, read by `policies.packs`."""
