/* fs.*: files and folders, relative to the script. */
#include <string.h>

#include "base/error.h"
#include "base/wait.h"
#include "script/methods/families.h"
#include "storage/atomic.h"
#include "storage/download.h"
#include "storage/tree.h"

/* The bytes that fs.write and fs.append put into a file: json, json2, text or buffer. */
static GBytes *content(PinoStep *step, GError **error) {
  PinoJs *js = step->js;
  static const struct {
    const char *name;
    guint indent;
  } forms[] = {{"json", 0}, {"json2", 2}};
  for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
    JSValueRef value = pino_js_get(js, step->params, forms[i].name);
    if (pino_js_is_undefined(js, value))
      continue;
    char *json = pino_js_to_json(js, value, forms[i].indent, error);
    return json != NULL ? g_bytes_new_take(json, strlen(json)) : NULL;
  }
  JSValueRef text = pino_js_get(js, step->params, "text");
  if (!pino_js_is_nullish(js, text)) {
    gsize len;
    char *utf8 = pino_js_to_utf8_len(js, text, &len);
    return utf8 != NULL ? g_bytes_new_take(utf8, len) : NULL;
  }
  GBytes *bytes = pino_js_to_bytes(js, pino_js_get(js, step->params, "buffer"));
  if (bytes == NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s wants one of json, json2, text and buffer",
                step->method);
  return bytes;
}

typedef gboolean (*Put)(const char *path, GBytes *bytes, GError **error);

static gboolean put_whole(const char *path, GBytes *bytes, GError **error) {
  gsize length;
  gconstpointer data = g_bytes_get_data(bytes, &length);
  return pino_file_write(path, data, length, 0, error);
}

static gboolean put_end(const char *path, GBytes *bytes, GError **error) {
  gsize length;
  gconstpointer data = g_bytes_get_data(bytes, &length);
  return pino_file_append(path, data, length, error);
}

static JSValueRef put(PinoStep *step, Put function, GError **error) {
  g_autofree char *path = pino_step_path(step, "path", error);
  g_autoptr(GBytes) bytes = path != NULL ? content(step, error) : NULL;
  if (bytes != NULL)
    function(path, bytes, error);
  return NULL;
}

static JSValueRef fs_write(PinoStep *step, GError **error) {
  return put(step, put_whole, error);
}

static JSValueRef fs_append(PinoStep *step, GError **error) {
  return put(step, put_end, error);
}

static JSValueRef fs_read(PinoStep *step, GError **error) {
  PinoJs *js = step->js;
  g_autofree char *path = pino_step_path(step, "path", error);
  g_autoptr(GBytes) bytes = path != NULL ? pino_file_read(path, error) : NULL;
  if (bytes == NULL)
    return NULL;
  gsize length;
  gconstpointer data = g_bytes_get_data(bytes, &length);
  JSValueRef buffer = pino_js_buffer(js, data, length);
  JSValueRef encoding = pino_js_get(js, step->params, "encoding");
  if (pino_js_is_nullish(js, encoding))
    return buffer;
  return pino_js_call(js, (JSObjectRef)pino_js_get(js, buffer, "toString"), (JSObjectRef)buffer, 1, &encoding,
                      error);
}

static JSValueRef fs_rm(PinoStep *step, GError **error) {
  g_autofree char *path = pino_step_path(step, "path", error);
  if (path != NULL)
    pino_tree_remove(path, step->script->cancellable, error);
  return NULL;
}

static JSValueRef fs_copy(PinoStep *step, GError **error) {
  g_autofree char *src = pino_step_path(step, "src", error);
  g_autofree char *dest = src != NULL ? pino_step_path(step, "dest", error) : NULL;
  if (dest == NULL)
    return NULL;
  JSValueRef options = pino_js_get(step->js, step->params, "options");
  JSValueRef force = pino_js_get(step->js, options, "force");
  PinoCopyFlags flags = PINO_COPY_DEFAULT;
  if (pino_js_truthy(step->js, pino_js_get(step->js, options, "errorOnExist")))
    flags = PINO_COPY_FAIL_EXISTING;
  else if (!pino_js_is_undefined(step->js, force) && !pino_js_truthy(step->js, force))
    flags = PINO_COPY_KEEP_EXISTING;
  pino_tree_copy(src, dest, flags, step->script->cancellable, error);
  return NULL;
}

static JSValueRef fs_move(PinoStep *step, GError **error) {
  g_autofree char *src = pino_step_path(step, "src", error);
  g_autofree char *dest = src != NULL ? pino_step_path(step, "dest", error) : NULL;
  if (dest != NULL)
    pino_tree_move(src, dest, step->script->cancellable, error);
  return NULL;
}

static JSValueRef fs_exists(PinoStep *step, GError **error) {
  g_autofree char *path = pino_step_path(step, "path", error);
  return path != NULL ? pino_js_bool(step->js, g_file_test(path, G_FILE_TEST_EXISTS)) : NULL;
}

static JSValueRef fs_make(PinoStep *step, GError **error) {
  g_autofree char *path = pino_step_path(step, "path", error);
  if (path != NULL)
    pino_dir_make(path, error);
  return NULL;
}

static JSValueRef fs_cat(PinoStep *step, GError **error) {
  g_autofree char *path = pino_step_path(step, "path", error);
  g_autoptr(GBytes) bytes = path != NULL ? pino_file_read(path, error) : NULL;
  if (bytes == NULL)
    return NULL;
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  g_autofree char *valid = g_utf8_make_valid(data != NULL ? data : "", (gssize)length);
  g_auto(GStrv) lines = g_strsplit(valid, "\n", -1);
  g_autofree char *text = g_strjoinv("\r\n", lines);
  pino_step_print(step, text);
  if (!g_str_has_suffix(text, "\n"))
    pino_step_print(step, "\r\n");
  return NULL;
}

/* --- fs.download ----------------------------------------------------------------------------------------------- */

typedef struct {
  PinoStep *step;
  gboolean line_open; /* progress is shown, and its line not ended */
  gboolean done;
  char *path;
  GError *error;
} Transfer;

/* "1:02:03" or "2:03". */
static char *show_time(gint64 seconds) {
  gint64 hours = seconds / 3600, minutes = seconds / 60 % 60;
  return hours > 0
             ? g_strdup_printf("%" G_GINT64_FORMAT ":%02d:%02d", hours, (int)minutes, (int)(seconds % 60))
             : g_strdup_printf("%d:%02d", (int)minutes, (int)(seconds % 60));
}

/* One line that is written over itself: " 42% 1.2 GB of 2.9 GB, 34.5 MB/s, 0:48 left". */
static void on_progress(const PinoDownloadState *state, gpointer data) {
  Transfer *transfer = data;
  g_autoptr(GString) line = g_string_new("\r\033[K");
  g_autofree char *got = g_format_size(state->received);
  g_autofree char *rate = g_format_size((guint64)MAX(state->bytes_per_s, 0));
  if (state->total > 0)
    g_string_append_printf(line, "%3d%% ", (int)(100.0 * (double)state->received / (double)state->total));
  g_string_append(line, got);
  if (state->total > 0) {
    g_autofree char *whole = g_format_size((guint64)state->total);
    g_string_append_printf(line, " of %s", whole);
  }
  if (state->bytes_per_s > 0)
    g_string_append_printf(line, ", %s/s", rate);
  if (state->seconds_left >= 0) {
    g_autofree char *left = show_time(state->seconds_left);
    g_string_append_printf(line, ", %s left", left);
  }
  pino_step_print(transfer->step, line->str);
  transfer->line_open = TRUE;
}

static void on_note(const char *text, gpointer data) {
  Transfer *transfer = data;
  g_autofree char *line = g_strdup_printf("%s%s\r\n", transfer->line_open ? "\r\033[K" : "", text);
  pino_step_print(transfer->step, line);
  transfer->line_open = FALSE;
}

static void on_downloaded(GObject *source, GAsyncResult *result, gpointer data) {
  Transfer *transfer = data;
  transfer->path = pino_download_finish(result, &transfer->error);
  transfer->done = TRUE;
}

/* Waits for the transfer even when it is cancelled: it ends at once then, and leaves what can be resumed. */
static gboolean download_one(PinoStep *step, const PinoDownload *spec, GError **error) {
  Transfer transfer = {.step = step};
  g_autofree char *head = g_strdup_printf("Downloading %s\r\n", spec->url);
  pino_step_print(step, head);
  PinoDownload copy = *spec;
  copy.progress = on_progress;
  copy.note = on_note;
  copy.progress_data = &transfer;
  pino_download_async(&copy, step->script->cancellable, on_downloaded, &transfer);
  pino_wait(&transfer.done, NULL, NULL);
  g_autofree char *path = transfer.path;
  g_autofree char *tail =
      path != NULL ? g_strdup_printf("%sSaved %s\r\n", transfer.line_open ? "\r\n" : "", path) : NULL;
  if (tail != NULL)
    pino_step_print(step, tail);
  else
    g_propagate_error(error, transfer.error);
  return path != NULL;
}

static JSValueRef fs_download(PinoStep *step, GError **error) {
  PinoJs *js = step->js;
  JSValueRef uri = pino_js_get(js, step->params, "uri");
  if (pino_js_is_nullish(js, uri))
    uri = pino_js_get(js, step->params, "url");
  gboolean to_path = !pino_js_is_nullish(js, pino_js_get(js, step->params, "path"));
  g_autofree char *place = pino_step_path(step, to_path ? "path" : "dir", error);
  if (place == NULL)
    return NULL;
  g_autofree char *sha256 = pino_js_get_utf8(js, step->params, "sha256");
  g_autofree char *md5 = pino_js_get_utf8(js, step->params, "md5");
  PinoDownload spec = {
      .path = to_path ? place : NULL,
      .dir = to_path ? NULL : place,
      .sha256 = sha256,
      .md5 = md5,
      .pool = step->run->home,
      .extract = pino_js_truthy(js, pino_js_get(js, step->params, "extract")),
  };
  guint count = pino_js_is_array(js, uri) ? pino_js_length(js, uri) : 1;
  for (guint i = 0; i < count; i++) {
    JSValueRef item = pino_js_is_array(js, uri) ? pino_js_get_index(js, uri, i) : uri;
    g_autofree char *url = pino_js_is_nullish(js, item) ? NULL : pino_js_to_utf8(js, item);
    spec.url = url;
    if (url == NULL) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "fs.download wants a uri");
      return NULL;
    }
    if (!download_one(step, &spec, error))
      return NULL;
  }
  return NULL;
}

const PinoMethod pino_methods_fs[] = {
    {"fs.write", fs_write}, {"fs.append", fs_append}, {"fs.read", fs_read},         {"fs.rm", fs_rm},
    {"fs.remove", fs_rm},   {"fs.copy", fs_copy},     {"fs.move", fs_move},         {"fs.exists", fs_exists},
    {"fs.make", fs_make},   {"fs.cat", fs_cat},       {"fs.download", fs_download}, {NULL, NULL},
};
