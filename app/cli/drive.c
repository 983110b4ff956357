/* pinokiocloud drive: what the home shares and what that saves; share, clean. Without the engine. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/endpoint.h"
#include "cli/say.h"
#include "cli/table.h"
#include "storage/packages.h"
#include "storage/pool.h"
#include "storage/report.h"

#define SHOWN_ID 12
#define DAY_S 86400

typedef struct {
  char *home;
  char *drive;
  gboolean json, yes, packages, dry_run;
  int days;
} Options;

static void options_clear(Options *options) {
  g_free(options->home);
  g_free(options->drive);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static char *size_text(guint64 bytes) {
  return g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
}

/* --- show ---------------------------------------------------------------------------------------------------------- */

static guint64 number(JsonObject *object, const char *name) {
  return (guint64)json_object_get_int_member_with_default(object, name, 0);
}

static char *names_text(JsonArray *names) {
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < json_array_get_length(names); i++)
    g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", json_array_get_string_element(names, i));
  return g_string_free(text, text->len == 0);
}

static void add_sizes(PinoTable *table, JsonObject *object) {
  pino_table_take(table, size_text(number(object, "size")));
  pino_table_take(table, size_text(number(object, "saves")));
}

static void show_drives(JsonArray *drives) {
  static const char *const heads[] = {"DRIVE", "FOLDER", ">SIZE", ">SAVES", "APPS", NULL};
  g_autoptr(PinoTable) table = pino_table_new(heads);
  for (guint i = 0; i < json_array_get_length(drives); i++) {
    JsonObject *drive = json_array_get_object_element(drives, i);
    JsonArray *folders = json_object_get_array_member(drive, "folders");
    for (guint j = 0; j < json_array_get_length(folders); j++) {
      JsonObject *folder = json_array_get_object_element(folders, j);
      pino_table_add(table, json_object_get_string_member(drive, "id"));
      pino_table_add(table, json_object_get_string_member(folder, "name"));
      add_sizes(table, folder);
      pino_table_take(table, names_text(json_object_get_array_member(folder, "apps")));
    }
  }
  pino_put_line("");
  pino_table_print(table);
}

static void show_packages(JsonArray *packages) {
  static const char *const heads[] = {"PACKAGE", "VERSION", ">SIZE", ">SAVES", ">USERS", NULL};
  g_autoptr(PinoTable) table = pino_table_new(heads);
  for (guint i = 0; i < json_array_get_length(packages); i++) {
    JsonObject *package = json_array_get_object_element(packages, i);
    pino_table_add(table, json_object_get_string_member(package, "name"));
    pino_table_add(table, json_object_get_string_member(package, "version"));
    add_sizes(table, package);
    pino_table_take(table, g_strdup_printf("%" G_GUINT64_FORMAT, number(package, "users")));
  }
  pino_put_line("");
  pino_table_print(table);
}

static void show_pool(JsonArray *objects) {
  static const char *const heads[] = {"POOL", "NAME", ">SIZE", ">SAVES", ">USERS", NULL};
  g_autoptr(PinoTable) table = pino_table_new(heads);
  for (guint i = 0; i < json_array_get_length(objects); i++) {
    JsonObject *object = json_array_get_object_element(objects, i);
    pino_table_take(table, g_strndup(json_object_get_string_member(object, "sha256"), SHOWN_ID));
    pino_table_add(table, json_object_get_string_member_with_default(object, "name", NULL));
    add_sizes(table, object);
    pino_table_take(table, g_strdup_printf("%" G_GUINT64_FORMAT, number(object, "users")));
  }
  pino_put_line("");
  pino_table_print(table);
}

static void show_report(JsonObject *report) {
  static const struct {
    const char *name;
    void (*show)(JsonArray *rows);
  } lists[] = {{"drives", show_drives}, {"packages", show_packages}};
  JsonObject *disk = json_object_get_object_member(report, "disk");
  JsonObject *pool = json_object_get_object_member(report, "pool");
  JsonObject *cache = json_object_get_object_member(report, "cache");
  g_autofree char *saves = size_text(number(report, "saves"));
  g_autofree char *left = size_text(number(disk, "free"));
  g_autofree char *whole = size_text(number(disk, "size"));
  g_autofree char *cached = size_text(number(cache, "size"));
  g_autofree char *cache_saves = size_text(number(cache, "saves"));
  pino_put_text("Sharing saves %s; %s of %s are free at %s", saves, left, whole,
                json_object_get_string_member(report, "home"));
  pino_put_text("Large files are shared by %s; the cache of uv holds %s and saves %s",
                json_object_get_boolean_member(disk, "reflinks") ? "reflinks" : "hard links", cached,
                cache_saves);
  for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
    JsonArray *rows = json_object_get_array_member(report, lists[i].name);
    if (json_array_get_length(rows) > 0)
      lists[i].show(rows);
  }
  if (json_array_get_length(json_object_get_array_member(pool, "objects")) > 0)
    show_pool(json_object_get_array_member(pool, "objects"));
  if (number(pool, "unused") == 0)
    return;
  g_autofree char *unused = size_text(number(pool, "unused"));
  pino_put_line("");
  pino_put_text("%s of the pool are used by nobody: `pinokiocloud drive clean` removes them", unused);
}

static int show(const Options *options) {
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) report = pino_report_drive(options->home, options->drive, NULL, &error);
  if (report == NULL)
    return pino_say_error(error);
  if (!options->json) {
    show_report(report);
    return PINO_EXIT_OK;
  }
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), report);
  pino_put_json(node);
  return PINO_EXIT_OK;
}

/* --- share --------------------------------------------------------------------------------------------------------- */

static void on_found(const char *path, guint64 size, gboolean shared, gpointer data) {
  const Options *options = data;
  g_autofree char *text = size_text(size);
  if (!options->json)
    pino_put_text("%s  %s  %s", options->dry_run ? "could share" : shared ? "shared" : "left", text, path);
}

static void tell_scan(const Options *options, const PinoPoolScan *scan) {
  g_autofree char *saves = size_text(scan->saves);
  g_autofree char *saved = size_text(scan->saved);
  if (options->json)
    pino_put_text("{\"files\":%" G_GUINT64_FORMAT ",\"equal\":%" G_GUINT64_FORMAT
                  ",\"saves\":%" G_GUINT64_FORMAT ",\"shared\":%" G_GUINT64_FORMAT
                  ",\"saved\":%" G_GUINT64_FORMAT "}",
                  scan->files, scan->equal, scan->saves, scan->shared, scan->saved);
  else if (options->dry_run)
    pino_put_text("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                  " large files hold the same as others; sharing them saves %s",
                  scan->equal, scan->files, saves);
  else
    pino_put_text("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " equal files share now, which saves %s",
                  scan->shared, scan->equal, saved);
}

static int share(const Options *options) {
  g_autoptr(GError) error = NULL;
  g_auto(PinoPoolScan) scan = {0};
  g_autofree char *api = g_build_filename(options->home, "api", NULL);
  const char *const folders[] = {api, options->drive, NULL};
  if (!pino_pool_scan(options->home, folders, !options->dry_run, &scan, on_found, (gpointer)options, NULL,
                      &error))
    return pino_say_error(error);
  if (scan.why != NULL)
    pino_say("%s", scan.why);
  tell_scan(options, &scan);
  return PINO_EXIT_OK;
}

/* --- clean --------------------------------------------------------------------------------------------------------- */

typedef struct {
  GPtrArray *objects;  /* PinoPoolObject */
  GPtrArray *packages; /* PinoPackage, all; those without users go */
} Rubbish;

static void rubbish_clear(Rubbish *rubbish) {
  g_clear_pointer(&rubbish->objects, g_ptr_array_unref);
  g_clear_pointer(&rubbish->packages, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rubbish, rubbish_clear)

static gboolean find_rubbish(const Options *options, Rubbish *rubbish, GError **error) {
  if (!pino_pool_clean(options->home, (gint64)options->days * DAY_S, TRUE, &rubbish->objects, NULL, error))
    return FALSE;
  rubbish->packages =
      options->packages ? pino_packages_list(options->home, options->drive, NULL, error) : g_ptr_array_new();
  return rubbish->packages != NULL;
}

/* Gives the bytes of it. */
static guint64 show_rubbish(const Rubbish *rubbish) {
  guint64 bytes = 0;
  for (guint i = 0; i < rubbish->objects->len; i++) {
    const PinoPoolObject *object = g_ptr_array_index(rubbish->objects, i);
    g_autofree char *size = size_text(object->size);
    pino_put_text("%s  %s (pool, %.*s)", size, object->name != NULL ? object->name : "a file", SHOWN_ID,
                  object->sha256);
    bytes += object->size;
  }
  for (guint i = 0; i < rubbish->packages->len; i++) {
    const PinoPackage *package = g_ptr_array_index(rubbish->packages, i);
    g_autofree char *size = package->users == 0 ? size_text(package->size) : NULL;
    if (size != NULL)
      pino_put_text("%s  %s %s (package)", size, package->name, package->version);
    bytes += package->users == 0 ? package->size : 0;
  }
  return bytes;
}

static gboolean agreed(const Options *options) {
  char answer[16] = "";
  if (options->yes)
    return TRUE;
  if (!isatty(STDIN_FILENO)) {
    pino_say("nothing was removed; --yes removes it");
    return FALSE;
  }
  fputs("Remove it? [y/N] ", stdout);
  fflush(stdout);
  return fgets(answer, sizeof answer, stdin) != NULL && g_ascii_tolower(answer[0]) == 'y';
}

static gboolean remove_rubbish(const Options *options, const Rubbish *rubbish, GError **error) {
  if (!pino_pool_clean(options->home, (gint64)options->days * DAY_S, FALSE, NULL, NULL, error))
    return FALSE;
  for (guint i = 0; i < rubbish->packages->len; i++) {
    const PinoPackage *package = g_ptr_array_index(rubbish->packages, i);
    if (package->users == 0 && !pino_package_remove(options->drive, package, NULL, error))
      return FALSE;
  }
  return TRUE;
}

static int clean(const Options *options) {
  g_autoptr(GError) error = NULL;
  g_auto(Rubbish) rubbish = {0};
  if (!find_rubbish(options, &rubbish, &error))
    return pino_say_error(error);
  guint64 bytes = show_rubbish(&rubbish);
  g_autofree char *size = size_text(bytes);
  if (bytes == 0) {
    pino_put_line("Nothing is there that nobody uses.");
    return PINO_EXIT_OK;
  }
  pino_put_text("%s in all", size);
  if (!agreed(options))
    return PINO_EXIT_OK;
  if (!remove_rubbish(options, &rubbish, &error))
    return pino_say_error(error);
  pino_put_text("%s freed", size);
  return PINO_EXIT_OK;
}

/* --- */

static const struct {
  const char *name;
  int (*run)(const Options *options);
} DEEDS[] = {{"show", show}, {"share", share}, {"clean", clean}};

int pino_command_drive(int argc, char **argv) {
  g_auto(Options) options = {0};
  g_auto(GStrv) names = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print it as JSON (show, share)", NULL},
      {"dry-run", 0, 0, G_OPTION_ARG_NONE, &options.dry_run, "Only tell what could be shared (share)", NULL},
      {"packages", 0, 0, G_OPTION_ARG_NONE, &options.packages,
       "Also packages on the drive that no app's virtual environment has links to (clean)", NULL},
      {"older", 0, 0, G_OPTION_ARG_INT, &options.days,
       "Of the pool only what was not used for so long (clean)", "DAYS"},
      {"yes", 'y', 0, G_OPTION_ARG_NONE, &options.yes, "Do not ask (clean)", NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse_names("drive [show|share|clean]",
                                "Shows what apps share, and what that saves. share finds large files that "
                                "are equal and makes them one; "
                                "clean removes what nobody uses any more, and asks before.",
                                entries, 0, 1, &argc, &argv, &names, &status))
    return status;
  g_autoptr(PinoEndpoint) place = pino_endpoint_new();
  options.home = g_strdup(place->home);
  options.drive = pino_report_drive_dir(options.home);
  for (gsize i = 0; i < G_N_ELEMENTS(DEEDS); i++)
    if (g_str_equal(names[0] != NULL ? names[0] : "show", DEEDS[i].name))
      return DEEDS[i].run(&options);
  g_autofree char *text =
      g_strdup_printf("drive does not know '%s': there are show, share and clean", names[0]);
  pino_command_complain(text);
  return PINO_EXIT_USAGE;
}
