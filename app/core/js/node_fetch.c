/* Requests for fetch.js and http.js: each is sent by the room `net` in a thread of its own and comes back
 * through the host's main context. */
#include "base/error.h"
#include "js/node_internal.h"
#include "net/http.h"

typedef struct {
  PinoNode *node;
  guint id;
  JSValueRef callback;
} Request;

static JSObjectRef describe(PinoJs *js, const PinoHttpResponse *response) {
  JSObjectRef result = pino_js_object(js);
  gsize len = 0;
  const void *data = g_bytes_get_data(response->body, &len);
  pino_js_set(js, result, "status", pino_js_number(js, response->status));
  pino_js_set(js, result, "statusText", pino_js_string(js, response->status_text));
  pino_js_set(js, result, "url", pino_js_string(js, response->url));
  pino_js_set(js, result, "redirected", pino_js_bool(js, response->redirected));
  pino_js_set(js, result, "headers", pino_js_strv(js, (const char *const *)response->headers));
  pino_js_set(js, result, "body", pino_node_array_buffer(js, data, len));
  return result;
}

static void on_sent(GObject *source, GAsyncResult *result, gpointer data) {
  Request *request = data;
  PinoJs *js = request->node->js;
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpResponse) response = pino_http_send_finish(result, &error);
  if (js != NULL) {
    g_hash_table_remove(js->node->requests, GUINT_TO_POINTER(request->id));
    const JSValueRef argv[] = {
        response != NULL ? pino_js_null(js) : pino_js_error(js, error),
        response != NULL ? (JSValueRef)describe(js, response) : pino_js_undefined(js),
    };
    pino_node_callback(js, request->callback, 2, argv);
    pino_js_release(js, request->callback);
  }
  pino_node_unref(request->node);
  g_free(request);
}

static PinoHttpRequest *read_request(PinoJs *js, JSValueRef options, GError **error) {
  g_autofree char *method = pino_js_get_utf8(js, options, "method");
  g_autofree char *url = pino_js_get_utf8(js, options, "url");
  if (url == NULL) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "a request needs a url");
    return NULL;
  }
  g_autoptr(PinoHttpRequest) request = pino_http_request_new(method, url);
  JSValueRef headers = pino_js_get(js, options, "headers");
  for (guint i = 0; i + 1 < pino_js_length(js, headers); i += 2) {
    g_autofree char *name = pino_js_to_utf8(js, pino_js_get_index(js, headers, i));
    g_autofree char *value = pino_js_to_utf8(js, pino_js_get_index(js, headers, i + 1));
    pino_http_request_add_header(request, name != NULL ? name : "", value != NULL ? value : "");
  }
  JSValueRef body = pino_js_get(js, options, "body");
  if (!pino_js_is_nullish(js, body)) {
    PinoSpan span;
    if (!pino_node_span(js, 1, &body, 0, &span, error))
      return NULL;
    request->body = g_bytes_new(span.data, span.len);
  }
  if (!pino_js_truthy(js, pino_js_get(js, options, "follow")))
    request->max_redirects = 0;
  double timeout = pino_js_to_number(js, pino_js_get(js, options, "timeout"));
  request->timeout_ms = timeout > 0 && timeout < G_MAXINT ? (guint)timeout : 0;
  return g_steal_pointer(&request);
}

/* ({method, url, headers: [name, value, ...], body, follow, timeout}, callback(error, response)) -> id */
static JSValueRef fetch_send(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  if (argc < 2 || !pino_js_is_function(js, argv[1])) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "send wants options and a function");
    return NULL;
  }
  g_autoptr(PinoHttpRequest) http = read_request(js, argv[0], error);
  if (http == NULL)
    return NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  Request *request = g_new0(Request, 1);
  request->node = pino_node_ref(js->node);
  request->id = ++js->node->last_id;
  request->callback = pino_js_hold(js, argv[1]);
  g_hash_table_insert(js->node->requests, GUINT_TO_POINTER(request->id), g_object_ref(cancellable));
  guint id = request->id;
  pino_http_send_async(http, cancellable, on_sent, request);
  return pino_js_number(js, id);
}

/* (id): its callback then hears of an error */
static JSValueRef fetch_abort(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  guint id = (guint)MAX(pino_node_int(js, argc, argv, 0), 0);
  g_cancellable_cancel(g_hash_table_lookup(js->node->requests, GUINT_TO_POINTER(id)));
  return NULL;
}

void pino_node_add_fetch(PinoJs *js) {
  static const PinoJsNativeEntry entries[] = {{"send", fetch_send}, {"abort", fetch_abort}, {NULL, NULL}};
  pino_js_add_natives(js, "fetch", entries);
}
