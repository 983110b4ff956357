/* process.wait: for a time, a page, a set of resources, or until the script is stopped. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/wait.h"
#include "net/http.h"
#include "script/methods/families.h"

typedef struct {
  gboolean done;
  gboolean up;
} Probe;

/* --- what one resource is asked -------------------------------------------------------------------------------- */

static void on_answer(GObject *source, GAsyncResult *result, gpointer data) {
  Probe *probe = data;
  g_autoptr(PinoHttpResponse) response = pino_http_send_finish(result, NULL);
  probe->up = response != NULL && response->status >= 200 && response->status < 300;
  probe->done = TRUE;
}

static gboolean page_is_up(PinoStep *step, const char *method, const char *url, guint timeout_ms) {
  Probe probe = {0};
  g_autoptr(PinoHttpRequest) request = pino_http_request_new(method, url);
  request->timeout_ms = timeout_ms;
  pino_http_send_async(request, step->script->cancellable, on_answer, &probe);
  pino_wait(&probe.done, NULL, NULL);
  return probe.up;
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data) {
  Probe *probe = data;
  g_autoptr(GSocketConnection) connection =
      g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, NULL);
  probe->up = connection != NULL;
  probe->done = TRUE;
}

static gboolean can_connect(PinoStep *step, GSocketConnectable *address, guint timeout_ms) {
  Probe probe = {0};
  g_autoptr(GSocketClient) client = g_socket_client_new();
  g_socket_client_set_enable_proxy(client, FALSE);
  g_socket_client_set_timeout(client, MAX(1, timeout_ms / 1000));
  g_socket_client_connect_async(client, address, step->script->cancellable, on_connected, &probe);
  pino_wait(&probe.done, NULL, NULL);
  return probe.up;
}

typedef struct {
  double interval, delay, timeout, window, http_timeout, tcp_timeout; /* milliseconds; timeout 0: none */
  gboolean reverse;
} WaitOptions;

typedef struct {
  char *text;
  gint64 size;         /* of a file when it was last looked at; -1: not there */
  gint64 steady_since; /* microseconds */
  gboolean up;
} Resource;

static void resource_free(gpointer data) {
  Resource *resource = data;
  g_free(resource->text);
  g_free(resource);
}

/* A file counts once its size has not changed for the window: whoever writes it has finished. */
static gboolean file_is_up(PinoStep *step, Resource *resource, const char *path, const WaitOptions *options) {
  struct stat st;
  g_autofree char *full = pino_script_resolve(step->script, path, NULL);
  gint64 now = g_get_monotonic_time();
  gint64 size = full != NULL && stat(full, &st) == 0 ? (gint64)st.st_size : -1;
  if (size != resource->size) {
    resource->size = size;
    resource->steady_since = now;
  }
  if (options->reverse)
    return size >= 0;
  return size >= 0 && (double)(now - resource->steady_since) / 1000 >= options->window;
}

static gboolean tcp_is_up(PinoStep *step, const char *place, const WaitOptions *options) {
  g_autofree char *full =
      strchr(place, ':') == NULL ? g_strconcat("localhost:", place, NULL) : g_strdup(place);
  g_autoptr(GSocketConnectable) address = g_network_address_parse(full, 0, NULL);
  return address != NULL && can_connect(step, address, (guint)options->tcp_timeout);
}

static gboolean socket_is_up(PinoStep *step, const char *path, const WaitOptions *options) {
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
  return can_connect(step, G_SOCKET_CONNECTABLE(address), (guint)options->tcp_timeout);
}

/* http-get://HOST and https-get://HOST are asked with GET, http:// and https:// with HEAD. */
static gboolean http_is_up(PinoStep *step, const char *text, const WaitOptions *options) {
  const char *mark = strstr(text, "-get://");
  if (mark == NULL)
    return page_is_up(step, "HEAD", text, (guint)options->http_timeout);
  g_autofree char *url = g_strdup_printf("%.*s%s", (int)(mark - text), text, mark + strlen("-get"));
  return page_is_up(step, "GET", url, (guint)options->http_timeout);
}

static gboolean resource_is_up(PinoStep *step, Resource *resource, const WaitOptions *options) {
  const char *text = resource->text;
  if (g_str_has_prefix(text, "http"))
    return http_is_up(step, text, options);
  if (g_str_has_prefix(text, "tcp:"))
    return tcp_is_up(step, text + strlen("tcp:"), options);
  if (g_str_has_prefix(text, "socket:"))
    return socket_is_up(step, text + strlen("socket:"), options);
  return file_is_up(step, resource, g_str_has_prefix(text, "file:") ? text + strlen("file:") : text, options);
}

/* --- the waits ------------------------------------------------------------------------------------------------- */

static double number_or(PinoStep *step, JSValueRef object, const char *name, double otherwise) {
  double number = pino_js_to_number(step->js, pino_js_get(step->js, object, name));
  return isfinite(number) && number >= 0 ? number : otherwise;
}

static GPtrArray *resources_of(PinoStep *step, JSValueRef on, GError **error) {
  g_autoptr(GPtrArray) resources = g_ptr_array_new_with_free_func(resource_free);
  JSValueRef list = pino_js_get(step->js, on, "resources");
  for (guint i = 0; i < pino_js_length(step->js, list); i++) {
    Resource *resource = g_new0(Resource, 1);
    resource->text = pino_js_to_utf8(step->js, pino_js_get_index(step->js, list, i));
    resource->size = -2;
    g_ptr_array_add(resources, resource);
  }
  if (resources->len > 0)
    return g_steal_pointer(&resources);
  g_set_error(
      error, PINO_ERROR, PINO_ERROR_USAGE,
      "process.wait's `on` wants resources: a list of file:, http(s)://, http(s)-get://, tcp: and socket:");
  return NULL;
}

static gboolean all_are_up(PinoStep *step, GPtrArray *resources, const WaitOptions *options) {
  gboolean all = TRUE;
  for (guint i = 0; i < resources->len; i++) {
    Resource *resource = resources->pdata[i];
    resource->up = resource_is_up(step, resource, options) != options->reverse;
    all = all && resource->up;
  }
  return all;
}

static void set_timed_out(GPtrArray *resources, const WaitOptions *options, GError **error) {
  g_autoptr(GString) names = g_string_new(NULL);
  for (guint i = 0; i < resources->len; i++) {
    Resource *resource = resources->pdata[i];
    if (!resource->up)
      g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", resource->text);
  }
  g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT, "process.wait: waited %g seconds in vain for %s",
              options->timeout / 1000, names->str);
}

static gboolean wait_on(PinoStep *step, JSValueRef on, GError **error) {
  g_autoptr(GPtrArray) resources = resources_of(step, on, error);
  if (resources == NULL)
    return FALSE;
  WaitOptions options = {
      .interval = number_or(step, on, "interval", 250),
      .delay = number_or(step, on, "delay", 0),
      .timeout = number_or(step, on, "timeout", 0),
      .window = number_or(step, on, "window", 750),
      .http_timeout = number_or(step, on, "httpTimeout", 5000),
      .tcp_timeout = number_or(step, on, "tcpTimeout", 300),
      .reverse = pino_js_truthy(step->js, pino_js_get(step->js, on, "reverse")),
  };
  GCancellable *cancellable = step->script->cancellable;
  gint64 started = g_get_monotonic_time();
  if (!pino_wait_ms((guint)options.delay, cancellable, error))
    return FALSE;
  while (!all_are_up(step, resources, &options)) {
    double waited = (double)(g_get_monotonic_time() - started) / 1000;
    if (options.timeout > 0 && waited >= options.timeout) {
      set_timed_out(resources, &options, error);
      return FALSE;
    }
    double pause = options.timeout > 0 ? MIN(options.interval, options.timeout - waited) : options.interval;
    if (!pino_wait_ms((guint)MAX(pause, 1), cancellable, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean wait_page(PinoStep *step, const char *url, GError **error) {
  double interval = number_or(step, step->params, "interval", 1) * 1000;
  g_autofree char *message = pino_js_get_utf8(step->js, step->params, "message");
  g_autofree char *line = message != NULL ? g_strconcat(message, "\r\n", NULL) : NULL;
  while (!page_is_up(step, "GET", url, (guint)MAX(interval, 1000))) {
    if (line != NULL)
      pino_step_print(step, line);
    if (!pino_wait_ms((guint)MAX(interval, 10), step->script->cancellable, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean wait_time(PinoStep *step, double seconds, GError **error) {
  if (!isfinite(seconds) || seconds < 0 || seconds > G_MAXUINT / 1000) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "process.wait: the time is no number of seconds");
    return FALSE;
  }
  return pino_wait_ms((guint)(seconds * 1000), step->script->cancellable, error);
}

/* An install that stays at its end, as older apps do, has come to it. */
static gboolean wait_until_stopped(PinoStep *step, GError **error) {
  gboolean never = FALSE;
  if (step->run->operating) {
    step->next = pino_js_null(step->js);
    return TRUE;
  }
  pino_script_set_waiting(step->script, TRUE);
  pino_wait(&never, step->script->cancellable, error);
  pino_script_set_waiting(step->script, FALSE);
  return FALSE;
}

static gboolean perform(PinoStep *step, GError **error) {
  PinoJs *js = step->js;
  JSValueRef params = step->params;
  if (pino_js_has(js, params, "app") || pino_js_has(js, params, "id") || pino_js_has(js, params, "name")) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
                "APP_NOT_FOUND: this machine has no desktop applications to wait for");
    return FALSE;
  }
  if (pino_js_truthy(js, pino_js_get(js, params, "sec")))
    return wait_time(step, pino_js_to_number(js, pino_js_get(js, params, "sec")), error);
  if (pino_js_truthy(js, pino_js_get(js, params, "min")))
    return wait_time(step, 60 * pino_js_to_number(js, pino_js_get(js, params, "min")), error);
  g_autofree char *uri = pino_js_get_utf8(js, params, "uri");
  g_autofree char *url = uri != NULL ? g_strdup(uri) : pino_js_get_utf8(js, params, "url");
  if (url != NULL && *url != '\0')
    return wait_page(step, url, error);
  JSValueRef on = pino_js_get(js, params, "on");
  if (pino_js_truthy(js, on))
    return wait_on(step, on, error);
  return wait_until_stopped(step, error);
}

static JSValueRef process_wait(PinoStep *step, GError **error) {
  pino_step_tell(step, "wait",
                 pino_js_is_object(step->js, step->params) ? step->params : pino_js_object(step->js));
  perform(step, error);
  return NULL;
}

const PinoMethod pino_methods_process[] = {
    {"process.wait", process_wait},
    {NULL, NULL},
};
