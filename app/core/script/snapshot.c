/* The present state of a run as JSON (control/protocol.h). */
#include <string.h>

#include "base/json.h"
#include "script/internal.h"

#define REMEMBERED_SHELLS 32

static const char *json_bool(gboolean value) {
  return value ? "true" : "false";
}

/* What does not go into JSON is left out. */
static void append_value(GString *out, PinoRun *run, const char *name, JSValueRef value,
                         const char *otherwise) {
  g_autofree char *json = value != NULL && !pino_js_is_undefined(run->js, value)
                              ? pino_js_to_json(run->js, value, 0, NULL)
                              : NULL;
  g_string_append_printf(out, ",\"%s\":%s", name, json != NULL ? json : otherwise);
}

/* With the first script, so that they are kept with its memory. */
static void append_ports(GString *out, PinoRun *run) {
  g_string_append(out, ",\"ports\":[");
  for (guint i = 0; i < run->ports->len; i++)
    g_string_append_printf(out, "%s%u", i > 0 ? "," : "", g_array_index(run->ports, PinoKeptPort, i).port);
  g_string_append_c(out, ']');
}

static void append_script(GString *out, PinoScript *script) {
  PinoRun *run = script->run;
  PinoJs *js = run->js;
  JSValueRef memory = pino_js_get(js, run->world, "memory");
  g_string_append_c(out, '{');
  pino_json_append_member(out, "path", script->path);
  pino_json_append_member(out, "uri", script->uri);
  pino_json_append_member(out, "cwd", script->cwd);
  g_string_append_printf(out, ",\"main\":%s,\"ready\":%s,\"on_stop\":%s,\"step\":%d,\"total\":%d",
                         json_bool(script->is_main), json_bool(script->ready),
                         json_bool(pino_script_has_on_stop(script)), script->index, script->total);
  append_value(out, run, "local", pino_js_get(js, pino_js_get(js, memory, "local"), script->path), "{}");
  append_value(out, run, "global", pino_js_get(js, pino_js_get(js, memory, "global"), script->path), "{}");
  append_value(out, run, "args", script->entry != NULL ? pino_js_get(js, script->entry, "args") : NULL,
               "null");
  if (run->scripts->pdata[0] == script)
    append_ports(out, run);
  g_string_append_c(out, '}');
}

static void append_scripts(GString *out, PinoRun *run) {
  g_string_append(out, ",\"scripts\":[");
  for (guint i = 0; i < run->scripts->len; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    append_script(out, run->scripts->pdata[i]);
  }
  g_string_append_c(out, ']');
}

static void append_paths(GString *out, PinoRun *run, const char *name, const char *function) {
  append_value(out, run, name, pino_run_invoke(run, run->world, function, 0, NULL, NULL), "[]");
}

/* --- shells --------------------------------------------------------------------------------------------------------- */

char *pino_shell_entry_json(const PinoScriptShell *entry) {
  GString *out = g_string_new("{");
  gboolean running = entry->shell != NULL && pino_shell_is_running(entry->shell);
  pino_json_append_member(out, "id", entry->name);
  pino_json_append_member(out, "script", entry->script->path);
  pino_json_append_member(out, "command", entry->command);
  pino_json_append_member(out, "log", entry->log);
  g_string_append_printf(
      out, ",\"index\":%d,\"pid\":%d,\"offset\":%" G_GUINT64_FORMAT ",\"running\":%s,\"background\":%s",
      entry->index, (int)pino_shell_pid(entry->shell), pino_shell_log_offset(entry->shell),
      json_bool(running), json_bool(entry->background));
  if (entry->exited)
    g_string_append_printf(out, ",\"exit\":%d", entry->exit_code);
  g_string_append_c(out, '}');
  return g_string_free(out, FALSE);
}

void pino_run_remember_shell(PinoRun *run, const PinoScriptShell *entry) {
  g_queue_push_tail(&run->gone, pino_shell_entry_json(entry));
  if (g_queue_get_length(&run->gone) > REMEMBERED_SHELLS)
    g_free(g_queue_pop_head(&run->gone));
  pino_run_changed(run);
}

static void append_item(GString *out, const char *json) {
  if (out->str[out->len - 1] != '[')
    g_string_append_c(out, ',');
  g_string_append(out, json);
}

static void append_shells(GString *out, PinoRun *run) {
  g_string_append(out, ",\"shells\":[");
  for (GList *at = run->gone.head; at != NULL; at = at->next)
    append_item(out, at->data);
  for (guint i = 0; i < run->scripts->len; i++) {
    PinoScript *script = run->scripts->pdata[i];
    for (guint j = 0; j < script->shells->len; j++) {
      const PinoScriptShell *entry = script->shells->pdata[j];
      g_autofree char *json = entry->shell != NULL ? pino_shell_entry_json(entry) : NULL;
      if (json != NULL)
        append_item(out, json);
    }
  }
  g_string_append_c(out, ']');
}

/* --- the whole ------------------------------------------------------------------------------------------------------ */

/* The main script tells; when only daemons are left that it started, they do. */
static const char *phase_of(PinoRun *run) {
  if (run->operating)
    return "steps";
  if (run->ending || (run->main != NULL && run->main->closing))
    return "stopping";
  if (run->main != NULL)
    return run->main->ready || run->main->waiting ? "ready" : "steps";
  for (guint i = 0; i < run->scripts->len; i++) {
    const PinoScript *script = run->scripts->pdata[i];
    if (!script->ready && !script->waiting)
      return "steps";
  }
  return run->scripts->len > 0 ? "ready" : "steps";
}

char *pino_run_snapshot(PinoRun *run) {
  GString *out = g_string_new(NULL);
  g_string_append_printf(out, "\"phase\":\"%s\",\"step\":%d,\"total\":%d", phase_of(run), run->step_index,
                         run->step_total);
  pino_json_append_member(out, "method", run->step_method);
  pino_json_append_member(out, "opened", run->opened);
  g_string_append_printf(out, ",\"settled\":%s", json_bool(pino_run_is_settled(run)));
  append_scripts(out, run);
  append_paths(out, run, "finished", "finishedPaths");
  append_paths(out, run, "failed", "failedPaths");
  append_shells(out, run);
  return g_string_free(out, FALSE);
}
