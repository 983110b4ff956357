"""The engine's API (docs/openapi.yaml) for programs in Python: one method a route.

Every call waits for its answer, so it belongs on a worker thread and not on an event loop; any number of threads may
share a Client. Errors: ProblemError when the engine says no, EngineGoneError when there is no answer. What streams is in
events.py.
"""

import json
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type, TypeVar, Union

from .address import Address
from .errors import EngineGoneError
from .fields import Model
from .model import (
    App,
    Begun,
    CatalogApp,
    CatalogPage,
    Count,
    Environment,
    EventPage,
    LogPage,
    Machine,
    Provider,
    Run,
    Setting,
    Shell,
    Status,
    Tunnel,
    Usage,
)
from .transport import Answer, Parts, Transport

__all__ = ["Client"]

TIMEOUT_S = 30.0
LONG_S = 180.0  # for what looks at a whole home
M = TypeVar("M", bound=Model)


def _given(**members: Any) -> Dict[str, Any]:
    """Those that are not None: the engine has defaults for the others."""
    return {name: value for name, value in members.items() if value is not None}


def _one(kind: Type[M], answer: Answer) -> M:
    found = answer.json()
    if not isinstance(found, dict):
        raise EngineGoneError("the engine's answer is no object: %r" % (found,))
    return kind.from_json(found)


def _list(kind: Type[M], found: Any) -> Tuple[M, ...]:
    if not isinstance(found, list):
        raise EngineGoneError("the engine's answer is no list: %r" % (found,))
    return tuple(kind.from_json(item) for item in found)


def _begun(answer: Answer, member: str = "run") -> Begun:
    found = answer.json()
    return Begun.from_json(dict(found, id=found.get(member)))


class Client:
    """Speaks to the engine at an address. close() breaks off what other threads wait for."""

    def __init__(self, address: Address, timeout: float = TIMEOUT_S) -> None:
        """timeout: seconds in which the engine has to give a sign of life."""
        self.address, self.timeout = address, timeout
        self._transport = Transport(address, timeout)

    def close(self) -> None:
        """No method works afterwards; calls that wait raise EngineGoneError."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *unused: Any) -> None:
        self.close()

    def request(self, method: str, parts: Parts, **more: Any) -> Answer:
        """Any route below /v1, given in parts: as Transport.request()."""
        return self._transport.request(method, parts, **more)

    def _get(self, *parts: Union[str, int], **query: Any) -> Answer:
        return self.request("GET", parts, query=_given(**query))

    def _post(self, *parts: Union[str, int], **body: Any) -> Answer:
        return self.request("POST", parts, body=_given(**body))

    # The engine

    def status(self) -> Status:
        return _one(Status, self._get("status"))

    def machine(self) -> Machine:
        """May take five seconds when the network hangs."""
        return _one(Machine, self._get("machine"))

    def resources(self) -> Dict[str, Any]:
        """CPU, memory, disks and GPUs now: machine, gpus, gpu_trouble as they come."""
        found: Dict[str, Any] = self._get("resources").json()
        return found

    def processes(self) -> Tuple[Usage, ...]:
        """What each live run uses."""
        return _list(Usage, self._get("processes").json())

    def drive(self) -> Dict[str, Any]:
        """What apps share, as it comes; takes seconds in a large home."""
        found: Dict[str, Any] = self.request("GET", ("drive",), timeout=LONG_S).json()
        return found

    def idle(self) -> Dict[str, Any]:
        """Whether anything goes on, and what is done when nothing does, as it comes."""
        found: Dict[str, Any] = self._get("idle").json()
        return found

    def settings(self) -> Tuple[Setting, ...]:
        return _list(Setting, self._get("settings").json())

    def set_setting(self, key: str, value: Union[str, int, float, bool]) -> None:
        self.request("PUT", ("settings", key), body={"value": value})

    def reset_setting(self, key: str) -> None:
        """Puts it back to its default."""
        self.request("DELETE", ("settings", key))

    def recover(self) -> str:
        """Rebuilds the library; gives what was found, for a person."""
        found = self.request("POST", ("recover",), body={}, timeout=LONG_S).json()
        return str(found.get("report", ""))

    def shut_down(self, apps: bool = False) -> None:
        """Ends the engine, apps first if asked; they go on otherwise."""
        self._post("shutdown", apps=apps)

    # Apps

    def apps(self) -> Tuple[App, ...]:
        return _list(App, self._get("apps").json())

    def app(self, app: str) -> App:
        """With its last runs."""
        return _one(App, self._get("apps", app))

    def menu(self, app: str) -> Dict[str, Any]:
        """The launcher's menu, evaluated now, as it comes: title, icon, items."""
        found: Dict[str, Any] = self._get("apps", app, "menu").json()
        return found

    def environment(self, app: str) -> Environment:
        """Its ENVIRONMENT, which is made when it is missing."""
        return _one(Environment, self._get("apps", app, "environment"))

    def set_environment(self, app: str, values: Mapping[str, Optional[str]]) -> Environment:
        """All of them or none; None: what it is without a person's doing. Gives what it is then."""
        body = {"values": dict(values)}
        return _one(Environment, self.request("PUT", ("apps", app, "environment"), body=body))

    def start(
        self,
        app: str,
        script: Optional[str] = None,
        input: Optional[Mapping[str, Any]] = None,
        cols: Optional[int] = None,
        rows: Optional[int] = None,
    ) -> Begun:
        """Without script: what the menu would start now."""
        return _begun(self._post("apps", app, "start", script=script, input=input, cols=cols, rows=rows))

    def restart(self, app: str, script: Optional[str] = None, input: Optional[Mapping[str, Any]] = None) -> Begun:
        return _begun(self._post("apps", app, "restart", script=script, input=input))

    def stop(self, app: str, wait: int = 0) -> bool:
        """True when nothing of it is left after at most wait (0 to 120) seconds."""
        return self._stop(("apps", app, "stop"), wait)

    def install(
        self,
        source: str,
        name: Optional[str] = None,
        branch: Optional[str] = None,
        from_start: Optional[bool] = None,
        force: Optional[bool] = None,
    ) -> Begun:
        """source: an id or name of the catalog, a git URL, or an app's folder. Goes on where an earlier try failed."""
        return _begun(self._post("apps", source=source, name=name, branch=branch, from_start=from_start, force=force))

    def install_again(self, app: str, from_start: Optional[bool] = None, force: Optional[bool] = None) -> Begun:
        return _begun(self._post("apps", app, "install", from_start=from_start, force=force))

    def plan(
        self, source: str, name: Optional[str] = None, branch: Optional[str] = None, force: Optional[bool] = None
    ) -> Begun:
        """Finds out what install() would do; the plan is an event of the run."""
        return _begun(self._post("plans", source=source, name=name, branch=branch, force=force))

    def update(self, app: str, force: Optional[bool] = None) -> Begun:
        return _begun(self._post("apps", app, "update", force=force))

    def back(self, app: str, force: Optional[bool] = None) -> Begun:
        """Returns it to the commit before its last update."""
        return _begun(self._post("apps", app, "back", force=force))

    def reset(self, app: str, purge: Optional[bool] = None, ask: Optional[bool] = None) -> Begun:
        return _begun(self._post("apps", app, "reset", purge=purge, ask=ask))

    def uninstall(self, app: str, purge: bool = False, ask: bool = False) -> Begun:
        """What the person made is kept unless purge; ask: the person is asked by a question of the run."""
        query = {"purge": int(purge), "ask": int(ask)}
        return _begun(self.request("DELETE", ("apps", app), query=query))

    # The catalog

    def catalog(
        self,
        q: Optional[str] = None,
        category: Optional[str] = None,
        tag: Optional[str] = None,
        limit: Optional[int] = None,
        offset: Optional[int] = None,
    ) -> CatalogPage:
        """Apps that can be installed, best first; all of them by name without q."""
        return _one(CatalogPage, self._get("catalog", q=q, category=category, tag=tag, limit=limit, offset=offset))

    def categories(self) -> Tuple[Tuple[Count, ...], Tuple[Count, ...]]:
        """Categories and tags, most used first."""
        found = self._get("catalog", "categories").json()
        return _list(Count, found.get("categories")), _list(Count, found.get("tags"))

    def catalog_app(self, id: str) -> CatalogApp:
        return _one(CatalogApp, self._get("catalog", id))

    # Runs

    def runs(self, app: Optional[str] = None, limit: Optional[int] = None) -> Tuple[Run, ...]:
        """The newest first."""
        return _list(Run, self._get("runs", app=app, limit=limit).json())

    def run(self, run: str) -> Run:
        """With its shells and the questions that wait."""
        return _one(Run, self._get("runs", run))

    def start_script(self, script: str, input: Optional[Mapping[str, Any]] = None) -> Begun:
        """script: an absolute path."""
        return _begun(self._post("runs", script=script, input=input))

    def stop_run(self, run: str, wait: int = 0) -> bool:
        """As stop()."""
        return self._stop(("runs", run, "stop"), wait)

    def _stop(self, parts: Parts, wait: int) -> bool:
        answer = self.request("POST", parts, body={}, query={"wait": wait}, timeout=self.timeout + wait)
        return answer.json().get("stopped") is True

    def answer(self, run: str, question: str, answers: Mapping[str, Any]) -> None:
        """answers: by the keys of the form."""
        self._post("runs", run, "answer", question=question, answers=answers)

    def refuse(self, run: str, question: str, why: str) -> None:
        """Nobody answers: the step fails with why."""
        self._post("runs", run, "answer", question=question, refuse=why)

    def events(self, run: str, offset: int = 0) -> EventPage:
        """What happened from that byte of the journal on, some 1 MiB at most; offset < 0: so many bytes before its end."""
        answer = self._get("runs", run, "events", offset=offset)
        try:
            lines: List[Dict[str, Any]] = [json.loads(line) for line in answer.body.decode("utf-8").split("\n") if line]
        except (ValueError, RecursionError) as error:
            raise EngineGoneError("the engine's events are no JSON: %s" % error) from error
        return EventPage(tuple(lines), answer.number("x-next-offset"), answer.headers.get("x-run-live") == "true")

    # Shells

    def shells(self) -> Tuple[Shell, ...]:
        """Those that run."""
        return _list(Shell, self._get("shells").json())

    def shell(self, shell: str) -> Shell:
        """Also one that has ended."""
        return _one(Shell, self._get("shells", shell))

    def log(self, shell: str, offset: int = 0, limit: Optional[int] = None) -> LogPage:
        """What it printed from that byte on; at most limit (4 MiB at most, 1 MiB unless told) bytes.

        offset < 0: so many bytes before its end, or a little less, so that it begins with a line.
        """
        answer = self._get("shells", shell, "log", offset=offset, limit=limit)
        return LogPage(answer.body, answer.number("x-next-offset"))

    def type_input(self, shell: str, data: Union[str, bytes]) -> None:
        """Types on its terminal; text as UTF-8."""
        typed = data.encode("utf-8") if isinstance(data, str) else data
        self.request("POST", ("shells", shell, "input"), body=typed)

    def resize(self, shell: str, cols: int, rows: int) -> None:
        self._post("shells", shell, "resize", cols=cols, rows=rows)

    def stop_shell(self, shell: str) -> None:
        """Begins to end all its processes."""
        self._post("shells", shell, "stop")

    # Tunnels

    def tunnels(self) -> Tuple[Tunnel, ...]:
        return _list(Tunnel, self._get("tunnels").json())

    def tunnel(self, tunnel: str) -> Tunnel:
        return _one(Tunnel, self._get("tunnels", tunnel))

    def open_tunnel(
        self,
        app: Optional[str] = None,
        port: Optional[int] = None,
        url: Optional[str] = None,
        provider: Optional[str] = None,
        passcode: Optional[str] = None,
    ) -> Begun:
        """One of app, port and url. Whether it is open tells the tunnel, or an event of the engine."""
        body = _given(app=app, port=port, url=url, provider=provider, passcode=passcode)
        return _begun(self.request("POST", ("tunnels",), body=body), "tunnel")

    def change_tunnel(self, tunnel: str, passcode: Optional[str] = None, provider: Optional[str] = None) -> None:
        """passcode "": none. provider "": one that waits tries at once whom it may use."""
        self.request("PUT", ("tunnels", tunnel), body=_given(passcode=passcode, provider=provider))

    def close_tunnel(self, tunnel: str) -> None:
        self.request("DELETE", ("tunnels", tunnel))

    def providers(self) -> Tuple[Provider, ...]:
        """In the order in which they are tried."""
        return _list(Provider, self._get("providers").json())
