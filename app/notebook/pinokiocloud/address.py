"""Where an engine is met, and how one proves that one may."""

import contextlib
import os
import socket
import time
from dataclasses import dataclass, field
from typing import Dict, Iterator, Optional, Tuple, Union

__all__ = ["Address"]

LOOPBACK = "127.0.0.1"
LONGEST = 107  # bytes of a Unix socket's address, the zero left out
FULL_WAIT_S = 0.01  # between two tries while more connect than the socket's queue holds


@dataclass(frozen=True)
class Address:
    """Either path (the Unix socket, which needs no token) or port (of loopback, with the token)."""

    path: Optional[str] = None
    port: int = 0
    token: Optional[str] = field(default=None, repr=False)

    @classmethod
    def of_home(cls, home: str) -> "Address":
        """The Unix socket of a PINOKIO_HOME, or of $PINOKIO_RUN_DIR where that is set."""
        return cls(path=os.path.join(run_folder(home), "engine.sock"))

    @property
    def host(self) -> str:
        """What the Host header says."""
        return "localhost" if self.path else "%s:%d" % (LOOPBACK, self.port)

    @property
    def family(self) -> int:
        return socket.AF_UNIX if self.path else socket.AF_INET

    @contextlib.contextmanager
    def target(self) -> Iterator[Union[str, Tuple[str, int]]]:
        """What connect() of a socket of that family takes, inside of the with. A path may be of any length."""
        if not self.path:
            yield LOOPBACK, self.port
        elif len(os.fsencode(self.path)) <= LONGEST:
            yield self.path
        else:
            folder = os.open(os.path.dirname(self.path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                yield "/proc/self/fd/%d/%s" % (folder, os.path.basename(self.path))
            finally:
                os.close(folder)

    @property
    def headers(self) -> Dict[str, str]:
        return {"Authorization": "Bearer " + self.token} if self.token else {}

    def connect(self, seconds: float) -> socket.socket:
        """A connected socket that waits so long for each piece. Raises OSError, socket.timeout among them."""
        end = time.monotonic() + seconds
        while True:
            made = socket.socket(self.family, socket.SOCK_STREAM)
            try:
                made.settimeout(max(0.001, end - time.monotonic()))
                with self.target() as target:
                    made.connect(target)
                made.settimeout(seconds)
                return made
            except BlockingIOError:  # the queue of a Unix socket is full: nothing waits for us
                made.close()
                if time.monotonic() > end:
                    raise socket.timeout("too many connect at once") from None
                time.sleep(FULL_WAIT_S)
            except BaseException:
                made.close()
                raise

    def __str__(self) -> str:
        return self.path or self.host


def run_folder(home: str) -> str:
    """Where sockets, locks and the token are."""
    named = os.environ.get("PINOKIO_RUN_DIR")
    return os.path.abspath(named) if named else os.path.join(home, "run")
