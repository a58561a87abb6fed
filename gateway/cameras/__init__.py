"""Cameras on the map: place, heading, whom they face."""

from gateway.cameras.model import Box, Camera, CameraFacts, CameraState, NearCamera, boxes_around, distance_m
from gateway.cameras.service import Cameras

__all__ = [
    "Box",
    "Camera",
    "CameraFacts",
    "CameraState",
    "Cameras",
    "NearCamera",
    "boxes_around",
    "distance_m",
]
