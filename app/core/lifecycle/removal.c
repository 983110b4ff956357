#include "lifecycle/removal.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/json.h"
#include "environment/env.h"
#include "lifecycle/giterror.h"
#include "lifecycle/made.h"
#include "script/resolve.h"

#define MAX_ENTRIES 200
#define MAX_NAMED 8

void pino_removal_free(PinoRemoval *removal) {
  if (removal == NULL)
    return;
  g_free(removal->home);
  g_free(removal->name);
  g_free(removal->folder);
  g_free(removal->link);
  g_clear_pointer(&removal->found, g_ptr_array_unref);
  pino_usage_clear(&removal->usage);
  g_free(removal);
}

/* --- looking -------------------------------------------------------------------------------------------------------- */

static char *drive_folder(const char *home, const char *folder) {
  g_autoptr(PinoEnv) env = pino_env_for_app(home, folder, NULL);
  const char *drive = env != NULL ? pino_env_get(env, "PINOKIO_DRIVE") : NULL;
  return g_canonicalize_filename(drive != NULL ? drive : "drive", home);
}

PinoRemoval *pino_removal_look_folder(const char *home, const char *folder, gboolean keeps, GError **error) {
  g_autoptr(PinoRemoval) removal = g_new0(PinoRemoval, 1);
  g_autofree char *git = g_build_filename(folder, ".git", NULL);
  removal->home = g_strdup(home);
  removal->folder = g_strdup(folder);
  removal->name = g_path_get_basename(folder);
  removal->link = g_file_read_link(folder, NULL);
  removal->clone = g_file_test(git, G_FILE_TEST_EXISTS);
  g_autofree char *drive = drive_folder(home, folder);
  pino_usage_measure(folder, drive, &removal->usage);
  removal->found = keeps && removal->link == NULL ? pino_made_find(home, folder, error) : g_ptr_array_new();
  return removal->found != NULL ? g_steal_pointer(&removal) : NULL;
}

PinoRemoval *pino_removal_look(const char *home, const char *name, gboolean keeps, GError **error) {
  g_autofree char *folder = g_build_filename(home, "api", name, NULL);
  struct stat st;
  gboolean plain = *name != '\0' && *name != '.' && strchr(name, '/') == NULL;
  if (!plain || lstat(folder, &st) != 0 || !(S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no app '%s' under %s/api", name, home);
    return NULL;
  }
  return pino_removal_look_folder(home, folder, keeps, error);
}

void pino_removal_drop(PinoRemoval *removal, const char *why) {
  for (guint i = removal->found->len; i > 0; i--) {
    const PinoMade *made = g_ptr_array_index(removal->found, i - 1);
    if (g_str_equal(made->why, why))
      g_ptr_array_remove_index(removal->found, i - 1);
  }
}

static void sum_up(const PinoRemoval *removal, guint64 *bytes, guint64 *files) {
  *bytes = *files = 0;
  for (guint i = 0; i < removal->found->len; i++) {
    const PinoMade *made = g_ptr_array_index(removal->found, i);
    *bytes += made->bytes;
    *files += made->files;
  }
}

static guint64 freed(const PinoRemoval *removal) {
  guint64 bytes, files;
  sum_up(removal, &bytes, &files);
  return removal->usage.freed > bytes ? removal->usage.freed - bytes : 0;
}

/* --- who else uses a folder of the drive ------------------------------------------------------------------------------ */

/* DRIVE/drives/peers/dNNN of a path in it, or NULL (storage/drive.h). */
static char *peer_of(const char *path) {
  const char *mark = strstr(path, "/drives/peers/");
  if (mark == NULL)
    return NULL;
  const char *name = mark + strlen("/drives/peers/");
  return g_strndup(path, (gsize)(name - path) + strcspn(name, "/"));
}

/* interface.json beside "drives": {URI: {name: folder}}. Unreadable, it names nobody. */
static JsonObject *interface_of(const char *peer) {
  g_autofree char *drive = g_strndup(peer, (gsize)(strstr(peer, "/drives/peers/") - peer));
  g_autofree char *path = g_build_filename(drive, "interface.json", NULL);
  JsonObject *object = pino_json_read_object(path);
  return object != NULL ? object : json_object_new();
}

static gboolean uses(JsonNode *drives, const char *peer) {
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *folder = NULL;
  g_autofree char *leaf = g_path_get_basename(peer);
  g_autofree char *part = g_strdup_printf("/peers/%s", leaf);
  if (!JSON_NODE_HOLDS_OBJECT(drives))
    return FALSE;
  json_object_iter_init(&iter, json_node_get_object(drives));
  while (json_object_iter_next(&iter, &name, &folder)) {
    const char *text = JSON_NODE_HOLDS_VALUE(folder) ? json_node_get_string(folder) : NULL;
    const char *found = text != NULL ? strstr(text, part) : NULL;
    if (found != NULL && strchr("/", found[strlen(part)]) != NULL)
      return TRUE;
  }
  return FALSE;
}

static gboolean is_own(const PinoRemoval *removal, const char *uri) {
  g_autofree char *origin = pino_git_origin(removal->folder);
  g_autofree char *mine = origin != NULL ? g_ascii_strdown(origin, -1) : g_strdup("");
  g_autofree char *theirs = g_ascii_strdown(uri, -1);
  char *const texts[] = {mine, theirs};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    if (g_str_has_suffix(texts[i], "/"))
      texts[i][strlen(texts[i]) - 1] = '\0';
    if (g_str_has_suffix(texts[i], ".git"))
      texts[i][strlen(texts[i]) - strlen(".git")] = '\0';
  }
  return g_str_equal(mine, theirs) || g_str_has_suffix(uri, removal->folder + strlen(removal->home));
}

static void add_sharers(JsonBuilder *builder, const PinoRemoval *removal, const char *target) {
  g_autofree char *peer = peer_of(target);
  g_autoptr(JsonObject) interface = peer != NULL ? interface_of(peer) : json_object_new();
  JsonObjectIter iter;
  const char *uri = NULL;
  JsonNode *drives = NULL;
  json_builder_begin_array(builder);
  json_object_iter_init(&iter, interface);
  while (json_object_iter_next(&iter, &uri, &drives)) {
    if (uses(drives, peer) && !is_own(removal, uri)) {
      g_autofree char *shown = pino_git_url_shown(uri);
      json_builder_add_string_value(builder, shown);
    }
  }
  json_builder_end_array(builder);
}

/* --- telling ---------------------------------------------------------------------------------------------------------- */

static void add_text(JsonBuilder *builder, const char *name, const char *text) {
  g_autofree char *valid = text != NULL ? g_utf8_make_valid(text, -1) : NULL;
  json_builder_set_member_name(builder, name);
  if (valid != NULL)
    json_builder_add_string_value(builder, valid);
  else
    json_builder_add_null_value(builder);
}

static void add_number(JsonBuilder *builder, const char *name, guint64 number) {
  json_builder_set_member_name(builder, name);
  json_builder_add_int_value(builder, (gint64)number);
}

static void add_keeps(JsonBuilder *builder, const PinoRemoval *removal) {
  json_builder_set_member_name(builder, "keeps");
  json_builder_begin_array(builder);
  for (guint i = 0; i < removal->found->len && i < MAX_ENTRIES; i++) {
    const PinoMade *made = g_ptr_array_index(removal->found, i);
    json_builder_begin_object(builder);
    add_text(builder, "path", made->path);
    add_text(builder, "why", made->why);
    add_number(builder, "bytes", made->bytes);
    add_number(builder, "files", made->files);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
  guint64 bytes, files;
  sum_up(removal, &bytes, &files);
  add_number(builder, "keeps_bytes", bytes);
  add_number(builder, "keeps_files", files);
}

static void add_drives(JsonBuilder *builder, const PinoRemoval *removal) {
  json_builder_set_member_name(builder, "drives");
  json_builder_begin_array(builder);
  for (guint i = 0; i < removal->usage.links->len; i++) {
    const PinoUsageLink *link = g_ptr_array_index(removal->usage.links, i);
    json_builder_begin_object(builder);
    add_text(builder, "path", link->path);
    add_text(builder, "target", link->target);
    json_builder_set_member_name(builder, "shared_with");
    add_sharers(builder, removal, link->target);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
  add_number(builder, "drive_links", removal->usage.drive_links);
}

static char *to_text(JsonBuilder *builder) {
  json_builder_end_object(builder);
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  return json_to_string(root, FALSE);
}

static void say_keeps(GString *text, const PinoRemoval *removal) {
  guint64 bytes, files;
  sum_up(removal, &bytes, &files);
  if (files == 0)
    return;
  g_autofree char *size = g_format_size(bytes);
  g_string_append_printf(text, "keeps %" G_GUINT64_FORMAT " file%s of yours (%s) in %s/kept: ", files,
                         files == 1 ? "" : "s", size, removal->home);
  for (guint i = 0; i < removal->found->len && i < MAX_NAMED; i++) {
    const PinoMade *made = g_ptr_array_index(removal->found, i);
    g_autofree char *valid = g_utf8_make_valid(made->path, -1);
    g_string_append_printf(text, "%s%s (%s)", i > 0 ? ", " : "", valid, made->why);
  }
  if (removal->found->len > MAX_NAMED)
    g_string_append_printf(text, " and %u more", removal->found->len - MAX_NAMED);
  g_string_append_c(text, '\n');
}

static char *for_a_person(const PinoRemoval *removal, const char *logs) {
  GString *text = g_string_new(NULL);
  g_autofree char *size = g_format_size(freed(removal));
  if (removal->link != NULL)
    g_string_append_printf(text, "removes only the link %s; %s stays\n", removal->folder, removal->link);
  else
    g_string_append_printf(text, "removes %s and frees %s\n", removal->folder, size);
  if (removal->usage.shared > 0) {
    g_autofree char *shared = g_format_size(removal->usage.shared);
    g_string_append_printf(text, "%s of its files are shared with caches or other apps and stay there\n",
                           shared);
  }
  say_keeps(text, removal);
  for (guint i = 0; i < removal->usage.links->len && i < MAX_NAMED; i++) {
    const PinoUsageLink *link = g_ptr_array_index(removal->usage.links, i);
    g_autofree char *path = g_utf8_make_valid(link->path, -1);
    g_autofree char *target = g_utf8_make_valid(link->target, -1);
    g_string_append_printf(text, "%s stays on the drive: %s\n", path, target);
  }
  if (logs != NULL)
    g_string_append_printf(text, "logs stay in %s\n", logs);
  return g_string_free(text, FALSE);
}

char *pino_removal_json(const PinoRemoval *removal) {
  g_autofree char *logs = g_build_filename(removal->home, "logs", "api", removal->name, NULL);
  gboolean has_logs = g_file_test(logs, G_FILE_TEST_IS_DIR);
  g_auto(PinoUsage) logs_usage = {0};
  if (has_logs)
    pino_usage_measure(logs, NULL, &logs_usage);
  g_autofree char *text = for_a_person(removal, has_logs ? logs : NULL);
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  add_text(builder, "name", removal->name);
  add_text(builder, "folder", removal->folder);
  json_builder_set_member_name(builder, "clone");
  json_builder_add_boolean_value(builder, removal->clone);
  add_text(builder, "link", removal->link);
  add_number(builder, "bytes", freed(removal));
  add_number(builder, "purge_bytes", removal->usage.freed + logs_usage.freed);
  add_number(builder, "shared", removal->usage.shared);
  add_keeps(builder, removal);
  add_drives(builder, removal);
  add_text(builder, "logs", has_logs ? logs : NULL);
  add_number(builder, "logs_bytes", logs_usage.freed);
  add_text(builder, "text", text);
  return to_text(builder);
}

char *pino_removal_done(const PinoRemoval *removal, const char *kept) {
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  add_text(builder, "name", removal->name);
  add_number(builder, "bytes", freed(removal));
  add_text(builder, "kept", kept);
  add_keeps(builder, removal);
  return to_text(builder);
}
