#!/usr/bin/env python3
"""At a terminal: colours, questions, typing through to a shell, Ctrl-C from the keyboard."""

import os
import termios

from harness import case, leave


def shell(message, **params):
    return {"method": "shell.run", "params": dict(params, message=message)}


def log(text):
    return {"method": "log", "params": {"text": text}}


@case("/e2e/terminal/no-color-is-kept")
def no_color(t):
    program = t.start("doctor", "--no-network", terminal=True, env={"NO_COLOR": "1"})
    program.end(20)
    t.lacks(program.out, "\x1b\\[[0-9;]*m")


@case("/e2e/terminal/ctrl-c-from-the-keyboard")
def ctrl_c(t):
    program = t.start(
        "script", "run", t.script(shell("echo up; setsid sleep 300 & sleep 301")), terminal=True
    )
    program.until("up")
    program.type("\x03")
    t.equal(program.end(10) != 0, True, "exit status %r" % program.process.returncode)
    t.nothing_left()


@case("/e2e/terminal/input-is-asked")
def asked(t):
    path = t.script(
        {
            "method": "input",
            "params": {
                "title": "Who",
                "form": [
                    {"key": "name", "title": "Your name", "required": True},
                    {"key": "place", "title": "Where", "default": "Rome"},
                ],
            },
        },
        log("hello {{input.name}} of {{input.place}}"),
    )
    program = t.start("script", "run", path, terminal=True)
    program.until("Your name")
    program.type("Ada\r")
    program.until("Where")
    program.type("\r")
    t.equal(program.end(20), 0, "exit status")
    t.has(program.out, "hello Ada of Rome")


@case("/e2e/terminal/ctrl-c-at-a-question")
def question_interrupted(t):
    path = t.script(
        {"method": "input", "params": {"form": [{"key": "name", "title": "Your name"}]}}, log("not-reached")
    )
    program = t.start("script", "run", path, terminal=True)
    program.until("Your name")
    program.type("\x03")
    t.equal(program.end(10) != 0, True, "exit status %r" % program.process.returncode)
    t.lacks(program.out, "not-reached")


@case("/e2e/terminal/passwords-are-not-shown")
def password(t):
    path = t.script(
        {
            "method": "input",
            "params": {"form": [{"key": "secret", "title": "Secret word", "type": "password"}]},
        },
        log("length {{input.secret.length}}"),
    )
    program = t.start("script", "run", path, terminal=True)
    program.until("Secret word")
    program.type("hidden123\r")
    t.equal(program.end(20), 0, "exit status")
    t.has(program.out, "length 9")
    t.lacks(program.out, "hidden123")


@case("/e2e/terminal/required-environment-is-asked-and-kept")
def required(t):
    path = t.script(
        log("key is {{env.SOME_KEY}}"), env=[{"key": "SOME_KEY", "title": "Some key", "host": "example.test"}]
    )
    program = t.start("script", "run", path, terminal=True)
    program.until("SOME_KEY|Some key")
    program.type("abc def\r")
    t.equal(program.end(20), 0, "exit status")
    t.has(program.out, "key is abc def")
    t.has(t.read(t.path("ENVIRONMENT")), "SOME_KEY=.*abc def")
    t.equal(os.stat(os.path.join(t.home, "key.json")).st_mode & 0o777, 0o600, "mode of key.json")
    again = t.run_script(path)
    t.status(again, 0)
    t.has(again.out, "key is abc def")


@case("/e2e/terminal/shell-with-input-gets-what-is-typed")
def typed_through(t):
    program = t.start(
        "script",
        "run",
        t.script(
            shell("read -p 's''ay: ' x; echo got-$x", input=True, on=[{"event": "/got-[a-z]+/", "kill": True}]),
            log("over {{input.event[0]}}"),
        ),
        terminal=True,
    )
    program.until("say: ")
    program.type("word\r")
    program.until("over got-word")
    t.equal(program.end(20), 0, "exit status")
    t.nothing_left()


@case("/e2e/terminal/is-left-as-it-was")
def restored(t):
    program = t.start(
        "script",
        "run",
        t.script(
            shell("echo u''p; read x; echo got-$x", input=True, on=[{"event": "/got-[a-z]+/", "kill": True}])
        ),
        terminal=True,
    )
    before = termios.tcgetattr(program.terminal)
    program.until("up")
    program.type("word\r")
    t.equal(program.end(20), 0, "exit status")
    t.equal(termios.tcgetattr(program.terminal)[:4], before[:4], "the terminal's settings")


@case("/e2e/terminal/hung-up-ends-everything")
def hung_up(t):
    program = t.start(
        "script", "run", t.script(shell("echo up; setsid sleep 300 & sleep 301")), terminal=True
    )
    program.until("up")
    program.hang_up()
    program.end(10)
    t.nothing_left()


if __name__ == "__main__":
    leave()
