/* The environment of a shell (see env.h): inherited, cleaned, overlaid, completed. */
#include "environment/env.h"

#include "base/error.h"
#include "environment/defaults.h"
#include "environment/layers.h"

#include <string.h>

/* Where a process without PATH would look (POSIX leaves it open; this is what Linux distributions use). */
#define PATH_FALLBACK "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static gboolean is_shell_name(const char *name) {
  if (!g_ascii_isalpha(*name) && *name != '_')
    return FALSE;
  while (g_ascii_isalnum(*name) || *name == '_')
    name++;
  return *name == '\0';
}

/* Takes out every variable whose name the test refuses. */
static void unset_where(PinoEnv *env, gboolean (*refused)(const char *name)) {
  g_autofree const char **names = pino_env_names(env);
  for (const char **name = names; *name; name++)
    if (refused(*name))
      pino_env_unset(env, *name);
}

static gboolean is_unfit(const char *name) {
  return !is_shell_name(name) || pino_env_is_conda_state(name);
}

/* Joins what is not empty by ':'. */
static char *join_paths(const char *const *items, const char *rest) {
  GString *joined = g_string_new(NULL);
  for (; *items; items++)
    if (**items)
      g_string_append_printf(joined, "%s%s", joined->len ? ":" : "", *items);
  if (rest && *rest)
    g_string_append_printf(joined, "%s%s", joined->len ? ":" : "", rest);
  return g_string_free(joined, FALSE);
}

static void apply_extra(PinoEnv *env, const PinoEnvExtra *extra) {
  gboolean is_path = g_ascii_strcasecmp(extra->name, "PATH") == 0;
  const char *name = is_path ? "PATH" : extra->name;
  if (is_path || extra->list) {
    g_autofree char *value = join_paths(extra->values, pino_env_get(env, name));
    pino_env_set(env, name, value);
  } else {
    pino_env_set(env, name, extra->values[0]);
  }
}

/* The managed folders stand behind the machine's own, as Pinokio has them. */
static void extend_path(PinoEnv *env, const char *home) {
  const char *path = pino_env_get(env, "PATH");
  g_autoptr(GString) whole = g_string_new(path && *path ? path : PATH_FALLBACK);
  static const char *const FOLDERS[] = {"", "npm/bin", "miniforge/bin", "miniforge/condabin"};
  for (gsize i = 0; i < G_N_ELEMENTS(FOLDERS); i++) {
    g_autofree char *folder = g_build_filename(home, "bin", FOLDERS[i], NULL);
    g_autofree char *clean = g_canonicalize_filename(folder, NULL);
    if (i == 0 || g_file_test(clean, G_FILE_TEST_IS_DIR))
      g_string_append_printf(whole, ":%s", clean);
  }
  pino_env_set(env, "PATH", whole->str);
}

static gboolean is_blank_text(const char *text) {
  return !text || text[strspn(text, " \t\r\n")] == '\0';
}

static void apply_fixed(PinoEnv *env, const char *home) {
  gsize count = 0;
  const PinoEnvFixed *fixed = pino_env_fixed(&count);
  for (gsize i = 0; i < count; i++) {
    gboolean given = !fixed[i].forced && !is_blank_text(pino_env_get(env, fixed[i].name));
    if (given || (fixed[i].file && !g_file_test(fixed[i].file, G_FILE_TEST_EXISTS)))
      continue;
    g_autofree char *value = g_str_has_prefix(fixed[i].value, "./")
                                 ? g_canonicalize_filename(fixed[i].value, home)
                                 : g_strdup(fixed[i].value);
    pino_env_set(env, fixed[i].name, value);
  }
}

/* Newlines in a value would end the line where a shell or a .env file takes it up again. */
static void flatten_values(PinoEnv *env) {
  g_autofree const char **names = pino_env_names(env);
  for (const char **name = names; *name; name++) {
    const char *value = pino_env_get(env, *name);
    if (!strpbrk(value, "\r\n"))
      continue;
    GString *flat = g_string_new(NULL);
    for (const char *at = value; *at;) {
      gsize breaks = strspn(at, "\r\n");
      g_string_append_c(flat, breaks ? ' ' : *at);
      at += breaks ? breaks : 1;
    }
    pino_env_set(env, *name, flat->str);
    g_string_free(flat, TRUE);
  }
}

/* A TMPDIR that is not there makes mktemp fail, and a person may empty cache/ at any time. A folder that cannot be
 * made shows when a program needs it; outside the home it is not ours to make. */
static void make_folders(PinoEnv *env, const char *home) {
  g_autofree char *below = g_strconcat(home, "/", NULL);
  gsize count = 0;
  const PinoEnvDefault *defaults = pino_env_defaults(&count);
  for (gsize i = 0; i < count; i++) {
    const char *folder = defaults[i].folder ? pino_env_get(env, defaults[i].name) : NULL;
    if (folder && g_str_has_prefix(folder, below))
      g_mkdir_with_parents(folder, 0755);
  }
}

char **pino_env_for_shell(const char *home, const char *app_dir, const PinoEnvShell *shell, GError **error) {
  g_autofree char *root = g_canonicalize_filename(home, NULL);
  g_autoptr(PinoEnv) env = pino_env_process();
  unset_where(env, pino_env_is_dropped);
  if (!pino_env_overlay_files(env, root, app_dir, error))
    return NULL;
  extend_path(env, root);
  for (gsize i = 0; shell && i < shell->extra_count; i++)
    apply_extra(env, &shell->extra[i]);
  apply_fixed(env, root);
  if (shell && shell->conda_base)
    pino_env_set(env, "PIP_REQUIRE_VIRTUALENV", "true");
  unset_where(env, is_unfit);
  flatten_values(env);
  for (const char *const *name = shell ? shell->drop : NULL; name && *name; name++)
    pino_env_unset(env, *name);
  make_folders(env, root);
  return pino_env_to_strv(env);
}
