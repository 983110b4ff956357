#!/usr/bin/env python3
"""The gate as somebody on the internet meets it who means ill: each case is an attack, on raw sockets.

    attacks.py --gate PROGRAM [--only WORD]
"""

import threading
import time
import urllib.parse

import gatework
from gatework import COOKIE, HOST, SLOW, case, cookie_value, reply, seal, wait_for

PATH = "/.pinokiocloud/passcode"
FORM = "Content-Type: application/x-www-form-urlencoded"
HTML = "Accept: text/html"
SEALED = seal("open sesame")
TOKEN = "A-token_of-the-usual-43-characters-length00"
START = "POST / HTTP/1.1\r\nHost: %s\r\n" % HOST
EVIL = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


def two_shares(gate):
    """One that is open to all, and one with a passcode, before an app of its own."""
    other = gatework.App()
    secret = dict(gate.share(), id="t2", hosts=["secret.example"], port=other.port, passcode=SEALED, token=TOKEN)
    gate.shares.append(secret)
    gate.change()
    gate.app.requests.clear()
    return other


def raw(gate, text):
    client = gate.connect()
    client.send(text if isinstance(text, bytes) else text.encode("latin-1"))
    return client


def refused(gate, text, *statuses):
    client = raw(gate, text)
    answer = client.answer()
    assert answer.status in (statuses or (400,)), (text, answer.line)
    assert answer.get("connection") == "close" and client.ended(), text


def guess(gate, passcode, *fields, **more):
    body = urllib.parse.urlencode({"passcode": passcode, "next": "/"}).encode()
    return gate.ask("POST", PATH, FORM, HTML, *fields, body=body, **more)


@case("framing that can be read in two ways is refused, whatever it is dressed in")
def framing(gate):
    chunked = "Transfer-Encoding: chunked\r\n"
    for fields in (
        "Content-Length: 5\r\n" + chunked,
        chunked + "Content-Length: 5\r\n",
        chunked * 2,
        chunked + "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: chunked\x00\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "A: b\rTransfer-Encoding: chunked\r\n",
        "A: b\nTransfer-Encoding: chunked\r\n",
        "A: b\r\r\nB: c\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 5;\r\n",
        "Content-Length:\r\n",
        "Content-Length: 18446744073709551621\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length\r\n",
        ": a\r\n",
        "A[]: b\r\n",
        "\xe4: b\r\n",
    ):
        refused(gate, START + fields + "\r\n0\r\n\r\nX")
    for version in ("HTTP/1.0", "HTTP/1.1 ", " HTTP/1.1", "http/1.1", "HTTP/1.1\t", "HTTP/1,1", "HTTP/11", "HTTP/"):
        refused(gate, "POST / %s\r\nHost: %s\r\n%s\r\n0\r\n\r\n" % (version, HOST, chunked))
    for line in ("GET /", "GET  / HTTP/1.1", "GET /a b HTTP/1.1", "GET\t/ HTTP/1.1", "G(T / HTTP/1.1", " GET / HTTP/1.1",
                 "GET a HTTP/1.1", "GET ? HTTP/1.1", "GET * HTTP/1.1", "CONNECT %s:443 HTTP/1.1" % HOST, "GET /\x7f HTTP/1.1",
                 "GET ftp://%s/ HTTP/1.1" % HOST, "GET http:///a HTTP/1.1", "GET http://u@%s/ HTTP/1.1" % HOST):  # fmt: skip
        refused(gate, "%s\r\nHost: %s\r\n\r\n" % (line, HOST))
    refused(gate, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 400)
    refused(gate, "GET / HTTP/1.1\r\n\r\n")
    refused(gate, "\r\r\nGET / HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    assert not gate.app.requests


@case("chunks that overflow, lie or end oddly never become another request")
def chunks(gate):
    start = START + "Transfer-Encoding: chunked\r\n\r\n"
    evil = "GET /evil HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST
    for body in (
        "10000000000000000\r\n",
        "FFFFFFFFFFFFFFFF0\r\n",
        "0" * 16 + "5\r\nhello\r\n",
        "-1\r\n",
        "+5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        " 5\r\nhello\r\n",
        "5 \r\nhello\r\n",
        "5\nhello\r\n",
        "5\r\r\nhello\r\n",
        "5\rhello\r\n",
        "\r\n",
        ";a\r\n",
        "5;a\nb\r\nhello\r\n",
        "5;a\0\r\nhello\r\n",
        "5;" + "a" * 2000 + "\r\nhello\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\n",
        "5\r\nhello\rX",
        "0\r\nX\r\n",
        "0\r\n X: y\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\rZ: a\r\n\r\n",
        "0\r\nX y: z\r\n\r\n",
        "0\n\r\n",
        "0\r\n\n",
        "0\r\n\rX",
        "0\r\n" + "A: b\r\n" * 3000,
    ):
        client = raw(gate, start + body + evil)
        assert client.answer().status == 400, body
        assert client.ended()
    wait_for("the app", lambda: not gate.app.open)
    assert "/evil" not in [request.target for request in gate.app.requests]
    client = raw(gate, start + "0;a=\"b\"\r\n\r\n" + evil)  # what is behind the end is a request, and only one
    assert client.answer().status == 200 and client.answer().status == 200


@case("a request behind another one is let in by its own cookie or not at all")
def behind(gate):
    other = two_shares(gate)
    mine = "Cookie: %s=%s" % (COOKIE, cookie_value(SEALED, "t2"))
    first = "GET /a HTTP/1.1\r\nHost: secret.example\r\n%s\r\n\r\n" % mine
    second = "GET /b HTTP/1.1\r\nHost: secret.example\r\n\r\n"
    client = raw(gate, first + second + "GET /c HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    assert [client.answer().status for _ in range(3)] == [200, 401, 200]
    client = raw(gate, "GET /d HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s" % (HOST, len(second), second))
    assert client.answer().body == second.encode()
    client = raw(gate, "POST /e HTTP/1.1\r\nHost: secret.example\r\nContent-Length: %d\r\n\r\n%s" % (len(first), first))
    assert client.answer().status == 401
    assert client.ended()
    assert [request.target for request in other.requests] == ["/a"]
    assert [request.target for request in gate.app.requests] == ["/c", "/d"]
    other.close()


@case("no spelling of the host leads to another share than the one whose passcode is asked")
def hosts(gate):
    other = two_shares(gate)
    secret = "secret.example"
    for host in (secret, secret.upper(), secret + ".", secret + ":80", secret + ".:443", secret + ":"):
        assert gate.ask("GET", "/", host=host).status == 401, host
        assert gate.ask("GET", "http://%s/" % host).status == 401, host
        assert gate.ask("GET", "/", "X-Forwarded-Host: " + host, host="127.0.0.1:4711").status == 401, host
        assert gate.ask("GET", "/", "X-Forwarded-Host: " + HOST, host=host).status == 401, host
        assert gate.ask("GET", "http://%s/" % host, "X-Forwarded-Host: " + HOST).status == 401, host
    assert not other.requests and not gate.app.requests
    for host in (secret + ":x", secret + ":80:80", secret + "..", "x." + secret, "[::1]", "[", "]", "[::1]:80", ":80", ".", "a" * 255):
        assert gate.ask("GET", "/", host=host).status == 421, host
        assert gate.ask("GET", "/", "X-Forwarded-Host: %s, %s" % (secret, HOST), host=host).status == 421, host
    for host in ("%s, %s" % (HOST, secret), HOST + "/", HOST + "@" + secret, HOST + "#", "a" * 256, HOST + "\t" + secret, "\xe4"):
        refused(gate, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host)
    refused(gate, "GET / HTTP/1.1\r\nHost: %s\r\nhost: %s\r\n\r\n" % (HOST, secret))
    assert not other.requests and not gate.app.requests
    seen = gate.ask("GET", "http://%s:80/x" % HOST, "X-Forwarded-Host: " + secret, host="secret.example:1")
    assert seen.status == 200
    request = gate.app.requests[-1]
    assert (request.target, request.get("host"), request.get("x-forwarded-host")) == ("/x", HOST + ":80", HOST + ":80")
    other.close()


@case("a host that goes to the app is one, also with a share for any host")
def any_host(gate):
    gate.change(hosts=["*"])
    for text in ('evil"><script>', "a b", "a,b", "a/../b", "a@b"):
        answer = raw(gate, "GET / HTTP/1.1\r\nHost:\r\nX-Forwarded-Host: %s\r\n\r\n" % text).answer()
        assert answer.status == 421, (text, answer.line)
    assert not [request for request in gate.app.requests if "evil" in str(request.fields)]


@case("paths that look like the gate's own are the app's, and need the passcode")
def paths(gate):
    gate.change(passcode=SEALED, token=TOKEN)
    gate.app.requests.clear()
    for path in ("//.pinokiocloud/gate?nonce=a", "/%2epinokiocloud/gate?nonce=a", "/.pinokiocloud%2fgate?nonce=a", "/.PINOKIOCLOUD/gate",
                 "/./.pinokiocloud/gate?nonce=a", "/x/../.pinokiocloud/gate?nonce=a", "/.pinokiocloud", "/.pinokiocloud;a/gate"):  # fmt: skip
        assert gate.ask("GET", path).status == 401, path
    for path in ("/.pinokiocloud/", "/.pinokiocloud//gate", "/.pinokiocloud/gate/", "/.pinokiocloud/x", "/.pinokiocloud/../x"):
        assert gate.ask("GET", path).status == 404, path
    for nonce in ("", "?nonce=", "?nonce=" + "a" * 65, "?nonce=a%0a", "?nonce=cookie\x80", "?x=nonce=a"):
        assert gate.ask("GET", "/.pinokiocloud/gate" + nonce.replace("\x80", "-")).status == 400, nonce
    assert gate.ask("OPTIONS", "*").status == 401
    assert not gate.app.requests
    proof = gate.ask("GET", "/.pinokiocloud/gate?nonce=1").body.decode()
    for value in ("%d.%s" % (time.time() + 99, proof), proof):  # worth nothing as a cookie
        assert gate.ask("GET", "/", "Cookie: %s=%s" % (COOKIE, value)).status == 401


@case("the way back after the form stays on this host, and its page holds what it is told as text")
def way_back(gate):
    gate.change(passcode=SEALED)
    for target in ("//e", "///e", "/\\e", "/\t/e", "\t//e", " //e", "/\n/e", "/%0d%0aX: y\r\nX: y", "https:e", "\\/e", "/\u2028e\r", "e"):
        body = urllib.parse.urlencode({"passcode": "open sesame", "next": target}).encode()
        answer = gate.ask("POST", PATH, FORM, "X-Forwarded-For: 10.0.0.1", body=body)
        assert answer.status == 303 and answer.get("location") == "/" and answer.get("x") is None, (target, answer.fields)
        time.sleep(0.06)
    page = gate.ask("GET", "/\"><script>alert(1)</script>'", HTML)
    assert b"<script" not in page.body and b"default-src 'none'" in str(page.fields).encode()
    assert "frame-ancestors 'self'" in page.get("content-security-policy")
    gate.shares[0]["title"] = "</title><script>\"'\x07\u202e"
    gate.write()
    wait_for("the title", lambda: b"&lt;/title&gt;" in gate.ask("GET", "/", HTML).body)
    assert b"<script" not in gate.ask("GET", "/", HTML).body


@case("another site's page cannot guess for its visitors")
def other_site(gate):
    gate.change(passcode=SEALED)
    for site in ("cross-site", "same-site"):
        for _ in range(8):
            answer = guess(gate, "wrong", "Sec-Fetch-Site: " + site)
            assert answer.status == 401 and answer.get("set-cookie") is None
        assert guess(gate, "open sesame", "Sec-Fetch-Site: " + site).status == 401
    assert guess(gate, "open sesame", "Sec-Fetch-Site: same-origin").status == 303


@case("who makes addresses up guesses no faster: a share takes so many wrong tries of all")
def made_up(gate):
    gate.shares.append(dict(gate.share(), id="t2", hosts=["second.example"], passcode=SEALED))
    gate.change(passcode=SEALED)
    client, wrong = gate.connect(), 0
    while True:
        answer = guess(gate, "wrong", "X-Forwarded-For: 10.0.%d.1" % wrong, peer=client)
        wrong += answer.status == 401
        if answer.status == 429 and int(answer.get("retry-after")) > 1:
            break
        assert wrong <= 110, wrong
    assert wrong >= 90, wrong
    assert guess(gate, "open sesame", "X-Forwarded-For: 192.0.2.1").status == 429
    assert gate.ask("GET", "/", "Cookie: %s=%s" % (COOKIE, cookie_value(SEALED))).status == 200
    time.sleep(0.1)
    assert guess(gate, "open sesame", host="second.example").status == 303


@case("a token counts only as it should be sent")
def tokens(gate):
    gate.change(passcode=SEALED, token=TOKEN)
    gate.app.requests.clear()
    for value in ("Bearer\t" + TOKEN, "Bearer " + TOKEN + ", Bearer x", "Bearer x " + TOKEN, "Bearer " + TOKEN.lower(), "bearer", "Bearer " + "A" * 9000,
                  'Bearer "%s"' % TOKEN, "Bearer " + TOKEN + "\x80", "Token " + TOKEN, "BearerX " + TOKEN):  # fmt: skip
        answer = raw(gate, "GET / HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n\r\n" % (HOST, value)).answer()
        assert answer.status == 401, value
    for name in ("Proxy-Authorization", "X-Authorization", "Authorization_", "Authorization-"):
        assert gate.ask("GET", "/", "%s: Bearer %s" % (name, TOKEN)).status == 401
    assert gate.ask("GET", "/", "Connection: Authorization", "Authorization: Bearer x").status == 401
    assert not gate.app.requests
    assert gate.ask("GET", "/", "Connection: Authorization", "Authorization: Bearer " + TOKEN).status == 200
    assert TOKEN not in str(gate.app.requests[-1].fields)


@case("fields that apps would take for the gate's own word do not pass")
def spoofed_fields(gate):
    fields = ("X_Forwarded_Host: evil", "X_Forwarded-Proto: http", "X_FORWARDED_FOR: 6.6.6.6", "Content_Length: 5", "Transfer_Encoding: chunked",
              "Forwarded: for=6.6.6.6;host=evil", "Proxy: evil", "X-Forwarded-Host: evil", "Connection: X-Forwarded-For, Host, Content-Length",
              "Upgrade: h2c", "HTTP2-Settings: a")  # fmt: skip
    assert gate.ask("GET", "/", *fields).status == 200
    seen = gate.app.requests[-1]
    assert "evil" not in str(seen.fields) and "6.6.6.6" not in str(seen.fields) and "_" not in str(seen.fields), seen.fields
    assert seen.get("host") == seen.get("x-forwarded-host") == HOST and seen.get("x-forwarded-for") == "127.0.0.1"
    assert seen.get("x-forwarded-proto") == "https" and seen.get("upgrade") is None and seen.get("connection") is None


@case("what an app writes after its answer is nobody else's answer")
def late_words(gate):
    """A HEAD that it answers with a body, a body that it takes for a request, a length that was too short."""
    said = threading.Event()

    def late(head, words):
        def serve(peer, request):
            peer.send(head)
            said.wait(10 * SLOW)
            peer.send(words)
            peer.rest()
            return "end"

        return serve

    gate.app.paths["/head"] = late("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(EVIL), EVIL)
    gate.app.paths["/bare"] = late("HTTP/1.1 200 OK\r\n\r\n", EVIL)
    gate.app.paths["/304"] = late("HTTP/1.1 304 X\r\nContent-Length: %d\r\n\r\n" % len(EVIL), EVIL)
    gate.app.paths["/204"] = late("HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n", EVIL)
    gate.app.paths["/body"] = late("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", EVIL)
    inner = b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n"
    for method, path, body in (
        ("HEAD", "/head", b""),
        ("HEAD", "/bare", b""),
        ("GET", "/304", b""),
        ("GET", "/204", b""),
        ("GET", "/body", inner),
        ("PUT", "/body", inner),
    ):
        said.clear()
        evil, victim = gate.connect(), gate.connect()
        evil_answer = gate.ask(method, path, body=body, peer=evil)
        assert evil_answer.status in (200, 204, 304)
        victim.send("GET /mine HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
        said.set()
        answer = victim.answer()
        assert answer.body == b"hello", (method, path, answer.body)


@case("an app's odd answers split nothing")
def splitting(gate):
    def gives(text):
        return lambda peer, request: peer.send(text) or "end"

    bad = {
        "/cr": b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
        "/nul": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "/reason": b"HTTP/1.1 200 O\rX: y\r\nContent-Length: 0\r\n\r\n",
        "/fold": b"HTTP/1.1 200 OK\r\nX: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        "/lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "/length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab",
        "/gzip": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nab",
        "/101": b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nab",
        "/099": b"HTTP/1.1 099 X\r\n\r\n",
        "/icy": b"ICY 200 OK\r\n\r\n",
    }
    for path, text in bad.items():
        gate.app.paths[path] = gives(text)
        answer = gate.ask("GET", path)
        assert answer.status == 502 and "evil" not in str(answer.fields), (path, answer.line)
    gate.app.paths["/both"] = gives(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
    answer = gate.ask("GET", "/both")
    assert answer.body == b"ab" and answer.get("content-length") is None
    gate.app.paths["/204"] = gives(b"HTTP/1.1 204 X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
    client = gate.connect()
    answer = gate.ask("GET", "/204", peer=client)
    assert answer.get("content-length") is None and answer.get("transfer-encoding") is None
    gate.app.paths["/early"] = gives(b"HTTP/1.1 103 X\r\nContent-Length: 5\r\n\r\n" + reply())
    client.send("GET /early HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    assert client.head().get("content-length") is None and client.answer().body == b"hello"


@case("an upgrade that the app does not take leaves the next request a request")
def no_upgrade(gate):
    gate.change(passcode=SEALED)
    gate.app.requests.clear()
    gate.app.paths["/ws"] = lambda peer, request: peer.send(reply("no", "426 Upgrade Required", "Upgrade: websocket"))
    mine = "Cookie: %s=%s\r\n" % (COOKIE, cookie_value(SEALED))
    upgrade = "GET /ws HTTP/1.1\r\nHost: %s\r\n%sConnection: upgrade\r\nUpgrade: %s\r\n\r\n"
    client = raw(gate, upgrade % (HOST, mine, "websocket") + "GET /b HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    assert [client.answer().status, client.answer().status] == [426, 401]
    assert raw(gate, upgrade % (HOST, "", "websocket")).answer().status == 401
    assert raw(gate, upgrade % (HOST, mine, "h2c")).answer().status == 426
    assert gate.app.requests[-1].get("upgrade") is None
    assert [request.target for request in gate.app.requests] == ["/ws", "/ws"]


@case("another passcode ends what the old one opened: WebSockets too, and at that share only")
def thrown_out(gate):
    def echo(peer, request):
        peer.send("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while True:
            peer.more()
            peer.send(peer.exactly(len(peer.data)))

    gate.app.paths["/ws"] = echo
    gate.shares.append(dict(gate.share(), id="t2", hosts=["second.example"]))
    gate.change()
    upgrade = "GET /ws HTTP/1.1\r\nHost: %s\r\n%sConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"

    def enter(host, sealed=None):
        cookie = "Cookie: %s=%s\r\n" % (COOKIE, cookie_value(sealed)) if sealed else ""
        client = raw(gate, upgrade % (host, cookie))
        assert client.head().status == 101
        return client

    def lives(client):
        client.send("x")
        return client.exactly(1) == b"x"

    stranger, neighbour = enter(HOST), enter("second.example")
    gate.change(passcode=SEALED)
    assert stranger.ended() and lives(neighbour)
    friend = enter(HOST, SEALED)
    gate.change(port=gate.app.port)
    assert lives(friend)
    gate.change(passcode=seal("other"))
    assert friend.ended() and lives(neighbour)
    other = enter(HOST, gate.shares[0]["passcode"])
    gate.change(passcode=None)
    assert lives(other) and lives(neighbour)


@case("what needs a passcode is kept by no cache on the way")
def caches(gate):
    gate.app.paths["/a.css"] = lambda peer, request: peer.send(reply("a", "200 OK", "Cache-Control: public, max-age=9999"))
    assert gate.ask("GET", "/a.css").get("cdn-cache-control") is None
    gate.change(passcode=SEALED)
    answer = gate.ask("GET", "/a.css", "Cookie: %s=%s" % (COOKIE, cookie_value(SEALED)))
    assert answer.get("cdn-cache-control") == "no-store" and answer.get("cache-control") == "public, max-age=9999"
    assert gate.ask("GET", "/a.css").get("cache-control") == "no-store"


@case("interim answers without end cost no memory")
def interim(gate):
    block = b"HTTP/1.1 103 X\r\nLink: </%s>\r\n\r\n" % (b"a" * 900) * 60

    def flood(peer, request):
        for _ in range(2000):  # more than 100 MB
            peer.send(block)
        peer.send(reply("at last"))

    gate.app.paths["/flood"] = flood
    gate.ask("GET", "/")
    before = gate.memory()
    client = raw(gate, "GET /flood HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    seen = b""
    while b"at last" not in seen:
        data = client.socket.recv(1 << 20)
        assert data
        seen = (seen + data)[-2000:]
    assert gate.memory() - before < 30, gate.memory() - before  # AddressSanitizer holds some back


@case("heads that never end hold no place", "--clients", "12")
def slow_heads(gate):
    slow = []
    for number in range(12):
        client = raw(gate, "GET / HTTP/1.1\r\nHost: %s\r\nX-%d: " % (HOST, number))
        slow.append(client)
    time.sleep(0.6)
    for _ in range(3):
        assert gate.ask("GET", "/").status == 200


@case("uploads that stand still hold no place, and end", "--clients", "6", "--body-ms", "6500")
def slow_bodies(gate):
    slow = [raw(gate, START + "Content-Length: 1000\r\n\r\nabc") for _ in range(6)]
    wait_for("the app", lambda: len(gate.app.requests) == 6)
    assert gate.ask("GET", "/").status == 503
    time.sleep(5.1)
    assert gate.ask("GET", "/").status == 200
    assert slow[-1].answer().status == 408


if __name__ == "__main__":
    gatework.run()
