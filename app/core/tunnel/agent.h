/* One running agent of a provider.
 *
 * An agent runs under a detached keeper, so that a tunnel and its address outlive an engine that was killed: the next
 * engine takes it up with pino_agent_attach(). What it prints is HOME/logs/tunnels/ID.log, which begins empty with each
 * start; its keeper is RUN_DIR/tunnels/ID.sock. A program that is missing is fetched first.
 *
 * An agent belongs to the thread that made it, and its events come from the main context that was that thread's default
 * then; none comes before the call that made it returned. Any event may call any function here, pino_agent_free() too.
 */
#pragma once

#include <sys/types.h>

#include "tunnel/provider.h"

G_BEGIN_DECLS

typedef struct {
  /* Each address once; another one later comes again. */
  void (*address)(const char *public_url, gpointer data);
  /* Once, and the last event: the agent's process is gone or is being ended. text is for a person: the provider's own
   * words where it said any. */
  void (*failed)(PinoTunnelFailure why, const char *text, gpointer data);
  /* Each line that it prints, and each of the program that fetches it; without control sequences and secrets. */
  void (*said)(const char *line, gpointer data);
} PinoAgentEvents;

typedef struct _PinoAgent PinoAgent;

/* Starts an agent. One of the same id that is still being ended is waited for. What cannot work (no program, no token, no
 * folder) is told by `failed`; the call itself fails with PINO_ERROR_USAGE only, for a spec that makes no sense. An event
 * may be NULL. */
PinoAgent *pino_agent_start(const PinoProvider *provider, const PinoAgentSpec *spec,
                            const PinoAgentEvents *events, gpointer data, GError **error);

/* Takes up the agent that an earlier process started under spec->id: reads its log from the start, so that its address is
 * told again. One that ended meanwhile is told as failed. PINO_ERROR_NOT_FOUND: there is no such agent. */
PinoAgent *pino_agent_attach(const PinoProvider *provider, const PinoAgentSpec *spec,
                             const PinoAgentEvents *events, gpointer data, GError **error);

/* Asks it to end and has it killed when that takes too long; returns at once, and no event comes any more. The keeper
 * sees to it, so that pino_agent_free() may follow at once. */
void pino_agent_stop(PinoAgent *agent);

/* No event comes any more. An agent that runs and was not stopped goes on. */
void pino_agent_free(PinoAgent *agent);

/* Where its lines are. Valid as long as the agent. */
const char *pino_agent_log(const PinoAgent *agent);

/* Of its process; 0 while the program is being fetched and once it is gone. */
pid_t pino_agent_pid(const PinoAgent *agent);

/* It said that the provider has taken it up, so that its address should work. Not every provider says so. */
gboolean pino_agent_connected(const PinoAgent *agent);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoAgent, pino_agent_free)

G_END_DECLS
