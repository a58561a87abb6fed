"""What the agent's log says of an error nobody foresaw at a camera: its kind and where, never its text. Pure."""

import traceback


def kind_of(error: BaseException) -> str:
    """What kind of error: of several at once, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


def place_of(error: BaseException) -> str:
    """What kind of error and where; not its text, nor those before it, which may hold the camera's password."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__
