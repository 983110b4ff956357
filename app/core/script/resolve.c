#include "script/resolve.h"

#include <string.h>

#include "cloud/place.h"

char *pino_home_default(void) {
  return pino_place_home();
}

static gboolean holds_launcher(const char *folder) {
  g_autofree char *root = g_build_filename(folder, "pinokio.js", NULL);
  g_autofree char *inner = g_build_filename(folder, "pinokio", "pinokio.js", NULL);
  return g_file_test(root, G_FILE_TEST_EXISTS) || g_file_test(inner, G_FILE_TEST_EXISTS);
}

/* Whether a folder is the pinokio/ of an app, which is then the folder above, and not a clone of that name. */
static gboolean is_inner(const char *folder) {
  g_autofree char *name = g_path_get_basename(folder);
  g_autofree char *git = g_build_filename(folder, ".git", NULL);
  g_autofree char *launcher = g_build_filename(folder, "pinokio.js", NULL);
  return g_str_equal(name, "pinokio") && g_file_test(launcher, G_FILE_TEST_EXISTS) &&
         !g_file_test(git, G_FILE_TEST_EXISTS);
}

/* The folder of the launcher; an app that keeps it in pinokio/ is the folder above. */
static char *launcher_folder(const char *path) {
  gboolean folder = g_file_test(path, G_FILE_TEST_IS_DIR);
  g_autofree char *own = folder ? g_strdup(path) : g_path_get_dirname(path);
  for (g_autofree char *at = g_strdup(own); !g_str_equal(at, "/");) {
    if (holds_launcher(at))
      return is_inner(at) ? g_path_get_dirname(at) : g_steal_pointer(&at);
    char *above = g_path_get_dirname(at);
    g_free(at);
    at = above;
  }
  return g_steal_pointer(&own);
}

char *pino_app_folder(const char *home, const char *path) {
  g_autofree char *api = g_build_filename(home, "api", NULL);
  g_autofree char *prefix = g_strconcat(api, "/", NULL);
  if (!g_str_has_prefix(path, prefix) || path[strlen(prefix)] == '\0')
    return launcher_folder(path);
  const char *name = path + strlen(prefix);
  const char *slash = strchr(name, '/');
  g_autofree char *app = slash != NULL ? g_strndup(path, (gsize)(slash - path)) : g_strdup(path);
  if (slash == NULL && !g_file_test(app, G_FILE_TEST_IS_DIR))
    return g_steal_pointer(&api);
  return g_steal_pointer(&app);
}

gboolean pino_uri_is_git(const char *uri) {
  return g_str_has_prefix(uri, "http://") || g_str_has_prefix(uri, "https://");
}

static const char *git_end(const char *uri) {
  for (const char *at = uri; (at = strstr(at, ".git")) != NULL; at += 4) {
    if (at[4] == '\0' || at[4] == '/' || at[4] == '?' || at[4] == '#')
      return at + 4;
  }
  return NULL;
}

char *pino_uri_repository(const char *uri) {
  const char *end = git_end(uri);
  return end != NULL ? g_strndup(uri, (gsize)(end - uri)) : g_strndup(uri, strcspn(uri, "?#"));
}

char *pino_uri_inner_path(const char *uri) {
  const char *end = git_end(uri);
  if (end == NULL || *end != '/')
    return g_strdup("");
  return g_strndup(end + 1, strcspn(end + 1, "?#"));
}

char *pino_uri_folder_name(const char *repository) {
  const char *start = strstr(repository, "://");
  char *name = g_strdup(start != NULL ? start + 3 : repository);
  for (char *at = name; *at != '\0'; at++) {
    if (!g_ascii_isalnum(*at) && *at != '_' && *at != '-')
      *at = '_';
  }
  return name;
}

static void strip_quotes(char *text) {
  gsize length = strlen(text);
  if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
    memmove(text, text + 1, length - 2);
    text[length - 2] = '\0';
  }
}

/* The value of `name = value`, NULL for any other line. Changes the line. */
static char *config_value(char *line, const char *name) {
  char *mark = strchr(line, '=');
  if (mark == NULL)
    return NULL;
  *mark = '\0';
  if (g_ascii_strcasecmp(g_strchomp(line), name) != 0)
    return NULL;
  char *value = g_strstrip(mark + 1);
  strip_quotes(value);
  return value;
}

/* Git's own file format (git help config): sections in brackets, `key = value` lines, blanks before them; the names of
 * sections and keys are of any case, a remark may stand behind a section. */
static char *origin_in(const char *text) {
  static const char section[] = "[remote \"origin\"]";
  gboolean inside = FALSE;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    char *line = g_strstrip(lines[i]);
    if (*line == '[') {
      inside = g_ascii_strncasecmp(line, "[remote ", strlen("[remote ")) == 0 &&
               g_str_has_prefix(line + strlen("[remote "), section + strlen("[remote "));
      continue;
    }
    const char *url = inside ? config_value(line, "url") : NULL;
    if (url != NULL)
      return g_strdup(url);
  }
  return NULL;
}

char *pino_repository_name(const char *url) {
  g_autofree char *plain = g_strdup(url);
  while (g_str_has_suffix(plain, "/"))
    plain[strlen(plain) - 1] = '\0';
  if (g_str_has_suffix(plain, ".git"))
    plain[strlen(plain) - 4] = '\0';
  const char *last = strrchr(plain, '/');
  const char *colon = strrchr(plain, ':');
  const char *name = last != NULL ? last + 1 : colon != NULL ? colon + 1 : plain;
  char *decoded = g_uri_unescape_string(name, NULL);
  return decoded != NULL ? decoded : g_strdup(name);
}

gboolean pino_app_name_is_safe(const char *name) {
  if (*name == '\0' || *name == '.' || *name == '-' || strlen(name) > PINO_APP_NAME_MAX ||
      !g_utf8_validate(name, -1, NULL))
    return FALSE;
  for (const char *at = name; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (c == '/' || c == '\\' || g_unichar_iscntrl(c))
      return FALSE;
  }
  return TRUE;
}

char *pino_git_origin(const char *folder) {
  g_autofree char *config = g_build_filename(folder, ".git", "config", NULL);
  g_autofree char *text = NULL;
  return g_file_get_contents(config, &text, NULL, NULL) ? origin_in(text) : NULL;
}

static char *without_git(const char *repository) {
  char *plain = g_strdup(repository);
  if (g_str_has_suffix(plain, "/"))
    plain[strlen(plain) - 1] = '\0';
  if (g_str_has_suffix(plain, ".git"))
    plain[strlen(plain) - 4] = '\0';
  return plain;
}

char *pino_app_by_origin(const char *home, const char *repository) {
  g_autofree char *api = g_build_filename(home, "api", NULL);
  g_autofree char *wanted = without_git(repository);
  g_autoptr(GDir) dir = g_dir_open(api, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (*name == '.') /* a clone or a removal under way */
      continue;
    g_autofree char *folder = g_build_filename(api, name, NULL);
    g_autofree char *origin = pino_git_origin(folder);
    g_autofree char *plain = origin != NULL ? without_git(origin) : NULL;
    if (g_strcmp0(plain, wanted) == 0)
      return g_steal_pointer(&folder);
  }
  return NULL;
}

static char *resolve_git(const char *home, const char *uri) {
  g_autofree char *repository = pino_uri_repository(uri);
  g_autofree char *inner = pino_uri_inner_path(uri);
  g_autofree char *app = pino_app_by_origin(home, repository);
  if (app == NULL)
    return NULL;
  return *inner != '\0' ? g_canonicalize_filename(inner, app) : g_steal_pointer(&app);
}

char *pino_log_folder(const char *home, const char *path) {
  g_autofree char *folder = pino_app_folder(home, path);
  g_autofree char *app = g_path_get_basename(folder);
  const char *inner = g_str_has_prefix(path, folder) ? path + strlen(folder) : path;
  return g_build_filename(home, "logs", "api", app, inner, NULL);
}

char *pino_uri_resolve(const char *home, const char *cwd, const char *uri, char **query) {
  if (query != NULL)
    *query = NULL;
  if (pino_uri_is_git(uri)) {
    const char *mark = strchr(uri, '?');
    if (query != NULL && mark != NULL)
      *query = g_strdup(mark + 1);
    return resolve_git(home, uri);
  }
  g_autofree char *plain = g_strdup(uri);
  char *mark = strchr(plain, '?');
  if (mark != NULL && !g_file_test(plain, G_FILE_TEST_EXISTS)) {
    *mark = '\0';
    if (query != NULL)
      *query = g_strdup(mark + 1);
  }
  if (g_str_equal(plain, "~") || g_str_has_prefix(plain, "~/"))
    return g_canonicalize_filename(plain[1] == '/' ? plain + 2 : ".", home);
  return g_canonicalize_filename(plain, cwd);
}
