"""Organisations, their people, sites and agreements."""
