/* Stopping. A runner that is at work is asked to end and does all of it: its steps, `on.stop`, its shells. A run whose
 * runner has left gets another one for `on.stop`; its shells are then ended here. Who does not end when asked is asked
 * again, and then killed. */
#include <string.h>

#include "base/error.h"
#include "engine/internal.h"

#define PATIENCE_S 60 /* for `on.stop`, before it is ended too */
#define IMPATIENCE_S 10

static guint grace_ms(PinoLive *live) {
  return (guint)pino_engine_setting(live->engine, "stop.grace_ms");
}

static gboolean on_late(gpointer data);

static void arm(PinoLive *live, guint seconds) {
  if (live->stop_source != 0)
    g_source_remove(live->stop_source);
  live->stop_source = g_timeout_add_seconds(seconds, on_late, live);
}

/* A process that has connected once and does not hold a line any more is only on its way out. */
static gboolean runner_works(const PinoLive *live) {
  return (live->channel != NULL && !live->over) || (live->pid != 0 && !live->came) || live->awaited;
}

static gboolean on_late(gpointer data) {
  PinoLive *live = data;
  live->stop_source = 0;
  live->stop_stage++;
  if (!runner_works(live)) {
    pino_stop_go_on(live);
    return G_SOURCE_REMOVE;
  }
  if (live->stop_stage == 1) {
    pino_runner_send(live, "cancel");
    arm(live, IMPATIENCE_S);
  } else {
    live->on_stop = FALSE;
    pino_runner_kill(live);
  }
  return G_SOURCE_REMOVE;
}

void pino_stop_watch(PinoLive *live) {
  arm(live, PATIENCE_S);
}

void pino_stop_live(PinoLive *live) {
  gboolean again = live->stop_wanted;
  live->stop_wanted = TRUE;
  if (live->state == PINO_LIVE_WAITING) {
    pino_live_end(live, PINO_LIVE_STOPPED, NULL);
    return;
  }
  if (live->state < PINO_LIVE_STOPPING)
    pino_live_set_state(live, PINO_LIVE_STOPPING);
  if (runner_works(live)) {
    /* Also when it was told to leave: who has left does not hear it, who did not would stay. */
    if (live->channel != NULL && live->begun)
      pino_runner_send(live, "cancel");
    live->to_cancel = FALSE;
    if (!again)
      arm(live, PATIENCE_S);
    return;
  }
  pino_stop_go_on(live);
}

void pino_stop_shells(PinoLive *live) {
  pino_adopt_all(live);
  for (guint i = 0; i < live->shells->len; i++) {
    PinoLiveShell *shell = live->shells->pdata[i];
    if (shell->running && shell->keeper != NULL)
      pino_keeper_stop(shell->keeper, grace_ms(live));
  }
}

void pino_stop_script(PinoLive *live, const char *path) {
  for (guint i = 0; i < live->shells->len; i++) {
    PinoLiveShell *shell = live->shells->pdata[i];
    if (shell->running && shell->keeper != NULL && g_strcmp0(shell->script, path) == 0)
      pino_keeper_stop(shell->keeper, grace_ms(live));
  }
  for (guint i = 0; live->scripts != NULL && i < json_array_get_length(live->scripts); i++) {
    JsonObject *entry = json_array_get_object_element(live->scripts, i);
    if (g_strcmp0(json_object_get_string_member_with_default(entry, "path", NULL), path) != 0)
      continue;
    json_array_remove_element(live->scripts, i);
    break;
  }
  pino_live_changed(live, TRUE);
}

static gboolean begin_on_stop(PinoLive *live) {
  g_autoptr(GError) error = NULL;
  if (live->for_stop || !live->on_stop || live->row->ready_at == 0 || live->state != PINO_LIVE_STOPPING)
    return FALSE;
  live->for_stop = TRUE;
  if (!pino_runner_spawn(live, &error)) {
    pino_engine_trouble(live->engine, "a script's on.stop cannot be run", error);
    return FALSE;
  }
  arm(live, PATIENCE_S);
  return TRUE;
}

void pino_stop_go_on(PinoLive *live) {
  gboolean works = live->channel != NULL && live->begun;
  gboolean comes = live->for_stop && live->pid != 0 && !live->came;
  if ((!live->over && (works || comes)) || begin_on_stop(live))
    return;
  pino_stop_shells(live);
  if (pino_live_running_shells(live) > 0)
    return;
  if (live->state > PINO_LIVE_STOPPING) {
    pino_stop_done(live);
    pino_live_changed(live, TRUE);
    pino_live_release(live);
    return;
  }
  pino_live_end(live, PINO_LIVE_STOPPED, NULL);
}

/* --- waiting for it -------------------------------------------------------------------------------------------- */

static gboolean on_done(gpointer data) {
  g_autoptr(GTask) task = data;
  g_task_return_boolean(task, TRUE);
  return G_SOURCE_REMOVE;
}

/* In a turn of its own: who is told may call into the engine. */
void pino_stop_tell(GTask *task) {
  g_idle_add_full(G_PRIORITY_DEFAULT, on_done, task, NULL);
}

void pino_stop_done(PinoLive *live) {
  while (live->stoppers->len > 0)
    pino_stop_tell(g_ptr_array_steal_index(live->stoppers, 0));
}

void pino_stop_give_up(PinoEngine *engine) {
  g_autoptr(GPtrArray) tasks = g_ptr_array_new_with_free_func(g_object_unref);
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    GPtrArray *stoppers = ((PinoLive *)value)->stoppers;
    while (stoppers->len > 0)
      g_ptr_array_add(tasks, g_ptr_array_steal_index(stoppers, 0));
  }
  for (guint i = 0; i < tasks->len; i++)
    g_task_return_new_error(tasks->pdata[i], PINO_ERROR, PINO_ERROR_CANCELLED, "the engine ends");
}

void pino_stop_run(PinoEngine *engine, const char *run, GAsyncReadyCallback callback, gpointer data) {
  g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, data);
  PinoLive *live = pino_live_find(engine, run);
  if (live == NULL) {
    g_autoptr(GError) error = NULL;
    g_autoptr(PinoRunRow) row = pino_library_run(engine->library, run, &error);
    if (row == NULL)
      g_task_return_error(task, g_steal_pointer(&error));
    else
      g_task_return_boolean(task, TRUE);
    return;
  }
  if (pino_live_is_over(live)) {
    g_task_return_boolean(task, TRUE);
    return;
  }
  g_ptr_array_add(live->stoppers, g_object_ref(task));
  pino_stop_live(live);
}

/* One that has ended may be about to be started again. */
void pino_engine_stop_run(PinoEngine *engine, const char *run, GAsyncReadyCallback callback, gpointer data) {
  const PinoLive *live = pino_live_find(engine, run);
  g_autoptr(PinoRunRow) row = live == NULL ? pino_library_run(engine->library, run, NULL) : NULL;
  if (live != NULL)
    pino_restart_forget(engine, live->row->script);
  else if (row != NULL)
    pino_restart_forget(engine, row->script);
  pino_stop_run(engine, run, callback, data);
}

typedef struct {
  GTask *task;
  guint left;
  GError *error; /* the first */
} Several;

static void several_done(Several *several) {
  if (--several->left > 0)
    return;
  if (several->error != NULL)
    g_task_return_error(several->task, several->error);
  else
    g_task_return_boolean(several->task, TRUE);
  g_object_unref(several->task);
  g_free(several);
}

static void on_one_stopped(GObject *source, GAsyncResult *result, gpointer data) {
  Several *several = data;
  g_autoptr(GError) error = NULL;
  if (!g_task_propagate_boolean(G_TASK(result), &error) && several->error == NULL)
    several->error = g_steal_pointer(&error);
  several_done(several);
}

/* Scripts of the app that run inside of other apps' runs. */
static void stop_guests(PinoEngine *engine, const char *app, Several *several) {
  g_autoptr(GPtrArray) owners = g_ptr_array_new();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    if (g_strcmp0(((PinoLive *)value)->row->app_id, app) != 0)
      g_ptr_array_add(owners, value);
  }
  for (guint i = 0; i < owners->len; i++) {
    PinoLive *owner = owners->pdata[i];
    g_autoptr(GPtrArray) paths = pino_live_guests(owner, app);
    for (guint j = 0; j < paths->len; j++) {
      several->left++;
      pino_query_stop_guest(owner, paths->pdata[j], g_task_new(NULL, NULL, on_one_stopped, several));
    }
  }
}

void pino_engine_stop_app(PinoEngine *engine, const char *app, GAsyncReadyCallback callback, gpointer data) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, data);
  g_autofree char *folder = app != NULL ? pino_application_path(engine, app, &error) : NULL;
  g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func(g_free);
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoLive *live = value;
    if (app == NULL || g_strcmp0(live->row->app_id, app) == 0)
      g_ptr_array_add(runs, g_strdup(live->row->id));
  }
  if (error != NULL && runs->len == 0) {
    g_task_return_error(task, g_steal_pointer(&error));
    return;
  }
  if (app == NULL)
    pino_tunnels_close_all(engine);
  pino_restart_forget_app(engine, app);
  Several *several = g_new0(Several, 1);
  *several = (Several){.task = g_object_ref(task), .left = runs->len + 1};
  for (guint i = 0; i < runs->len; i++)
    pino_engine_stop_run(engine, runs->pdata[i], on_one_stopped, several);
  if (app != NULL)
    stop_guests(engine, app, several);
  several_done(several);
}

gboolean pino_engine_stop_finish(PinoEngine *engine, GAsyncResult *result, GError **error) {
  return g_task_propagate_boolean(G_TASK(result), error);
}
