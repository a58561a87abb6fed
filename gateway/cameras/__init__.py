"""Cameras on the map: place, heading, whom they face."""
