"""Every private hook of aiortc and aioice that we use, for both ends, with a start-up check that they still exist."""

import aioice  # noqa: F401
import aiortc  # noqa: F401
