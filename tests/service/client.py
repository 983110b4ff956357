"""A client of the API that can also misbehave: HTTP and WebSocket, over the Unix socket or TCP, nothing hidden."""

import base64
import hashlib
import http.client
import json
import os
import socket
import struct
import time
import urllib.parse

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Gone(Exception):
    """The engine went away in the middle, or is not there."""


class Refused(Exception):
    """The WebSocket was not granted; answer tells why."""

    def __init__(self, answer):
        super().__init__("%d %s" % (answer.status, answer.text[:500]))
        self.answer = answer


class Answer:
    def __init__(self, status, headers, body, asked=""):
        self.status, self.asked = status, asked
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def ok(self):
        if not 200 <= self.status < 300:
            raise AssertionError("%s: status %d: %s" % (self.asked, self.status, self.text[:1000]))
        return self

    def problem(self, *statuses):
        """It is an error of one of these kinds, told as problem JSON; gives its detail."""
        if self.status not in statuses:
            wanted = "one of %d" % len(statuses) if len(statuses) > 9 else statuses
            said = (self.asked, self.status, wanted, self.text[:1000])
            raise AssertionError("%s: status %d instead of %s: %s" % said)
        kind = self.headers.get("content-type", "")
        if not kind.startswith("application/problem+json"):
            raise AssertionError(
                "%s: %d of content type %r: %s" % (self.asked, self.status, kind, self.text[:1000])
            )
        said = self.json()
        for member in ("type", "title", "status", "detail"):
            if member not in said:
                raise AssertionError("the problem has no %s: %s" % (member, self.text[:1000]))
        if said["status"] != self.status:
            raise AssertionError("status %d in the problem, %d before it" % (said["status"], self.status))
        return said["detail"]


class Connection(http.client.HTTPConnection):
    """A kept-alive connection to the API."""

    def __init__(self, api):
        super().__init__("localhost" if api.path else "127.0.0.1", api.port, timeout=api.timeout)
        self.api = api

    def connect(self):
        self.sock = self.api.connect()


class Api:
    """Where the API is and who asks; each request has a connection of its own unless one is given."""

    def __init__(self, path=None, port=None, token=None, timeout=30):
        self.path, self.port, self.token, self.timeout = path, port, token, timeout

    def connect(self):
        if self.path is None:
            return socket.create_connection(("127.0.0.1", self.port), self.timeout)
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.settimeout(self.timeout)
        try:
            connected.connect(self.path)
        except OSError:
            connected.close()
            raise
        return connected

    def connection(self):
        return Connection(self)

    @staticmethod
    def target(path, query=None):
        """A path as text is taken as it is; one in parts has each part quoted."""
        if not isinstance(path, str):
            path = "/" + "/".join(urllib.parse.quote(part, safe="") for part in path)
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def headers(self, more=None):
        given = {"Authorization": "Bearer " + self.token} if self.token else {}
        given.update(more or {})
        return given

    def request(self, method, path, body=None, query=None, headers=None, connection=None):
        """A body that is no bytes is sent as JSON. Raises Gone when there is no answer."""
        given = self.headers(headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        used = connection or self.connection()
        try:
            used.request(method, self.target(path, query), body, given)
            answer = used.getresponse()
            asked = "%s %s %s" % (method, self.target(path, query)[:300], (body or b"")[:100])
            return Answer(answer.status, answer.getheaders(), answer.read(), asked)
        except (OSError, http.client.HTTPException) as error:
            raise Gone("%s %s: %r" % (method, path, error)) from error
        finally:
            if connection is None:
                used.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body, **more)

    def put(self, path, body=None, **more):
        return self.request("PUT", path, body, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)

    def socket(self, path, query=None, headers=None):
        return WebSocket(self, self.target(path, query), self.headers(headers))

    def raw(self, data, seconds=10, shut=False):
        """Sends bytes as they are; gives all that comes until the other side closes or says nothing more for a while."""
        with self.connect() as connected:
            connected.settimeout(seconds)
            found = b""
            try:
                connected.sendall(data)
                if shut:
                    connected.shutdown(socket.SHUT_WR)
                while True:
                    chunk = connected.recv(65536)
                    if not chunk:
                        break
                    found += chunk
            except OSError:
                pass  # it hung up, or has nothing more to say
            return found


class WebSocket:
    """RFC 6455 by hand, so that its rules can be broken."""

    def __init__(self, api, target, headers):
        self.link = api.connect()
        self.data = bytearray()
        self.kind, self.parts = None, []  # of a message whose fragments are still coming
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET %s HTTP/1.1" % target]
        given = {
            "Host": "localhost" if api.path else "127.0.0.1:%d" % api.port,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
        }
        given.update(headers)
        lines += ["%s: %s" % item for item in given.items() if item[1] is not None]
        try:
            self.link.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            self.shake(key)
        except OSError as error:
            self.link.close()
            raise Gone("WebSocket %s: %r" % (target, error)) from error
        except (Gone, Refused):
            self.link.close()
            raise

    def shake(self, key):
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        answer = Answer(status, headers, b"")
        if status != 101:
            wanted = int(answer.headers.get("content-length", "0"))
            while len(self.data) < wanted:
                self.more()
            answer.body = bytes(self.data)
            raise Refused(answer)
        accept = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        if answer.headers.get("sec-websocket-accept") != base64.b64encode(accept).decode():
            raise AssertionError("the WebSocket was accepted with a wrong key")

    def more(self):
        chunk = self.link.recv(1 << 18)
        if not chunk:
            raise Gone("the connection was closed without a close frame")
        self.data += chunk

    # Sending

    def frame(self, opcode, payload=b"", fin=True, mask=True, reserved=0, length=None):
        """length: what the header says, if not the truth."""
        head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
        size = len(payload) if length is None else length
        bit = 0x80 if mask else 0
        if size < 126:
            head += bytes([bit | size])
        elif size < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", size)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", size)
        if mask:
            key = os.urandom(4)
            head += key
            stream = (key * (len(payload) // 4 + 1))[: len(payload)]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(
                len(payload), "big"
            )
        try:
            self.link.sendall(head + payload)
        except OSError as error:
            raise Gone("%r" % error) from error

    def text(self, text):
        self.frame(TEXT, text.encode())

    def binary(self, data):
        self.frame(BINARY, data)

    # Receiving

    def need(self, count):
        while len(self.data) < count:
            self.more()

    def read_frame(self):
        """Takes a frame out of the buffer once all of it is there, so that waiting may be broken off and go on."""
        self.need(2)
        first, second = self.data[0], self.data[1]
        if first & 0x70:
            raise AssertionError("a frame with reserved bits: %#x" % first)
        if second & 0x80:
            raise AssertionError("the server masked its frame")
        size, start = second & 0x7F, 2
        if size == 126:
            self.need(4)
            size, start = struct.unpack_from(">H", self.data, 2)[0], 4
        elif size == 127:
            self.need(10)
            size, start = struct.unpack_from(">Q", self.data, 2)[0], 10
        self.need(start + size)
        payload = bytes(self.data[start : start + size])
        del self.data[: start + size]
        return bool(first & 0x80), first & 0x0F, payload

    def message(self, seconds=20):
        """(TEXT, str), (BINARY, bytes) or (CLOSE, (code, reason)). Raises Gone, or TimeoutError when nothing comes."""
        end = time.monotonic() + seconds
        while True:
            self.link.settimeout(max(0.001, end - time.monotonic()))
            try:
                fin, opcode, payload = self.read_frame()
            except socket.timeout as error:
                raise TimeoutError("nothing came for %g s" % seconds) from error
            except OSError as error:
                raise Gone("%r" % error) from error
            if opcode == PING:
                self.frame(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                return CLOSE, (code, payload[2:].decode())
            elif opcode != PONG:
                self.kind = self.kind or opcode
                self.parts.append(payload)
                if fin:
                    kind, whole = self.kind, b"".join(self.parts)
                    self.kind, self.parts = None, []
                    return kind, whole.decode() if kind == TEXT else whole

    def until_close(self, seconds=20):
        """Passes over what comes; gives (code, reason)."""
        end = time.monotonic() + seconds
        while True:
            kind, content = self.message(max(0.001, end - time.monotonic()))
            if kind == CLOSE:
                return content

    def say_close(self, code=1000, reason=""):
        self.frame(CLOSE, struct.pack(">H", code) + reason.encode())

    def vanish(self):
        """As when a notebook is closed or a network breaks: no goodbye, a reset."""
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.link.close()

    def close(self):
        self.link.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
