/* Who opens a tunnel: one row a provider.
 *
 * A provider is a program (its agent) that is given the gate's port and prints, sooner or later, the public address
 * that leads there. A row knows the agent's command line and environment, and reads its lines. Starting, watching and
 * ending an agent is agent.h's; when a provider may be tried again, bar.h's.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  PINO_TUNNEL_ENDED,       /* the agent's process is gone */
  PINO_TUNNEL_SILENT,      /* it told no address in time */
  PINO_TUNNEL_LIMITED,     /* the provider wants no more of us now: wait minutes */
  PINO_TUNNEL_TOKEN,       /* a token, key or account is missing or was refused: wait for another */
  PINO_TUNNEL_MISSING,     /* there is no program, and none could be fetched */
  PINO_TUNNEL_UNREACHABLE, /* its address does not lead here */
} PinoTunnelFailure;

/* What one agent is started with. Nothing of it is used after the call that it is given to. */
typedef struct {
  const char *home;        /* PINOKIO_HOME */
  const char *run_dir;     /* HOME/run */
  const char *keeper;      /* pinokiocloud-keeper; NULL: where keeper/client.h finds it */
  const char *runner;      /* pinokiocloud-runner, which fetches what is missing; NULL: nothing is fetched */
  const char *self;        /* this program, which speaks LocalTunnel's protocol */
  const char *ngrok_token; /* may be NULL */
  const char *ssh;         /* "nokey@localhost.run", "user@host", "user@host:port"; may be NULL */
  guint16 gate_port;
  const char *id;  /* of the tunnel: letters, digits, '.', '_', '-' */
  guint silent_ms; /* how long to wait for an address; 0: 45 s */
  guint grace_ms;  /* what is asked to end may take that long before it is killed; 0: 3 s */
} PinoAgentSpec;

/* What one line of an agent means. */
typedef enum {
  PINO_LINE_OTHER,
  PINO_LINE_ADDRESS,   /* text: the public address */
  PINO_LINE_CONNECTED, /* requests can come through from now on */
  PINO_LINE_TROUBLE,   /* text, why: what to blame if the agent ends */
  PINO_LINE_FATAL,     /* text, why: this agent is of no use any more, though it may live on */
} PinoLineMeaning;

typedef struct {
  PinoLineMeaning meaning;
  PinoTunnelFailure why;
  char *text; /* free; the provider's own words */
} PinoAgentLine;

/* What is to be executed. */
typedef struct {
  GPtrArray *argv; /* char *, without the NULL at the end */
  char **env;      /* of this process, with what the agent must not see taken out */
} PinoAgentCommand;

typedef struct {
  const char *id;      /* "ngrok" */
  const char *name;    /* "ngrok", "Cloudflare", for a person */
  const char *program; /* looked for in HOME/bin, PATH and where platforms put it; NULL: PinoAgentSpec.self */
  gboolean fetched;    /* the runner can fetch the program into HOME/bin */
  /* What is missing besides the program, for a person; NULL: nothing. Free with g_free(). */
  char *(*why_not)(const PinoAgentSpec *spec);
  /* Fills argv, which begins with program, and env; writes the files that the agent wants. */
  gboolean (*command)(const PinoAgentSpec *spec, const char *program, PinoAgentCommand *command,
                      GError **error);
  /* line: one line as text, without control sequences and without secrets. had_address: it told one before. */
  void (*read)(const PinoAgentSpec *spec, const char *line, gboolean had_address, PinoAgentLine *meaning);
  /* What must be in no log and no error; NULL: nothing. Free with g_free(). */
  char *(*secret)(const PinoAgentSpec *spec);
} PinoProvider;

/* All of them, NULL at the end, in the order in which they are tried when nobody says otherwise. */
const PinoProvider *const *pino_providers(void);

/* NULL when there is none of that id. */
const PinoProvider *pino_provider_find(const char *id);

/* The agent's program, absolute; NULL when it is nowhere. Free with g_free(). */
char *pino_provider_program(const PinoProvider *provider, const PinoAgentSpec *spec);

/* Whether a start makes sense: what it needs is here or can be fetched. If not, *why_not (may be NULL; free) tells a
 * person what is missing. home, runner, self, ngrok_token and ssh of spec are looked at. */
gboolean pino_provider_can(const PinoProvider *provider, const PinoAgentSpec *spec, char **why_not);

/* "ended", "silent", "limited", "token", "missing", "unreachable". Static. */
const char *pino_tunnel_failure_name(PinoTunnelFailure why);

G_END_DECLS
