"""Cameras on the map: place, heading, whom they face."""

from gateway.cameras.model import (
    Box,
    Camera,
    CameraFacts,
    CameraState,
    NearCamera,
    Position,
    Wanted,
    boxes_around,
    distance_m,
    middle_of,
    position_of,
)
from gateway.cameras.service import Cameras

__all__ = [
    "Box",
    "Camera",
    "CameraFacts",
    "CameraState",
    "Cameras",
    "NearCamera",
    "Position",
    "Wanted",
    "boxes_around",
    "distance_m",
    "middle_of",
    "position_of",
]
