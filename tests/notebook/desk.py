"""A main thread for tests of the bridge and the store: with an asyncio loop as a kernel has one, or without."""

import asyncio
import collections
import contextlib
import os
import threading
import time

from support import SLOW

import pinokiocloud
from pinokiocloud import Bridge, PinokioEngine, Store

KEPT = ("HOME", "LC_ALL", "PINOKIO_NO_BROWSER", "PINOKIOCLOUD_TOOLS")


class Main:
    """Makes a bridge and lets time pass on its thread."""

    def __init__(self, loop=True):
        self.loop = asyncio.new_event_loop() if loop else None
        self.bridge = self.on_loop(Bridge) if loop else Bridge()

    def on_loop(self, function, *arguments):
        async def call():
            return function(*arguments)

        return self.loop.run_until_complete(call())

    def passes(self, seconds):
        if self.loop:
            self.loop.run_until_complete(asyncio.sleep(seconds))
        else:
            self.bridge.drain(seconds)

    def until(self, condition, what, seconds=20):
        end = time.monotonic() + seconds * SLOW
        while not condition():
            if time.monotonic() > end:
                told = what() if callable(what) else what
                raise AssertionError("waited %g s in vain: %s" % (seconds * SLOW, told))
            self.passes(0.003)

    def close(self):
        self.bridge.close()
        if self.loop:
            self.loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class Desk(Main):
    """A store that is connected, unless wait is False, and what it tells."""

    def __init__(self, service, loop=True, wait=True, engine=None):
        super().__init__(loop)
        self.own = engine is None
        self.engine = engine or PinokioEngine(home=service.home, binary=service.stage.engine)
        self.store = Store(self.engine, self.bridge)
        self.told = collections.defaultdict(list)
        if wait:
            self.until(lambda: self.store.connected, lambda: "connected: %s" % self.store.why_not)

    def watch(self, *topics, value=lambda: None):
        """Notes when a topic is told, and value() then."""
        for topic in topics:
            self.store.observe(topic, lambda topic=topic: self.told[topic].append((time.monotonic(), value())))

    def state(self, app):
        return self.store.apps[app].state if app in self.store.apps else None

    def becomes(self, app, state, seconds=20):
        self.until(
            lambda: self.state(app) == state, lambda: "%s is %s, not %s" % (app, self.state(app), state), seconds
        )

    def asks(self, action, *arguments, **options):
        """Begins an action; gives the list that fills with what it tells."""
        told, main = [], threading.get_ident()

        def on(state, value):
            assert threading.get_ident() == main, "told on another thread"
            told.append((state, value))

        action(*arguments, on=on, **options)
        assert not told, "told before the action returned: %s" % told
        return told

    def ends(self, told, seconds=30):
        """Waits until an action is over; gives (state, value)."""
        self.until(lambda: told and told[-1][0] in ("done", "failed"), lambda: "the action ends: %s" % told, seconds)
        return told[-1]

    def done(self, action, *arguments, seconds=30, **options):
        state, value = self.ends(self.asks(action, *arguments, **options), seconds)
        if state != "done":
            raise AssertionError("%s: %s" % (state, value))
        return value

    def failed(self, action, *arguments, **options):
        state, value = self.ends(self.asks(action, *arguments, **options))
        if state != "failed":
            raise AssertionError("%s: %s instead of an error" % (state, value))
        return value

    def close(self):
        self.store.close()
        super().close()
        if self.own:
            self.engine.close()


@contextlib.contextmanager
def environment(service):
    """In which an engine of this case may be started."""
    before = dict(os.environ)
    for name in ("PINOKIO_HOME", "PINOKIO_RUN_DIR", "PINOKIOCLOUD", "CI"):
        os.environ.pop(name, None)
    os.environ.update({name: service.stage.env[name] for name in KEPT if name in service.stage.env})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def most_a_second(times):
    """How many at most within any second."""
    return max((sum(1 for other in times if 0 <= other - at < 1) for at in times), default=0)


__all__ = ["Desk", "Main", "environment", "most_a_second", "pinokiocloud"]
