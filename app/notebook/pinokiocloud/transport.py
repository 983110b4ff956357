"""One request to the engine and its answer: HTTP over the Unix socket or loopback."""

import http.client
import json
import socket
import threading
import urllib.parse
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence, Set, Union

from .address import Address
from .errors import EngineGoneError, EngineTimeoutError, ProblemError

Parts = Sequence[Union[str, int]]
Scalar = Union[str, int, float, bool]
BINARY = "application/octet-stream"


@dataclass(frozen=True)
class Answer:
    """What came back with a status of success; headers have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise EngineGoneError("the engine's answer is no JSON: %s" % error) from error

    def number(self, header: str) -> int:
        found = self.headers.get(header, "")
        if not found.isdigit():
            raise EngineGoneError("the engine's answer has no %s" % header)
        return int(found)


def target_of(parts: Parts, query: Optional[Mapping[str, Scalar]] = None) -> str:
    """The path of these parts below /v1, each quoted, with the query."""
    path = "/v1/" + "/".join(urllib.parse.quote(str(part), safe="") for part in parts)
    return path + ("?" + urllib.parse.urlencode(query) if query else "")


def problem_of(status: int, reason: str, body: bytes) -> ProblemError:
    """The error that an answer which is no success stands for, whatever its body is."""
    try:
        said = json.loads(body.decode("utf-8"))
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {}
    title, detail = said.get("title"), said.get("detail")
    plain = body.decode("utf-8", "replace").strip()[:500] if not said else ""
    return ProblemError(
        status,
        title if isinstance(title, str) else reason or "status %d" % status,
        detail if isinstance(detail, str) else plain or None,
    )


class _Connection(http.client.HTTPConnection):
    """Of one request."""

    def __init__(self, address: Address, seconds: float) -> None:
        super().__init__(address.host)
        self._address, self._seconds = address, seconds

    def connect(self) -> None:
        self.sock = self._address.connect(self._seconds)


class Transport:
    """Makes requests from any thread, each over a connection of its own, so that none waits for another."""

    def __init__(self, address: Address, timeout: float) -> None:
        """timeout: seconds in which the engine has to give a sign of life."""
        self.address, self.timeout = address, timeout
        self._lock = threading.Lock()
        self._open: Set[socket.socket] = set()
        self._closed = False

    def request(
        self,
        method: str,
        parts: Parts,
        body: Union[None, bytes, Mapping[str, Any]] = None,
        query: Optional[Mapping[str, Scalar]] = None,
        timeout: Optional[float] = None,
    ) -> Answer:
        """Raises ProblemError for an answer that is no success, EngineGoneError when there is none."""
        headers: Dict[str, str] = dict(self.address.headers)
        if isinstance(body, bytes):
            headers["Content-Type"] = BINARY
        elif body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode("utf-8")
        connection = _Connection(self.address, self.timeout if timeout is None else timeout)
        target = target_of(parts, query)
        connected = None
        try:
            connected = self._enter(connection)
            self._check()  # close() may have looked before it was there
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._gone(method, parts, error) from error
        finally:
            self._leave(connection, connected)
        if not 200 <= answer.status < 300:
            raise problem_of(answer.status, answer.reason, content)
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)

    def close(self) -> None:
        """Breaks off what is under way (EngineGoneError there) and takes nothing more."""
        with self._lock:
            self._closed = True
            for connected in self._open:
                _hang_up(connected)

    def _enter(self, connection: _Connection) -> socket.socket:
        """Connects; close() finds the socket from here on."""
        self._check()
        connection.connect()
        with self._lock:
            self._open.add(connection.sock)
        return connection.sock

    def _check(self) -> None:
        if self._closed:
            raise EngineGoneError("this client is closed")

    def _leave(self, connection: _Connection, connected: Optional[socket.socket]) -> None:
        if connected is not None:
            with self._lock:
                self._open.discard(connected)
        connection.close()

    def _gone(self, method: str, parts: Parts, error: Exception) -> EngineGoneError:
        asked = "%s /v1/%s" % (method, "/".join(str(part) for part in parts))
        if self._closed:
            return EngineGoneError("%s: this client is closed" % asked)
        if isinstance(error, socket.timeout):
            return EngineTimeoutError("%s: the engine at %s does not answer in time" % (asked, self.address))
        if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
            return EngineGoneError("no engine runs at %s: `pinokiocloud up` starts one" % self.address)
        return EngineGoneError("%s: the engine at %s went: %s" % (asked, self.address, error or type(error).__name__))


def _hang_up(connected: socket.socket) -> None:
    """Wakes a thread that waits for it."""
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it ended by itself
