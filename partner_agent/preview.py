"""A picture to draw areas by: what a camera sends now, its areas black, a line at every tenth of width and height.

For the person at the terminal, who can read the camera's password and so may see its picture.
"""

import anyio

from partner_agent.areas import fits, rows_of
from partner_agent.converting import blacken
from partner_agent.masks import Masks
from partner_agent.premises import Premises
from partner_agent.rtc.units import AccessUnit
from partner_agent.thumbnails import decoded, jpeg_of

TAKE_S = 12.0
_TENTHS = 10
_LINE, _FINE = 235, 2  # luma of white; of the mark list, the best quality


class NoPictureError(Exception):
    """The camera gave none in time."""


async def take(premises: Premises, masks: Masks, camera: str) -> bytes:
    """A JPEG of the stream for live views, or of the other where that gives none.

    Raises:
        NoPictureError: there is no such camera, or it gives no picture.
    """
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(premises.run)
        for source in premises.for_live(camera):
            with anyio.move_on_after(TAKE_S), source.subscribe() as units:
                async for unit in units:
                    tasks.cancel_scope.cancel()
                    return _drawn(unit, masks, camera)
        tasks.cancel_scope.cancel()
    raise NoPictureError("This camera gives no picture. Is the id one of lenspact-agent mask, and does doctor find it?")


def _drawn(unit: AccessUnit, masks: Masks, camera: str) -> bytes:
    picture = decoded(unit.data)
    if picture is None:
        raise NoPictureError("This camera's picture cannot be read.")
    picture = picture.reformat(format="yuvj420p")
    picture.make_writable()
    areas = [area for area in masks.of(camera) if fits(area, picture.width, picture.height)]
    blacken(picture, rows_of(areas, (picture.width + 1) // 2, (picture.height + 1) // 2))
    plane = picture.planes[0]
    pixels, line = memoryview(plane), plane.line_size
    for tenth in range(1, _TENTHS):
        y = picture.height * tenth // _TENTHS
        pixels[y * line : y * line + picture.width] = bytes([_LINE]) * picture.width
        x = picture.width * tenth // _TENTHS
        for row in range(picture.height):
            pixels[row * line + x] = _LINE
    return jpeg_of(picture, _FINE)
