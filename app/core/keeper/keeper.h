/* The life of a keeper: one loop over the terminal, the clients, the signals and the end.
 *
 * Phases: RUNNING until the command ends or a stop is asked for; ENDING while descendants that were asked to end
 * may still do so; KILLING while those that did not are killed; FINAL when no descendant is left and the last output
 * is drained; TELLING while clients learn of the end; OVER.
 */
#pragma once

#include "keeper/options.h"

/* Runs the command of options to its end. listener is a listening socket or -1, and is closed and removed by
 * this; signals is a signalfd for SIGCHLD,
 * SIGTERM, SIGINT and SIGHUP. Returns the exit status of the keeper: 0, or 127 when the command could not start. */
int keeper_run(const struct options *options, int listener, int signals);

/* Tells the client on the control socket, and the status file, that nothing was started. */
void keeper_tell_failure(const struct options *options, int stage, int error);
