/* Loads scripts. JSON is parsed by JavaScriptCore; only when that fails is it parsed again by json-glib, which knows
 * the line and the column. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "script/internal.h"

static gboolean is_json(const char *path) {
  return g_str_has_suffix(path, ".json") || g_str_has_suffix(path, ".JSON");
}

static void json_error(const char *path, const char *text, const char *reason, GError **error) {
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  g_autoptr(GError) found = NULL;
  if (!json_parser_load_from_data(parser, text, -1, &found)) {
    const char *place = strstr(found->message, "<data>:");
    g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "%s%s%s", path, place != NULL ? ":" : ": ",
                place != NULL ? place + strlen("<data>:") : found->message);
  } else {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "%s: %s", path, reason);
  }
}

static JSValueRef load_json(PinoRun *run, const char *path, GError **error) {
  g_autofree char *text = NULL;
  g_autoptr(GError) found = NULL;
  if (!g_file_get_contents(path, &text, NULL, error))
    return NULL;
  const char *start = g_str_has_prefix(text, "\xef\xbb\xbf") ? text + 3 : text;
  JSValueRef value = pino_js_from_json(run->js, start, &found);
  if (value == NULL)
    json_error(path, start, found->message, error);
  return value;
}

static gboolean exists(const char *path, GError **error) {
  if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
    return TRUE;
  if (g_file_test(path, G_FILE_TEST_IS_DIR))
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "%s is a folder, not a script: name a file in it",
                path);
  else
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no file %s: check its name", path);
  return FALSE;
}

JSValueRef pino_load_value(PinoRun *run, const char *path, gboolean fresh, GError **error) {
  if (!exists(path, error))
    return NULL;
  if (is_json(path))
    return load_json(run, path, error);
  g_autoptr(GError) found = NULL;
  JSValueRef exports = pino_js_require(run->js, path, fresh, &found);
  if (g_error_matches(found, PINO_ERROR, PINO_ERROR_LIMIT)) /* only this one names no place */
    g_prefix_error(&found, "%s: ", path);
  if (found != NULL)
    g_propagate_error(error, g_steal_pointer(&found));
  if (exports == NULL)
    return NULL;
  JSValueRef argv[] = {exports};
  return pino_run_invoke(run, run->world, "unwrap", 1, argv, error);
}

JSValueRef pino_load_script(PinoRun *run, const char *path, GError **error) {
  JSValueRef value = pino_load_value(run, path, TRUE, error);
  if (value == NULL)
    return NULL;
  JSValueRef argv[] = {value, pino_js_string(run->js, path)};
  JSValueRef body = pino_run_invoke(run, run->world, "bodyOf", 2, argv, error);
  body = body != NULL ? pino_js_await(run->js, body, error) : NULL;
  if (body != NULL && !pino_js_is_object(run->js, body)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SCRIPT, "%s gives no object: a script exports {run: [...]}",
                path);
    return NULL;
  }
  return body;
}
