#include "tunnel/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "keeper/client.h"
#include "terminal/ansi.h"
#include "tunnel/internal.h"

#define SILENT_MS 45000
#define GRACE_MS 3000
#define FETCH_MS (10 * 60 * 1000)
#define RETRY_MS 50
#define RETRY_SLACK_MS 14000 /* after its grace a keeper tries for 10 s to end what is stuck */
#define LINE_LIMIT (32 * 1024)
#define COLUMNS 500 /* programs that fit their lines to the terminal must not cut an address in two */
#define FRESH_US (30 * G_USEC_PER_SEC)
#define HIDDEN "***"
#define SECRET_LENGTH 8 /* what is shorter is a word ("free"), and would be found everywhere */

typedef enum {
  STATE_FETCHING, /* the runner brings the program */
  STATE_WAITING,  /* an earlier agent of this id is being ended */
  STATE_RUNNING,
  STATE_OVER, /* `failed` was told or is about to be, or somebody stopped it */
} State;

struct _PinoAgent {
  guint refs; /* the caller's, and one while events are handed out */
  gboolean freed;
  State state;
  const PinoProvider *provider;
  PinoAgentSpec spec; /* its texts are ours */
  PinoAgentEvents events;
  gpointer data;

  char *folder, *log, *secret; /* secret may be NULL */
  char *fetch_id, *fetch_log;
  PinoKeeper *keeper;
  GSource *timer;
  GSourceFunc timer_does;
  gint64 retry_until;

  PinoAnsi ansi;
  GString *text;             /* what was not looked at yet */
  char *address, *last_line; /* as last told; may be NULL */
  gboolean connected;
  PinoTunnelFailure why; /* of trouble */
  char *trouble;         /* the best known reason, should it end now; may be NULL */
  gint64 trouble_at;
};

static gboolean spawn_agent(gpointer data);

/* --- one agent ------------------------------------------------------------------------------------------ */

static void agent_unref(PinoAgent *agent) {
  if (--agent->refs > 0)
    return;
  char *texts[] = {
      (char *)agent->spec.home,
      (char *)agent->spec.run_dir,
      (char *)agent->spec.keeper,
      (char *)agent->spec.runner,
      (char *)agent->spec.self,
      (char *)agent->spec.ngrok_token,
      (char *)agent->spec.ssh,
      (char *)agent->spec.id,
      agent->folder,
      agent->log,
      agent->secret,
      agent->fetch_id,
      agent->fetch_log,
      agent->address,
      agent->last_line,
      agent->trouble,
  };
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(texts[i]);
  pino_ansi_clear(&agent->ansi);
  g_string_free(agent->text, TRUE);
  g_free(agent);
}

static PinoAgentSpec copy_spec(const PinoAgentSpec *spec) {
  return (PinoAgentSpec){
      .home = g_strdup(spec->home),
      .run_dir = g_strdup(spec->run_dir),
      .keeper = g_strdup(spec->keeper),
      .runner = g_strdup(spec->runner),
      .self = g_strdup(spec->self),
      .ngrok_token = g_strdup(spec->ngrok_token),
      .ssh = g_strdup(spec->ssh),
      .id = g_strdup(spec->id),
      .gate_port = spec->gate_port,
      .silent_ms = spec->silent_ms != 0 ? spec->silent_ms : SILENT_MS,
      .grace_ms = spec->grace_ms != 0 ? spec->grace_ms : GRACE_MS,
  };
}

static char *log_of(const PinoAgentSpec *spec, const char *suffix) {
  g_autofree char *name = g_strconcat(spec->id, suffix, NULL);
  return g_build_filename(spec->home, "logs", "tunnels", name, NULL);
}

static PinoAgent *agent_new(const PinoProvider *provider, const PinoAgentSpec *spec,
                            const PinoAgentEvents *events, gpointer data) {
  PinoAgent *agent = g_new0(PinoAgent, 1);
  agent->refs = 1;
  agent->provider = provider;
  agent->spec = copy_spec(spec);
  agent->events = *events;
  agent->data = data;
  agent->folder = g_build_filename(spec->run_dir, "tunnels", NULL);
  agent->log = log_of(spec, ".log");
  agent->secret = provider->secret != NULL ? provider->secret(spec) : NULL;
  if (agent->secret != NULL && strlen(agent->secret) < SECRET_LENGTH)
    g_clear_pointer(&agent->secret, g_free);
  agent->text = g_string_new(NULL);
  pino_ansi_init(&agent->ansi, NULL, NULL);
  return agent;
}

static void clear_timer(PinoAgent *agent) {
  if (agent->timer == NULL)
    return;
  g_source_destroy(agent->timer);
  g_clear_pointer(&agent->timer, g_source_unref);
}

static gboolean on_timer(gpointer data) {
  PinoAgent *agent = data;
  clear_timer(agent);
  (void)agent->timer_does(agent);
  return G_SOURCE_REMOVE;
}

/* There is one timer: what is waited for changes with the state. */
static void set_timer(PinoAgent *agent, guint ms, GSourceFunc does) {
  clear_timer(agent);
  agent->timer_does = does;
  agent->timer = g_timeout_source_new(ms);
  g_source_set_callback(agent->timer, on_timer, agent, NULL);
  g_source_attach(agent->timer, g_main_context_get_thread_default());
}

/* --- the end -------------------------------------------------------------------------------------------- */

static void blame(PinoAgent *agent, PinoTunnelFailure why, const char *text) {
  char *copy = g_strdup(text);
  g_free(agent->trouble);
  agent->trouble = copy;
  agent->why = why;
  agent->trouble_at = g_get_monotonic_time();
}

static gboolean tell_failed(gpointer data) {
  PinoAgent *agent = data;
  agent->refs++;
  if (!agent->freed && agent->events.failed != NULL)
    agent->events.failed(agent->why, agent->trouble, agent->data);
  agent_unref(agent);
  return G_SOURCE_REMOVE;
}

/* Ends what still runs. The keeper lives on until that is done. */
static void end_process(PinoAgent *agent) {
  agent->state = STATE_OVER;
  clear_timer(agent);
  if (agent->keeper != NULL)
    pino_keeper_stop(agent->keeper, agent->spec.grace_ms);
}

static void fail(PinoAgent *agent, PinoTunnelFailure why, const char *text) {
  if (agent->state == STATE_OVER)
    return;
  blame(agent, why, text);
  end_process(agent);
  (void)tell_failed(agent);
}

/* For what goes wrong before the caller has its agent in hand. */
static void fail_later(PinoAgent *agent, PinoTunnelFailure why, const char *text) {
  blame(agent, why, text);
  agent->state = STATE_OVER;
  set_timer(agent, 0, tell_failed);
}

static gboolean on_silence(gpointer data) {
  PinoAgent *agent = data;
  const char *reason = agent->trouble != NULL ? agent->trouble : agent->last_line;
  g_autofree char *text = g_strdup_printf(
      "%s told no address within %u seconds%s%s", agent->provider->name, MAX(agent->spec.silent_ms / 1000, 1),
      reason != NULL ? "; its last words: " : "", reason != NULL ? reason : "");
  gboolean excused = agent->trouble != NULL && agent->why != PINO_TUNNEL_ENDED;
  fail(agent, excused ? agent->why : PINO_TUNNEL_SILENT, text);
  return G_SOURCE_REMOVE;
}

/* What was said long before the end is not its reason. */
static gboolean trouble_is_reason(const PinoAgent *agent) {
  return agent->trouble != NULL &&
         (agent->why != PINO_TUNNEL_ENDED || g_get_monotonic_time() - agent->trouble_at < FRESH_US);
}

/* The last words of one that told its address are about something else. */
static char *describe_end(const PinoAgent *agent, int wait_status) {
  g_autofree char *how = WIFSIGNALED(wait_status)
                             ? g_strdup_printf("was ended by signal %d", WTERMSIG(wait_status))
                             : g_strdup_printf("ended with exit status %d", WEXITSTATUS(wait_status));
  const char *words = agent->address == NULL ? agent->last_line : NULL;
  return g_strdup_printf("%s %s%s%s", agent->provider->name, how, words != NULL ? ": " : "",
                         words != NULL ? words : "");
}

static void fail_at_end(PinoAgent *agent, int wait_status) {
  gboolean known = trouble_is_reason(agent);
  g_autofree char *text = known ? g_strdup(agent->trouble) : describe_end(agent, wait_status);
  fail(agent, known ? agent->why : PINO_TUNNEL_ENDED, text);
}

/* --- its lines ------------------------------------------------------------------------------------------ */

/* The agent itself printed what is to be in no log: it is written over where it stands, so that the keeper, which
 * appends, notices nothing. */
static void hide_in_log(const PinoAgent *agent) {
  g_autofree char *content = NULL, *stars = g_strnfill(strlen(agent->secret), '*');
  gsize length;
  if (!g_file_get_contents(agent->log, &content, &length, NULL))
    return;
  int fd = open(agent->log, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return;
  gsize size = strlen(agent->secret);
  for (const char *at = content;
       (at = memmem(at, length - (gsize)(at - content), agent->secret, size)) != NULL; at += size)
    (void)!pwrite(fd, stars, size, at - content);
  close(fd);
}

static char *without_secret(const PinoAgent *agent, const char *line) {
  if (agent->secret == NULL || strstr(line, agent->secret) == NULL)
    return g_strdup(line);
  hide_in_log(agent);
  g_auto(GStrv) parts = g_strsplit(line, agent->secret, -1);
  return g_strjoinv(HIDDEN, parts);
}

static void tell_address(PinoAgent *agent, const char *address) {
  clear_timer(agent);
  if (g_strcmp0(address, agent->address) == 0)
    return;
  g_free(agent->address);
  agent->address = g_strdup(address);
  if (agent->events.address != NULL)
    agent->events.address(agent->address, agent->data);
}

static void heed(PinoAgent *agent, const PinoAgentLine *meaning) {
  /* A reason that says more than that it ended is not given up for one that does not. */
  gboolean better =
      agent->trouble == NULL || meaning->why != PINO_TUNNEL_ENDED || agent->why == PINO_TUNNEL_ENDED;
  if (meaning->meaning == PINO_LINE_ADDRESS)
    tell_address(agent, meaning->text);
  else if (meaning->meaning == PINO_LINE_CONNECTED)
    agent->connected = TRUE;
  else if (meaning->meaning == PINO_LINE_FATAL)
    fail(agent, meaning->why, meaning->text);
  else if (meaning->meaning == PINO_LINE_TROUBLE && better)
    blame(agent, meaning->why, meaning->text);
}

static void take_line(PinoAgent *agent, const char *raw) {
  g_autofree char *line = without_secret(agent, raw);
  g_strchomp(line);
  if (*line == '\0')
    return;
  g_free(agent->last_line);
  agent->last_line = g_strdup(line);
  PinoAgentLine meaning = {0};
  if (agent->state == STATE_RUNNING)
    agent->provider->read(&agent->spec, line, agent->address != NULL, &meaning);
  if (agent->events.said != NULL)
    agent->events.said(line, agent->data);
  if (!agent->freed && agent->state != STATE_OVER)
    heed(agent, &meaning);
  g_free(meaning.text);
}

/* all: the unfinished line at the end is a line too. */
static void take_lines(PinoAgent *agent, gboolean all) {
  gsize taken = 0;
  while (!agent->freed && agent->state != STATE_OVER && taken < agent->text->len) {
    const char *start = agent->text->str + taken;
    gsize left = agent->text->len - taken;
    const char *end = memchr(start, '\n', left);
    if (end == NULL && !all && left < LINE_LIMIT)
      break;
    gsize length = end != NULL ? (gsize)(end - start) : left;
    g_autofree char *line = g_utf8_make_valid(start, (gssize)length);
    taken += length + (end != NULL);
    take_line(agent, line);
  }
  g_string_erase(agent->text, 0, (gssize)taken);
}

/* --- what the keeper tells ------------------------------------------------------------------------------ */

static void on_output(const guint8 *data, gsize length, gpointer user_data) {
  PinoAgent *agent = user_data;
  if (agent->state == STATE_OVER)
    return;
  agent->refs++;
  pino_ansi_filter(&agent->ansi, (const char *)data, length, agent->text);
  take_lines(agent, FALSE);
  agent_unref(agent);
}

static void on_trouble(const GError *error, gpointer user_data) {
  PinoAgent *agent = user_data;
  if (agent->state != STATE_OVER)
    blame(agent, PINO_TUNNEL_ENDED, error->message);
}

static void remove_status(const PinoAgent *agent, const char *id) {
  g_autofree char *name = g_strconcat(id, ".json", NULL);
  g_autofree char *path = g_build_filename(agent->folder, name, NULL);
  (void)g_unlink(path);
}

static void fetch_ended(PinoAgent *agent, int wait_status) {
  remove_status(agent, agent->fetch_id);
  g_clear_pointer(&agent->fetch_id, g_free);
  g_clear_pointer(&agent->keeper, pino_keeper_free);
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
    (void)g_unlink(agent->fetch_log);
    g_clear_pointer(&agent->last_line, g_free);
    (void)spawn_agent(agent);
    return;
  }
  g_autofree char *text =
      g_strdup_printf("the program '%s' is not here and could not be fetched%s%s", agent->provider->program,
                      agent->last_line != NULL ? ": " : "", agent->last_line != NULL ? agent->last_line : "");
  fail(agent, PINO_TUNNEL_MISSING, text);
}

static void on_ended(int wait_status, gboolean stopped, gpointer user_data) {
  PinoAgent *agent = user_data;
  agent->refs++;
  pino_ansi_finish(&agent->ansi, agent->text);
  take_lines(agent, TRUE);
  if (!agent->freed && agent->state == STATE_FETCHING)
    fetch_ended(agent, wait_status);
  else if (!agent->freed) {
    remove_status(agent, agent->spec.id);
    fail_at_end(agent, wait_status);
  }
  agent_unref(agent);
}

static const PinoKeeperEvents KEEPER_EVENTS = {.output = on_output, .ended = on_ended, .trouble = on_trouble};

/* --- starting ------------------------------------------------------------------------------------------- */

static void command_clear(PinoAgentCommand *command) {
  g_ptr_array_unref(command->argv);
  g_strfreev(command->env);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoAgentCommand, command_clear)

/* The log is a new file, so that nothing of an earlier agent is in it. */
static PinoKeeper *spawn_keeper(PinoAgent *agent, PinoAgentCommand *command, const char *id, const char *log,
                                GError **error) {
  g_ptr_array_add(command->argv, NULL);
  PinoKeeperSpec spec = {
      .program = agent->spec.keeper,
      .argv = (const char *const *)command->argv->pdata,
      .env = (const char *const *)command->env,
      .cwd = agent->folder,
      .log_path = log,
      .id = id,
      .run_dir = agent->folder,
      .detached = TRUE,
      .cols = COLUMNS,
      .grace_ms = agent->spec.grace_ms,
  };
  (void)g_unlink(log);
  return pino_keeper_spawn(&spec, &KEEPER_EVENTS, agent, error);
}

/* Ends the agent that has the id, if it is not being ended already. */
static void end_earlier(PinoAgent *agent) {
  static const PinoKeeperEvents DEAF = {0};
  g_autoptr(PinoKeeper) earlier =
      pino_keeper_attach(agent->folder, agent->spec.id, agent->log, 0, &DEAF, NULL, NULL);
  if (earlier != NULL)
    pino_keeper_stop(earlier, agent->spec.grace_ms);
}

static void wait_for_earlier(PinoAgent *agent) {
  if (agent->state != STATE_WAITING) {
    agent->state = STATE_WAITING;
    agent->retry_until = g_get_monotonic_time() + (gint64)(agent->spec.grace_ms + RETRY_SLACK_MS) * 1000;
    end_earlier(agent);
  }
  set_timer(agent, RETRY_MS, spawn_agent);
}

static gboolean may_wait(const PinoAgent *agent) {
  return agent->state != STATE_WAITING || g_get_monotonic_time() < agent->retry_until;
}

static gboolean spawn_agent(gpointer data) {
  PinoAgent *agent = data;
  g_autofree char *program = pino_provider_program(agent->provider, &agent->spec);
  g_auto(PinoAgentCommand) command = {g_ptr_array_new_with_free_func(g_free), pino_agent_environment()};
  g_autoptr(GError) error = NULL;
  if (program == NULL) {
    fail_later(agent, PINO_TUNNEL_MISSING, "the program that was fetched is not where it should be");
    return G_SOURCE_REMOVE;
  }
  if (agent->provider->command(&agent->spec, program, &command, &error))
    agent->keeper = spawn_keeper(agent, &command, agent->spec.id, agent->log, &error);
  if (agent->keeper != NULL) {
    agent->state = STATE_RUNNING;
    set_timer(agent, agent->spec.silent_ms, on_silence);
  } else if (g_error_matches(error, PINO_ERRNO, EADDRINUSE) && may_wait(agent)) {
    wait_for_earlier(agent);
  } else {
    fail_later(agent, PINO_TUNNEL_ENDED, error->message);
  }
  return G_SOURCE_REMOVE;
}

static gboolean on_slow_fetch(gpointer data) {
  PinoAgent *agent = data;
  g_autofree char *text = g_strdup_printf("the program '%s' is not here and fetching it takes too long",
                                          agent->provider->program);
  fail(agent, PINO_TUNNEL_MISSING, text);
  return G_SOURCE_REMOVE;
}

static void spawn_fetch(PinoAgent *agent) {
  g_auto(PinoAgentCommand) command = {g_ptr_array_new_with_free_func(g_free), pino_agent_environment()};
  g_autoptr(GError) error = NULL;
  pino_command_add(&command, agent->spec.runner, "fetch-agent", agent->provider->program, agent->spec.home,
                   NULL);
  agent->state = STATE_FETCHING;
  agent->fetch_id = g_strdup_printf("%s.fetch-%08x", agent->spec.id, g_random_int());
  agent->fetch_log = log_of(&agent->spec, ".fetch.log");
  g_autofree char *folder = pino_tunnel_folder(&agent->spec, &error);
  if (folder != NULL)
    agent->keeper = spawn_keeper(agent, &command, agent->fetch_id, agent->fetch_log, &error);
  if (agent->keeper != NULL)
    set_timer(agent, FETCH_MS, on_slow_fetch);
  else
    fail_later(agent, PINO_TUNNEL_MISSING, error->message);
}

static gboolean check_spec(const PinoProvider *provider, const PinoAgentSpec *spec, GError **error) {
  const char *mistake = NULL;
  if (provider == NULL)
    mistake = "there is no such provider";
  else if (spec->home == NULL || spec->run_dir == NULL)
    mistake = "there is no folder for it";
  else if (spec->id == NULL || *spec->id == '\0' ||
           strspn(spec->id, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-") != strlen(spec->id))
    mistake = "its id may hold letters, digits, '.', '_' and '-' only";
  if (mistake == NULL)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "cannot open a tunnel: %s", mistake);
  return FALSE;
}

PinoAgent *pino_agent_start(const PinoProvider *provider, const PinoAgentSpec *spec,
                            const PinoAgentEvents *events, gpointer data, GError **error) {
  if (!check_spec(provider, spec, error))
    return NULL;
  PinoAgent *agent = agent_new(provider, spec, events, data);
  g_autofree char *wanting = provider->why_not != NULL ? provider->why_not(spec) : NULL;
  g_autofree char *missing = NULL;
  g_autofree char *program = pino_provider_program(provider, spec);
  if (wanting != NULL)
    fail_later(agent, PINO_TUNNEL_TOKEN, wanting);
  else if (program != NULL)
    (void)spawn_agent(agent);
  else if (pino_provider_can(provider, spec, &missing))
    spawn_fetch(agent);
  else
    fail_later(agent, PINO_TUNNEL_MISSING, missing);
  return agent;
}

PinoAgent *pino_agent_attach(const PinoProvider *provider, const PinoAgentSpec *spec,
                             const PinoAgentEvents *events, gpointer data, GError **error) {
  if (!check_spec(provider, spec, error))
    return NULL;
  PinoAgent *agent = agent_new(provider, spec, events, data);
  agent->keeper = pino_keeper_attach(agent->folder, spec->id, agent->log, 0, &KEEPER_EVENTS, agent, error);
  if (agent->keeper == NULL) {
    agent_unref(agent);
    return NULL;
  }
  agent->state = STATE_RUNNING;
  set_timer(agent, agent->spec.silent_ms, on_silence);
  return agent;
}

/* --- the caller's side ---------------------------------------------------------------------------------- */

void pino_agent_stop(PinoAgent *agent) {
  end_process(agent);
}

void pino_agent_free(PinoAgent *agent) {
  if (agent == NULL || agent->freed)
    return;
  agent->freed = TRUE;
  clear_timer(agent);
  g_clear_pointer(&agent->keeper, pino_keeper_free);
  agent_unref(agent);
}

const char *pino_agent_log(const PinoAgent *agent) {
  return agent->log;
}

pid_t pino_agent_pid(const PinoAgent *agent) {
  gboolean runs = agent->keeper != NULL && agent->fetch_id == NULL && pino_keeper_running(agent->keeper);
  return runs ? pino_keeper_pid(agent->keeper) : 0;
}

gboolean pino_agent_connected(const PinoAgent *agent) {
  return agent->connected;
}
