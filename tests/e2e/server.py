"""A web server on the loopback that misbehaves as it is told: each path is one kind of trouble."""

import http.server
import socket
import threading

SIZE = 1000000


def body():
    return b"".join(b"%07d " % number for number in range(SIZE // 8))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        kind = self.path.split("?")[0].strip("/").split("/")[0]
        with self.server.lock:
            self.server.asked.append((self.path, self.headers.get("Range")))
            times = sum(1 for path, _ in self.server.asked if path == self.path)
        getattr(self, "on_" + kind.replace("-", "_"), self.on_missing)(times)

    do_HEAD = do_GET

    def answer(self, status, data=b"", length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def hang_up(self):
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def ranged(self, cut):
        start = int((self.headers.get("Range") or "bytes=0-").split("=")[1].split("-")[0])
        rest = body()[start:]
        status = 206 if start else 200
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"one"')
        if start:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, SIZE - 1, SIZE))
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(rest[: len(rest) // 2] if cut else rest)
        if cut:
            self.hang_up()

    def on_good(self, times):
        self.ranged(False)

    def on_cut_once(self, times):
        self.ranged(times == 1)

    def on_cut_no_ranges(self, times):
        data = body()
        self.answer(200, data[: SIZE // 2] if times == 1 else data, SIZE)
        if times == 1:
            self.hang_up()

    def on_missing(self, times):
        self.answer(404, b"not here")

    def on_forbidden(self, times):
        self.answer(403, b"not for you")

    def on_loop(self, times):
        self.answer(302, b"", Location=self.path + "?" + str(times))

    def on_moved(self, times):
        self.answer(302, b"", Location="/good/moved.bin")

    def on_slow(self, times):
        self.send_response(200)
        self.send_header("Content-Length", str(SIZE))
        self.end_headers()
        self.wfile.write(body()[: SIZE // 2])
        self.wfile.flush()
        self.server.stopped.wait(60)
        self.close_connection = True

    def on_silent(self, times):
        self.server.stopped.wait(60)
        self.close_connection = True

    def on_climb(self, times):
        self.answer(200, b"x", Content_Disposition='attachment; filename="../../escaped.txt"')

    def log_message(self, *unused):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.asked = []
        self.stopped = threading.Event()
        self.url = "http://127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that is interrupted goes away in the middle; that is no news."""

    def stop(self):
        self.stopped.set()
        self.shutdown()
        self.server_close()


def serve(stage):
    server = Server()
    stage.cleanups.append(server.stop)
    return server
