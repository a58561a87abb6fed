"""Pairing, the link and documents of sites."""
