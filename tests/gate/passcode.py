#!/usr/bin/env python3
"""The gate before an app that has a passcode: who may pass, and what guessing costs.

    passcode.py --gate PROGRAM [--only WORD]
"""

import http.client
import json
import re
import threading
import time
import urllib.parse

import gatework
from gatework import COOKIE, HOST, SLOW, case, cookie_value, seal, wait_for

PATH = "/.pinokiocloud/passcode"
FORM = "Content-Type: application/x-www-form-urlencoded"
HTML = "Accept: text/html,application/xhtml+xml"
SEALED = seal("open sesame")
TOKEN = "A-token_of-the-usual-43-characters-length00"


def try_passcode(gate, passcode, *fields, target="/", **more):
    body = urllib.parse.urlencode({"passcode": passcode, "next": target}).encode()
    return gate.ask("POST", PATH, FORM, HTML, *fields, body=body, **more)


def cookie_of(answer):
    return answer.get("set-cookie").split(";")[0]


def try_slowly(gate, passcode):
    """Not faster than the gate checks passcodes."""
    time.sleep(0.06)
    return try_passcode(gate, passcode)


def closed(gate, **more):
    gate.change(passcode=SEALED, token=TOKEN, **more)
    gate.app.requests.clear()


@case("browsers get a form, programs a problem, and the app nothing")
def refused(gate):
    closed(gate)
    client = gate.connect()
    for method in ("GET", "HEAD"):
        answer = gate.ask(method, "/a?b=<x>&c=\"d\"", HTML, peer=client)
        assert answer.status == 401 and answer.get("content-type") == "text/html; charset=utf-8"
        assert answer.get("cache-control") == "no-store"
        policy = answer.get("content-security-policy")
        for part in ("default-src 'none'", "style-src 'unsafe-inline'", "form-action 'self'"):
            assert part in policy, policy
        if method == "GET":
            page = answer.body.decode()
            assert 'action="/.pinokiocloud/passcode"' in page and "<label for=" in page and "<h1>change-" in page
            assert 'value="/a?b=&lt;x&gt;&amp;c=&quot;d&quot;"' in page, page[-600:]
            assert "prefers-color-scheme:dark" in page and 'lang="en"' in page
    for fields in (("GET",), ("GET", "Accept: */*"), ("POST", HTML), ("DELETE", HTML)):
        answer = gate.ask(fields[0], "/", *fields[1:], peer=client)
        problem = json.loads(answer.body)
        assert answer.status == problem["status"] == 401 and answer.get("www-authenticate").startswith("Bearer")
        assert answer.get("content-type") == "application/problem+json"
    answer = gate.ask("POST", "/upload", body=b"x" * 300000)
    assert answer.status == 401
    assert gate.ask("GET", PATH, HTML).status == 401
    assert not gate.app.requests


@case("the right passcode opens the way back, with a cookie that the app does not see")
def right(gate):
    closed(gate)
    answer = try_passcode(gate, "open sesame", target="/lab?x=1")
    assert answer.status == 303 and answer.get("location") == "/lab?x=1", answer.line
    setting = answer.get("set-cookie")
    for part in ("; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=604800"):
        assert part in setting, setting
    assert "Secure" not in try_passcode(gate, "open sesame", "X-Forwarded-Proto: http").get("set-cookie")
    mine = cookie_of(answer)
    assert gate.ask("GET", "/lab", "Cookie: a=b; %s; c=d" % mine).body == b"hello"
    assert gate.app.requests[0].get("cookie") == "a=b; c=d"
    assert gate.ask("GET", "/lab", "Cookie: " + mine, "Authorization: Bearer app's own").status == 200
    seen = gate.app.requests[1]
    assert seen.get("cookie") is None and seen.get("authorization") == "Bearer app's own", seen.fields
    assert COOKIE not in str(seen.fields)


@case("a token opens for programs, and only as a header")
def token(gate):
    closed(gate)
    for value in ("Bearer " + TOKEN, "bearer   " + TOKEN):
        assert gate.ask("GET", "/", "Authorization: " + value).status == 200
        assert gate.app.requests[-1].get("authorization") is None
    for value in ("Bearer " + TOKEN + "x", "Bearer " + TOKEN[:-1], "Bearer", "Bearer ", "Basic " + TOKEN, TOKEN):
        assert gate.ask("GET", "/", "Authorization: " + value).status == 401, value
    for target in ("/?token=" + TOKEN, "/?" + TOKEN, "/?access_token=" + TOKEN):
        assert gate.ask("GET", target).status == 401
    assert gate.ask("GET", "/", "Cookie: %s=%s" % (COOKIE, TOKEN)).status == 401
    assert len(gate.app.requests) == 2


@case("cookies that were forged, have ended or are another's open nothing")
def bad_cookies(gate):
    closed(gate)
    now = int(time.time())
    assert gate.ask("GET", "/", "Cookie: %s=%s" % (COOKIE, cookie_value(SEALED))).status == 200
    good = cookie_value(SEALED)
    for value in (
        cookie_value(SEALED, ends=now - 1),
        cookie_value(SEALED, share="t2"),
        cookie_value(seal("open sesame", b"another salt 16b")),
        cookie_value(SEALED, key="0" * 64),
        good[:-1],
        good.replace(good[:3], "999", 1),
        str(now + 99999) + ".",
        ".",
        "",
        "x" * 8000,
        "%s; %s=%s" % (good[:-1], COOKIE, good[1:]),
        '"%s"' % good,
    ):
        assert gate.ask("GET", "/", "Cookie: %s=%s" % (COOKIE, value)).status == 401, value
    both = "Cookie: %s=1.x; %s=%s" % (COOKIE, COOKIE, good)
    assert gate.ask("GET", "/", both).status == 200


@case("another passcode ends old cookies while the address stays, and none opens it to all")
def changed(gate):
    closed(gate)
    mine = "Cookie: " + cookie_of(try_passcode(gate, "open sesame"))
    assert gate.ask("GET", "/", mine).status == 200
    gate.change(passcode=seal("other"))
    assert gate.ask("GET", "/", mine).status == 401
    assert try_passcode(gate, "open sesame").status == 401
    assert try_passcode(gate, "other").status == 303
    gate.change(passcode=None)
    assert gate.ask("GET", "/", mine).status == 200
    assert COOKIE not in str(gate.app.requests[-1].fields)
    answer = try_passcode(gate, "", target="/x")
    assert answer.status == 303 and answer.get("location") == "/x" and answer.get("set-cookie") is None


@case("the form leads to this host and nowhere else")
def no_open_redirect(gate):
    closed(gate)
    for target in ("//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil", "\\\\e", "", "/a\r\nX: y"):
        answer = try_passcode(gate, "open sesame", target=target)
        assert answer.status == 303 and answer.get("location") == "/" and answer.get("x") is None, (target, answer.fields)
    assert try_passcode(gate, "open sesame", target="/ä?ö").get("location") == "/%C3%A4?%C3%B6"
    answer = gate.ask("POST", PATH, FORM, body=b"passcode=open+sesame")
    assert answer.status == 303 and answer.get("location") == "/"


@case("passcodes of all kinds")
def kinds(gate):
    for passcode in ("pässwörd €", "🔑🔒", "\"quotes\" 'and' `more`", " blanks ", "a&b=c%41+d;e", "\\$(x)<y>", "p" * 1024, "é" * 512):
        gate.change(passcode=seal(passcode))
        assert try_slowly(gate, passcode).status == 303, passcode
        assert try_slowly(gate, passcode + "x").status == 401, passcode
    gate.change(passcode=seal("café"))
    assert try_slowly(gate, "cafe\u0301").status == 303  # as another keyboard writes it


@case("the form in odd clothes: chunked, with Expect, too large, of another type")
def odd_forms(gate):
    closed(gate)
    client = gate.connect()
    text = "passcode=open+sesame&next=/a"
    start = "POST %s HTTP/1.1\r\nHost: %s\r\n%s; charset=utf-8\r\n" % (PATH, HOST, FORM)
    client.send(start + "Transfer-Encoding: chunked\r\n\r\n")
    for letter in text:
        client.send("1\r\n%s\r\n" % letter)
    client.send("0\r\n\r\n")
    assert client.answer().status == 303
    client.send(start + "Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(text))
    assert client.head().status == 100
    client.send(text)
    assert client.answer().get("location") == "/a"
    assert gate.ask("POST", PATH, FORM, body=b"passcode=" + b"x" * 30000).status == 413
    assert gate.ask("POST", PATH, "Content-Type: application/json", body=b"{}").status == 415
    for body in (b"", b"passcode", b"passcode=%00", b"\xff\xfe=&&", b"passcode=" + b"p" * 5000):
        assert gate.ask("POST", PATH, FORM, "X-Forwarded-For: 10.9.9.%d" % len(body[:200]), body=body).status == 401, body
    bad = gate.connect()
    bad.send(start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert bad.answer().status == 400
    gone = gate.connect()
    gone.send(start + "Content-Length: 100\r\n\r\npass")
    gone.close()


@case("wrong tries are slowed, for whoever makes them and at that share only")
def limited(gate):
    gate.shares.append(dict(gate.share(), id="t2", hosts=["second.example"], passcode=SEALED))
    closed(gate)
    guesser = "X-Forwarded-For: 198.51.100.%d, 203.0.113.7"
    for number in range(5):
        answer = try_passcode(gate, "wrong", guesser % number)
        assert answer.status == 401 and b"That is not the passcode" in answer.body
    answer = try_passcode(gate, "open sesame", guesser % 99)
    assert answer.status == 429 and answer.get("retry-after") == "1", answer.line
    assert b"Too many wrong tries. Try again in 1 second." in answer.body
    assert gate.ask("POST", PATH, FORM, guesser % 9, body=b"passcode=x").get("content-type") == "application/problem+json"
    assert try_passcode(gate, "open sesame", "X-Forwarded-For: 203.0.113.8").status == 303
    assert try_passcode(gate, "open sesame", guesser % 1, host="second.example").status == 303
    waits = []
    for _ in range(2):
        time.sleep(int(try_passcode(gate, "x", guesser % 1).get("retry-after")) + 0.05)
        answer = try_passcode(gate, "still wrong", guesser % 1)
        assert answer.status == 429
        waits.append(answer.get("retry-after"))
    assert waits == ["2", "4"], waits
    time.sleep(4.05)
    assert try_passcode(gate, "open sesame", guesser % 1).status == 303
    assert try_passcode(gate, "wrong", guesser % 1).status == 401
    assert gate.ask("GET", "/", "Cookie: %s=%s" % (COOKIE, cookie_value(SEALED)), guesser % 1).status == 200


@case("a flood of guesses from many places does not hold the others up")
def flood(gate):
    closed(gate)
    ended = threading.Event()
    statuses = []

    def guess(number):
        connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20 * SLOW)
        headers = {"Host": HOST, "Content-Type": "application/x-www-form-urlencoded"}
        count = 0
        while not ended.is_set():
            count += 1
            headers["X-Forwarded-For"] = "10.%d.%d.%d" % (number, count >> 8 & 255, count & 255)
            connection.request("POST", PATH, "passcode=" + "w" * 1024, headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    client, took = gate.connect(), []
    mine = "Cookie: %s=%s" % (COOKIE, cookie_value(SEALED))
    wait_for("the flood", lambda: len(statuses) > 100)
    for _ in range(300):
        began = time.monotonic()
        assert gate.ask("GET", "/", mine, peer=client).status == 200
        took.append(time.monotonic() - began)
    ended.set()
    for thread in threads:
        thread.join()
    assert sorted(took)[150] < 0.02 * SLOW, "median of %.1f ms" % (1000 * sorted(took)[150])
    assert set(statuses) == {401, 429} and statuses.count(429) > statuses.count(401), statuses.count(401)


@case("a WebSocket needs the cookie or the token too")
def websocket(gate):
    closed(gate)
    gate.app.paths["/ws"] = lambda peer, request: peer.send("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\nhi") or "end"
    fields = ("Connection: Upgrade", "Upgrade: websocket")
    assert gate.ask("GET", "/ws?token=" + TOKEN, *fields).status == 401
    assert not gate.app.requests
    for way in ("Authorization: Bearer " + TOKEN, "Cookie: %s=%s" % (COOKIE, cookie_value(SEALED))):
        client = gate.connect()
        client.send("\r\n".join(["GET /ws HTTP/1.1", "Host: " + HOST, *fields, way, "", ""]))
        assert client.head().status == 101 and client.exactly(2) == b"hi"
        assert TOKEN not in str(gate.app.requests[-1].fields) and COOKIE not in str(gate.app.requests[-1].fields)


if __name__ == "__main__":
    gatework.run()
