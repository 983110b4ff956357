/* Offsets are absolute: bytes of output since the watch began. The window holds the text from
 * `start` on. Handlers look at all of it, from where they stopped; breaks are judged from `judged` on, which
 * stands at the start of a line unless a line is longer than the window. */
#include "shell/watch.h"

#include <string.h>

#include "base/error.h"
#include "js/value.h"
#include "pinokiocloud-shell.h"
#include "shell/handler.h"

#define CARRY (8 * 1024)             /* text that stays for a match across the border of two pieces */
#define PIECE (256 * 1024)           /* text that is looked at in one go */
#define LARGEST_WINDOW (4 * PIECE)   /* when a held match keeps later handlers waiting */
#define QUIET_US (20 * 1000)         /* silence after which a match that reaches the end counts */
#define QUIET_LINE_US (200 * 1000)   /* silence after which an unfinished line is judged */
#define LONGEST_HOLD_US (500 * 1000) /* output that never pauses does not hold a match for longer */
#define MOST_ERRORS 64

#define ENDING (PINO_HANDLER_DONE | PINO_HANDLER_KILL | PINO_HANDLER_FAIL | PINO_HANDLER_REPLY)

struct _PinoWatch {
  PinoJs *js;
  PinoWatchFlags flags;
  PinoWatchEvents events;
  gpointer data;
  GPtrArray *handlers; /* of PinoHandler: the script's own, then the default ones */
  JSValueRef helpers;  /* held: watch.js's table, and of it: */
  JSObjectRef find, find_last, all, collect;
  JSValueRef event; /* held, or NULL */
  GString *window;
  guint64 start;
  guint64 judged;
  gboolean blocked; /* a held match keeps later handlers from looking */
  gboolean closed;
  gint64 held_since; /* 0: nothing is held */
  gint64 line_deadline;
  GSource *quiet;
  GPtrArray *errors; /* what breaks matched */
};

/* A part of the window as JavaScript sees it; the string is made when first asked for. */
typedef struct {
  const char *text;
  gsize len;
  guint64 start;
  JSValueRef string;
  gboolean ascii;
} View;

typedef enum { LOOK_NOTHING, LOOK_HELD, LOOK_ENDED } Look;

static guint64 window_end(const PinoWatch *watch) {
  return watch->start + watch->window->len;
}

/* --- positions ------------------------------------------------------------------------------------------- */

static View view_of(PinoWatch *watch, guint64 from, guint64 to) {
  return (View){watch->window->str + (from - watch->start), (gsize)(to - from), from, NULL, FALSE};
}

static gsize units_of(PinoWatch *watch, JSValueRef string) {
  JSStringRef copy = JSValueToStringCopy(pino_js_context(watch->js), string, NULL);
  gsize units = copy != NULL ? JSStringGetLength(copy) : 0;
  if (copy != NULL)
    JSStringRelease(copy);
  return units;
}

static JSValueRef view_string(PinoWatch *watch, View *view) {
  if (view->string == NULL) {
    view->string = pino_js_string_len(watch->js, view->text, (gssize)view->len);
    view->ascii = units_of(watch, view->string) == view->len;
  }
  return view->string;
}

/* Units of UTF-16, as JavaScript counts, before a place. */
static double units_before(const View *view, guint64 place) {
  gsize bytes = (gsize)(place - view->start);
  if (view->ascii)
    return (double)bytes;
  gsize units = 0;
  for (gsize i = 0; i < bytes; i++)
    units += ((guchar)view->text[i] & 0xc0) != 0x80 ? ((guchar)view->text[i] >= 0xf0 ? 2 : 1) : 0;
  return (double)units;
}

static guint64 place_of(const View *view, double units) {
  if (view->ascii)
    return view->start + MIN((gsize)units, view->len);
  const char *at = view->text;
  const char *end = view->text + view->len;
  for (gsize seen = 0; at < end && (double)seen < units; at = g_utf8_next_char(at))
    seen += (guchar)*at >= 0xf0 ? 2 : 1;
  return view->start + (guint64)(MIN(at, end) - view->text);
}

static void match_places(PinoWatch *watch, const View *view, JSValueRef match, guint64 *from, guint64 *to) {
  double index = pino_js_to_number(watch->js, pino_js_get(watch->js, match, "index"));
  double length = (double)units_of(watch, pino_js_get_index(watch->js, match, 0));
  *from = place_of(view, index);
  *to = place_of(view, index + length);
}

/* --- verdicts -------------------------------------------------------------------------------------------- */

static void close_with(PinoWatch *watch, const PinoVerdict *verdict) {
  watch->closed = TRUE;
  g_source_set_ready_time(watch->quiet, -1);
  g_string_truncate(watch->window, 0);
  if (watch->events.verdict != NULL)
    watch->events.verdict(verdict, watch->data);
}

static void close_with_error(PinoWatch *watch, GError *error) {
  PinoVerdict verdict = {.kind = PINO_VERDICT_ERROR, .handler = -1, .error = error};
  close_with(watch, &verdict);
  g_error_free(error);
}

static gint by_length(gconstpointer a, gconstpointer b) {
  glong x = g_utf8_strlen(*(const char *const *)a, -1);
  glong y = g_utf8_strlen(*(const char *const *)b, -1);
  return (x > y) - (x < y);
}

/* Shortest first; one that holds a shorter one tells nothing more. NULL-terminated; the texts stay the watch's. */
static GPtrArray *narrow_errors(PinoWatch *watch) {
  GPtrArray *kept = g_ptr_array_new();
  g_ptr_array_sort(watch->errors, by_length);
  for (guint i = 0; i < watch->errors->len; i++) {
    const char *text = g_ptr_array_index(watch->errors, i);
    gboolean told = FALSE;
    for (guint k = 0; k < kept->len && !told; k++)
      told = strstr(text, g_ptr_array_index(kept, k)) != NULL;
    if (!told)
      g_ptr_array_add(kept, (gpointer)text);
  }
  g_ptr_array_add(kept, NULL);
  return kept;
}

static void close_with_break(PinoWatch *watch) {
  g_autoptr(GPtrArray) errors = narrow_errors(watch);
  PinoVerdict verdict = {
      .kind = PINO_VERDICT_BREAK, .handler = -1, .errors = (const char *const *)errors->pdata};
  close_with(watch, &verdict);
}

static void remember_event(PinoWatch *watch, JSValueRef match) {
  if (watch->event != NULL)
    pino_js_release(watch->js, watch->event);
  watch->event = pino_js_hold(watch->js, match);
}

/* --- breaks ---------------------------------------------------------------------------------------------- */

static JSValueRef regexes_of(PinoWatch *watch, PinoHandlerFlags flag, gboolean own_only) {
  g_autofree JSValueRef *items = g_new(JSValueRef, watch->handlers->len + 1);
  size_t count = 0;
  for (guint i = 0; i < watch->handlers->len; i++) {
    const PinoHandler *handler = g_ptr_array_index(watch->handlers, i);
    if ((handler->flags & flag) && handler->regex != NULL && (!own_only || handler->index >= 0))
      items[count++] = handler->regex;
  }
  return pino_js_array(watch->js, count, items);
}

static void add_error(PinoWatch *watch, const char *text) {
  for (guint i = 0; i < watch->errors->len; i++)
    if (g_str_equal(g_ptr_array_index(watch->errors, i), text))
      return;
  if (watch->errors->len < MOST_ERRORS)
    g_ptr_array_add(watch->errors, g_strdup(text));
}

/* Adds what the breaks match in a text, what is excused left out. */
static gboolean collect_errors(PinoWatch *watch, JSValueRef text, gboolean own_only, GError **error) {
  JSValueRef argv[] = {text, regexes_of(watch, PINO_HANDLER_EXCUSE, FALSE),
                       regexes_of(watch, PINO_HANDLER_BREAK, own_only),
                       pino_js_number(watch->js, MOST_ERRORS)};
  JSValueRef found = pino_js_call(watch->js, watch->collect, NULL, G_N_ELEMENTS(argv), argv, error);
  if (found == NULL)
    return FALSE;
  guint count = pino_js_length(watch->js, found);
  for (guint i = 0; i < count; i++) {
    g_autofree char *item = pino_js_to_utf8(watch->js, pino_js_get_index(watch->js, found, i));
    add_error(watch, item);
  }
  return TRUE;
}

static gboolean may_break(PinoWatch *watch) {
  for (guint i = 0; i < watch->handlers->len; i++) {
    const PinoHandler *handler = g_ptr_array_index(watch->handlers, i);
    if ((handler->flags & PINO_HANDLER_BREAK) && handler->regex != NULL &&
        (handler->needle == NULL || handler->seen > watch->judged))
      return TRUE;
  }
  return FALSE;
}

static guint64 last_line_start(PinoWatch *watch) {
  const char *text = watch->window->str;
  const char *newline = memrchr(text, '\n', watch->window->len);
  return newline != NULL ? watch->start + (guint64)(newline + 1 - text) : watch->start;
}

/* Judges the finished lines, with all TRUE the unfinished one too. An unfinished line stays to be judged again as it
 * goes on. FALSE if JavaScript failed. */
static gboolean judge(PinoWatch *watch, gboolean all, GError **error) {
  guint64 line = MAX(last_line_start(watch), watch->judged);
  guint64 to = all ? window_end(watch) : line;
  if (to > watch->judged && may_break(watch)) {
    View view = view_of(watch, watch->judged, to);
    if (!collect_errors(watch, view_string(watch, &view), FALSE, error))
      return FALSE;
  }
  watch->judged = line;
  return TRUE;
}

/* TRUE if the watch is closed now. */
static gboolean judge_and_close(PinoWatch *watch, gboolean all, gboolean final) {
  g_autoptr(GError) error = NULL;
  if (!judge(watch, all, &error)) {
    close_with_error(watch, g_steal_pointer(&error));
    return TRUE;
  }
  if (watch->errors->len == 0 || ((watch->flags & PINO_WATCH_RECORD) && !final))
    return FALSE;
  close_with_break(watch);
  return TRUE;
}

/* --- handlers -------------------------------------------------------------------------------------------- */

static void conclude(PinoWatch *watch, const PinoHandler *handler, JSValueRef match) {
  if (handler->flags & PINO_HANDLER_FAIL) {
    g_autofree char *text = pino_js_to_utf8(watch->js, pino_js_get_index(watch->js, match, 0));
    const char *const errors[] = {text, NULL};
    PinoVerdict verdict = {.kind = PINO_VERDICT_FAIL, .handler = handler->index, .errors = errors};
    close_with(watch, &verdict);
    return;
  }
  PinoVerdict verdict = {.handler = handler->index};
  if (watch->flags & PINO_WATCH_REPLY)
    verdict.kind = PINO_VERDICT_REPLY;
  else if (judge_and_close(watch, TRUE, TRUE))
    return;
  else
    verdict.kind = handler->flags & PINO_HANDLER_KILL ? PINO_VERDICT_KILL : PINO_VERDICT_DONE;
  close_with(watch, &verdict);
}

/* Does what a handler asks for. TRUE if it ended the watch. */
static gboolean act(PinoWatch *watch, PinoHandler *handler, JSValueRef match) {
  gboolean ends = (handler->flags & ENDING) != 0;
  gboolean aside =
      handler->notify != NULL || (handler->flags & (PINO_HANDLER_EXCUSE | PINO_HANDLER_BREAK)) != 0;
  if (ends || handler->trigger != NULL || !aside)
    remember_event(watch, match);
  if (handler->flags & PINO_HANDLER_ONCE)
    handler->closed = TRUE;
  if (handler->notify != NULL) {
    handler->skip_line = TRUE;
    if (watch->events.notify != NULL)
      watch->events.notify(handler->notify, match, watch->data);
  }
  if (handler->trigger != NULL && watch->events.trigger != NULL)
    watch->events.trigger(handler->trigger, match, watch->data);
  if (ends)
    conclude(watch, handler, match);
  return watch->closed;
}

/* Whether only the last of several matches makes a difference. */
static gboolean wants_last_only(const PinoHandler *handler) {
  return handler->trigger == NULL && handler->notify == NULL &&
         !(handler->flags & (ENDING | PINO_HANDLER_ONCE));
}

/* Whether a handler has nothing to do but to break or excuse, which is judged by the line. */
static gboolean is_judged(const PinoHandler *handler) {
  return (handler->flags & (PINO_HANDLER_BREAK | PINO_HANDLER_EXCUSE)) != 0 && wants_last_only(handler);
}

static void skip_line(PinoWatch *watch, PinoHandler *handler) {
  gsize from = (gsize)(handler->next - watch->start);
  const char *newline = memchr(watch->window->str + from, '\n', watch->window->len - from);
  handler->skip_line = newline == NULL;
  handler->next =
      newline != NULL ? watch->start + (guint64)(newline + 1 - watch->window->str) : window_end(watch);
}

static JSValueRef next_match(PinoWatch *watch, const PinoHandler *handler, View *view, gboolean last,
                             GError **error) {
  JSValueRef string = view_string(watch, view);
  JSValueRef from = pino_js_number(watch->js, units_before(view, MAX(handler->next, view->start)));
  JSValueRef limit = pino_js_number(watch->js, (double)units_of(watch, string));
  JSValueRef argv[] = {handler->regex, string, from, from, limit};
  return last ? pino_js_call(watch->js, watch->find_last, NULL, 5, argv, error)
              : pino_js_call(watch->js, watch->find, NULL, 4, argv, error);
}

static gboolean is_cold(const PinoWatch *watch, const PinoHandler *handler) {
  return handler->closed || handler->regex == NULL ||
         (handler->needle != NULL && handler->seen <= MAX(watch->start, handler->next));
}

static Look look_for(PinoWatch *watch, PinoHandler *handler, View *view, gboolean settled) {
  gboolean last = wants_last_only(handler);
  for (;;) {
    if (handler->next < watch->start)
      handler->next = watch->start;
    if (handler->skip_line)
      skip_line(watch, handler);
    if (is_cold(watch, handler) || handler->skip_line)
      return LOOK_NOTHING;
    g_autoptr(GError) error = NULL;
    JSValueRef match = next_match(watch, handler, view, last, &error);
    if (match == NULL) {
      close_with_error(watch, g_steal_pointer(&error));
      return LOOK_ENDED;
    }
    gboolean none = pino_js_is_nullish(watch->js, match);
    if (none && !last)
      return LOOK_NOTHING;
    last = last && !none;
    if (none)
      continue;
    guint64 from, to;
    match_places(watch, view, match, &from, &to);
    if (!settled && to == window_end(watch) && to - from < CARRY)
      return LOOK_HELD;
    handler->next = to;
    if (act(watch, handler, match))
      return LOOK_ENDED;
    last = FALSE;
  }
}

/* Asks all handlers in turn. Gives FALSE if the watch is closed now. */
static gboolean look(PinoWatch *watch, gboolean settled, gboolean *held) {
  View view = view_of(watch, watch->start, window_end(watch));
  *held = watch->blocked = FALSE;
  for (guint i = 0; i < watch->handlers->len && !watch->blocked; i++) {
    PinoHandler *handler = g_ptr_array_index(watch->handlers, i);
    if (is_judged(handler))
      continue;
    Look found = look_for(watch, handler, &view, settled);
    if (found == LOOK_ENDED)
      return FALSE;
    *held = *held || found == LOOK_HELD;
    watch->blocked = found == LOOK_HELD && (handler->flags & ENDING) != 0;
  }
  return TRUE;
}

/* --- time ------------------------------------------------------------------------------------------------ */

static void set_timer(PinoWatch *watch, gboolean held) {
  gint64 now = g_get_monotonic_time();
  gboolean line_waits =
      window_end(watch) > watch->judged && may_break(watch) && !(watch->flags & PINO_WATCH_RECORD);
  if (!held)
    watch->held_since = 0;
  else if (watch->held_since == 0)
    watch->held_since = now;
  watch->line_deadline = line_waits ? now + QUIET_LINE_US : G_MAXINT64;
  gint64 due = held ? now + QUIET_US : watch->line_deadline;
  g_source_set_ready_time(watch->quiet, due == G_MAXINT64 ? -1 : due);
}

static gboolean on_quiet(gpointer data) {
  PinoWatch *watch = data;
  gboolean line_due = g_get_monotonic_time() >= watch->line_deadline;
  g_source_set_ready_time(watch->quiet,
                          line_due || watch->line_deadline == G_MAXINT64 ? -1 : watch->line_deadline);
  watch->held_since = 0;
  gboolean held;
  if (look(watch, TRUE, &held) && line_due)
    judge_and_close(watch, TRUE, FALSE);
  return G_SOURCE_CONTINUE;
}

static gboolean dispatch_quiet(GSource *source, GSourceFunc callback, gpointer data) {
  return callback(data);
}

static GSource *quiet_source_new(PinoWatch *watch) {
  static const GSourceFuncs funcs = {.dispatch = dispatch_quiet};
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
  GSource *source = g_source_new((GSourceFuncs *)&funcs, sizeof(GSource));
  g_source_set_callback(source, on_quiet, watch, NULL);
  g_source_attach(source, context);
  return source;
}

/* --- feeding --------------------------------------------------------------------------------------------- */

/* Notes which needles came with the text from `from` (an offset in the window) on. */
static void seek_needles(PinoWatch *watch, gsize from) {
  for (guint i = 0; i < watch->handlers->len; i++) {
    PinoHandler *handler = g_ptr_array_index(watch->handlers, i);
    gboolean asked = (handler->flags & PINO_HANDLER_BREAK) != 0 || !is_judged(handler);
    if (handler->needle == NULL || handler->closed || !asked)
      continue;
    gsize overlap = MIN(from, pino_needle_length(handler->needle) - 1);
    gsize begin = from - overlap;
    if (pino_needle_found(handler->needle, watch->window->str + begin, watch->window->len - begin))
      handler->seen = window_end(watch);
  }
}

/* Forgets what is too old to be part of a match. FALSE if the watch is closed now. */
static gboolean trim(PinoWatch *watch) {
  if (watch->blocked && watch->window->len < LARGEST_WINDOW)
    return TRUE;
  gboolean held;
  if (watch->blocked && !look(watch, TRUE, &held))
    return FALSE;
  if (watch->window->len <= CARRY)
    return TRUE;
  gsize cut = watch->window->len - CARRY;
  while (cut > 0 && ((guchar)watch->window->str[cut] & 0xc0) == 0x80)
    cut--;
  if (watch->judged < watch->start + cut && judge_and_close(watch, TRUE, FALSE))
    return FALSE;
  g_string_erase(watch->window, 0, (gssize)cut);
  watch->start += cut;
  watch->judged = MAX(watch->judged, watch->start);
  return TRUE;
}

static void feed_piece(PinoWatch *watch, const char *text, gsize len) {
  if (!trim(watch))
    return;
  gsize before = watch->window->len;
  g_string_append_len(watch->window, text, (gssize)len);
  seek_needles(watch, before);
  if (judge_and_close(watch, FALSE, FALSE))
    return;
  gboolean settled = watch->held_since != 0 && g_get_monotonic_time() - watch->held_since > LONGEST_HOLD_US;
  gboolean held;
  if (look(watch, settled, &held))
    set_timer(watch, held);
}

void pino_watch_feed(PinoWatch *watch, const char *text, gsize len) {
  while (len > 0 && !watch->closed) {
    gsize piece = MIN(len, PIECE);
    while (piece < len && piece > 0 && ((guchar)text[piece] & 0xc0) == 0x80)
      piece--;
    feed_piece(watch, text, piece);
    text += piece;
    len -= piece;
  }
}

static gboolean has_own_break(const PinoWatch *watch) {
  for (guint i = 0; i < watch->handlers->len; i++) {
    const PinoHandler *handler = g_ptr_array_index(watch->handlers, i);
    if (handler->index >= 0 && handler->regex != NULL && (handler->flags & PINO_HANDLER_BREAK))
      return TRUE;
  }
  return FALSE;
}

static gboolean collect_joined(PinoWatch *watch, const char *response, gsize len, GError **error) {
  g_autoptr(GString) joined = g_string_sized_new(len);
  for (gsize i = 0; i < len; i++)
    if (response[i] != '\r' && response[i] != '\n' && response[i] != '\0')
      g_string_append_c(joined, response[i]);
  return collect_errors(watch, pino_js_string_len(watch->js, joined->str, (gssize)joined->len), TRUE, error);
}

void pino_watch_finish(PinoWatch *watch, const char *response, gsize len) {
  if (watch->closed)
    return;
  gboolean held;
  g_autoptr(GError) error = NULL;
  if (!look(watch, TRUE, &held))
    return;
  if (has_own_break(watch) && !collect_joined(watch, response, len, &error))
    close_with_error(watch, g_steal_pointer(&error));
  else if (!judge_and_close(watch, TRUE, TRUE))
    watch->closed = TRUE;
  g_source_set_ready_time(watch->quiet, -1);
}

/* --- life ------------------------------------------------------------------------------------------------ */

static gboolean load_helpers(PinoWatch *watch, GError **error) {
  g_autoptr(GBytes) source = g_resource_lookup_data(
      pinokiocloud_shell_get_resource(), "/pinokiocloud/shell/watch.js", G_RESOURCE_LOOKUP_FLAGS_NONE, error);
  if (source == NULL)
    return FALSE;
  JSValueRef table = pino_js_eval(watch->js, g_bytes_get_data(source, NULL), "pinokiocloud:watch.js", error);
  if (table == NULL)
    return FALSE;
  watch->helpers = pino_js_hold(watch->js, table);
  watch->find = (JSObjectRef)pino_js_get(watch->js, table, "find");
  watch->find_last = (JSObjectRef)pino_js_get(watch->js, table, "findLast");
  watch->all = (JSObjectRef)pino_js_get(watch->js, table, "all");
  watch->collect = (JSObjectRef)pino_js_get(watch->js, table, "collect");
  return TRUE;
}

static gboolean read_own(PinoWatch *watch, JSValueRef on, JSValueRef compile, GError **error) {
  if (pino_js_is_nullish(watch->js, on))
    return TRUE;
  if (!pino_js_is_array(watch->js, on)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SCRIPT, "on is not an array of handlers");
    return FALSE;
  }
  guint count = pino_js_length(watch->js, on);
  gboolean reply = (watch->flags & PINO_WATCH_REPLY) != 0;
  for (guint i = 0; i < count; i++) {
    PinoHandler *handler =
        pino_handler_read(watch->js, compile, pino_js_get_index(watch->js, on, i), (int)i, reply, error);
    if (handler == NULL)
      return FALSE;
    g_ptr_array_add(watch->handlers, handler);
  }
  return TRUE;
}

/* What the reference adds to every shell.run. */
static gboolean add_defaults(PinoWatch *watch, JSValueRef compile, GError **error) {
  static const struct {
    const char *event;
    PinoHandlerFlags flag;
  } defaults[] = {
      {"/error:/i", PINO_HANDLER_BREAK},
      {"/errno /i", PINO_HANDLER_BREAK},
      {"/error:.*triton/i", PINO_HANDLER_EXCUSE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(defaults); i++) {
    PinoHandler *handler =
        pino_handler_default(watch->js, compile, defaults[i].event, defaults[i].flag, error);
    if (handler == NULL)
      return FALSE;
    g_ptr_array_add(watch->handlers, handler);
  }
  return TRUE;
}

PinoWatch *pino_watch_new(PinoJs *js, JSValueRef on, PinoWatchFlags flags, const PinoWatchEvents *events,
                          gpointer data, GError **error) {
  g_autoptr(PinoWatch) watch = g_new0(PinoWatch, 1);
  watch->js = js;
  watch->flags = flags;
  watch->data = data;
  if (events != NULL)
    watch->events = *events;
  watch->handlers = g_ptr_array_new();
  watch->errors = g_ptr_array_new_with_free_func(g_free);
  watch->window = g_string_new(NULL);
  watch->line_deadline = G_MAXINT64;
  watch->quiet = quiet_source_new(watch);
  if (!load_helpers(watch, error))
    return NULL;
  JSValueRef compile = pino_js_get(js, watch->helpers, "compile");
  if (!read_own(watch, on, compile, error))
    return NULL;
  if ((flags & PINO_WATCH_DEFAULTS) && !add_defaults(watch, compile, error))
    return NULL;
  return g_steal_pointer(&watch);
}

void pino_watch_free(PinoWatch *watch) {
  if (watch == NULL)
    return;
  g_source_destroy(watch->quiet);
  g_source_unref(watch->quiet);
  for (guint i = 0; i < watch->handlers->len; i++)
    pino_handler_free(watch->js, g_ptr_array_index(watch->handlers, i));
  g_ptr_array_unref(watch->handlers);
  g_ptr_array_unref(watch->errors);
  if (watch->event != NULL)
    pino_js_release(watch->js, watch->event);
  if (watch->helpers != NULL)
    pino_js_release(watch->js, watch->helpers);
  g_string_free(watch->window, TRUE);
  g_free(watch);
}

gboolean pino_watch_is_closed(const PinoWatch *watch) {
  return watch->closed;
}

JSValueRef pino_watch_event(const PinoWatch *watch) {
  return watch->event;
}

JSValueRef pino_watch_matches(PinoWatch *watch, int handler, const char *text, gsize len, GError **error) {
  for (guint i = 0; i < watch->handlers->len; i++) {
    const PinoHandler *candidate = g_ptr_array_index(watch->handlers, i);
    if (candidate->index != handler || candidate->regex == NULL)
      continue;
    JSValueRef argv[] = {candidate->regex, pino_js_string_len(watch->js, text, (gssize)len)};
    return pino_js_call(watch->js, watch->all, NULL, 2, argv, error);
  }
  return pino_js_array(watch->js, 0, NULL);
}

int pino_watch_prompt_handler(const PinoWatch *watch) {
  for (guint i = 0; i < watch->handlers->len; i++) {
    const PinoHandler *handler = g_ptr_array_index(watch->handlers, i);
    if (handler->index >= 0 && handler->regex == NULL)
      return handler->index;
  }
  return -1;
}

gboolean pino_watch_wants_output(const PinoWatch *watch) {
  for (guint i = 0; i < watch->handlers->len; i++) {
    const PinoHandler *handler = g_ptr_array_index(watch->handlers, i);
    if (handler->index >= 0 && handler->regex != NULL)
      return TRUE;
  }
  return FALSE;
}
