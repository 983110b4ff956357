#include "engine/appinfo.h"

#include "base/json.h"
#include "script/resolve.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than this is no file of git's or a description of an app. */
#define MOST_BYTES (1024 * 1024)
#define MOST_LINKS 5

/* Which files make an app's launcher. Order: where two of the first kind are there, the earlier one counts. */
typedef struct {
  const char *name;
  gboolean launcher; /* the menu is in it */
  gboolean inner;    /* it may lie in pinokio/ too */
} LauncherFile;

static const LauncherFile launcher_files[] = {
    {"pinokio.js", TRUE, TRUE},   {"pinokio.json", TRUE, TRUE},   {"pinokio_meta.json", FALSE, TRUE},
    {"install.js", FALSE, FALSE}, {"install.json", FALSE, FALSE}, {"start.js", FALSE, FALSE},
    {"start.json", FALSE, FALSE},
};

/* Descriptions, the later over the earlier. */
static const char *const description_files[] = {"pinokio_meta.json", "pinokio.json"};

gboolean pino_app_is_launcher_name(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(launcher_files); i++)
    if (strcmp(launcher_files[i].name, name) == 0)
      return TRUE;
  return FALSE;
}

/* --- small files ---------------------------------------------------------------------------------------- */

/* A whole small regular file, blanks around it dropped; NULL when it is not there, or too large. */
static char *read_small(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat found;
  char *text = NULL;
  if (fd < 0)
    return NULL;
  if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_size <= MOST_BYTES) {
    text = g_malloc0((gsize)found.st_size + 1);
    if (read(fd, text, (gsize)found.st_size) < 0)
      g_clear_pointer(&text, g_free);
  }
  close(fd);
  return text != NULL ? g_strstrip(text) : NULL;
}

static char *read_in(const char *folder, const char *name) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  return read_small(path);
}

/* --- the clone ------------------------------------------------------------------------------------------ */

/* Where git keeps what belongs to this working tree: .git, or what a file .git names (worktrees, submodules). */
static char *git_folder(const char *folder) {
  g_autofree char *path = g_build_filename(folder, ".git", NULL);
  if (g_file_test(path, G_FILE_TEST_IS_DIR))
    return g_steal_pointer(&path);
  g_autofree char *text = read_small(path);
  if (text == NULL || !g_str_has_prefix(text, "gitdir:"))
    return NULL;
  return g_canonicalize_filename(g_strstrip(text + strlen("gitdir:")), folder);
}

/* Where git keeps what several working trees share. */
static char *common_folder(const char *git) {
  g_autofree char *shared = read_in(git, "commondir");
  return shared != NULL ? g_canonicalize_filename(shared, git) : g_strdup(git);
}

/* SHA-1 or SHA-256. */
static gboolean is_commit(const char *text) {
  gsize length = strspn(text, "0123456789abcdef");
  return text[length] == '\0' && (length == 40 || length == 64);
}

/* Lines "COMMIT REF"; others are remarks, and what a tag above them leads to. */
static char *packed_commit(const char *common, const char *ref) {
  g_autofree char *text = read_in(common, "packed-refs");
  for (char *line = text, *next; line != NULL; line = next) {
    next = strchr(line, '\n');
    if (next != NULL)
      *next++ = '\0';
    char *blank = strchr(line, ' ');
    if (blank == NULL || strcmp(g_strchomp(blank + 1), ref) != 0)
      continue;
    *blank = '\0';
    return is_commit(line) ? g_strdup(line) : NULL;
  }
  return NULL;
}

static char *read_ref(const char *git, const char *common, const char *ref) {
  g_autofree char *own = read_in(git, ref);
  return own != NULL ? g_steal_pointer(&own) : read_in(common, ref);
}

static gboolean is_ref_name(const char *ref) {
  return g_str_has_prefix(ref, "refs/") && strstr(ref, "..") == NULL;
}

static char *commit_in(const char *git) {
  g_autofree char *common = common_folder(git);
  g_autofree char *value = read_in(git, "HEAD");
  for (guint i = 0; value != NULL && i < MOST_LINKS; i++) {
    if (is_commit(value))
      return g_steal_pointer(&value);
    if (!g_str_has_prefix(value, "ref:"))
      return NULL;
    g_autofree char *ref = g_strstrip(g_strdup(value + strlen("ref:")));
    g_free(value);
    value = is_ref_name(ref) ? read_ref(git, common, ref) : NULL;
    if (value == NULL && is_ref_name(ref))
      value = packed_commit(common, ref);
  }
  return NULL;
}

char *pino_app_commit(const char *folder) {
  g_autofree char *git = git_folder(folder);
  return git != NULL ? commit_in(git) : NULL;
}

char *pino_app_commit_folder(const char *folder) {
  g_autofree char *git = git_folder(folder);
  g_autofree char *logs = git != NULL ? g_build_filename(git, "logs", NULL) : NULL;
  if (logs != NULL && g_file_test(logs, G_FILE_TEST_IS_DIR))
    return g_steal_pointer(&logs);
  return g_steal_pointer(&git);
}

/* --- the launcher --------------------------------------------------------------------------------------- */

typedef struct {
  gint64 modified; /* ms; of the newest file seen */
  guint64 stamp;
  gboolean any;
  char *path; /* of the first launcher */
} Seen;

/* Times alone are too coarse: two writes may fall into one tick of the file system's clock. */
static void add_stamp(Seen *seen, const struct stat *found, guint number) {
  const guint64 parts[] = {number, found->st_ino, (guint64)found->st_size, (guint64)found->st_mtim.tv_sec,
                           (guint64)found->st_mtim.tv_nsec};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    seen->stamp = (seen->stamp ^ parts[i]) * G_GUINT64_CONSTANT(0x100000001b3);
}

static void look_in(Seen *seen, const char *folder, gboolean inner) {
  for (guint i = 0; i < G_N_ELEMENTS(launcher_files); i++) {
    const LauncherFile *file = &launcher_files[i];
    struct stat found;
    if (inner && !file->inner)
      continue;
    g_autofree char *path = g_build_filename(folder, file->name, NULL);
    if (stat(path, &found) != 0 || !S_ISREG(found.st_mode))
      continue;
    gint64 modified = (gint64)found.st_mtim.tv_sec * 1000 + found.st_mtim.tv_nsec / 1000000;
    seen->modified = MAX(seen->modified, modified);
    add_stamp(seen, &found, inner ? ~i : i);
    /* A description alone is no app. */
    seen->any = seen->any || strcmp(file->name, "pinokio_meta.json") != 0;
    if (file->launcher && seen->path == NULL)
      seen->path = g_steal_pointer(&path);
  }
}

static void take_text(char **to, JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
    return;
  g_free(*to);
  *to = json_node_dup_string(node);
}

/* A file that does not parse says nothing here; the menu, which needs it, tells what is wrong with it. */
static void describe(PinoApp *app, const char *folder) {
  for (guint i = 0; i < G_N_ELEMENTS(description_files); i++) {
    g_autofree char *text = read_in(folder, description_files[i]);
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    if (text == NULL || !pino_json_is_flat(text, strlen(text), PINO_JSON_DEEPEST) ||
        !json_parser_load_from_data(parser, text, -1, NULL))
      continue;
    JsonNode *root = json_parser_get_root(parser);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root))
      continue;
    JsonObject *about = json_node_get_object(root);
    take_text(&app->title, about, "title");
    take_text(&app->description, about, "description");
    take_text(&app->icon, about, "icon");
  }
}

PinoApp *pino_app_read(const char *api, const char *id) {
  g_autofree char *path = g_build_filename(api, id, NULL);
  g_autofree char *inner = g_build_filename(path, PINO_APP_INNER, NULL);
  Seen seen = {0};
  look_in(&seen, path, FALSE);
  if (g_file_test(inner, G_FILE_TEST_IS_DIR))
    look_in(&seen, inner, TRUE);
  if (!seen.any)
    return NULL;
  PinoApp *app = g_new0(PinoApp, 1);
  app->launcher = seen.path;
  app->modified = seen.modified;
  app->stamp = seen.stamp;
  app->id = g_strdup(id);
  app->repository = pino_git_origin(path);
  app->commit = pino_app_commit(path);
  app->path = g_steal_pointer(&path);
  g_autofree char *folder = app->launcher != NULL ? g_path_get_dirname(app->launcher) : g_strdup(app->path);
  describe(app, folder);
  return app;
}

void pino_app_free(PinoApp *app) {
  if (app == NULL)
    return;
  g_free(app->id);
  g_free(app->path);
  g_free(app->launcher);
  g_free(app->repository);
  g_free(app->commit);
  g_free(app->title);
  g_free(app->description);
  g_free(app->icon);
  g_free(app);
}

gboolean pino_app_equal(const PinoApp *a, const PinoApp *b) {
  return a->modified == b->modified && a->stamp == b->stamp && g_str_equal(a->path, b->path) &&
         g_strcmp0(a->launcher, b->launcher) == 0 && g_strcmp0(a->repository, b->repository) == 0 &&
         g_strcmp0(a->commit, b->commit) == 0 && g_strcmp0(a->title, b->title) == 0 &&
         g_strcmp0(a->description, b->description) == 0 && g_strcmp0(a->icon, b->icon) == 0;
}
