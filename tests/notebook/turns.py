#!/usr/bin/env python3
"""The bridge between threads: on a loop that runs, on one that does not, and where there is none."""

import asyncio
import logging
import random
import threading
import time

from support import case, leave, nothing_left, raises

from desk import Main

logging.disable(logging.CRITICAL)  # troubles are logged, and are what is tested here


def both(name):
    """A case on a loop, and one without."""

    def keep(function):
        for loop, word in ((True, "on-a-loop"), (False, "without-a-loop")):

            def run(service, loop=loop):
                with nothing_left(), Main(loop) as main:
                    function(service, main)

            case("/notebook/bridge/%s/%s" % (name, word))(run)
        return function

    return keep


@both("calls-keep-their-order-and-come-on-the-main-thread")
def order(service, main):
    told, wrong, own = {}, [], threading.get_ident()

    def take(thread, number):
        told.setdefault(thread, []).append(number)
        if threading.get_ident() != own:
            wrong.append(thread)

    def call(thread):
        for number in range(2000):
            main.bridge.call(take, thread, number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    service.equal(told, {}, "called while the main thread does something else")
    main.until(lambda: sum(map(len, told.values())) == 16000, lambda: sum(map(len, told.values())))
    service.equal((wrong, told), ([], {thread: list(range(2000)) for thread in range(8)}), "order")


@case("/notebook/bridge/one-wake-up-for-many-calls")
def wakes(service):
    with Main() as main:
        count = []
        kept = main.loop.call_soon_threadsafe
        main.loop.call_soon_threadsafe = lambda *arguments: (count.append(1), kept(*arguments))[1]
        told = []
        for number in range(1000):
            main.bridge.call(told.append, number)
        service.equal(len(count), 1, "wake-ups of the loop for 1,000 calls")
        main.until(lambda: len(told) == 1000, "all called")
        main.bridge.call(told.append, 1000)
        service.equal(len(count) <= 3, True, "wake-ups after the turn: %d" % len(count))
        main.until(lambda: len(told) == 1001, "the next turn")


@case("/notebook/bridge/drain-between-the-cells")
def cells(service):
    for loop in (True, False):
        with nothing_left(), Main(loop) as main:
            told = []
            main.bridge.call(told.append, 1)
            main.bridge.later(0.05, told.append, 3)
            main.bridge.work(time.sleep, 0.02, done=lambda unused: told.append(2))
            main.bridge.drain()
            service.equal(told, [1], "what was to be done at once")
            began = time.monotonic()
            main.bridge.drain(0.3)
            service.equal((told, 0.28 < time.monotonic() - began < 0.6), ([1, 2, 3], True), "what came in time")
            raises_elsewhere = []
            thread = threading.Thread(target=lambda: raises_elsewhere.append(raises(RuntimeError, main.bridge.drain)))
            thread.start()
            thread.join()
            service.equal(len(raises_elsewhere), 1, "drain() on another thread")

            def again():
                told.append(0)
                main.bridge.call(again)

            again()
            main.bridge.drain()  # comes back


@both("errors-stop-nobody-and-are-not-lost")
def errors(service, main):
    told, shown = [], []
    main.bridge.on_trouble += [lambda error: 1 // 0, lambda error: shown.append(str(error))]

    def breaks(word="call"):
        raise ValueError(word)

    main.bridge.call(breaks)
    main.bridge.call(told.append, 1)
    main.bridge.later(0.01, breaks, "later")
    main.bridge.work(breaks, "work")
    main.bridge.work(breaks, "taken", failed=lambda error: told.append(str(error)))
    main.bridge.work(int, done=lambda unused: breaks("done"))
    main.until(lambda: len(shown) == 4 and len(told) == 2, lambda: (shown, told))
    service.equal((told, sorted(shown)), ([1, "taken"], ["call", "done", "later", "work"]), "told and shown")
    service.equal(sorted(map(str, main.bridge.troubles)), sorted(shown), "kept")


@both("timers")
def timers(service, main):
    told = []
    began = time.monotonic()
    for wait in (0.09, 0.03, 0.06, 0.0):
        main.bridge.later(wait, lambda wait=wait: told.append((wait, time.monotonic() - began - wait)))
    cancelled = main.bridge.later(0.02, told.append, "cancelled")
    cancelled.cancel()
    main.until(lambda: len(told) == 4, lambda: told)
    service.equal([wait for wait, _ in told], [0.0, 0.03, 0.06, 0.09], "order")
    service.equal(all(0 <= late < 0.1 for _, late in told), True, "late by: %s" % told)
    threading.Thread(target=main.bridge.later, args=(0.01, told.append, 5)).start()
    main.until(lambda: told[-1] == 5, "one from another thread")


@both("four-workers")
def workers(service, main):
    own, there, found = threading.get_ident(), set(), []
    meeting = threading.Barrier(4)

    def meet(number):
        meeting.wait(10)
        there.add(threading.get_ident())
        return number

    for number in range(4):
        main.bridge.work(meet, number, done=lambda number: found.append((number, threading.get_ident())))
    main.until(lambda: len(found) == 4, lambda: "four at once: %s" % found)
    service.equal((sorted(found), own in there), ([(number, own) for number in range(4)], False), "threads")


@case("/notebook/bridge/a-flood-leaves-the-loop-alive")
def flood(service):
    with Main() as main:
        gaps, told = [], []

        async def tick():
            last = time.monotonic()
            while len(told) < 400:
                await asyncio.sleep(0)
                now = time.monotonic()
                gaps.append(now - last)
                last = now

        for _ in range(400):
            main.bridge.call(lambda: (time.sleep(0.001), told.append(1)))
        main.loop.run_until_complete(tick())
        service.equal(len(gaps) > 20, True, "turns of the loop for 0.4 s of calls: %d" % len(gaps))


@case("/notebook/bridge/close-at-every-moment-leaves-no-thread")
def closes(service):
    for number in range(20):
        with nothing_left():
            main = Main(number % 2)
            told, ended = [], []
            for _ in range(10):
                main.bridge.work(lambda: (time.sleep(random.uniform(0, 0.01)), ended.append(1)), done=told.append)
                main.bridge.call(told.append, 1)
                main.bridge.later(random.uniform(0, 0.01), told.append, 2)
            if number % 3:
                main.passes(random.uniform(0, 0.02))
            main.bridge.close()
            seen, stopped = len(told), len(ended)
            main.bridge.call(told.append, 3)
            main.bridge.later(0, told.append, 4)
            main.bridge.work(ended.append, 5)
            main.passes(0.01)
            service.equal((len(told), len(ended)), (seen, stopped), "called after close()")
            main.bridge.close()
            if main.loop:
                main.loop.close()


@case("/notebook/bridge/a-loop-that-was-closed")
def closed_loop(service):
    main, told = Main(), []
    main.loop.close()
    main.bridge.call(told.append, 1)
    main.bridge.drain()
    service.equal(told, [1], "drained")
    main.bridge.close()


if __name__ == "__main__":
    leave()
