#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/drive.h"
#include "storage/io.h"
#include "storage/link.h"
#include "storage/merge.h"
#include "storage/tree.h"

#define DIST_INFO ".dist-info"

typedef struct {
  const char *pip; /* drives/pip */
  const char *staging;
  const char *site;   /* site-packages of the venv */
  const char *python; /* "python3.11" */
  PinoVenvTally *tally;
  GCancellable *cancellable;
} Venv;

static char *read_text(const char *folder, const char *name) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  char *text = NULL;
  return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

/* A field of METADATA's head, or NULL. */
static char *field(const char *metadata, const char *name) {
  g_auto(GStrv) lines = g_strsplit(metadata, "\n", -1);
  for (gsize i = 0; lines[i] != NULL && g_strstrip(lines[i])[0] != '\0'; i++) {
    char *colon = strchr(lines[i], ':');
    if (colon != NULL && g_ascii_strncasecmp(lines[i], name, strlen(name)) == 0 &&
        lines[i] + strlen(name) == colon)
      return g_strdup(g_strstrip(colon + 1));
  }
  return NULL;
}

/* As Python's packaging compares names: lower case, runs of "-_." one "-". */
static char *normal_name(const char *name) {
  GString *out = g_string_new(NULL);
  for (const char *c = name; *c != '\0'; c++) {
    gboolean joint = strchr("-_.", *c) != NULL;
    if (!joint)
      g_string_append_c(out, g_ascii_tolower(*c));
    else if (out->len > 0 && out->str[out->len - 1] != '-')
      g_string_append_c(out, '-');
  }
  return g_string_free(out, FALSE);
}

static gboolean is_editable(const char *direct_url) {
  g_autoptr(JsonParser) parser = json_parser_new();
  if (!json_parser_load_from_data(parser, direct_url, -1, NULL))
    return FALSE;
  JsonNode *root = json_parser_get_root(parser);
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
  JsonNode *info = object != NULL ? json_object_get_member(object, "dir_info") : NULL;
  return info != NULL && JSON_NODE_HOLDS_OBJECT(info) &&
         json_object_get_boolean_member_with_default(json_node_get_object(info), "editable", FALSE);
}

/* The package's folder below drives/pip, or NULL when it is not to be shared. */
static char *shared_folder(const Venv *venv, const char *info) {
  g_autofree char *metadata = read_text(info, "METADATA");
  g_autofree char *name = metadata != NULL ? field(metadata, "Name") : NULL;
  g_autofree char *version = metadata != NULL ? field(metadata, "Version") : NULL;
  g_autofree char *origin = read_text(info, "direct_url.json");
  if (name == NULL || version == NULL || version[0] == '\0' || version[0] == '.' ||
      strchr(version, '/') != NULL || strchr(name, '/') != NULL || (origin != NULL && is_editable(origin)))
    return NULL;
  g_autofree char *normal = normal_name(name);
  g_autofree char *sum = origin != NULL ? g_compute_checksum_for_string(G_CHECKSUM_SHA256, origin, -1) : NULL;
  g_autofree char *exact = sum != NULL ? g_strdup_printf("%s-%.8s", version, sum) : g_strdup(version);
  if (normal[0] == '\0')
    return NULL;
  return g_build_filename(venv->pip, normal, exact, "lib", venv->python, "site-packages", NULL);
}

/* The first column of a RECORD line (CSV). */
static char *record_path(const char *line) {
  if (line[0] != '"')
    return g_strndup(line, strcspn(line, ",\r"));
  GString *path = g_string_new(NULL);
  for (const char *c = line + 1; *c != '\0' && (*c != '"' || c[1] == '"'); c++) {
    g_string_append_c(path, *c);
    c += *c == '"';
  }
  return g_string_free(path, FALSE);
}

static gboolean is_shareable(const char *path) {
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);
  return path[0] != '\0' && path[0] != '/' && !g_strv_contains((const char *const *)parts, "..") &&
         !g_str_has_suffix(parts[0], DIST_INFO) && !g_str_has_suffix(path, ".pyc");
}

/* Gives the drive the file, if it has none of that name yet; both then are the same file or a copy. */
static gboolean offer(const Venv *venv, const char *file, const char *shared, GError **error) {
  g_autofree char *folder = g_path_get_dirname(shared);
  if (!pino_dir_make(folder, error))
    return FALSE;
  if (linkat(AT_FDCWD, file, AT_FDCWD, shared, 0) == 0 || errno == EEXIST)
    return TRUE;
  /* A crash may leave a part of a copy, so it grows elsewhere. */
  g_autofree char *staged = g_build_filename(venv->staging, "copy", NULL);
  if (!pino_tree_copy(file, staged, PINO_COPY_DEFAULT, venv->cancellable, error))
    return FALSE;
  int failed = pino_storage_rename(AT_FDCWD, staged, AT_FDCWD, shared, FALSE);
  if (failed == 0 || failed == EEXIST)
    return TRUE;
  pino_storage_fail(error, failed, "rename", shared);
  return FALSE;
}

static gboolean put_link(const char *file, const char *shared, GError **error) {
  /* Always of the same name, so that the next call takes what a crash left. */
  g_autofree char *folder = g_path_get_dirname(file);
  g_autofree char *base = g_path_get_basename(file);
  g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, base, -1);
  g_autofree char *name = g_strdup_printf(".pino-link-%.16s", sum);
  g_autofree char *temp = g_build_filename(folder, name, NULL);
  (void)unlink(temp);
  if (symlink(shared, temp) == 0 && rename(temp, file) == 0)
    return TRUE;
  pino_storage_fail(error, errno, "symlink", file);
  (void)unlink(temp);
  return FALSE;
}

static gboolean share_file(const Venv *venv, const char *path, const char *folder, GError **error) {
  g_autofree char *file = g_build_filename(venv->site, path, NULL);
  g_autofree char *shared = g_build_filename(folder, path, NULL);
  struct stat st;
  if (!pino_storage_go_on(venv->cancellable, error))
    return FALSE;
  /* Links are shared already, or the person's; what is missing was removed by hand. */
  if (lstat(file, &st) != 0 || !S_ISREG(st.st_mode))
    return TRUE;
  if (!offer(venv, file, shared, error))
    return FALSE;
  if (!pino_merge_same(file, shared, venv->cancellable)) {
    venv->tally->kept++;
    return TRUE;
  }
  venv->tally->linked++;
  return put_link(file, shared, error);
}

static gboolean share_package(const Venv *venv, const char *info, GError **error) {
  g_autofree char *folder = shared_folder(venv, info);
  g_autofree char *record = folder != NULL ? read_text(info, "RECORD") : NULL;
  if (record == NULL)
    return TRUE;
  venv->tally->packages++;
  g_auto(GStrv) lines = g_strsplit(record, "\n", -1);
  for (gsize i = 0; lines[i] != NULL; i++) {
    g_autofree char *path = record_path(lines[i]);
    if (is_shareable(path) && !share_file(venv, path, folder, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean share_site(const Venv *venv, GError **error) {
  g_autoptr(GDir) site = g_dir_open(venv->site, 0, NULL);
  for (const char *name = NULL; site != NULL && (name = g_dir_read_name(site)) != NULL;) {
    g_autofree char *info = g_build_filename(venv->site, name, NULL);
    if (g_str_has_suffix(name, DIST_INFO) && !share_package(venv, info, error)) {
      g_prefix_error(error, "cannot share the package of '%s': ", info);
      return FALSE;
    }
  }
  return TRUE;
}

/* Shares what is in lib (or lib64) of the venv; *found tells whether there is a site-packages. */
static gboolean share_lib(Venv *venv, const char *lib, gboolean *found, GError **error) {
  g_autoptr(GDir) folder = g_dir_open(lib, 0, NULL);
  for (const char *name = NULL; folder != NULL && (name = g_dir_read_name(folder)) != NULL;) {
    g_autofree char *site = g_build_filename(lib, name, "site-packages", NULL);
    if (!g_str_has_prefix(name, "python") || !g_file_test(site, G_FILE_TEST_IS_DIR))
      continue;
    *found = TRUE;
    venv->site = site;
    venv->python = name;
    if (!share_site(venv, error))
      return FALSE;
  }
  return TRUE;
}

gboolean pino_drive_link_venv(const char *home, const char *drive_dir, const char *venv_dir,
                              PinoVenvTally *tally, GCancellable *cancellable, GError **error) {
  PinoVenvTally unused = {0};
  g_autofree char *dir =
      drive_dir != NULL ? g_canonicalize_filename(drive_dir, NULL) : g_build_filename(home, "drive", NULL);
  g_autofree char *pip = g_build_filename(dir, "drives", "pip", NULL);
  g_autofree char *lib = g_build_filename(venv_dir, "lib", NULL);
  g_autofree char *lib64 = g_build_filename(venv_dir, "lib64", NULL);
  gboolean found = FALSE;
  Venv venv = {pip, NULL, NULL, NULL, tally != NULL ? tally : &unused, cancellable};
  *venv.tally = unused;
  g_autoptr(PinoDrives) drives = pino_drives_open(dir, cancellable, error);
  if (drives == NULL)
    return FALSE;
  venv.staging = pino_drives_staging(drives);
  if (!share_lib(&venv, lib, &found, error))
    return FALSE;
  /* Usually a link to lib. */
  if (!g_file_test(lib64, G_FILE_TEST_IS_SYMLINK) && !share_lib(&venv, lib64, &found, error))
    return FALSE;
  if (!found)
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
                "'%s' is no venv: it has no lib/pythonX.Y/site-packages", venv_dir);
  return found;
}
