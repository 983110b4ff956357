#include "script/methods/shellparams.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/message.h"
#include "storage/atomic.h"

/* --- message ---------------------------------------------------------------------------------------------------- */

static gboolean is_unrendered(const char *text) {
  return g_str_has_prefix(text, "{{") && g_str_has_suffix(text, "}}");
}

static void add_positional(PinoStep *step, GStrvBuilder *words, JSValueRef value) {
  guint count = pino_js_is_array(step->js, value) ? pino_js_length(step->js, value) : 1;
  for (guint i = 0; i < count; i++) {
    JSValueRef item = pino_js_is_array(step->js, value) ? pino_js_get_index(step->js, value, i) : value;
    g_autofree char *text = pino_js_is_nullish(step->js, item) ? NULL : pino_js_to_utf8(step->js, item);
    gboolean off = JSValueIsBoolean(pino_js_context(step->js), item) && !pino_js_truthy(step->js, item);
    if (text != NULL && !off && !is_unrendered(text))
      g_strv_builder_add(words, text);
  }
}

/* true is a bare flag; an array gives the flag once for each item; the rest as text. */
static void add_flag(PinoStep *step, GArray *flags, GPtrArray *texts, const char *name, JSValueRef value) {
  if (pino_js_is_nullish(step->js, value))
    return;
  if (pino_js_is_array(step->js, value)) {
    for (guint i = 0; i < pino_js_length(step->js, value); i++)
      add_flag(step, flags, texts, name, pino_js_get_index(step->js, value, i));
    return;
  }
  gboolean is_bool = JSValueIsBoolean(pino_js_context(step->js), value);
  if (is_bool && !pino_js_truthy(step->js, value))
    return;
  char *text = is_bool ? NULL : pino_js_to_utf8(step->js, value);
  if (text != NULL)
    g_ptr_array_add(texts, text);
  if (text != NULL && is_unrendered(text))
    return;
  PinoMessageFlag flag = {.name = name, .value = text};
  g_array_append_val(flags, flag);
}

static char *structured(PinoStep *step, JSValueRef message) {
  g_autoptr(GStrvBuilder) words = g_strv_builder_new();
  g_autoptr(GArray) flags = g_array_new(FALSE, FALSE, sizeof(PinoMessageFlag));
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  g_auto(GStrv) names = pino_js_keys(step->js, message);
  add_positional(step, words, pino_js_get(step->js, message, "_"));
  for (guint i = 0; names[i] != NULL; i++) {
    if (!g_str_equal(names[i], "_"))
      add_flag(step, flags, texts, names[i], pino_js_get(step->js, message, names[i]));
  }
  g_auto(GStrv) positional = g_strv_builder_end(words);
  return pino_message_structured((const char *const *)positional, (PinoMessageFlag *)flags->data, flags->len);
}

static char *message_text(PinoStep *step, JSValueRef message) {
  if (pino_js_is_nullish(step->js, message))
    return g_strdup("");
  if (pino_js_is_object(step->js, message) && !pino_js_is_array(step->js, message))
    return structured(step, message);
  char *text = pino_js_to_utf8(step->js, message);
  return text != NULL ? text : g_strdup("");
}

static char **message_texts(PinoStep *step, JSValueRef list) {
  g_autoptr(GStrvBuilder) texts = g_strv_builder_new();
  for (guint i = 0; i < pino_js_length(step->js, list); i++) {
    JSValueRef item = pino_js_get_index(step->js, list, i);
    g_autofree char *text = pino_js_truthy(step->js, item) ? message_text(step, item) : g_strdup("");
    if (*g_strstrip(text) != '\0')
      g_strv_builder_add(texts, text);
  }
  return g_strv_builder_end(texts);
}

static char **read_commands(PinoStep *step) {
  JSValueRef message = pino_js_get(step->js, step->params, "message");
  g_autoptr(GStrvBuilder) commands = g_strv_builder_new();
  if (!pino_js_is_array(step->js, message)) {
    g_autofree char *text = message_text(step, message);
    g_strv_builder_add(commands, text);
    return g_strv_builder_end(commands);
  }
  g_auto(GStrv) texts = message_texts(step, message);
  JSValueRef chain = pino_js_get(step->js, step->params, "chain");
  if (!pino_js_truthy(step->js, chain))
    return g_steal_pointer(&texts);
  g_autofree char *mode = pino_js_to_utf8(step->js, chain);
  g_autofree char *line = pino_message_chain((const char *const *)texts, mode != NULL ? mode[0] : '&');
  if (*line != '\0')
    g_strv_builder_add(commands, line);
  return g_strv_builder_end(commands);
}

char *pino_shell_params_message(PinoStep *step, GError **error) {
  JSValueRef message = pino_js_get(step->js, step->params, "message");
  if (pino_js_is_nullish(step->js, message)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s wants a message", step->method);
    return NULL;
  }
  if (!pino_js_is_array(step->js, message))
    return message_text(step, message);
  g_auto(GStrv) texts = message_texts(step, message);
  return g_strjoinv("\n", texts);
}

/* --- conda and venv ------------------------------------------------------------------------------------------------ */

typedef struct {
  PinoConda conda;
  PinoVenv venv;
  gboolean has_venv;
  GPtrArray *owned;
} Activate;

static const char *own(Activate *activate, char *text) {
  if (text != NULL)
    g_ptr_array_add(activate->owned, text);
  return text;
}

static const char *text_of(PinoStep *step, Activate *activate, JSValueRef object, const char *name) {
  return own(activate, pino_js_get_utf8(step->js, object, name));
}

/* Arguments may come as one text, as a command line would have them. */
static const char *const *words_of(PinoStep *step, Activate *activate, JSValueRef value, GError **error) {
  char **words = NULL;
  g_autofree char *text = pino_js_is_string(step->js, value) ? pino_js_to_utf8(step->js, value) : NULL;
  if (text != NULL && *g_strstrip(text) != '\0') {
    if (!g_shell_parse_argv(text, NULL, &words, error))
      return NULL;
  } else if (pino_js_is_array(step->js, value)) {
    words = message_texts(step, value);
  }
  for (guint i = 0; words != NULL && words[i] != NULL; i++)
    g_ptr_array_add(activate->owned, words[i]);
  if (words != NULL)
    g_ptr_array_add(activate->owned, words);
  return (const char *const *)words;
}

static const char *const *commands_of(PinoStep *step, Activate *activate, JSValueRef value) {
  if (pino_js_is_nullish(step->js, value))
    return NULL;
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  add_positional(step, builder, value);
  char **commands = g_strv_builder_end(builder);
  for (guint i = 0; commands[i] != NULL; i++)
    g_ptr_array_add(activate->owned, commands[i]);
  g_ptr_array_add(activate->owned, commands);
  return (const char *const *)commands;
}

static gboolean read_conda(PinoStep *step, Activate *activate, GError **error) {
  PinoJs *js = step->js;
  JSValueRef value = pino_js_get(js, step->params, "conda");
  if (pino_js_is_nullish(js, value))
    return TRUE;
  if (!pino_js_is_object(js, value)) {
    activate->conda.path = own(activate, pino_js_to_utf8(js, value));
    return TRUE;
  }
  g_autoptr(GError) found = NULL;
  JSValueRef wanted = pino_js_get(js, value, "activate");
  activate->conda.skip = pino_js_truthy(js, pino_js_get(js, value, "skip"));
  activate->conda.path = text_of(step, activate, value, "path");
  activate->conda.name = text_of(step, activate, value, "name");
  activate->conda.python = text_of(step, activate, value, "python");
  activate->conda.args = words_of(step, activate, pino_js_get(js, value, "args"), &found);
  if (JSValueIsBoolean(pino_js_context(js), wanted))
    activate->conda.no_activate = !pino_js_truthy(js, wanted);
  else
    activate->conda.activate = commands_of(step, activate, wanted);
  if (found != NULL)
    g_propagate_prefixed_error(error, g_steal_pointer(&found), "conda's args: ");
  return error == NULL || *error == NULL;
}

static void read_venv(PinoStep *step, Activate *activate) {
  PinoJs *js = step->js;
  JSValueRef value = pino_js_get(js, step->params, "venv");
  JSValueRef python = pino_js_get(js, step->params, "venv_python");
  if (!pino_js_truthy(js, value))
    return;
  if (pino_js_is_object(js, value)) {
    activate->venv.path = text_of(step, activate, value, "path");
    activate->venv.python = text_of(step, activate, value, "python");
  } else {
    activate->venv.path = own(activate, pino_js_to_utf8(js, value));
  }
  if (activate->venv.python == NULL && pino_js_truthy(js, python))
    activate->venv.python = own(activate, pino_js_to_utf8(js, python));
  activate->has_venv =
      activate->venv.path != NULL && *activate->venv.path != '\0' && !is_unrendered(activate->venv.path);
}

static void tell_once(PinoStep *step, const char *text) {
  if (g_hash_table_add(step->run->told, g_strdup(text)))
    pino_step_print(step, text);
}

static gboolean read_activation(PinoStep *step, PinoShellParams *params, gboolean *conda_base,
                                GError **error) {
  Activate activate = {.owned = g_ptr_array_new_with_free_func(g_free)};
  g_auto(PinoActivation) activation = {0};
  g_autoptr(GPtrArray) owned = activate.owned;
  if (!read_conda(step, &activate, error))
    return FALSE;
  read_venv(step, &activate);
  if (!pino_activation_build(step->run->home, params->folder, &activate.conda,
                             activate.has_venv ? &activate.venv : NULL, &activation, error))
    return FALSE;
  gboolean asked = activate.conda.path != NULL || activate.conda.name != NULL;
  if (activation.conda_missing && asked)
    tell_once(
        step,
        "[pinokiocloud] miniforge is not installed under bin/miniforge: no conda environment is active\r\n");
  *conda_base = activation.conda_base;
  params->activation = g_steal_pointer(&activation.commands);
  return TRUE;
}

/* --- env ------------------------------------------------------------------------------------------------------------ */

static void add_extra(PinoStep *step, GArray *extras, GPtrArray *owned, const char *name) {
  PinoJs *js = step->js;
  JSValueRef value = pino_js_get(js, pino_js_get(js, step->params, "env"), name);
  if (pino_js_is_nullish(js, value))
    return;
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  gboolean list = pino_js_is_array(js, value);
  for (guint i = 0; i < (list ? pino_js_length(js, value) : 1); i++) {
    g_autofree char *text = pino_js_to_utf8(js, list ? pino_js_get_index(js, value, i) : value);
    g_strv_builder_add(builder, text != NULL ? text : "");
  }
  char **values = g_strv_builder_end(builder);
  g_ptr_array_add(owned, values);
  PinoEnvExtra extra = {.name = name, .values = (const char *const *)values, .list = list};
  g_array_append_val(extras, extra);
}

static gboolean read_env(PinoStep *step, PinoShellParams *params, gboolean conda_base, GError **error) {
  g_autoptr(GArray) extras = g_array_new(FALSE, FALSE, sizeof(PinoEnvExtra));
  g_autoptr(GPtrArray) owned = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
  g_auto(GStrv) names = pino_js_keys(step->js, pino_js_get(step->js, step->params, "env"));
  for (guint i = 0; names[i] != NULL; i++)
    add_extra(step, extras, owned, names[i]);
  PinoEnvShell shell = {
      .extra = (PinoEnvExtra *)extras->data, .extra_count = extras->len, .conda_base = conda_base};
  params->env = pino_env_for_shell(step->run->home, step->script->app_dir, &shell, error);
  return params->env != NULL;
}

/* --- sudo ------------------------------------------------------------------------------------------------------------ */

static gboolean needs_password(void) {
  const char *const argv[] = {"sudo", "-n", "true", NULL};
  int status = 1;
  return !g_spawn_sync(NULL, (char **)argv, NULL,
                       G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                       NULL, NULL, NULL, &status, NULL) ||
         status != 0;
}

static char *ask_password(PinoStep *step, GError **error) {
  static const char request[] =
      "{\"title\":\"sudo\",\"description\":\"A command of this app wants to run as root\","
      "\"type\":\"password\",\"form\":[{\"key\":\"password\",\"title\":\"Password\","
      "\"type\":\"password\",\"required\":true}]}";
  PinoRun *run = step->run;
  if (run->options.ask == NULL) {
    g_set_error_literal(
        error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
        "this command wants to run as root, sudo needs a password, and nobody is there to give it");
    return NULL;
  }
  g_autofree char *answers =
      run->options.ask(request, step->script->cancellable, run->options.ask_data, error);
  JSValueRef value = answers != NULL ? pino_js_from_json(step->js, answers, error) : NULL;
  return value != NULL ? pino_js_get_utf8(step->js, value, "password") : NULL;
}

/* sudo runs this script to get the password; nobody else can read it, and it goes with the params. */
static gboolean write_askpass(PinoStep *step, PinoShellParams *params, GError **error) {
  g_autofree char *password = ask_password(step, error);
  if (password == NULL)
    return FALSE;
  g_autofree char *word = pino_shell_quote(password);
  g_autofree char *text = g_strdup_printf("#!/bin/bash\nprintf '%%s\\n' %s\n", word);
  g_autofree char *name = g_strdup_printf("askpass-%d-%u", (int)getpid(), ++step->run->shells_made);
  params->askpass = g_build_filename(step->run->home, "run", name, NULL);
  return pino_file_write(params->askpass, text, strlen(text), 0700, error);
}

static gboolean read_sudo(PinoStep *step, PinoShellParams *params, GError **error) {
  params->sudo = pino_js_truthy(step->js, pino_js_get(step->js, step->params, "sudo")) && geteuid() != 0;
  if (!params->sudo || !needs_password())
    return TRUE;
  if (!write_askpass(step, params, error))
    return FALSE;
  params->env = g_environ_setenv(params->env, "SUDO_ASKPASS", params->askpass, TRUE);
  return TRUE;
}

/* --- together --------------------------------------------------------------------------------------------------------- */

gboolean pino_shell_params_read(PinoStep *step, PinoShellParams *params, GError **error) {
  PinoJs *js = step->js;
  gboolean conda_base = FALSE;
  g_autofree char *path = pino_js_get_utf8(js, step->params, "path");
  params->folder =
      path != NULL ? pino_script_resolve(step->script, path, error) : g_strdup(step->script->cwd);
  params->shell = pino_js_get_utf8(js, step->params, "shell");
  params->commands = read_commands(step);
  params->on = pino_js_get(js, step->params, "on");
  params->input = pino_js_truthy(js, pino_js_get(js, step->params, "input"));
  return params->folder != NULL && read_activation(step, params, &conda_base, error) &&
         read_env(step, params, conda_base, error) && read_sudo(step, params, error);
}

gboolean pino_shell_params_renew(PinoStep *step, PinoShellParams *params, GError **error) {
  gboolean conda_base = FALSE;
  g_clear_pointer(&params->activation, g_free);
  return read_activation(step, params, &conda_base, error);
}

void pino_shell_params_clear(PinoShellParams *params) {
  if (params->askpass != NULL)
    g_unlink(params->askpass);
  g_free(params->folder);
  g_free(params->shell);
  g_strfreev(params->commands);
  g_strfreev(params->env);
  g_free(params->activation);
  g_free(params->askpass);
}

char *pino_shell_params_command(PinoStep *step, const PinoShellParams *params, const char *command,
                                GError **error) {
  g_autofree char *whole = params->activation == NULL ? g_strdup(command)
                           : *command == '\0'         ? g_strdup(params->activation)
                                                      : g_strconcat(params->activation, " ; ", command, NULL);
  if (!params->sudo)
    return g_steal_pointer(&whole);
  g_autofree char *word = pino_shell_quote(whole);
  return g_strdup_printf("sudo -E %s bash --noprofile --norc -c %s", params->askpass != NULL ? "-A" : "-n",
                         word);
}
