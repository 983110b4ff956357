/* `pterm logs`: the end of what an app's newest run printed.
 *
 * Read from the run's journal, in another thread, from a byte on after which not much more than a window follows. What
 * a carriage return took back is left out, as in a terminal, and so are control sequences.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "server/pterm_internal.h"
#include "state/journal.h"

#define WINDOW ((guint64)4 * 1024 * 1024) /* bytes of output that the last lines are taken from */
#define BATCH ((gsize)256 * 1024)
#define TAIL 200
#define TAIL_MAX 5000

typedef struct {
  char *app, *ref, *run, *script, *journal;
  guint tail;
} Log;

static void log_free(gpointer data) {
  Log *log = data;
  g_free(log->app);
  g_free(log->ref);
  g_free(log->run);
  g_free(log->script);
  g_free(log->journal);
  g_free(log);
}

/* --- where to begin ---- */

typedef struct {
  guint64 offset, bytes; /* of a line in the journal; what it stands for */
} Piece;

typedef struct {
  GQueue pieces; /* Piece, those of the window */
  guint64 offset, bytes;
  gboolean cut; /* there was more before */
} Window;

/* How much a line prints: its own length, or what it names in a log. */
static guint64 worth(const char *line, gsize length) {
  const char *at = g_strstr_len(line, (gssize)length, "\"length\":");
  guint64 named = at != NULL ? g_ascii_strtoull(at + strlen("\"length\":"), NULL, 10) : 0;
  return MAX(named, length);
}

static gboolean weigh(const char *line, gsize length, gpointer data) {
  Window *window = data;
  Piece *piece = g_new(Piece, 1);
  *piece = (Piece){.offset = window->offset, .bytes = worth(line, length)};
  window->offset += length + 1;
  window->bytes += piece->bytes;
  g_queue_push_tail(&window->pieces, piece);
  Piece *first = g_queue_peek_head(&window->pieces);
  while (first != piece && window->bytes - first->bytes >= WINDOW) {
    window->bytes -= first->bytes;
    window->cut = TRUE;
    g_free(g_queue_pop_head(&window->pieces));
    first = g_queue_peek_head(&window->pieces);
  }
  return TRUE;
}

static guint64 find_begin(const char *journal, gboolean *cut) {
  Window window = {.pieces = G_QUEUE_INIT};
  pino_journal_scan(journal, 0, weigh, &window);
  const Piece *first = g_queue_peek_head(&window.pieces);
  guint64 begin = first != NULL ? first->offset : 0;
  *cut = window.cut;
  g_queue_clear_full(&window.pieces, g_free);
  return begin;
}

/* --- what it prints ---- */

static void take_line(GString *text, const char *line) {
  g_autoptr(JsonObject) event = pino_pterm_parse(line, -1);
  const char *type = pino_pterm_text(event, "type");
  const char *raw = g_strcmp0(type, "stream") == 0 ? pino_pterm_text(event, "raw") : NULL;
  const char *message = g_strcmp0(type, "error") == 0 ? pino_pterm_text(event, "message") : NULL;
  if (raw != NULL)
    g_string_append(text, raw);
  else if (message != NULL)
    g_string_append_printf(text, "%serror: %s\n",
                           text->len > 0 && text->str[text->len - 1] != '\n' ? "\n" : "", message);
}

static GString *read_output(const char *journal, gboolean *cut) {
  GString *text = g_string_new(NULL);
  g_autoptr(PinoJournalReader) reader = pino_journal_reader_new(journal, find_begin(journal, cut));
  g_autoptr(GString) lines = g_string_new(NULL);
  while (pino_journal_reader_next(reader, lines, BATCH) > 0 && text->len < 2 * WINDOW) {
    g_auto(GStrv) parts = g_strsplit(lines->str, "\n", -1);
    for (guint i = 0; parts[i] != NULL; i++)
      take_line(text, parts[i]);
    g_string_truncate(lines, 0);
  }
  return text;
}

/* The character after a control sequence that begins with ESC at `at`. */
static const char *after_sequence(const char *at) {
  const char *c = at + 1;
  if (*c == ']') { /* up to BEL or ESC \ */
    c += strcspn(c, "\a\033");
    return *c == '\033' && c[1] == '\\' ? c + 2 : *c == '\a' ? c + 1 : c;
  }
  if (*c != '[')
    return *c != '\0' ? g_utf8_next_char(c) : c;
  for (c++; *c != '\0' && (*c < 0x40 || *c > 0x7e);)
    c++;
  return *c != '\0' ? c + 1 : c;
}

static char *plain(const char *text) {
  GString *out = g_string_sized_new(strlen(text));
  gsize line = 0; /* where the present one begins */
  for (const char *c = text; *c != '\0';) {
    if (*c == '\033') {
      c = after_sequence(c);
      continue;
    }
    if (*c == '\r' && c[1] != '\n' && c[1] != '\r' && c[1] != '\0')
      g_string_truncate(out, line);
    else if (*c != '\r')
      g_string_append_c(out, *c);
    if (*c++ == '\n')
      line = out->len;
  }
  return g_string_free(out, FALSE);
}

static void add_lines(JsonBuilder *builder, const Log *log, char *text) {
  gsize length = strlen(text);
  if (length > 0 && text[length - 1] == '\n')
    text[length - 1] = '\0';
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  guint count = g_strv_length(lines);
  char **last = lines + (count > log->tail ? count - log->tail : 0);
  g_autofree char *joined = g_strjoinv("\n", last);
  pino_pterm_add_number(builder, "line_count", count);
  pino_pterm_add_number(builder, "tail_count", log->tail);
  json_builder_set_member_name(builder, "lines");
  json_builder_begin_array(builder);
  for (; *last != NULL; last++)
    json_builder_add_string_value(builder, *last);
  json_builder_end_array(builder);
  pino_pterm_add_text(builder, "text", joined);
}

static void add_file(JsonBuilder *builder, const Log *log) {
  GStatBuf about = {0};
  g_stat(log->journal, &about); /* 0: it has not begun */
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(about.st_mtime);
  g_autofree char *modified = g_date_time_format_iso8601(time);
  pino_pterm_add_text(builder, "file", log->journal);
  pino_pterm_add_number(builder, "size", about.st_size);
  pino_pterm_add_text(builder, "modified", modified);
}

static void log_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  const Log *log = data;
  gboolean cut;
  g_autoptr(GString) output = read_output(log->journal, &cut);
  g_autofree char *text = plain(output->str);
  JsonBuilder *builder = json_builder_new();
  json_builder_begin_object(builder);
  pino_pterm_add_text(builder, "app_id", log->app);
  pino_pterm_add_text(builder, "ref", log->ref);
  pino_pterm_add_text(builder, "script", log->script);
  pino_pterm_add_text(builder, "source", "api");
  pino_pterm_add_text(builder, "run", log->run);
  pino_pterm_add_flag(builder, "truncated", cut);
  add_file(builder, log);
  add_lines(builder, log, text);
  json_builder_end_object(builder);
  g_task_return_pointer(task, builder, g_object_unref);
}

/* --- which run ---- */

/* wanted: "start.js", or "start" for any such script; NULL: all. */
static gboolean is_wanted(const char *script, const char *wanted) {
  static const char *const endings[] = {"", ".js", ".json"};
  for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
    g_autofree char *name =
        g_strconcat(wanted != NULL ? wanted : script, wanted != NULL ? endings[i] : "", NULL);
    if (g_str_equal(name, script))
      return TRUE;
  }
  return FALSE;
}

static gboolean is_inside(const char *script) {
  g_auto(GStrv) parts = g_strsplit(script, "/", -1);
  return !g_path_is_absolute(script) && !g_strv_contains((const char *const *)parts, "..");
}

/* A run that goes on, else the newest. Fills in run and script. */
static void choose(PinoPterm *pterm, Log *log, const char *wanted) {
  g_autofree char *folder = g_strdup_printf("%s/api/%s/", pterm->home, log->app);
  g_autoptr(GBytes) view = pino_engine_runs(pterm->engine, log->app, 1000, NULL);
  g_autoptr(JsonArray) runs = pino_pterm_array(view);
  for (guint i = 0; runs != NULL && i < json_array_get_length(runs); i++) {
    JsonNode *node = json_array_get_element(runs, i);
    JsonObject *run = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *id = pino_pterm_text(run, "id"), *script = pino_pterm_text(run, "script");
    if (id == NULL || script == NULL)
      continue;
    const char *name = g_str_has_prefix(script, folder) ? script + strlen(folder) : script;
    gboolean live = pino_pterm_is_live(run);
    if (!is_wanted(name, wanted) || (log->run != NULL && !live))
      continue;
    g_free(log->run);
    g_free(log->script);
    log->run = g_strdup(id);
    log->script = g_strdup(name);
    if (live)
      return;
  }
}

static gboolean find(PinoPterm *pterm, Log *log, const char *wanted, GError **error) {
  g_autoptr(GBytes) app = pino_engine_app(pterm->engine, log->app, error);
  if (app == NULL)
    return FALSE;
  if (wanted != NULL && !is_inside(wanted)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s is no script of the app", wanted);
    return FALSE;
  }
  choose(pterm, log, wanted);
  if (log->run == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "%s%s%s has not run yet: there is no log", log->app,
                wanted != NULL ? "/" : "", wanted != NULL ? wanted : "");
    return FALSE;
  }
  log->journal = pino_engine_journal(pterm->engine, log->run, error);
  return log->journal != NULL;
}

static void on_read(GObject *source, GAsyncResult *result, gpointer call) {
  pino_pterm_reply(call, 200, g_task_propagate_pointer(G_TASK(result), NULL));
}

void pino_pterm_log_answer(PinoCall *call, const char *app, const PinoPtermPlace *place) {
  g_autoptr(GError) error = NULL;
  const char *script = pino_call_query(call, "script");
  const char *tail = pino_call_query(call, "tail");
  guint64 wanted = tail != NULL ? g_ascii_strtoull(tail, NULL, 10) : 0;
  Log *log = g_new0(Log, 1);
  log->app = g_strdup(app);
  log->ref = pino_pterm_ref(place, app);
  log->tail = wanted > 0 ? (guint)MIN(wanted, TAIL_MAX) : TAIL;
  if (!find(pino_pterm_of(call), log, script != NULL && *script != '\0' ? script : NULL, &error)) {
    log_free(log);
    pino_pterm_reply_error(call, error);
    return;
  }
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_read, pino_call_hold(call));
  g_task_set_task_data(task, log, log_free);
  g_task_run_in_thread(task, log_thread);
}
