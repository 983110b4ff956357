/* What bootstrap.js needs from the system to find, read and compile modules. */
#include "js/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "js/value.h"
#include "pinokiocloud-js.h"

GBytes *pino_js_resource(const char *name) {
  if (g_str_has_prefix(name, "pino:")) {
    g_autofree char *own = g_strconcat("/pinokiocloud/script/", name + strlen("pino:"), ".js", NULL);
    return g_resources_lookup_data(own, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  }
  g_autofree char *path = g_strconcat("/pinokiocloud/js/", name, NULL);
  return g_resource_lookup_data(pinokiocloud_js_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}

/* (name) -> source or undefined */
static JSValueRef resource(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *name = argc > 0 ? pino_js_to_utf8(js, argv[0]) : NULL;
  g_autoptr(GBytes) bytes = name != NULL ? pino_js_resource(name) : NULL;
  return bytes != NULL ? pino_js_string(js, g_bytes_get_data(bytes, NULL)) : NULL;
}

/* (path) -> "file", "folder" or "" */
static JSValueRef kind(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = argc > 0 ? pino_js_to_utf8(js, argv[0]) : NULL;
  struct stat st;
  if (path == NULL || stat(path, &st) != 0)
    return pino_js_string(js, "");
  return pino_js_string(js, S_ISDIR(st.st_mode) ? "folder" : "file");
}

static JSValueRef real_path(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = argc > 0 ? pino_js_to_utf8(js, argv[0]) : NULL;
  char *resolved = path != NULL ? realpath(path, NULL) : NULL;
  JSValueRef value = pino_js_string(js, resolved != NULL ? resolved : path);
  free(resolved);
  return value;
}

static JSValueRef read_text(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = argc > 0 ? pino_js_to_utf8(js, argv[0]) : NULL;
  g_autofree char *text = NULL;
  gsize len = 0;
  if (path == NULL || !g_file_get_contents(path, &text, &len, error))
    return NULL;
  const char *start = g_str_has_prefix(text, "\xef\xbb\xbf") ? text + 3 : text;
  return pino_js_string_len(js, start, (gssize)(len - (gsize)(start - text)));
}

/* (parameters, body, file) -> function; a syntax error names file and line. The head stands on the body's first
 * line, so that lines are counted as in the file (JSObjectMakeFunction puts two lines before it). */
static JSValueRef compile(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *parameters = pino_js_to_utf8(js, argv[0]);
  g_autofree char *body = pino_js_to_utf8(js, argv[1]);
  g_autofree char *file = pino_js_to_utf8(js, argv[2]);
  if (parameters == NULL || body == NULL || file == NULL) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_FAILED, "compile wants parameters, body and file");
    return NULL;
  }
  g_autofree char *source = g_strconcat("(function (", parameters, ") {", body, "\n})", NULL);
  return pino_js_eval(js, source, file, error);
}

static JSValueRef binding(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *room = argc > 0 ? pino_js_to_utf8(js, argv[0]) : NULL;
  JSObjectRef table = room != NULL ? pino_js_binding(js, room) : NULL;
  if (table == NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "no natives are called '%s'",
                room != NULL ? room : "?");
  return table;
}

/* (level, text): one line for the log. */
static JSValueRef console_write(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  if (argc < 2 || js->options.console == NULL)
    return NULL;
  g_autofree char *level = pino_js_to_utf8(js, argv[0]);
  g_autofree char *text = pino_js_to_utf8(js, argv[1]);
  if (level != NULL && text != NULL)
    js->options.console(level, text, js->options.console_data);
  return NULL;
}

void pino_js_module_natives(PinoJs *js) {
  static const PinoJsNativeEntry module[] = {
      {"resource", resource},
      {"kind", kind},
      {"realPath", real_path},
      {"readText", read_text},
      {"compile", compile},
      {"binding", binding},
      {NULL, NULL},
  };
  static const PinoJsNativeEntry console[] = {{"write", console_write}, {NULL, NULL}};
  pino_js_add_natives(js, "module", module);
  pino_js_add_natives(js, "console", console);
}
