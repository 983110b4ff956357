/* What is done to a whole app: planned, installed, updated, taken back, reset, removed.
 *
 * An operation is a run of the service like that of a script, so its output is kept, followed and stopped in the same way.
 * What git and scripts print leaves as it is. Beside it an operation tells
 *   stage   {stage, text}: what it does now, a line for a person
 *   plan    {text, plan}: what pino_plan_text() and pino_plan_make() give (lifecycle/plan.h)
 *   look    what pino_uninstall_look() gives (lifecycle/remove.h)
 *   trouble {kind, text, first, second, advice, fatal} of pino_conflict_*, or {kind: "command", step, script, command, code,
 *           text}: a command of a step ended with an exit code other than 0. Pinokio goes on then, and so do we
 *   done    {operation, app, ...}: what came of it
 */
#pragma once

#include <json-glib/json-glib.h>

#include "script/run.h"

G_BEGIN_DECLS

/* Runs on the run's thread. operation is a JSON object: operation ("install", "plan", "update", "back", "reset",
 * "uninstall"), app (its folder's name under HOME/api), and where they apply
 *   url         of its repository: an app that is not there is cloned from it
 *   branch      of that; else the repository's own
 *   tags        of the catalog, for the plan
 *   from_start  install: finished steps of an earlier try do not count
 *   force       install: although the plan says that it cannot work. update: changes to its files are put aside
 *   purge       uninstall, reset: what the person made goes too
 *   ask         uninstall, reset: the person is asked first
 * The end is told as that of the run. Errors: PINO_ERROR_USAGE for what cannot be understood, PINO_ERROR_NOT_FOUND,
 * PINO_ERROR_UNAVAILABLE (the plan says no, git's host cannot be reached), PINO_ERROR_FAILED, PINO_ERROR_CANCELLED. */
PinoOutcome pino_operation_run(PinoRun *run, const char *operation, GError **error);

G_END_DECLS
