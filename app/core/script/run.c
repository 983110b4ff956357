#include "script/run.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wait.h"
#include "pinokiocloud-script.h"
#include "script/internal.h"
#include "script/progress.h"
#include "script/resolve.h"

const char *pino_outcome_name(PinoOutcome outcome) {
  static const char *const names[] = {
      [PINO_OUTCOME_STOPPED] = "stopped",
      [PINO_OUTCOME_DAEMON] = "daemon",
      [PINO_OUTCOME_ERROR] = "error",
      [PINO_OUTCOME_CANCELLED] = "cancelled",
  };
  return names[outcome];
}

/* What console.* prints goes to the log of the script that runs, never between its output. */
static void on_console(const char *level, const char *text, gpointer data) {
  PinoRun *run = data;
  g_autofree char *folder =
      run->main != NULL ? g_strdup(run->main->log_dir) : g_build_filename(run->home, "logs", "api", NULL);
  g_autofree char *file = g_build_filename(folder, "console.log", NULL);
  g_autoptr(GDateTime) now = g_date_time_new_now_local();
  g_autofree char *stamp = g_date_time_format(now, "%F %T");
  g_autofree char *line = g_strdup_printf("%s %s: %s\n", stamp, level, text);
  if (g_mkdir_with_parents(folder, 0777) != 0)
    return;
  g_autoptr(GFile) target = g_file_new_for_path(file);
  g_autoptr(GFileOutputStream) stream = g_file_append_to(target, G_FILE_CREATE_NONE, NULL, NULL);
  if (stream != NULL)
    g_output_stream_write_all(G_OUTPUT_STREAM(stream), line, strlen(line), NULL, NULL, NULL);
}

static JSObjectRef internal_module(PinoRun *run, const char *name) {
  g_autoptr(GError) error = NULL;
  JSValueRef exports = pino_js_internal(run->js, name, &error);
  if (exports == NULL)
    g_error("the engine's own %s does not load: %s", name, error->message);
  return (JSObjectRef)pino_js_hold(run->js, exports);
}

void pino_run_cancel(PinoRun *run) {
  g_mutex_lock(&run->lock);
  g_autoptr(GCancellable) cancellable = g_object_ref(run->cancellable);
  g_mutex_unlock(&run->lock);
  g_cancellable_cancel(cancellable);
}

static void on_option_cancelled(GCancellable *cancellable, gpointer data) {
  pino_run_cancel(data);
}

void pino_run_renew(PinoRun *run) {
  if (!g_cancellable_is_cancelled(run->cancellable))
    return;
  GCancellable *fresh = g_cancellable_new();
  g_mutex_lock(&run->lock);
  GCancellable *old = run->cancellable;
  run->cancellable = fresh;
  g_mutex_unlock(&run->lock);
  g_object_unref(old);
  pino_js_set_cancellable(run->js, fresh);
}

PinoRun *pino_run_new(const PinoRunOptions *options) {
  PinoRun *run = g_new0(PinoRun, 1);
  run->home = g_strdup(options->home);
  run->keeper = g_strdup(options->keeper);
  run->options = *options;
  if (options->cancellable != NULL)
    g_object_ref(options->cancellable);
  g_mutex_init(&run->lock);
  run->cancellable = g_cancellable_new();
  run->scripts = g_ptr_array_new();
  run->turns = g_ptr_array_new();
  run->ports = g_array_new(FALSE, FALSE, sizeof(PinoKeptPort));
  run->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  PinoJsOptions js = {
      .time_limit = options->time_limit,
      .console = on_console,
      .console_data = run,
      .cancellable = run->cancellable,
  };
  run->run_id = g_strdup(options->run_id);
  run->run_dir = g_strdup(options->run_dir);
  run->shells_made = options->shells_before;
  run->step_index = run->step_total = -1;
  run->has_registry = options->registry != NULL;
  if (run->has_registry)
    run->registry = *options->registry;
  g_queue_init(&run->gone);
  g_resources_register(pinokiocloud_script_get_resource());
  run->js = pino_js_new(&js);
  pino_script_natives(run);
  run->world = internal_module(run, "pino:world");
  if (options->cancellable != NULL)
    run->option_cancelled =
        g_cancellable_connect(options->cancellable, G_CALLBACK(on_option_cancelled), run, NULL);
  run->step = internal_module(run, "pino:step");
  run->keypath = internal_module(run, "pino:keypath");
  return run;
}

typedef struct {
  PinoRun *run;
  GSource *source;
  PinoTurnFunc function;
  gpointer data;
  GDestroyNotify free_data;
} Turn;

static gboolean on_turn(gpointer data) {
  Turn *turn = data;
  turn->function(turn->data);
  return G_SOURCE_REMOVE;
}

static void turn_free(gpointer data) {
  Turn *turn = data;
  g_ptr_array_remove(turn->run->turns, turn->source);
  turn->free_data(turn->data);
  g_free(turn);
}

void pino_run_later(PinoRun *run, PinoTurnFunc function, gpointer data, GDestroyNotify free_data) {
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
  g_autoptr(GSource) source = g_idle_source_new();
  Turn *turn = g_new0(Turn, 1);
  *turn = (Turn){.run = run, .source = source, .function = function, .data = data, .free_data = free_data};
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, on_turn, turn, turn_free);
  g_ptr_array_add(run->turns, source);
  g_source_attach(source, context);
}

void pino_run_close_all(PinoRun *run, gboolean run_on_stop) {
  run->closing = TRUE;
  for (guint left = run->scripts->len; left > 0; left = run->scripts->len) {
    pino_script_close(run->scripts->pdata[left - 1], run_on_stop);
    if (run->scripts->len == left)
      break;
  }
}

void pino_run_free(PinoRun *run) {
  if (run == NULL)
    return;
  pino_run_close_all(run, FALSE);
  pino_run_set_progress(run, NULL, FALSE);
  while (run->turns->len > 0)
    g_source_destroy(run->turns->pdata[run->turns->len - 1]);
  g_ptr_array_unref(run->turns);
  g_ptr_array_unref(run->scripts);
  g_free(run->restart_main);
  g_hash_table_unref(run->told);
  pino_js_free(run->js);
  if (run->option_cancelled != 0)
    g_cancellable_disconnect(run->options.cancellable, run->option_cancelled);
  g_clear_object(&run->options.cancellable);
  g_object_unref(run->cancellable);
  g_mutex_clear(&run->lock);
  g_queue_clear_full(&run->gone, g_free);
  g_free(run->step_method);
  g_free(run->opened);
  for (guint i = 0; i < run->ports->len; i++)
    close(g_array_index(run->ports, PinoKeptPort, i).fd);
  g_array_unref(run->ports);
  g_free(run->run_id);
  g_free(run->run_dir);
  g_free(run->keeper);
  g_free(run->home);
  g_free(run);
}

const char *pino_run_home(PinoRun *run) {
  return run->home;
}

JSValueRef pino_run_invoke(PinoRun *run, JSObjectRef module, const char *function, size_t argc,
                           const JSValueRef argv[], GError **error) {
  JSValueRef callee = pino_js_get(run->js, module, function);
  return pino_js_call(run->js, (JSObjectRef)callee, NULL, argc, argv, error);
}

static gboolean is_of_the_service(PinoEventType type) {
  return type == PINO_EVENT_SHELL || type == PINO_EVENT_EXIT || type == PINO_EVENT_READY;
}

void pino_run_emit(PinoRun *run, PinoEvent *event) {
  if (run->operating && event->type == PINO_EVENT_END)
    return;
  pino_progress_note(run, event);
  if (run->listener != NULL)
    run->listener(event, run->listener_data);
  if (run->options.sink != NULL && (run->options.all_events || !is_of_the_service(event->type)))
    run->options.sink(event, run->options.data);
}

void pino_run_changed(PinoRun *run) {
  if (run->options.changed != NULL)
    run->options.changed(run->options.changed_data);
}

static void emit_end(PinoRun *run, PinoOutcome outcome, const char *local) {
  PinoEvent event = {.type = PINO_EVENT_END, .index = -1, .name = pino_outcome_name(outcome), .data = local};
  pino_run_emit(run, &event);
}

/* Only what failed before any step: a step that fails has told so itself. */
static void emit_error(PinoRun *run, const char *message) {
  PinoEvent event = {.type = PINO_EVENT_ERROR, .index = -1, .message = message};
  pino_run_emit(run, &event);
}

void pino_run_finish(PinoRun *run, PinoOutcome outcome, const char *message, gboolean run_on_stop) {
  run->ending = TRUE;
  pino_run_changed(run);
  pino_run_renew(run);
  pino_run_close_all(run, run_on_stop);
  if (message != NULL)
    emit_error(run, message);
  emit_end(run, outcome, NULL);
}

static JSValueRef parse_input(PinoRun *run, const char *input, GError **error) {
  if (input == NULL)
    return pino_js_object(run->js);
  JSValueRef value = pino_js_from_json(run->js, input, error);
  if (value == NULL)
    g_prefix_error(error, "the input is not JSON: ");
  return value;
}

PinoOutcome pino_run_restart_while_asked(PinoRun *run, PinoOutcome outcome, GError **error) {
  while (run->restart_main != NULL && run->main == NULL && !g_cancellable_is_cancelled(run->cancellable)) {
    g_autofree char *about = g_steal_pointer(&run->restart_main);
    g_clear_error(error);
    outcome = pino_script_start_again(run, about, error);
  }
  return outcome;
}

PinoOutcome pino_run_script(PinoRun *run, const char *path, const char *input, GError **error) {
  g_autoptr(GError) found = NULL;
  PinoOutcome outcome = PINO_OUTCOME_ERROR;
  run->closing = run->ending = FALSE;
  JSValueRef args = parse_input(run, input, &found);
  if (args != NULL)
    outcome = pino_script_run(run, path, path, NULL, args, TRUE, NULL, &found);
  else
    emit_error(run, found->message);
  outcome = pino_run_restart_while_asked(run, outcome, &found);
  if (outcome == PINO_OUTCOME_STOPPED && run->run_id != NULL && run->scripts->len > 0)
    outcome = PINO_OUTCOME_DAEMON; /* the daemons that it started stay */
  if (outcome != PINO_OUTCOME_DAEMON) {
    pino_run_finish(run, outcome, NULL, outcome == PINO_OUTCOME_CANCELLED);
  } else {
    g_autofree char *local = pino_run_local(run, path);
    emit_end(run, outcome, local);
  }
  if (found != NULL)
    g_propagate_error(error, g_steal_pointer(&found));
  return outcome;
}

gboolean pino_run_is_busy(PinoRun *run) {
  for (guint i = 0; i < run->scripts->len; i++) {
    PinoScript *script = run->scripts->pdata[i];
    for (guint j = 0; j < script->shells->len; j++) {
      PinoScriptShell *entry = script->shells->pdata[j];
      if (entry->shell != NULL && pino_shell_is_running(entry->shell))
        return TRUE;
    }
    if (script->depth > 0)
      return TRUE;
  }
  return FALSE;
}

gboolean pino_run_serve(PinoRun *run, gboolean leave_when_over) {
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
  gboolean over = FALSE;
  run->woken = leave_when_over && run->main != NULL && run->main->shells->len > 0 && !pino_run_is_busy(run);
  while (run->main != NULL && !over && pino_wait(&run->woken, run->cancellable, NULL)) {
    /* What the end set off (an action) has its turn first. */
    while (g_main_context_iteration(context, FALSE)) {
    }
    run->woken = FALSE;
    pino_run_restart_while_asked(run, PINO_OUTCOME_DAEMON, NULL);
    over = leave_when_over && run->main != NULL && !pino_run_is_busy(run);
  }
  pino_run_renew(run);
  pino_run_close_all(run, TRUE);
  return over;
}

char *pino_run_local(PinoRun *run, const char *path) {
  JSValueRef memory = pino_js_get(run->js, run->world, "memory");
  JSValueRef local = pino_js_get(run->js, pino_js_get(run->js, memory, "local"), path);
  char *json = pino_js_to_json(run->js, local, 0, NULL);
  return json != NULL ? json : g_strdup("{}");
}

char *pino_run_show(PinoRun *run, const char *path, GError **error) {
  JSValueRef body = pino_load_script(run, path, error);
  return body != NULL ? pino_js_to_json(run->js, body, 2, error) : NULL;
}

char *pino_run_call_json(PinoRun *run, const char *module, const char *function, const char *argument,
                         GError **error) {
  JSValueRef exports = pino_js_internal(run->js, module, error);
  if (exports == NULL)
    return NULL;
  JSValueRef argv[] = {pino_js_from_json(run->js, argument, error)};
  if (argv[0] == NULL)
    return NULL;
  JSValueRef value = pino_run_invoke(run, (JSObjectRef)exports, function, 1, argv, error);
  value = value != NULL ? pino_js_await(run->js, value, error) : NULL;
  return value != NULL ? pino_js_to_json(run->js, value, 0, error) : NULL;
}
