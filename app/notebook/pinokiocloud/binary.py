"""The program `pinokiocloud`: found, asked for its version and home, and told to start the engine."""

import json
import os
import shutil
import subprocess
from typing import Any, Dict, List, Mapping, Optional

from .errors import EngineFailedError, NoBinaryError

NAME = "pinokiocloud"
ASK_S = 20.0
UP_S = 180.0  # it waits 120 s itself, for a library that has to be rebuilt
LOG_LINES, LOG_BYTES = 12, 16 * 1024


def root_folder() -> str:
    """Of the repository that this package is part of."""
    return os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))


def _runs(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def find_binary(named: Optional[str] = None) -> str:
    """named, $PINOKIOCLOUD, the repository's build/, PATH. What was named must be there. Raises NoBinaryError."""
    for source, path in (("the argument", named), ("$PINOKIOCLOUD", os.environ.get("PINOKIOCLOUD"))):
        if path:
            path = os.path.abspath(os.path.expanduser(path))
            if _runs(path):
                return path
            raise NoBinaryError("%s (%s says so) is no program" % (path, source))
    built = os.path.join(root_folder(), "build", NAME)
    found = built if _runs(built) else shutil.which(NAME)
    if found:
        return os.path.abspath(found)
    raise NoBinaryError(
        "the program %s was found neither at %s nor on PATH. Run in %s: `setup/install.sh && make`, "
        "or name the program in $PINOKIOCLOUD" % (NAME, built, root_folder())
    )


class Binary:
    """The program at a path, run with the environment of this process and these variables."""

    def __init__(self, path: str, variables: Optional[Mapping[str, str]] = None) -> None:
        self.path = path
        self.variables = dict(variables or {})

    def run(self, arguments: List[str], seconds: float) -> "subprocess.CompletedProcess[str]":
        """Raises NoBinaryError when it cannot be run, EngineFailedError when it takes longer."""
        command = [self.path] + arguments
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(os.environ, NO_COLOR="1", **self.variables),
                encoding="utf-8",
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except OSError as error:
            raise NoBinaryError("%s cannot be run: %s" % (self.path, error)) from error
        except subprocess.TimeoutExpired as error:
            raise EngineFailedError("`%s` did not end in %g s" % (" ".join(command), seconds)) from error

    def version(self) -> str:
        """Raises NoBinaryError when it is another program."""
        done = self.run(["--version"], ASK_S)
        words = done.stdout.split()
        if done.returncode != 0 or len(words) != 2 or words[0] != NAME:
            said = (done.stderr or done.stdout).strip()[:500]
            raise NoBinaryError("%s is not %s: it says %r" % (self.path, NAME, said))
        return words[1]

    def home(self) -> str:
        """Which PINOKIO_HOME it takes on this machine."""
        done = self.run(["status", "--json"], ASK_S)
        try:
            said: Dict[str, Any] = json.loads(done.stdout)
            home = said.get("home") or said["engine"]["home"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            told = (done.stderr or done.stdout).strip()[:500]
            raise EngineFailedError("`%s status` does not tell the home: %s" % (self.path, told)) from error
        return str(home)

    def up(self, home: str) -> None:
        """Starts the engine unless it runs, and waits until it answers. Raises EngineFailedError with its log's end."""
        path = os.path.join(home, "logs", "engine.log")
        before = size_of(path)
        done = self.run(["up"], UP_S)
        if done.returncode == 0:
            return
        told = done.stderr.strip() or done.stdout.strip() or "exit status %d" % done.returncode
        log = log_tail(path, before)
        shown = "\n%s ends with:\n%s" % (path, log) if log and log not in told else ""
        raise EngineFailedError("%s%s" % (told, shown), log)


def size_of(path: str) -> int:
    """0 when it is not there."""
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def log_tail(path: str, start: int = 0) -> str:
    """The last lines of a log, none from before that byte; "" when there are none."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(min(start, end), end - LOG_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.strip().split("\n")[-LOG_LINES:])
