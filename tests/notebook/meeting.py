#!/usr/bin/env python3
"""PinokioEngine: found, started, found again; and what a person reads when that cannot be."""

import json
import os
import stat

from support import ROOT, Told, StandIn, case, environment, leave, nothing_left, raises

import apps
from pinokiocloud import (
    OPEN,
    OVER,
    EngineFailedError,
    EngineGoneError,
    NoBinaryError,
    OtherVersionError,
    PinokioEngine,
    WrongTokenError,
    __version__,
)
from pinokiocloud import binary as programs

BUILT = os.path.join(ROOT, "build", "pinokiocloud")


def own(service, **more):
    """The environment that an engine of this case is started in; nothing of the person's own."""
    given = {name: service.stage.env.get(name) for name in ("HOME", "LC_ALL", "PINOKIO_NO_BROWSER")}
    given.update(PINOKIO_HOME=None, PINOKIO_RUN_DIR=None, PINOKIOCLOUD=None, CI=None)
    given.update(more)
    return environment(**given)


def program(service, text, name="pinokiocloud"):
    """A stand-in for the program, a shell script; gives its path."""
    path = os.path.join(service.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


@case("/notebook/engine/started-once-and-found-again")
def found_again(service):
    apps.light(service.home, "light")
    told = Told()
    with own(service), nothing_left():
        with PinokioEngine(binary=service.stage.engine, home=service.home) as engine:
            service.equal((engine.home, engine.version), (service.home, __version__), "home and version")
            service.equal(
                engine.platform.id != "" and engine.machine.cpus > 0, True, "the machine: %r" % engine.platform
            )
            engine.events.follow_engine(told.on_event, told.on_state)
            service.waits(lambda: told.names() == [OPEN], "events")
            pid = engine.status.pid
            run = engine.client.start("light").id
            service.becomes(run, "ready")
        with PinokioEngine(home=service.home) as engine:  # a kernel that was restarted; the program is not needed
            service.equal(engine.status.pid, pid, "the same engine")
            service.equal([app.state for app in engine.client.apps()], ["RUNNING"], "the app goes on")
            service.kill()
            raises(EngineGoneError, engine.client.apps)
        with PinokioEngine(binary=service.stage.engine, home=service.home) as engine:
            service.equal(engine.status.pid != pid, True, "another engine")
            service.equal([app.state for app in engine.client.apps()], ["RUNNING"], "the app goes on")
            service.equal(engine.revive().pid, engine.status.pid, "reviving one that lives")
            service.kill()
            service.equal(engine.revive().pid, service.engine_pid(), "revived")
            service.has(engine.log_tail(), "serves ")


@case("/notebook/engine/where-the-program-and-the-home-come-from")
def where(service):
    other = program(service, "echo pinokiocloud 0", "other")
    with own(service, PATH=service.folder + ":/usr/bin:/bin"):
        on_path = program(service, "echo pinokiocloud 0")
        wanted = BUILT if os.path.exists(BUILT) else on_path
        service.equal(programs.find_binary(), wanted, "build/, then PATH")
        with environment(PINOKIOCLOUD=other):
            service.equal(programs.find_binary(), other, "the variable")
            service.equal(programs.find_binary(on_path), on_path, "the argument")
        with environment(PINOKIOCLOUD=other + "-not"):
            service.has(str(raises(NoBinaryError, programs.find_binary)), r"PINOKIOCLOUD")
    with own(service, PINOKIO_HOME=service.home, PINOKIOCLOUD=service.stage.engine):
        service.equal(programs.Binary(service.stage.engine).home(), service.home, "home, nobody there")
        with PinokioEngine() as engine:
            service.equal(engine.home, service.home, "of $PINOKIO_HOME")
        service.equal(programs.Binary(service.stage.engine).home(), service.home, "home of one that runs")
    with own(service):
        user = service.stage.user_home
        service.has(programs.Binary(service.stage.engine).home(), "^/")
        with environment(PINOKIO_RUN_DIR=os.path.join(service.folder, "r"), PINOKIO_HOME=os.path.join(user, "p")):
            with PinokioEngine(binary=service.stage.engine) as engine:
                service.equal(engine.address.path, os.path.join(service.folder, "r", "engine.sock"), "run folder")
                engine.client.shut_down()
        service.waits(lambda: service.starting_pids() == [service.engine_pid()], "the second ended")


@case("/notebook/engine/no-program")
def no_program(service):
    with own(service, PATH="/usr/bin:/bin"), nothing_left():
        named = os.path.join(service.folder, "nothing")
        error = raises(NoBinaryError, PinokioEngine, binary=named, home=service.home)
        service.has(str(error), "nothing .*is no program")
        programs.NAME, kept = "no-such-program", programs.NAME
        try:
            error = raises(NoBinaryError, PinokioEngine, home=service.home)
        finally:
            programs.NAME = kept
        service.has(str(error), "setup/install.sh && make")
        for text, wanted in (("echo hello", "hello"), ("echo pinokiocloud 1; exit 3", "pinokiocloud 1"), ("", "''")):
            path = program(service, text)
            service.has(str(raises(NoBinaryError, PinokioEngine, binary=path, home=service.home)), wanted)
        os.chmod(path, stat.S_IRUSR)
        raises(NoBinaryError, PinokioEngine, binary=path, home=service.home)


@case("/notebook/engine/another-version")
def other_version(service):
    with own(service), nothing_left():
        path = program(service, "echo pinokiocloud 9.8.7")
        error = raises(OtherVersionError, PinokioEngine, binary=path, home=service.home)
        service.has(str(error), r"9\.8\.7.*%s" % __version__)
        service.equal(os.listdir(service.home), [], "nothing was started")
        body = json.dumps({"version": "9.8.7", "pid": 1, "home": service.home}).encode()
        said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        os.makedirs(service.run_path())
        with StandIn(service.folder, lambda link, head: link.sendall(said)) as server:
            os.symlink(server.path, service.run_path("engine.sock"))
            error = raises(OtherVersionError, PinokioEngine, home=service.home)
        service.has(str(error), r"runs is of version 9\.8\.7.*pinokiocloud down")


@case("/notebook/engine/wrong-token-over-tcp")
def wrong_token(service):
    service.up()
    port = service.engine_json()["port"]
    with own(service), nothing_left():
        error = raises(WrongTokenError, PinokioEngine, home=service.home, port=port, token="wrong")
        service.has(str(error), "does not take this token.*" + service.run_path("token"))
        service.equal(
            "wrong" in str(error).replace("token is missing or wrong", ""), False, "it is not told: %s" % error
        )
        with PinokioEngine(home=service.home, port=port) as engine:
            service.equal(engine.client.apps(), (), "with the token of the home")
        with PinokioEngine(port=port, token=service.token()) as engine:
            service.equal(engine.home, service.home, "home")
        os.unlink(service.run_path("token"))
        service.has(str(raises(WrongTokenError, PinokioEngine, home=service.home, port=port)), "no token")
        service.kill()
        raises(EngineGoneError, PinokioEngine, home=service.home, port=port, token="x")


@case("/notebook/engine/one-that-does-not-come-up")
def not_up(service):
    with own(service), nothing_left():
        with open(service.run_path(), "w", encoding="ascii") as file:
            file.write("in the way")
        error = raises(EngineFailedError, PinokioEngine, binary=service.stage.engine, home=service.home)
        service.has(str(error), "run.* cannot be made")
        os.unlink(service.run_path())
        dies = program(
            service,
            '[ "$1" = up ] || exec echo pinokiocloud %s\nmkdir -p "$PINOKIO_HOME/logs"\n'
            'for i in $(seq 1 50); do echo "línea $i" >> "$PINOKIO_HOME/logs/engine.log"; done\n'
            'echo "it fell over" >&2; exit 1\n' % __version__,
        )
        for _ in range(2):
            error = raises(EngineFailedError, PinokioEngine, binary=dies, home=service.home)
            service.has(str(error), r"(?s)it fell over.*engine.log ends with:.*línea 50")
            service.equal(error.log.split("\n"), ["línea %d" % number for number in range(39, 51)], "last lines")
        silent = program(service, '[ "$1" = up ] || exec echo pinokiocloud %s\n' % __version__)
        service.has(str(raises(EngineFailedError, PinokioEngine, binary=silent, home=service.home)), "does not answer")


@case("/notebook/engine/a-home-whose-path-is-long")
def long_path(service):
    home = os.path.join(service.folder, "ü" * 80, "x" * 80)
    apps.one_step(home, "prints", apps.shell("echo from afar"))
    told = Told()
    with own(service), nothing_left(), PinokioEngine(binary=service.stage.engine, home=home) as engine:
        service.waits(lambda: engine.client.apps(), "the app is known")
        run = engine.client.start("prints").id
        follower = engine.events.follow_run(run, told.on_events)
        service.equal((follower.wait(20), follower.state), (True, OVER), "state")
        service.has(told.text(), "from afar")
        engine.client.shut_down()
    service.nothing_left()


if __name__ == "__main__":
    leave()
