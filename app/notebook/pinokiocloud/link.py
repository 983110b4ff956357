"""One WebSocket to the engine, through tornado, over the Unix socket or loopback."""

import asyncio
import socket
from typing import Any, Optional, Union

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, WebSocketError

from .address import Address
from .errors import EngineGoneError, PinokioError
from .transport import problem_of

CONNECT_S = 10.0
LARGEST = 72 * 1024 * 1024  # a line of a journal may have 64 MiB


class _Door(TCPClient):
    """Connects where the address says. No name is resolved, for that takes threads."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self.address = address
        self.stream: Optional[IOStream] = None

    async def connect(self, *unused: Any, **options: Any) -> IOStream:
        """tornado's client calls it with the host and port of a URL that stands for the address."""
        made = IOStream(
            socket.socket(self.address.family, socket.SOCK_STREAM), max_buffer_size=options.get("max_buffer_size")
        )
        self.stream = made
        with self.address.target() as target:
            connecting = made.connect(target)  # a Unix socket's is done here; loopback needs no more of the target
        await connecting
        return made


class _Connection(WebSocketClientConnection):
    """tornado's, with a door of ours: its own knows no Unix sockets."""

    def __init__(self, address: Address, target: str) -> None:
        request = HTTPRequest(
            "ws://%s%s" % (address.host, target),
            headers=HTTPHeaders(address.headers),
            connect_timeout=CONNECT_S,
            request_timeout=CONNECT_S,
            follow_redirects=False,
        )
        super().__init__(request, max_message_size=LARGEST, subprotocols=None)
        self.tcp_client = self.door = _Door(address)


class Link:
    """Made by open_link(); read by one task. code and reason tell why it was closed, None for no word."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    @property
    def code(self) -> Optional[int]:
        return self._connection.close_code

    @property
    def reason(self) -> Optional[str]:
        return self._connection.close_reason

    async def read(self) -> Union[str, bytes, None]:
        """The next message; None at the end. Nothing is read ahead but one, so who is slow slows the engine's sending."""
        return await self._connection.read_message()

    def write(self, message: Union[str, bytes]) -> bool:
        """False: it is closed. Binary when bytes."""
        try:
            sent = self._connection.write_message(message, binary=isinstance(message, bytes))
        except WebSocketClosedError:
            return False
        asyncio.ensure_future(_forgive(sent))
        return True

    def abort(self) -> None:
        """Closes at once; harmless when it is closed."""
        _abort(self._connection)


async def _forgive(sent: Any) -> None:
    try:
        await sent
    except WebSocketClosedError:
        pass  # the reader learns of it


def _abort(connection: _Connection) -> None:
    if connection.door.stream is not None:
        connection.door.stream.close()
    connection.tcp_client.close()


async def open_link(address: Address, target: str) -> Link:
    """Raises ProblemError when the engine refuses, EngineGoneError when there is none."""
    connection = _Connection(address, target)
    try:
        await connection.connect_future
        return Link(connection)
    except BaseException as error:
        _abort(connection)
        if isinstance(error, (HTTPClientError, WebSocketError, StreamClosedError, OSError)):
            raise _said(error, address) from error
        raise


def _said(error: BaseException, address: Address) -> PinokioError:
    if isinstance(error, HTTPClientError) and error.response is not None and error.code < 599:
        return problem_of(error.code, error.message or "", error.response.body or b"")
    why = getattr(error, "real_error", None) or error
    return EngineGoneError("no engine answers at %s: %s" % (address, why))
