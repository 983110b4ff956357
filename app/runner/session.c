#include "runner/session.h"

#include <glib-unix.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "runner/commands.h"
#include "script/resolve.h"
#include "terminal/ask.h"

struct _PinoSession {
  PinoSessionOptions options;
  GMutex lock;        /* of run: the main thread cancels it */
  PinoRun *run;       /* NULL before and after the work */
  gboolean cancelled; /* before there was a run */
  PinoAnswers *answers;
  GMainLoop *loop;
  PinoSessionWork work;
  gpointer data;
  GString *line; /* one event as JSON, kept for its memory */
  gboolean at_line_start;
  gboolean colours;
  int status;
};

/* --- output ------------------------------------------------------------------------------------------------------ */

/* A reader that has gone ends the run: nobody sees what it does any more. */
static void put(PinoSession *session, const char *data, gsize length) {
  while (length > 0) {
    gssize written = write(STDOUT_FILENO, data, length);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      if (session->run != NULL)
        pino_run_cancel(session->run);
      return;
    }
    data += written;
    length -= (gsize)written;
  }
}

static void put_raw(PinoSession *session, const PinoEvent *event) {
  const char *bytes = event->bytes != NULL ? (const char *)event->bytes : event->text;
  gsize length = event->bytes != NULL ? event->bytes_len : event->text_len;
  if (length == 0)
    return;
  put(session, bytes, length);
  session->at_line_start = bytes[length - 1] == '\n';
}

static void put_event(PinoSession *session, const PinoEvent *event) {
  g_string_truncate(session->line, 0);
  pino_event_to_json(event, session->line);
  put(session, session->line->str, session->line->len);
}

static void put_error(PinoSession *session, const PinoEvent *event) {
  g_autofree char *step = event->index >= 0 ? g_strdup_printf("step %d: ", event->index + 1) : g_strdup("");
  g_autofree char *script = event->script != NULL ? g_strconcat(event->script, ": ", NULL) : g_strdup("");
  pino_session_say(session, "%s%s%s", script, step, event->message);
}

static void put_told(PinoSession *session, const PinoEvent *event) {
  if (g_str_equal(event->name, "notify") || g_str_equal(event->name, "open"))
    pino_session_say(session, "%s: %s", event->name, event->data);
}

static void on_event(const PinoEvent *event, gpointer data) {
  PinoSession *session = data;
  if (session->options.output == PINO_OUTPUT_EVENTS) {
    put_event(session, event);
    return;
  }
  if (session->options.output == PINO_OUTPUT_NONE)
    return;
  if (event->type == PINO_EVENT_STREAM)
    put_raw(session, event);
  else if (event->type == PINO_EVENT_ERROR)
    put_error(session, event);
  else if (event->type == PINO_EVENT_TOLD)
    put_told(session, event);
}

void pino_session_print_line(PinoSession *session, const char *text) {
  if (!session->at_line_start)
    put(session, "\n", 1);
  put(session, text, strlen(text));
  put(session, "\n", 1);
  session->at_line_start = TRUE;
}

void pino_session_say(PinoSession *session, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  if (!session->at_line_start && session->options.output == PINO_OUTPUT_RAW)
    put(session, "\r\n", 2);
  session->at_line_start = TRUE;
  fprintf(stderr, session->colours ? "\033[2m[pinokiocloud] %s\033[0m\n" : "[pinokiocloud] %s\n", text);
}

/* --- the two threads ---------------------------------------------------------------------------------------------- */

static gboolean on_signal(gpointer data) {
  PinoSession *session = data;
  g_mutex_lock(&session->lock);
  if (session->run != NULL)
    pino_run_cancel(session->run);
  session->cancelled = TRUE;
  g_mutex_unlock(&session->lock);
  return G_SOURCE_CONTINUE;
}

static gboolean on_finished(gpointer data) {
  PinoSession *session = data;
  g_main_loop_quit(session->loop);
  return G_SOURCE_REMOVE;
}

static void take_size(PinoRunOptions *options) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return;
  options->cols = size.ws_col;
  options->rows = size.ws_row;
}

static void set_run(PinoSession *session, PinoRun *run) {
  g_mutex_lock(&session->lock);
  session->run = run;
  if (run != NULL && session->cancelled)
    pino_run_cancel(run);
  g_mutex_unlock(&session->lock);
}

static gpointer run_thread(gpointer data) {
  PinoSession *session = data;
  g_autoptr(GMainContext) context = g_main_context_new();
  g_main_context_push_thread_default(context);
  g_autofree char *home = pino_home_default();
  PinoRunOptions options = {
      .home = home,
      .sink = on_event,
      .ask = pino_answers_ask,
      .ask_data = session->answers,
      .data = session,
      .terminal = isatty(STDIN_FILENO) ? STDIN_FILENO : -1,
  };
  take_size(&options);
  PinoRun *run = pino_run_new(&options);
  set_run(session, run);
  session->status = session->work(session, run, session->data);
  set_run(session, NULL);
  pino_run_free(run);
  g_main_context_pop_thread_default(context);
  g_idle_add(on_finished, session);
  return NULL;
}

int pino_session_do(const PinoSessionOptions *options, PinoSessionWork work, gpointer data) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  g_autoptr(GError) error = NULL;
  PinoSession session = {.options = *options, .work = work, .data = data, .at_line_start = TRUE};
  session.answers = pino_answers_new(options->answers, &error);
  if (session.answers == NULL) {
    pino_command_complain(error->message);
    return PINO_EXIT_USAGE;
  }
  mallopt(M_ARENA_MAX, 2); /* two busy threads: more arenas would only hold memory */
  session.colours = isatty(STDERR_FILENO) && g_getenv("NO_COLOR") == NULL;
  g_mutex_init(&session.lock);
  session.loop = g_main_loop_new(NULL, FALSE);
  session.line = g_string_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
    g_unix_signal_add(signals[i], on_signal, &session);
  GThread *thread = g_thread_new("run", run_thread, &session);
  g_main_loop_run(session.loop);
  g_thread_join(thread);
  g_main_loop_unref(session.loop);
  g_mutex_clear(&session.lock);
  g_string_free(session.line, TRUE);
  pino_answers_free(session.answers);
  return session.status;
}
