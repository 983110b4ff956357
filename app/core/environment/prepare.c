/* What is made once: a home's folders and ENVIRONMENT, an app's ENVIRONMENT. */
#include "environment/env.h"

#include "base/error.h"
#include "environment/defaults.h"
#include "environment/dotenv.h"
#include "environment/private.h"
#include "environment/tools.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void append_default(GString *text, const PinoEnvDefault *entry, const char *value) {
  if (entry->comment) {
    g_auto(GStrv) lines = g_strsplit(entry->comment, "\n", -1);
    g_string_append(text, text->len > 0 ? "\n" : "");
    for (char **line = lines; *line; line++)
      g_string_append_printf(text, "# %s\n", *line);
  }
  g_string_append_printf(text, "%s=%s\n", entry->name, value);
}

/* The defaults of one kind of file, after the text that is there already; what that text sets is left alone, and
 * what the home sets otherwise is taken over (system may be NULL). */
static void append_defaults(GString *text, gboolean for_home, PinoDotenv *system) {
  g_autoptr(PinoDotenv) own = pino_dotenv_parse(text->str, (gssize)text->len);
  g_string_append(text, text->len == 0 ? "" : text->str[text->len - 1] == '\n' ? "\n" : "\n\n");
  gsize count = 0;
  const PinoEnvDefault *defaults = pino_env_defaults(&count);
  for (gsize i = 0; i < count; i++) {
    const PinoEnvDefault *entry = &defaults[i];
    if (!(for_home ? entry->home : entry->app) || pino_dotenv_get(own, entry->name))
      continue;
    const char *value = system ? pino_dotenv_get(system, entry->name) : NULL;
    gboolean plain = value && *value && !strpbrk(value, "\r\n#'\"`");
    append_default(text, entry, plain ? value : entry->value);
  }
}

/* The whole of a new file; base_file, which it begins with, may be NULL or missing. */
static GString *new_text(const char *base_file, gboolean for_home, PinoDotenv *system, GError **error) {
  gsize len = 0;
  GError *failed = NULL;
  g_autofree char *base = base_file ? pino_private_read(base_file, &len, &failed) : NULL;
  if (failed) {
    g_propagate_error(error, failed);
    return NULL;
  }
  GString *text = g_string_new_len(base ? base : "", (gssize)len);
  append_defaults(text, for_home, system);
  return text;
}

static gboolean write_defaults(const char *file, const char *base_file, gboolean for_home, PinoDotenv *system,
                               GError **error) {
  g_autoptr(GString) text = new_text(base_file, for_home, system, error);
  return text && pino_private_write(file, text->str, text->len, error);
}

/* Makes the file under its folder's lock, unless it is there by then. A link that leads nowhere yet counts as
 * missing, and writing makes what it leads to. */
static gboolean make_once(const char *file, const char *base_file, gboolean for_home, PinoDotenv *system,
                          GError **error) {
  if (g_file_test(file, G_FILE_TEST_EXISTS))
    return TRUE;
  g_autofree char *folder = g_path_get_dirname(file);
  int lock = pino_private_lock(folder, error);
  if (lock < 0)
    return FALSE;
  gboolean done =
      g_file_test(file, G_FILE_TEST_EXISTS) || write_defaults(file, base_file, for_home, system, error);
  pino_private_unlock(lock);
  return done;
}

static PinoDotenv *load_home(const char *home, GError **error) {
  g_autofree char *file = g_build_filename(home, "ENVIRONMENT", NULL);
  return pino_dotenv_load(file, error);
}

/* What the app brings along for its ENVIRONMENT to begin with. */
static char *base_of(const char *file) {
  g_autofree char *folder = g_path_get_dirname(file);
  return g_build_filename(folder, "_ENVIRONMENT", NULL);
}

PinoDotenv *pino_env_new_app_file(const char *home, const char *app_dir, GError **error) {
  g_autofree char *file = pino_env_file(app_dir);
  g_autofree char *base = base_of(file);
  g_autoptr(PinoDotenv) system = load_home(home, error);
  g_autoptr(GString) text = system ? new_text(base, FALSE, system, error) : NULL;
  return text ? pino_dotenv_parse(text->str, (gssize)text->len) : NULL;
}

gboolean pino_env_prepare_app(const char *home, const char *app_dir, GError **error) {
  g_autofree char *file = pino_env_file(app_dir);
  g_autofree char *base = base_of(file);
  g_autoptr(PinoDotenv) system = load_home(home, error);
  if (!system || !make_once(file, base, FALSE, system, error)) {
    g_prefix_error(error, "cannot make the settings of '%s': ", app_dir);
    return FALSE;
  }
  return TRUE;
}

/* --- the home ----------------------------------------------------------------------------------------- */

/* Only these, not the engine's whole tool folder, come into the shells' PATH: that folder is a virtual environment,
 * and an app's bare `pip install` must not fill it. */
static const char *const LINKED_TOOLS[] = {"uv", "uvx", "hf"};

static gboolean link_tool(const char *home, const char *folder, const char *name, GError **error) {
  g_autofree char *target = g_build_filename(folder, name, NULL);
  g_autofree char *link = g_build_filename(home, "bin", name, NULL);
  g_autofree char *now = g_file_read_link(link, NULL);
  gboolean stale = now && strcmp(now, target) != 0 && !g_file_test(link, G_FILE_TEST_IS_EXECUTABLE);
  if (!g_file_test(target, G_FILE_TEST_IS_EXECUTABLE) || (g_file_test(link, G_FILE_TEST_EXISTS) && !stale))
    return TRUE;
  if (now)
    unlink(link);
  if (symlink(target, link) != 0 && errno != EEXIST) {
    pino_error_set_errno(error, errno, "symlink", link);
    return FALSE;
  }
  return TRUE;
}

static gboolean link_tools(const char *home, GError **error) {
  g_autofree char *folder = pino_tool_folder();
  for (gsize i = 0; folder && i < G_N_ELEMENTS(LINKED_TOOLS); i++)
    if (!link_tool(home, folder, LINKED_TOOLS[i], error))
      return FALSE;
  return TRUE;
}

gboolean pino_env_prepare_home(const char *home, GError **error) {
  static const char *const FOLDERS[] = {"api", "bin", "cache", "drive", "logs", "plugin", "run"};
  for (gsize i = 0; i < G_N_ELEMENTS(FOLDERS); i++) {
    g_autofree char *folder = g_build_filename(home, FOLDERS[i], NULL);
    /* run/ holds the sockets through which shells are typed into. */
    if (g_mkdir_with_parents(folder, strcmp(FOLDERS[i], "run") == 0 ? 0700 : 0755) != 0) {
      pino_error_set_errno(error, errno, "mkdir", folder);
      g_prefix_error(error, "cannot make the home '%s': ", home);
      return FALSE;
    }
  }
  g_autofree char *file = g_build_filename(home, "ENVIRONMENT", NULL);
  if (!make_once(file, NULL, TRUE, NULL, error) || !link_tools(home, error)) {
    g_prefix_error(error, "cannot prepare the home '%s': ", home);
    return FALSE;
  }
  return TRUE;
}
