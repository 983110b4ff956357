"""What can go wrong between a notebook and the engine. Each message says what, and what to do about it."""

from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from .model import Run

__all__ = [
    "EngineFailedError",
    "EngineGoneError",
    "EngineTimeoutError",
    "NoBinaryError",
    "OtherVersionError",
    "PinokioError",
    "ProblemError",
    "RunFailedError",
    "WrongTokenError",
]


class PinokioError(Exception):
    """All errors of this package."""


class ProblemError(PinokioError):
    """The engine answered, and said no (RFC 9457).

    status is that of HTTP, title its name, detail what a person should read.
    """

    def __init__(self, status: int, title: str, detail: Optional[str] = None) -> None:
        super().__init__(detail or title)
        self.status = status
        self.title = title
        self.detail = detail or title


class EngineGoneError(PinokioError):
    """No engine answers, or it went while it answered: what was asked may have been done or not."""


class EngineTimeoutError(EngineGoneError):
    """The engine is there and said nothing in time."""


class NoBinaryError(PinokioError):
    """The program `pinokiocloud` was not found, or is none."""


class OtherVersionError(PinokioError):
    """The engine and this package are of different versions."""


class WrongTokenError(PinokioError):
    """The engine does not take the token, or none was given over TCP."""


class EngineFailedError(PinokioError):
    """The engine did not come up; log has the last lines of its log."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class RunFailedError(PinokioError):
    """A run that was begun ended otherwise than it should; run tells all of it, None where nothing is known of it."""

    def __init__(self, message: str, run: "Optional[Run]" = None) -> None:
        super().__init__(message)
        self.run = run
