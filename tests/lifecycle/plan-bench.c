#include "plan-bench.h"

#include <string.h>

void plan_set_up(PlanBench *bench, gconstpointer data) {
  bench->dir = test_dir_make();
  bench->folder = test_path(&bench->dir, "api/app");
  PinoRunOptions options = {.home = bench->dir.path, .terminal = -1};
  bench->run = pino_run_new(&options);
  bench->spec =
      (PinoPlanSpec){.folder = bench->folder,
                     .offline = TRUE,
                     .machine = {.gpu = "none", .ram_bytes = 64ull << 30, .disk_free = 1000000000000}};
}

static void forget(PlanBench *bench) {
  g_clear_pointer(&bench->json, g_free);
  g_clear_pointer(&bench->node, json_node_unref);
}

void plan_tear_down(PlanBench *bench, gconstpointer data) {
  forget(bench);
  if (bench->service != NULL)
    g_socket_service_stop(bench->service);
  g_clear_object(&bench->service);
  g_clear_object(&bench->cancellable);
  g_free((char *)bench->spec.api);
  pino_run_free(bench->run);
  g_free(bench->folder);
  test_dir_clear(&bench->dir);
}

void plan_put(PlanBench *bench, const char *name, const char *text) {
  g_autofree char *path = g_build_filename("api/app", name, NULL);
  test_put(&bench->dir, path, text);
}

void plan_launcher(PlanBench *bench, const char *fields) {
  g_autofree char *text = g_strdup_printf(
      "module.exports = {title: 'T', %s%smenu: [{text: 'Install', default: true, href: 'install.js'}]}",
      fields, *fields != '\0' ? ", " : "");
  plan_put(bench, "pinokio.js", text);
}

void plan_steps(PlanBench *bench, const char *steps) {
  g_autofree char *text = g_strdup_printf("module.exports = {run: %s}", steps);
  plan_put(bench, "install.js", text);
  plan_launcher(bench, "");
}

void plan_make(PlanBench *bench) {
  g_autoptr(GError) error = NULL;
  forget(bench);
  bench->json = pino_plan_make(bench->run, &bench->spec, bench->cancellable, &error);
  g_assert_no_error(error);
  bench->node = json_from_string(bench->json, &error);
  g_assert_no_error(error);
  bench->plan = json_node_get_object(bench->node);
}

const char *plan_text_of(JsonObject *object, const char *name) {
  return json_object_get_string_member_with_default(object, name, "");
}

JsonObject *plan_part(PlanBench *bench, const char *name) {
  return json_object_get_object_member(bench->plan, name);
}

char *plan_outline(PlanBench *bench) {
  JsonArray *steps = json_object_get_array_member(bench->plan, "steps");
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < json_array_get_length(steps); i++) {
    JsonObject *step = json_array_get_object_element(steps, i);
    const char *when = plan_text_of(step, "when");
    if (!g_str_equal(when, "no"))
      g_string_append_printf(out, "%s %s%s\n", plan_text_of(step, "label"),
                             g_str_equal(when, "unknown") ? "? " : "", plan_text_of(step, "text"));
  }
  return g_string_free(out, FALSE);
}

void plan_expect(PlanBench *bench, const char *outline) {
  plan_make(bench);
  g_autofree char *found = plan_outline(bench);
  g_assert_cmpstr(found, ==, outline);
}

JsonObject *plan_step(PlanBench *bench, const char *label) {
  JsonArray *steps = json_object_get_array_member(bench->plan, "steps");
  for (guint i = 0; i < json_array_get_length(steps); i++) {
    JsonObject *step = json_array_get_object_element(steps, i);
    if (g_str_equal(plan_text_of(step, "label"), label))
      return step;
  }
  g_error("there is no step %s in %s", label, bench->json);
}

JsonObject *plan_item(PlanBench *bench, const char *what) {
  JsonArray *steps = json_object_get_array_member(bench->plan, "steps");
  for (guint i = 0; i < json_array_get_length(steps); i++) {
    JsonArray *items = json_object_get_array_member(json_array_get_object_element(steps, i), "items");
    for (guint j = 0; j < json_array_get_length(items); j++) {
      JsonObject *item = json_array_get_object_element(items, j);
      if (g_str_equal(plan_text_of(item, "what"), what))
        return item;
    }
  }
  g_error("there is no %s in %s", what, bench->json);
}

gint64 plan_bytes(PlanBench *bench, const char *what) {
  return json_object_get_int_member_with_default(plan_item(bench, what), "bytes", -1);
}

gboolean plan_says(PlanBench *bench, const char *text) {
  JsonArray *reasons = json_object_get_array_member(bench->plan, "reasons");
  for (guint i = 0; i < json_array_get_length(reasons); i++) {
    if (strstr(plan_text_of(json_array_get_object_element(reasons, i), "text"), text) != NULL)
      return TRUE;
  }
  return FALSE;
}

/* --- the server ---- */

static const Answer *answer_for(PlanBench *bench, const char *path) {
  for (const Answer *answer = bench->answers; answer->path != NULL; answer++) {
    if (g_str_equal(answer->path, path))
      return answer;
  }
  return NULL;
}

/* "HEAD /path HTTP/1.1"; FALSE: there is no more. */
static gboolean read_request(GDataInputStream *in, char **path) {
  g_autofree char *first = g_data_input_stream_read_line(in, NULL, NULL, NULL);
  if (first == NULL)
    return FALSE;
  g_auto(GStrv) words = g_strsplit(first, " ", 3);
  *path = g_strdup(words[1] != NULL ? words[1] : "");
  for (;;) {
    g_autofree char *line = g_data_input_stream_read_line(in, NULL, NULL, NULL);
    if (line == NULL || *g_strstrip(line) == '\0')
      return TRUE;
  }
}

static gboolean on_connection(GThreadedSocketService *service, GSocketConnection *connection, GObject *source,
                              gpointer data) {
  PlanBench *bench = data;
  g_autoptr(GDataInputStream) in =
      g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
  GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
  g_autofree char *path = NULL;
  if (!read_request(in, &path))
    return TRUE;
  g_atomic_int_inc(&bench->asked);
  const Answer *answer = answer_for(bench, path);
  if (answer != NULL && answer->status == 0) {
    char byte;
    g_input_stream_read(G_INPUT_STREAM(in), &byte, 1, NULL, NULL); /* until the client goes */
    return TRUE;
  }
  const char *body = answer != NULL && answer->body != NULL ? answer->body : "";
  g_autofree char *text =
      g_strdup_printf("HTTP/1.1 %d X\r\nConnection: close\r\n%s\r\n%s", answer != NULL ? answer->status : 404,
                      answer != NULL && answer->head != NULL ? answer->head : "", body);
  g_output_stream_write_all(out, text, strlen(text), NULL, NULL, NULL);
  return TRUE;
}

void plan_serve(PlanBench *bench, const Answer *answers) {
  bench->answers = answers;
  bench->service = g_threaded_socket_service_new(40);
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new(loopback, 0);
  g_autoptr(GSocketAddress) taken = NULL;
  g_autoptr(GError) error = NULL;
  g_socket_listener_add_address(G_SOCKET_LISTENER(bench->service), address, G_SOCKET_TYPE_STREAM,
                                G_SOCKET_PROTOCOL_TCP, NULL, &taken, &error);
  g_assert_no_error(error);
  bench->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(taken));
  g_signal_connect(bench->service, "run", G_CALLBACK(on_connection), bench);
  g_socket_service_start(bench->service);
  bench->spec.api = plan_url(bench, "");
  bench->spec.offline = FALSE;
}

char *plan_url(PlanBench *bench, const char *path) {
  return g_strdup_printf("http://127.0.0.1:%u%s", bench->port, path);
}
