"""PinokioCloud in a notebook: the engine that runs Pinokio's apps, for programs in Python.

from pinokiocloud import PinokioEngine, show

engine = PinokioEngine()            # finds the engine of this machine, or starts it
show(engine)                        # the interface, below a notebook's cell
engine.client.start("comfyui")      # what the API offers, one method a route
engine.events.follow_run(run, ...)  # what happens, as it happens
"""

from .address import Address
from .bridge import Bridge
from .client import Client
from .engine import PinokioEngine
from .errors import (
    EngineFailedError,
    EngineGoneError,
    EngineTimeoutError,
    NoBinaryError,
    OtherVersionError,
    PinokioError,
    ProblemError,
    RunFailedError,
    WrongTokenError,
)
from .events import FAILED, LOST, OPEN, OVER, Events, Follower, RunFollower, Terminal
from .host import Host, Secret, detect_host
from .shown import show
from .store import Store
from .version import __version__

__all__ = [
    "FAILED",
    "LOST",
    "OPEN",
    "OVER",
    "Address",
    "Bridge",
    "Client",
    "EngineFailedError",
    "EngineGoneError",
    "EngineTimeoutError",
    "Events",
    "Follower",
    "Host",
    "NoBinaryError",
    "OtherVersionError",
    "PinokioEngine",
    "PinokioError",
    "ProblemError",
    "RunFailedError",
    "RunFollower",
    "Secret",
    "Store",
    "Terminal",
    "WrongTokenError",
    "__version__",
    "detect_host",
    "show",
]
