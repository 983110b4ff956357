/* GET /v1/machine: what doctor tells (environment/checkup.h). Looking takes seconds where something hangs, so it is done on a
 * thread; who asks meanwhile waits for the same look, and a look serves for 10 seconds. */
#include "environment/checkup.h"
#include "server/internal.h"

#define FRESH_US (10 * G_USEC_PER_SEC)

struct _PinoMachineDesk {
  char *version;
  GBytes *view; /* NULL: none yet */
  gint64 made;  /* monotonic */
  gboolean looking;
  gboolean given_up;  /* the server has gone while the thread looks: the end of the look frees */
  GPtrArray *waiting; /* PinoCall that are held */
};

PinoMachineDesk *pino_machine_desk_new(const char *version) {
  PinoMachineDesk *desk = g_new0(PinoMachineDesk, 1);
  desk->version = g_strdup(version);
  desk->waiting = g_ptr_array_new();
  return desk;
}

static void desk_clear(PinoMachineDesk *desk) {
  g_clear_pointer(&desk->view, g_bytes_unref);
  g_ptr_array_unref(desk->waiting);
  g_free(desk->version);
  g_free(desk);
}

void pino_machine_desk_free(PinoMachineDesk *desk) {
  if (desk == NULL)
    return;
  desk->given_up = TRUE;
  if (!desk->looking)
    desk_clear(desk);
}

/* In the thread. */
static void look(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  PinoCheckupOptions options = {.version = data, .platform = g_getenv("PINOKIO_PLATFORM")};
  g_autoptr(PinoCheckup) checkup = pino_checkup_new(&options, NULL);
  if (checkup == NULL) { /* the variable names no platform: then none is forced */
    options.platform = NULL;
    checkup = pino_checkup_new(&options, NULL);
  }
  GString *out = g_string_new(NULL);
  pino_checkup_append_json(checkup, out);
  g_string_append_c(out, '\n');
  g_task_return_pointer(task, g_string_free_to_bytes(out), (GDestroyNotify)g_bytes_unref);
}

static void on_looked(GObject *source, GAsyncResult *result, gpointer data) {
  PinoMachineDesk *desk = data;
  g_autoptr(GPtrArray) waiting = desk->waiting;
  desk->waiting = g_ptr_array_new();
  g_clear_pointer(&desk->view, g_bytes_unref);
  desk->view = g_task_propagate_pointer(G_TASK(result), NULL);
  desk->made = g_get_monotonic_time();
  desk->looking = FALSE;
  for (guint i = 0; i < waiting->len; i++)
    pino_call_answer(waiting->pdata[i], SOUP_STATUS_OK, NULL, g_bytes_ref(desk->view));
  if (desk->given_up)
    desk_clear(desk);
}

static void answer_machine(PinoCall *call) {
  PinoMachineDesk *desk = pino_call_server(call)->machine;
  if (desk->view != NULL && g_get_monotonic_time() - desk->made < FRESH_US) {
    pino_call_answer(call, SOUP_STATUS_OK, NULL, g_bytes_ref(desk->view));
    return;
  }
  g_ptr_array_add(desk->waiting, pino_call_hold(call));
  if (desk->looking)
    return;
  desk->looking = TRUE;
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_looked, desk);
  g_task_set_task_data(task, g_strdup(desk->version), g_free);
  g_task_run_in_thread(task, look);
}

const PinoRoute pino_routes_machine[] = {
    {"GET", "/v1/machine", answer_machine, 0, NULL},
    {NULL, NULL, NULL, 0, NULL},
};
