/* GET /v1/drive: what the home shares (storage/report.h). It looks at every shared file, so it is done on a thread. */
#include "server/internal.h"
#include "storage/report.h"

#include <string.h>

/* In the thread. */
static void look(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  const char *home = data;
  GError *error = NULL;
  g_autofree char *drive = pino_report_drive_dir(home);
  g_autoptr(JsonObject) report = pino_report_drive(home, drive, cancellable, &error);
  if (report == NULL) {
    g_task_return_error(task, error);
    return;
  }
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), report);
  char *text = json_to_string(node, FALSE);
  g_task_return_pointer(task, g_bytes_new_take(text, strlen(text)), (GDestroyNotify)g_bytes_unref);
}

static void on_looked(GObject *source, GAsyncResult *result, gpointer data) {
  PinoCall *call = data;
  GError *error = NULL;
  GBytes *view = g_task_propagate_pointer(G_TASK(result), &error);
  if (view == NULL)
    pino_call_fail(call, error);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, view);
}

static void answer_drive(PinoCall *call) {
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_looked, pino_call_hold(call));
  g_task_set_task_data(task, g_strdup(pino_call_server(call)->home), g_free);
  g_task_run_in_thread(task, look);
}

const PinoRoute pino_routes_drive[] = {
    {"GET", "/v1/drive", answer_drive, 0, NULL},
    {NULL, NULL, NULL, 0, NULL},
};
