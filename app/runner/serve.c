#include "runner/serve.h"

#include <glib-unix.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "control/protocol.h"
#include "environment/env.h"
#include "lifecycle/operation.h"
#include "runner/book.h"
#include "runner/commands.h"
#include "runner/job.h"
#include "runner/link.h"
#include "runner/news.h"
#include "runner/registry.h"
#include "script/resolve.h"
#include "script/run.h"

#define JOBLESS_S 60       /* nobody has anything for it to do */
#define LAST_WORDS_MS 2000 /* until the engine has seen the end */
#define TELL_EVERY_US (50 * 1000)
#define STOP_NUMBERS 1000000 /* questions of `on.stop` have numbers above those of the run's first process */

typedef struct {
  PinoServeOptions options;
  char *shells_dir;
  PinoLink *link;
  GMainLoop *loop;
  GMainContext *context; /* of the run's thread */
  GMutex lock;           /* of the next two */
  PinoRun *run;          /* NULL before and after the work */
  guint cancels;
  /* the main thread's */
  PinoJob *job; /* NULL: none yet */
  GThread *thread;
  char *state;      /* members, as told last */
  char *last_words; /* the message `ended` */
  guint timer;
  /* the run's thread's, until it has ended */
  PinoBook *book;
  PinoNews *news;
  GPtrArray *stops; /* Stop: scripts that another run wants ended */
  GSource *teller;  /* the state is to be told */
  gint64 told_us;
  gboolean leave; /* the engine lets it go */
  gboolean trimmed;
  char *end; /* what is said last: `left` or `ended` */
  gboolean left;
} Serve;

typedef struct {
  Serve *serve;
  char *id; /* JSON */
  char *path;
} Stop;

static void stop_free(gpointer data) {
  Stop *stop = data;
  g_free(stop->id);
  g_free(stop->path);
  g_free(stop);
}

/* --- what is told --------------------------------------------------------------------------------------------------- */

typedef struct {
  Serve *serve;
  char *members;
} Told;

static void say_state(Serve *serve) {
  g_autofree char *json = g_strdup_printf("{\"type\":\"state\",%s}", serve->state);
  pino_link_send(serve->link, json);
}

/* Main thread. */
static gboolean on_told(gpointer data) {
  Told *told = data;
  g_free(told->serve->state);
  told->serve->state = told->members;
  say_state(told->serve);
  g_free(told);
  return G_SOURCE_REMOVE;
}

static void tell_state(Serve *serve) {
  Told *told = g_new0(Told, 1);
  if (serve->teller != NULL)
    g_source_destroy(serve->teller);
  g_clear_pointer(&serve->teller, g_source_unref);
  serve->told_us = g_get_monotonic_time();
  *told = (Told){.serve = serve, .members = pino_run_snapshot(serve->run)};
  pino_link_invoke(serve->link, on_told, told);
}

/* A script that is ready mostly waits: what its steps needed is given back. */
static void trim(Serve *serve) {
  if (!serve->trimmed && pino_run_is_settled(serve->run)) {
    serve->trimmed = TRUE;
    malloc_trim(0);
  }
}

static gboolean on_tell(gpointer data) {
  Serve *serve = data;
  tell_state(serve);
  trim(serve);
  return G_SOURCE_REMOVE;
}

static void say_stopped(PinoLink *link, const char *id) {
  pino_link_post(link, g_strdup_printf("{\"type\":\"stopped\",\"id\":%s}", id));
}

static void look_for_stopped(Serve *serve, gboolean all) {
  for (guint i = serve->stops->len; i > 0; i--) {
    const Stop *stop = serve->stops->pdata[i - 1];
    if (!all && pino_run_has(serve->run, stop->path))
      continue;
    say_stopped(serve->link, stop->id);
    g_ptr_array_remove_index(serve->stops, i - 1);
  }
}

/* Several changes in a turn of the loop, or close to each other, are told as one. */
static void on_changed(gpointer data) {
  Serve *serve = data;
  if (serve->run == NULL)
    return;
  look_for_stopped(serve, FALSE);
  if (serve->teller != NULL)
    return;
  gint64 wait_us = serve->told_us + TELL_EVERY_US - g_get_monotonic_time();
  serve->teller = wait_us > 0 ? g_timeout_source_new((guint)(wait_us / 1000) + 1) : g_idle_source_new();
  g_source_set_priority(serve->teller, G_PRIORITY_DEFAULT);
  g_source_set_callback(serve->teller, on_tell, serve, NULL);
  g_source_attach(serve->teller, serve->context);
}

/* What is asked next must not be answered from an older state of this run. */
static void before_question(gpointer data) {
  Serve *serve = data;
  if (serve->teller != NULL && serve->run != NULL)
    tell_state(serve);
}

static char *on_ask(const char *request, GCancellable *cancellable, gpointer data, GError **error) {
  Serve *serve = data;
  const char *script = pino_run_asking(serve->run);
  g_autoptr(GString) members = g_string_new(NULL);
  pino_json_append_member(members, "script", script != NULL ? script : serve->job->path);
  g_string_append_printf(members, ",\"request\":%s", request);
  g_autoptr(JsonNode) answers = pino_link_ask(serve->link, "ask", members->str, TRUE, 0, cancellable, error);
  return answers != NULL ? json_to_string(answers, FALSE) : NULL;
}

/* --- the run's thread ----------------------------------------------------------------------------------------------- */

static void set_run(Serve *serve, PinoRun *run) {
  g_mutex_lock(&serve->lock);
  serve->run = run;
  if (run != NULL && serve->cancels > 0)
    pino_run_cancel(run);
  g_mutex_unlock(&serve->lock);
}

static gboolean prepare(Serve *serve, GError **error) {
  const char *home = serve->options.home;
  if (serve->job->stop)
    return TRUE;
  if (serve->job->operation != NULL)
    return pino_env_prepare_home(home, error);
  g_autofree char *app = pino_app_folder(home, serve->job->path);
  g_autofree char *api = g_build_filename(home, "api", NULL);
  g_autofree char *parent = g_path_get_dirname(app);
  return pino_env_prepare_home(home, error) &&
         (!g_str_equal(parent, api) || pino_env_prepare_app(home, app, error));
}

static PinoOutcome do_script(Serve *serve, gboolean *left, GError **error) {
  const PinoJob *job = serve->job;
  if (job->stop)
    return pino_run_stop_only(serve->run, job->scripts, error);
  if (job->operation != NULL)
    return pino_operation_run(serve->run, job->operation, error);
  PinoOutcome outcome = pino_run_script(serve->run, job->path, job->input, error);
  if (outcome != PINO_OUTCOME_DAEMON)
    return outcome;
  tell_state(serve); /* somebody waits for just this */
  on_changed(serve);
  return pino_run_stay(serve->run, &serve->leave, left, error);
}

static char *compose_end(PinoOutcome outcome, const GError *error, const char *members) {
  GString *out = g_string_new("{");
  pino_json_append_member(out, "type", "ended");
  pino_json_append_member(out, "outcome", pino_outcome_name(outcome));
  if (outcome == PINO_OUTCOME_ERROR)
    pino_json_append_member(out, "error", error != NULL ? error->message : "the script failed");
  if (members != NULL)
    g_string_append_printf(out, ",%s", members);
  g_string_append_c(out, '}');
  return g_string_free(out, FALSE);
}

/* An error that comes before the run: told in the journal as well, if there is one. */
static void note_failure(Serve *serve, const GError *error) {
  PinoEvent failed = {.type = PINO_EVENT_ERROR, .index = -1, .message = error->message};
  PinoEvent end = {.type = PINO_EVENT_END, .index = -1, .name = pino_outcome_name(PINO_OUTCOME_ERROR)};
  if (serve->book == NULL)
    return;
  pino_book_note(&failed, serve->book);
  pino_book_note(&end, serve->book);
}

static void on_event(const PinoEvent *event, gpointer data) {
  Serve *serve = data;
  pino_book_note(event, serve->book);
  pino_news_note(serve->news, event);
}

static PinoRun *make_run(Serve *serve, PinoRegistrySource *source) {
  PinoRegistry registry = pino_registry(source);
  PinoRunOptions options = {
      .home = serve->options.home,
      .sink = on_event,
      .data = serve,
      .ask = on_ask,
      .ask_data = serve,
      .terminal = -1,
      .cols = serve->job->cols,
      .rows = serve->job->rows,
      .run_id = serve->options.id,
      .run_dir = serve->shells_dir,
      .shells_before = pino_book_shells(serve->book),
      .grace_ms = serve->job->grace_ms,
      .all_events = TRUE,
      .registry = &registry,
      .changed = on_changed,
      .changed_data = serve,
  };
  return pino_run_new(&options);
}

/* What comes while the run is freed is not for this process any more. */
static void let_go(Serve *serve) {
  PinoRun *run = serve->run;
  look_for_stopped(serve, TRUE);
  if (serve->teller != NULL)
    g_source_destroy(serve->teller);
  g_clear_pointer(&serve->teller, g_source_unref);
  set_run(serve, NULL);
  if (serve->left)
    pino_run_leave(run);
  else
    pino_run_free(run);
}

static void do_job(Serve *serve) {
  g_autoptr(GError) error = NULL;
  PinoRegistrySource source = {.link = serve->link, .before = before_question, .data = serve};
  serve->book =
      pino_book_open(serve->job->journal, serve->options.home, serve->options.id, serve->job->path, &error);
  if (serve->book == NULL || !prepare(serve, &error)) {
    note_failure(serve, error);
    serve->end = compose_end(PINO_OUTCOME_ERROR, error, NULL);
    return;
  }
  serve->news = pino_news_new(serve->link, serve->context);
  set_run(serve, make_run(serve, &source));
  PinoOutcome outcome = do_script(serve, &serve->left, &error);
  g_autofree char *members = pino_run_snapshot(serve->run);
  serve->end =
      serve->left ? g_strdup_printf("{\"type\":\"left\",%s}", members) : compose_end(outcome, error, members);
  let_go(serve);
  g_clear_pointer(&serve->news, pino_news_free);
}

static gboolean on_over(gpointer data);

static gpointer run_thread(gpointer data) {
  Serve *serve = data;
  g_main_context_push_thread_default(serve->context);
  do_job(serve);
  g_clear_pointer(&serve->book, pino_book_free);
  g_main_context_pop_thread_default(serve->context);
  pino_link_invoke(serve->link, on_over, serve);
  return NULL;
}

static void invoke_run(Serve *serve, GSourceFunc function, gpointer data, GDestroyNotify free_data) {
  g_autoptr(GSource) source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, function, data, free_data);
  g_source_attach(source, serve->context);
}

/* --- the main thread ------------------------------------------------------------------------------------------------ */

static gboolean on_patience_ended(gpointer data) {
  Serve *serve = data;
  serve->timer = 0;
  g_main_loop_quit(serve->loop);
  return G_SOURCE_REMOVE;
}

static void set_timer(Serve *serve, guint ms) {
  if (serve->timer != 0)
    g_source_remove(serve->timer);
  serve->timer = ms > 0 ? g_timeout_add(ms, on_patience_ended, serve) : 0;
}

static void say_end(Serve *serve) {
  pino_link_send(serve->link, serve->last_words);
  set_timer(serve, LAST_WORDS_MS);
}

static gboolean on_over(gpointer data) {
  Serve *serve = data;
  g_thread_join(g_steal_pointer(&serve->thread));
  serve->last_words = g_steal_pointer(&serve->end);
  if (!serve->left) {
    say_end(serve);
    return G_SOURCE_REMOVE;
  }
  pino_link_send(serve->link, serve->last_words);
  pino_link_flush(serve->link, LAST_WORDS_MS);
  g_main_loop_quit(serve->loop);
  return G_SOURCE_REMOVE;
}

static void on_job(Serve *serve, JsonObject *message) {
  g_autoptr(GError) error = NULL;
  if (serve->job != NULL || serve->last_words != NULL)
    return;
  serve->job = pino_job_parse(message, &error);
  if (serve->job == NULL) {
    serve->last_words = compose_end(PINO_OUTCOME_ERROR, error, NULL);
    say_end(serve);
    return;
  }
  if (serve->job->stop)
    pino_link_count_from(serve->link, STOP_NUMBERS);
  set_timer(serve, 0);
  serve->thread = g_thread_new("run", run_thread, serve);
}

static void on_cancel(Serve *serve, JsonObject *message) {
  if (serve->job == NULL && serve->last_words == NULL) {
    serve->last_words = compose_end(PINO_OUTCOME_CANCELLED, NULL, NULL);
    say_end(serve);
    return;
  }
  g_mutex_lock(&serve->lock);
  serve->cancels++;
  if (serve->run != NULL)
    pino_run_cancel(serve->run);
  g_mutex_unlock(&serve->lock);
}

static gboolean do_leave(gpointer data) {
  ((Serve *)data)->leave = TRUE;
  return G_SOURCE_REMOVE;
}

static gboolean do_not_leave(gpointer data) {
  ((Serve *)data)->leave = FALSE;
  return G_SOURCE_REMOVE;
}

static void on_leave(Serve *serve, JsonObject *message) {
  if (serve->thread != NULL)
    invoke_run(serve, do_leave, serve, NULL);
}

static void on_seen(Serve *serve, JsonObject *message) {
  if (serve->last_words != NULL)
    g_main_loop_quit(serve->loop);
}

/* The run's thread: the script may end later, when its step does. */
static gboolean do_stop(gpointer data) {
  Stop *stop = data;
  Serve *serve = stop->serve;
  if (serve->run == NULL) {
    say_stopped(serve->link, stop->id);
    stop_free(stop);
    return G_SOURCE_REMOVE;
  }
  g_autofree char *path = g_strdup(stop->path);
  g_ptr_array_add(serve->stops, stop);
  pino_run_stop_script(serve->run, path);
  look_for_stopped(serve, FALSE);
  return G_SOURCE_REMOVE;
}

static void on_stop(Serve *serve, JsonObject *message) {
  JsonNode *id = json_object_get_member(message, "id");
  const char *path = json_object_get_string_member_with_default(message, "path", "");
  Stop *stop = g_new0(Stop, 1);
  *stop = (Stop){
      .serve = serve, .id = id != NULL ? json_to_string(id, FALSE) : g_strdup("0"), .path = g_strdup(path)};
  if (serve->thread != NULL) {
    invoke_run(serve, do_stop, stop, NULL);
    return;
  }
  say_stopped(serve->link, stop->id);
  stop_free(stop);
}

static void on_message(PinoLink *link, const char *type, JsonObject *message, gpointer data) {
  static const struct {
    const char *type;
    void (*take)(Serve *serve, JsonObject *message);
  } takers[] = {
      {"job", on_job}, {"cancel", on_cancel}, {"leave", on_leave}, {"seen", on_seen}, {"stop", on_stop}};
  for (guint i = 0; i < G_N_ELEMENTS(takers); i++) {
    if (g_str_equal(type, takers[i].type))
      takers[i].take(data, message);
  }
}

static void on_up(PinoLink *link, gpointer data) {
  Serve *serve = data;
  g_autoptr(GString) hello = g_string_new("{");
  pino_json_append_member(hello, "type", "hello");
  pino_json_append_member(hello, "run", serve->options.id);
  g_string_append_printf(hello, ",\"protocol\":%d,\"pid\":%d,\"begun\":%s", PINO_CONTROL_PROTOCOL,
                         (int)getpid(), serve->job != NULL ? "true" : "false");
  if (serve->job != NULL) {
    pino_json_append_member(hello, "mode",
                            serve->job->stop                ? "stop"
                            : serve->job->operation != NULL ? "operate"
                                                            : "run");
    if (serve->job->operation != NULL)
      g_string_append_printf(hello, ",\"operation\":%s", serve->job->operation);
    pino_json_append_member(hello, "path", serve->job->path);
    pino_json_append_member(hello, "journal", serve->job->journal);
  }
  g_string_append_c(hello, '}');
  pino_link_send(link, hello->str);
  if (serve->last_words != NULL)
    pino_link_send(link, serve->last_words);
  else if (serve->state != NULL)
    say_state(serve);
}

/* The next engine decides anew whether it may go. */
static void on_down(PinoLink *link, gpointer data) {
  Serve *serve = data;
  if (serve->thread != NULL)
    invoke_run(serve, do_not_leave, serve, NULL);
}

static gboolean on_signal(gpointer data) {
  on_cancel(data, NULL);
  return G_SOURCE_CONTINUE;
}

int pino_serve_run(const PinoServeOptions *options) {
  static const PinoLinkEvents events = {.up = on_up, .down = on_down, .message = on_message};
  g_autofree char *socket = g_build_filename(options->run_dir, PINO_CONTROL_SOCKET, NULL);
  Serve serve = {.options = *options};
  mallopt(M_ARENA_MAX, 2); /* two threads, of which one has little to do */
  g_mutex_init(&serve.lock);
  serve.shells_dir = g_build_filename(options->run_dir, PINO_CONTROL_SHELLS, NULL);
  serve.loop = g_main_loop_new(NULL, FALSE);
  serve.context = g_main_context_new();
  serve.stops = g_ptr_array_new_with_free_func(stop_free);
  serve.link = pino_link_new(socket, &events, &serve);
  guint signals[] = {g_unix_signal_add(SIGTERM, on_signal, &serve),
                     g_unix_signal_add(SIGINT, on_signal, &serve)};
  set_timer(&serve, JOBLESS_S * 1000);
  g_main_loop_run(serve.loop);
  for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
    g_source_remove(signals[i]);
  set_timer(&serve, 0);
  pino_link_free(serve.link);
  g_ptr_array_unref(serve.stops);
  g_main_context_unref(serve.context);
  g_main_loop_unref(serve.loop);
  g_mutex_clear(&serve.lock);
  pino_job_free(serve.job);
  g_free(serve.shells_dir);
  g_free(serve.last_words);
  g_free(serve.state);
  return PINO_EXIT_OK;
}
