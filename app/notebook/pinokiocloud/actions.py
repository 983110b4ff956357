"""What a person can ask of the engine: the actions of the store."""

import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

from .bridge import Bridge
from .client import Client
from .engine import PinokioEngine
from .errors import PinokioError, RunFailedError
from .jobs import DONE, FAILED, Jobs, On, Outcome
from .model import App, Begun, Run, Tunnel
from .reader import SETTINGS, TUNNELS
from .sync import Sync
from .watch import RunWatch

__all__ = ["Actions"]

ENDED_WELL = "finished"
ENDED = (ENDED_WELL, "stopped", "error", "interrupted")
WAITING = "waiting"  # a tunnel that no provider gives now
GONE = ""
UNSETTLED = {"install": (GONE, "CLONED", "INSTALLING")}  # states of an app after it was done
SETTLE_S = 1.0  # an app whose menu says that it is not installed stays as it is
Judge = Callable[[Any], Outcome]


class Actions:
    """Every action returns at once and tells on(state, value) later, on the main thread.

    "begun", with the engine's answer, where what was asked for takes its time; then "done" with a value or "failed" with an
    error: ProblemError (the engine said no), EngineGoneError, RunFailedError (its run failed or was stopped), PinokioError.
    The same action on the same thing, asked again while it is under way and nothing else was asked of the thing since, is
    the same one: all who asked are told. What is asked of one app is asked in the order of the clicks.
    When "done" is told the store knows of it already.
    """

    engine: PinokioEngine
    bridge: Bridge
    client: Client
    apps: Dict[str, App]
    runs: Dict[str, Run]
    tunnels: Dict[str, Tunnel]
    _jobs: Jobs
    _sync: Sync

    def follow_run(self, run: str, told: Callable[[List[Dict[str, Any]], int], None], **options: Any) -> RunWatch:
        """See RunWatch; to be closed by the caller."""
        raise NotImplementedError

    # Apps. What a run does is done when the run has ended well: the value is the Run.

    def install(self, source: str, on: Optional[On] = None, **options: Any) -> None:
        """source: of the catalog, a URL. options: as Client.install()."""
        self._run_on(("install", source), lambda: self.client.install(source, **options), on, ("install", options))

    def install_again(self, app: str, on: Optional[On] = None, **options: Any) -> None:
        """Goes on where an earlier install failed. options: as Client.install_again()."""
        self._run_on(("app", app), lambda: self.client.install_again(app, **options), on, ("install", options))

    def plan(self, source: str, on: Optional[On] = None, **options: Any) -> None:
        """What install() would do: the value has text, for a person, and plan, an object as the engine tells it."""
        lane = ("plan", source)
        self._jobs.do(lane, ("plan", repr(options)), lambda: self.client.plan(source, **options), on, self._planned())

    def start(
        self,
        app: str,
        script: Optional[str] = None,
        input: Optional[Mapping[str, Any]] = None,
        on: Optional[On] = None,
    ) -> None:
        """Done when it is ready, or has ended well. Without script: what its menu would start now."""
        request = lambda: self.client.start(app, script, input)  # noqa: E731
        self._run_on(("app", app), request, on, ("start", script, input), ready=True)

    def restart(
        self,
        app: str,
        script: Optional[str] = None,
        input: Optional[Mapping[str, Any]] = None,
        on: Optional[On] = None,
    ) -> None:
        """As start()."""
        request = lambda: self.client.restart(app, script, input)  # noqa: E731
        self._run_on(("app", app), request, on, ("restart", script, input), ready=True)

    def stop(self, app: str, on: Optional[On] = None) -> None:
        """Done when all its runs have ended; the value is their ids."""

        def request() -> Tuple[str, ...]:
            before = [run.id for run in self.client.runs(app=app) if run.live]
            self.client.stop(app)
            return tuple(before)

        self._jobs.do(("app", app), ("stop",), request, on, self._stopped())

    def stop_run(self, run: str, on: Optional[On] = None) -> None:
        """As stop()."""

        def request() -> Tuple[str, ...]:
            self.client.stop_run(run)
            return (run,)

        self._jobs.do(("run", run), ("stop",), request, on, self._stopped())

    def update(self, app: str, on: Optional[On] = None, **options: Any) -> None:
        self._run_on(("app", app), lambda: self.client.update(app, **options), on, ("update", options))

    def back(self, app: str, on: Optional[On] = None, **options: Any) -> None:
        """To the commit before its last update."""
        self._run_on(("app", app), lambda: self.client.back(app, **options), on, ("back", options))

    def reset(self, app: str, purge: bool = False, on: Optional[On] = None) -> None:
        self._run_on(("app", app), lambda: self.client.reset(app, purge=purge), on, ("reset", purge))

    def uninstall(self, app: str, purge: bool = False, on: Optional[On] = None) -> None:
        """purge: what the person made goes too."""
        request = lambda: self.client.uninstall(app, purge=purge)  # noqa: E731
        self._run_on(("app", app), request, on, ("uninstall", purge), gone=app)

    def menu(self, app: str, on: Optional[On] = None) -> None:
        """The value is the menu, evaluated now; may take seconds."""
        self._jobs.do(("menu", app), (), lambda: self.client.menu(app), on)

    def environment(self, app: str, on: Optional[On] = None) -> None:
        """The value is the app's Environment."""
        self._jobs.do(("environment", app), ("read",), lambda: self.client.environment(app), on)

    def set_environment(self, app: str, values: Mapping[str, Optional[str]], on: Optional[On] = None) -> None:
        """None: its default. The value is the Environment then."""
        given = dict(values)
        request = lambda: self.client.set_environment(app, given)  # noqa: E731
        self._jobs.do(("environment", app), ("set", repr(sorted(given.items()))), request, on)

    # Tunnels

    def open_tunnel(
        self,
        app: Optional[str] = None,
        provider: Optional[str] = None,
        passcode: Optional[str] = None,
        on: Optional[On] = None,
        port: Optional[int] = None,
    ) -> None:
        """Of an app, or of a port of this machine. The value is the Tunnel, open. Failed when no provider gives one now;
        the engine goes on trying."""
        request = lambda: self.client.open_tunnel(app, port, None, provider, passcode)  # noqa: E731
        lane = ("share", app if app is not None else str(port))
        self._jobs.do(lane, (app, provider, passcode), request, on, self._opened(app or "port %s" % port))

    def change_tunnel(
        self,
        tunnel: str,
        provider: Optional[str] = None,
        passcode: Optional[str] = None,
        on: Optional[On] = None,
    ) -> None:
        """passcode "": none. Done when the engine has taken it; a new provider opens it anew after that. provider "": one
        that waits tries at once whom it may use."""
        request = lambda: self.client.change_tunnel(tunnel, passcode, provider)  # noqa: E731
        judge = self._read_again(TUNNELS, lambda: self.tunnels.get(tunnel))
        self._jobs.do(("tunnel", tunnel), ("change", provider, passcode), request, on, judge)

    def close_tunnel(self, tunnel: str, on: Optional[On] = None) -> None:
        request = lambda: self.client.close_tunnel(tunnel)  # noqa: E731
        self._jobs.do(("tunnel", tunnel), ("close",), request, on, self._read_again(TUNNELS, lambda: None))

    # The rest

    def set(self, key: str, value: Union[None, str, int, float, bool], on: Optional[On] = None) -> None:
        """None: its default."""

        def request() -> None:
            if value is None:
                self.client.reset_setting(key)
            else:
                self.client.set_setting(key, value)

        self._jobs.do(("set", key), (type(value), value), request, on, self._read_again(SETTINGS, lambda: value))

    def answer(self, run: str, question: str, answers: Mapping[str, Any], on: Optional[On] = None) -> None:
        """answers: by the keys of the form."""
        request = lambda: self.client.answer(run, question, answers)  # noqa: E731
        self._jobs.do(("question", run, question), ("answer", repr(answers)), request, on)

    def refuse(self, run: str, question: str, why: str, on: Optional[On] = None) -> None:
        """Nobody answers: the step fails with why."""
        request = lambda: self.client.refuse(run, question, why)  # noqa: E731
        self._jobs.do(("question", run, question), ("refuse", why), request, on)

    def revive(self, on: Optional[On] = None) -> None:
        """Starts an engine that has gone; the value is its Status."""

        def revived(status: Any) -> Outcome:
            if not self._sync.connected:
                self._sync.follow()
            return DONE, status

        self._jobs.do(("engine",), ("revive",), self.engine.revive, on, revived, always=True)

    # What "done" means

    def _run_on(
        self,
        lane: Tuple[str, str],
        request: Callable[[], Begun],
        on: Optional[On],
        key: Tuple[Any, ...],
        ready: bool = False,
        gone: Optional[str] = None,
    ) -> None:
        self._jobs.do(lane, (repr(key),), request, on, self._ended(key[0], ready, gone))

    def _ended(self, what: str, ready: bool, gone: Optional[str]) -> Judge:
        """ready: that is enough. gone: an app whose runs may be forgotten with it."""
        asked: List[int] = []
        over: List[float] = []  # since when

        def judge(begun: Begun) -> Outcome:
            if not asked:
                asked.append(self._sync.want(runs=[begun.id]))
            if self._sync.applied < asked[0]:
                return None
            run = self.runs.get(begun.id)
            if run is None and gone is not None and gone not in self.apps:
                return DONE, None
            outcome = self._run_outcome(what, begun, run, ready)
            if outcome is None or outcome[0] == FAILED or self._settled(what, begun.app):
                return outcome
            if not over:
                over.append(time.monotonic())
                self.bridge.later(SETTLE_S, self._jobs.review)
            return outcome if time.monotonic() - over[0] >= SETTLE_S else None

        return judge

    def _settled(self, what: str, app: str) -> bool:
        """The engine looks at an app after the run that changed it, which takes a moment."""
        state = self.apps[app].state if app in self.apps else GONE
        return state not in UNSETTLED.get(what, ()) and (what != "uninstall" or state == GONE)

    def _run_outcome(self, what: str, begun: Begun, run: Optional[Run], ready: bool) -> Outcome:
        if run is None:
            return FAILED, RunFailedError("%s: nothing is known of run %s any more" % (what, begun.id))
        if (ready and run.state == "ready") or (not run.live and run.state == ENDED_WELL):
            return DONE, run
        if run.live or run.state not in ENDED:
            return None
        told = "it was stopped" if run.state == "stopped" else run.error or "it ended as %s" % run.state
        return FAILED, RunFailedError("%s %s: %s" % (what, run.app or begun.app, told), run)

    def _stopped(self) -> Judge:
        asked: List[int] = []

        def judge(ids: Tuple[str, ...]) -> Outcome:
            if not asked:
                asked.append(self._sync.want(runs=ids))
            left = [run for run in ids if run in self.runs and self.runs[run].live]
            return (DONE, ids) if self._sync.applied >= asked[0] and not left else None

        return judge

    def _planned(self) -> Judge:
        plans: List[Any] = []
        watches: List[RunWatch] = []
        ended = self._ended("plan", False, None)

        def told(events: List[Dict[str, Any]], unused: int) -> None:
            plans.extend(event.get("data") for event in events)

        def over(why: str) -> None:
            watches[0].close()
            plans.append(PinokioError(why or "the run ended without a plan"))
            self._jobs.review()

        def judge(begun: Begun) -> Outcome:
            if not watches:
                watches.append(self.follow_run(begun.id, told, kinds=("plan",), ended=over))
            if not plans:
                return None
            outcome = ended(begun)  # the run's own error says more
            if outcome is None or outcome[0] == FAILED:
                return outcome
            return (FAILED if isinstance(plans[0], PinokioError) else DONE), plans[0]

        return judge

    def _opened(self, what: str) -> Judge:
        asked: List[int] = []

        def judge(begun: Begun) -> Outcome:
            if not asked:
                asked.append(self._sync.want(parts=[TUNNELS]))
            if self._sync.applied < asked[0]:
                return None
            tunnel = self.tunnels.get(begun.id)
            if tunnel is None:
                return FAILED, PinokioError("the tunnel of %s was closed before it was open" % what)
            if tunnel.status == "open":
                return DONE, tunnel
            if tunnel.status == WAITING:
                return FAILED, PinokioError(tunnel.trouble or "no provider gives an address now")
            return None

        return judge

    def _read_again(self, part: str, value: Callable[[], Any]) -> Judge:
        """Done when that part was read after the engine has answered."""
        asked: List[int] = []

        def judge(unused: Any) -> Outcome:
            if not asked:
                asked.append(self._sync.want(parts=[part]))
            return (DONE, value()) if self._sync.applied >= asked[0] else None

        return judge
