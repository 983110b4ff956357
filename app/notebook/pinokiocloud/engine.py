"""PinokioEngine: the engine of this machine, found or started, with all that an interface needs to speak to it."""

import os
import threading
from typing import Any, Optional, Tuple

from .address import Address, run_folder
from .binary import NAME, Binary, find_binary, log_tail
from .client import TIMEOUT_S, Client
from .errors import (
    EngineFailedError,
    EngineGoneError,
    NoBinaryError,
    OtherVersionError,
    PinokioError,
    ProblemError,
    WrongTokenError,
)
from .events import Events
from .host import Host, detect_host
from .model import Machine, Platform, Status
from .version import __version__

__all__ = ["PinokioEngine"]

LOOK_S = 5.0  # for whether an engine answers
LOOK_AT_MACHINE_S = 1.0
# Settings of the engine, and under which names people keep them.
SECRETS = (("tunnel.ngrok_token", "NGROK_AUTHTOKEN"),)


class PinokioEngine:
    """The engine, its client and its events.

    Made anew it finds the same engine again; close() ends neither it nor any app. What it is asked for waits, so what
    may take long belongs on a worker thread.
    """

    def __init__(
        self,
        binary: Optional[str] = None,
        home: Optional[str] = None,
        port: Optional[int] = None,
        token: Optional[str] = None,
        timeout: float = TIMEOUT_S,
    ) -> None:
        """Finds the engine of a home, starting it where none answers.

        binary: the program; else $PINOKIOCLOUD, the repository's build/, PATH. It is needed only where the engine is to
        be started, or home is not known. home: else $PINOKIO_HOME, else what the program takes. port: the engine is met
        there on loopback, with token (else the one in the home), and is not started. timeout: seconds for an answer.

        Raises NoBinaryError, WrongTokenError, OtherVersionError, EngineFailedError, EngineGoneError.
        """
        self.version = __version__
        self.host: Host = detect_host()
        self._lock = threading.Lock()
        self._machine: Optional[Machine] = None
        self._named = binary
        self._home = home or os.environ.get("PINOKIO_HOME") or ""
        if not self._home and (port is None or token is None):
            self._home = self._binary().home()
        self._home = os.path.abspath(os.path.expanduser(self._home)) if self._home else ""
        self.address = self._address(port, token)
        self.client = Client(self.address, timeout)
        self.events = Events(self.address)
        try:
            self.status = self._meet(port is None)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the threads and connections of this object; the engine and the apps go on."""
        self.events.close()
        self.client.close()

    def __enter__(self) -> "PinokioEngine":
        return self

    def __exit__(self, *unused: Any) -> None:
        self.close()

    @property
    def home(self) -> str:
        """PINOKIO_HOME, as the engine says."""
        return self.status.home or self._home

    @property
    def machine(self) -> Machine:
        """The machine when it was first asked for, which may take five seconds; client.machine() looks anew."""
        with self._lock:
            if self._machine is None:
                self._machine = self.client.machine()
            return self._machine

    @property
    def platform(self) -> Platform:
        """On whose machine this is; as machine."""
        return self.machine.platform or Platform()

    @property
    def command(self) -> str:
        """The program, as it is called on a command line."""
        try:
            return find_binary(self._named)
        except NoBinaryError:
            return NAME

    def take_secrets(self) -> Tuple[str, ...]:
        """Gives the engine what the notebook's host, or the environment, keeps for it, where it has none. Gives a line for a
        person of each that was there. On the kernel's main thread. Raises EngineGoneError."""
        there = {setting.key: setting for setting in self.client.settings()}
        told = []
        for key, name in SECRETS:
            secret = self.host.secret(name) if key in there and not there[key].set else None
            if secret is None or secret.value is None:
                continue
            try:
                self.client.set_setting(key, secret.value)
                told.append("%s was taken from %s." % (name, secret.source))
            except ProblemError as error:
                told.append("%s of %s was not taken: %s" % (name, secret.source, error.detail))
        return tuple(told)

    def __str__(self) -> str:
        """For a person, in two lines; what takes longer than a second to find out is left out."""
        status, where = self.status, self.host.name
        looking = Client(self.address, LOOK_AT_MACHINE_S)
        try:
            status = looking.status()
            machine = looking.machine()
            where += " on %s" % (machine.platform.name if machine.platform else "an unknown machine")
        except PinokioError:
            pass  # the status line of the interface says more
        finally:
            looking.close()
        first = "PinokioCloud %s runs (process %d), in %s" % (status.version, status.pid, where)
        what = "%d app%s, %d running" % (status.apps, "" if status.apps == 1 else "s", status.runs)
        return "%s.\nHome: %s (%s)." % (first, self.home, what)

    def log_tail(self) -> str:
        """The last lines of the engine's log, "" when there are none."""
        return log_tail(os.path.join(self.home, "logs", "engine.log"))

    def revive(self) -> Status:
        """Starts an engine that has gone, and meets it. Harmless while it runs. Errors as of the constructor."""
        self.status = self._meet(not self.address.port)
        return self.status

    # Meeting it

    def _binary(self) -> Binary:
        variables = {"PINOKIO_HOME": self._home} if self._home else {}
        return Binary(find_binary(self._named), variables)

    def _address(self, port: Optional[int], token: Optional[str]) -> Address:
        if port is None:
            return Address.of_home(self._home)
        return Address(port=port, token=token or _read_token(self._home))

    def _meet(self, may_start: bool) -> Status:
        looking = Client(self.address, min(LOOK_S, self.client.timeout))
        try:
            status = looking.status()
        except EngineGoneError:
            if not may_start:
                raise
            self._start()
            status = self._ask()
        except ProblemError as error:
            raise self._refused(error) from error
        finally:
            looking.close()
        return self.checked(status)

    def _start(self) -> None:
        binary = self._binary()
        version = binary.version()
        if version != __version__:
            raise OtherVersionError(
                "%s is of version %s, this package of %s: build it anew (`make`), or install them together"
                % (binary.path, version, __version__)
            )
        binary.up(self._home)

    def _ask(self) -> Status:
        """The engine was told to come up just now."""
        try:
            return self.client.status()
        except PinokioError as error:
            log = log_tail(os.path.join(self._home, "logs", "engine.log"))
            raise EngineFailedError("the engine came up and does not answer: %s\n%s" % (error, log), log) from error

    def _refused(self, error: ProblemError) -> PinokioError:
        if error.status not in (401, 403):
            return error
        where = os.path.join(run_folder(self._home), "token") if self._home else "PINOKIO_HOME/run/token"
        return WrongTokenError(
            "the engine at %s does not take this token (%s). The right one is the line in %s"
            % (self.address, error.detail, where)
        )

    def checked(self, status: Status) -> Status:
        """Raises OtherVersionError when that engine is not for this package."""
        if status.version == __version__:
            return status
        raise OtherVersionError(
            "the engine that runs is of version %s, this package of %s. `pinokiocloud down` ends it (apps go on); "
            "then run this again" % (status.version or "unknown", __version__)
        )


def _read_token(home: str) -> str:
    path = os.path.join(run_folder(home), "token")
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError) as error:
        raise WrongTokenError("there is no token to be read at %s: %s" % (path, error)) from error
