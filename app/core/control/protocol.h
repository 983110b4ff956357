/* What the engine and a runner say to each other (control/channel.h). Unknown types and members are passed over.
 *
 * A runner is a process that holds the JavaScript world of one run. It connects to HOME/run/control.sock, and does so
 * again whenever the engine has gone, for as long as it lives: killing the engine does not stop a script. What it says
 * is always the whole present state, so nothing is lost with a connection.
 *
 * runner to engine
 *   hello     {protocol, pid, run: ID, begun: bool, and when begun: mode, path, journal, operation} or, of a worker for menus,
 *             {protocol, pid, worker: ID}
 *   state     {phase: "steps" | "ready" | "stopping", step, total, method, settled: bool, opened: URL (web.open),
 *              scripts: [{path, uri, cwd, main: bool, ready: bool, on_stop: bool (it has such steps), step, total, local: {},
 *              global: {}, args, ports: [NUMBER] (of the first: that the run was given)}],
 *              finished: [PATH], failed: [PATH],
 *              shells: [{id, script, index, pid, command, log, offset, running: bool, exit, background: bool}]}
 *             exit: there once it has ended; the last 32 that ended are among them
 *             after hello when it has begun, and whenever it changed (once a turn of the loop at most)
 *   left      {state as above}: answer to leave; the journal is complete up to the shells' offsets, and it exits
 *   ended     {outcome: "stopped" | "error" | "cancelled", error, step, scripts, finished, failed}; waits for seen, at most 2 s
 *   ask       {id, script, request: {}}
 *   withdraw  {id}: the question is no longer asked
 *   told      {name: "notify" | "open" | "expose", data: {} of at most 8 KiB and 32 brackets deep, cut: true (there was more),
 *             dropped: how many were left out before it}: what the app says to the person without asking, at most 20 a
 *             second, of those beyond the last. It is not said again to another engine; the journal has it
 *   query     {id, what: "script", path} -> {running, ready, status, local, global} or null
 *             {id, what: "running"} -> [PATH]
 *             {id, what: "stop", path} -> true once it is stopped, false: it did not run
 *             {id, what: "shared", url} -> the public form of a page of this machine, its path and query kept, or null
 *             {id, what: "share", url, passcode: TEXT (may be missing)} -> the same once a tunnel is open, or an error when
 *             none can be. It is shared until the run ends; asked again after an engine's end, it is the same share
 *             {id, what: "unshare", url} -> true, false: it was not shared
 *   menu      {id, menu: {}, title, installed, install, start, installInput, startInput} or {id, error, code: "limit" |
 *             "not_found" | "syntax" | "usage" | "script"...}: of a worker
 *
 * engine to runner
 *   job       {mode: "run", path, input: JSON or null, journal, cols, rows, grace: ms (shells; may be missing)}
 *             {mode: "operate", operation: {operation, app, url...: lifecycle/operation.h}, the rest as above}: path names the
 *             app's launcher, whether it is there or not
 *             {mode: "stop", path, input, journal, scripts: [as above]}: only the `on.stop` steps of these scripts,
 *             the last one first
 *   cancel    {}: ends what it does; again: ends `on.stop` too
 *   leave     {}: it is settled and may go, its shells stay
 *   seen      {}
 *   answer    {id, answers: {}} or {id, error}
 *   reply     {id, value} or {id, error}
 *   stop      {id, path}: ends one script of the run (script.stop of another run's) -> stopped {id}
 *   menu      {id, folder}: to a worker
 *
 * A run is settled when its main script is ready, no steps run, and nothing of it lives in the runner: no interactive
 * shell, timer, request or child process of JavaScript. The engine then lets the runner go and keeps the shells'
 * keepers itself; when the run is to end, another runner does its `on.stop`.
 */
#pragma once

#define PINO_CONTROL_PROTOCOL 1
#define PINO_CONTROL_SOCKET "control.sock" /* in the run folder */
#define PINO_CONTROL_SHELLS "shells"       /* folder of the keepers there */

/* Environment of a runner. */
#define PINO_CONTROL_HOME "PINOKIO_HOME"
#define PINO_CONTROL_RUN_DIR "PINOKIO_RUN_DIR"
