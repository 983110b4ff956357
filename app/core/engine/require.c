#include "engine/require.h"

#include "base/error.h"
#include "environment/dotenv.h"
#include "environment/env.h"

#include <string.h>

#define SCRIPT_KEY "PINOKIO_SCRIPT_AUTOLAUNCH"
#define ENABLED_KEY "PINOKIO_SCRIPT_AUTOLAUNCH_ENABLED"
#define REQUIRES_KEY "PINOKIO_SCRIPT_REQUIRES"
#define RESTART_KEY "PINOKIO_RESTART"

/* --- one app's files ------------------------------------------------------------------------------------ */

void pino_launch_free(PinoLaunch *launch) {
  if (launch == NULL)
    return;
  g_free(launch->app);
  g_free(launch->script);
  g_strfreev(launch->required);
  g_free(launch->restart);
  g_free(launch);
}

/* The value without blanks around it; NULL when there is none. */
static char *value_of(PinoDotenv *dotenv, const char *key) {
  const char *text = pino_dotenv_get(dotenv, key);
  g_autofree char *plain = text != NULL ? g_strstrip(g_strdup(text)) : NULL;
  return plain != NULL && *plain != '\0' ? g_steal_pointer(&plain) : NULL;
}

static gboolean is_off(const char *flag) {
  static const char *const off[] = {"0", "false", "no", "off"};
  for (guint i = 0; flag != NULL && i < G_N_ELEMENTS(off); i++)
    if (g_ascii_strcasecmp(flag, off[i]) == 0)
      return TRUE;
  return FALSE;
}

/* A part that is not rightly encoded is taken as it stands. */
static char **parse_names(const char *list) {
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_auto(GStrv) parts = g_strsplit(list != NULL ? list : "", ",", -1);
  for (char **part = parts; *part != NULL; part++) {
    g_autofree char *decoded = g_uri_unescape_string(g_strstrip(*part), NULL);
    char *name = g_strstrip(decoded != NULL && g_utf8_validate(decoded, -1, NULL) ? decoded : *part);
    if (*name != '\0' && !g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
      g_ptr_array_add(names, g_strdup(name));
  }
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

static char *app_folder(const char *home, const char *app) {
  return g_build_filename(home, "api", app, NULL);
}

/* "./start.js" and "start.js" are the same; NULL for a path that leads out of the folder. */
static char *path_inside(const char *folder, const char *script) {
  g_autofree char *path = g_canonicalize_filename(script, folder);
  gsize length = strlen(folder);
  if (strncmp(path, folder, length) != 0 || path[length] != '/')
    return NULL;
  return g_strdup(path + length + 1);
}

/* The app's ENVIRONMENT, or, before its first run, what that will be made of. */
static PinoDotenv *load(const char *folder, gboolean *ran, GError **error) {
  if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no folder %s", folder);
    return NULL;
  }
  g_autofree char *file = pino_env_file(folder);
  *ran = g_file_test(file, G_FILE_TEST_EXISTS);
  if (*ran)
    return pino_dotenv_load(file, error);
  g_autofree char *parent = g_path_get_dirname(file);
  g_autofree char *brought = g_build_filename(parent, "_ENVIRONMENT", NULL);
  return pino_dotenv_load(brought, error);
}

static gboolean take_script(PinoLaunch *launch, const char *folder, PinoDotenv *dotenv, GError **error) {
  g_autofree char *script = value_of(dotenv, SCRIPT_KEY);
  if (script == NULL)
    return TRUE;
  launch->script = path_inside(folder, script);
  if (launch->script != NULL)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s of the app '%s' leads out of its folder: '%s'",
              SCRIPT_KEY, launch->app, script);
  return FALSE;
}

static gboolean take_restart(PinoLaunch *launch, const char *home, PinoDotenv *dotenv, GError **error) {
  launch->restart = value_of(dotenv, RESTART_KEY);
  if (launch->restart != NULL)
    return TRUE;
  g_autofree char *file = g_build_filename(home, "ENVIRONMENT", NULL);
  g_autoptr(PinoDotenv) common = pino_dotenv_load(file, error);
  if (common == NULL)
    return FALSE;
  launch->restart = value_of(common, RESTART_KEY);
  return TRUE;
}

PinoLaunch *pino_launch_read(const char *home, const char *app, GError **error) {
  gboolean ran = FALSE;
  g_autofree char *folder = app_folder(home, app);
  g_autoptr(PinoDotenv) dotenv = load(folder, &ran, error);
  if (dotenv == NULL) {
    g_prefix_error(error, "the settings of the app '%s': ", app);
    return NULL;
  }
  g_autofree char *flag = value_of(dotenv, ENABLED_KEY);
  g_autofree char *names = value_of(dotenv, REQUIRES_KEY);
  g_autoptr(PinoLaunch) launch = g_new0(PinoLaunch, 1);
  launch->app = g_strdup(app);
  launch->required = parse_names(names);
  if (!take_script(launch, folder, dotenv, error) || !take_restart(launch, home, dotenv, error))
    return NULL;
  launch->enabled = ran && launch->script != NULL && !is_off(flag);
  return g_steal_pointer(&launch);
}

gboolean pino_launch_waits(const PinoLaunch *launch, const char *script) {
  if (launch->required[0] == NULL)
    return FALSE;
  if (script == NULL)
    return TRUE;
  g_autofree char *plain = path_inside("/app", script);
  return launch->script != NULL && g_strcmp0(plain, launch->script) == 0;
}

/* --- the order ------------------------------------------------------------------------------------------ */

typedef struct {
  const char *home;
  GHashTable *done; /* apps that are in order already, or that it was asked for */
  GPtrArray *way;   /* const char *: the apps from the first to the present one */
  GPtrArray *order; /* PinoLaunch */
  GError **error;
} Walk;

static gboolean is_folder(const char *home, const char *name) {
  g_autofree char *folder = app_folder(home, name);
  return g_file_test(folder, G_FILE_TEST_IS_DIR);
}

static gboolean is_name(const char *name) {
  return name[0] != '.' && strpbrk(name, "/\\") == NULL;
}

/* The folder that is meant; NULL: none. */
static char *find_app(const char *home, const char *name) {
  if (is_folder(home, name))
    return g_strdup(name);
  g_autofree char *other = g_str_has_suffix(name, ".git") ? g_strndup(name, strlen(name) - strlen(".git"))
                                                          : g_strconcat(name, ".git", NULL);
  return *other != '\0' && is_folder(home, other) ? g_steal_pointer(&other) : NULL;
}

static void set_circle(Walk *walk, const char *app) {
  g_autoptr(GString) text = g_string_new(NULL);
  gboolean inside = FALSE;
  for (guint i = 0; i < walk->way->len; i++) {
    const char *name = walk->way->pdata[i];
    inside = inside || g_str_equal(name, app);
    if (inside)
      g_string_append_printf(text, "%s -> ", name);
  }
  g_string_append(text, app);
  g_set_error(walk->error, PINO_ERROR, PINO_ERROR_USAGE,
              "these apps require each other in a circle: %s. Take one out of %s", text->str, REQUIRES_KEY);
}

static gboolean is_on_way(Walk *walk, const char *app) {
  return g_ptr_array_find_with_equal_func(walk->way, app, g_str_equal, NULL);
}

/* The name of what `by` requires; NULL with an error. */
static char *required_app(Walk *walk, const char *by, const char *name) {
  if (!is_name(name)) {
    g_set_error(walk->error, PINO_ERROR, PINO_ERROR_USAGE,
                "%s of the app '%s' holds '%s', which is no name of an app's folder", REQUIRES_KEY, by, name);
    return NULL;
  }
  char *app = find_app(walk->home, name);
  if (app == NULL)
    g_set_error(walk->error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
                "there is no app '%s', which the app '%s' requires: install it, or take it out of %s", name,
                by, REQUIRES_KEY);
  return app;
}

static gboolean has_script(Walk *walk, const PinoLaunch *launch, const char *by) {
  g_autofree char *folder = app_folder(walk->home, launch->app);
  g_autofree char *path = launch->script != NULL ? g_build_filename(folder, launch->script, NULL) : NULL;
  if (path == NULL || g_file_test(path, G_FILE_TEST_IS_REGULAR))
    return TRUE;
  g_set_error(walk->error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
              "the app '%s'%s%s%s is to be launched by %s, which is not there", launch->app,
              by != NULL ? ", which the app '" : "", by != NULL ? by : "", by != NULL ? "' requires," : "",
              launch->script);
  return FALSE;
}

static gboolean walk_required(Walk *walk, const PinoLaunch *launch);

/* Puts the app, required by another, behind all that it requires. */
static gboolean walk_app(Walk *walk, const char *app, const char *by) {
  if (is_on_way(walk, app)) {
    set_circle(walk, app);
    return FALSE;
  }
  if (g_hash_table_contains(walk->done, app))
    return TRUE;
  g_autoptr(PinoLaunch) launch = pino_launch_read(walk->home, app, walk->error);
  if (launch == NULL || !has_script(walk, launch, by) || !walk_required(walk, launch))
    return FALSE;
  g_hash_table_add(walk->done, launch->app);
  g_ptr_array_add(walk->order, g_steal_pointer(&launch));
  return TRUE;
}

static gboolean walk_required(Walk *walk, const PinoLaunch *launch) {
  gboolean ok = TRUE;
  g_ptr_array_add(walk->way, launch->app);
  for (char **name = launch->required; ok && *name != NULL; name++) {
    g_autofree char *app = required_app(walk, launch->app, *name);
    ok = app != NULL && walk_app(walk, app, launch->app);
  }
  g_ptr_array_set_size(walk->way, (int)walk->way->len - 1);
  return ok;
}

static void launch_free(gpointer launch) {
  pino_launch_free(launch);
}

GPtrArray *pino_require_order(const char *home, const char *app, GError **error) {
  g_autoptr(PinoLaunch) launch = pino_launch_read(home, app, error);
  if (launch == NULL)
    return NULL;
  g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GPtrArray) way = g_ptr_array_new();
  g_autoptr(GPtrArray) order = g_ptr_array_new_with_free_func(launch_free);
  Walk walk = {.home = home, .done = done, .way = way, .order = order, .error = error};
  return walk_required(&walk, launch) ? g_steal_pointer(&order) : NULL;
}

/* --- at the engine's start ------------------------------------------------------------------------------ */

static gboolean is_launched(GPtrArray *list, const char *app) {
  for (guint i = 0; i < list->len; i++) {
    const PinoLaunch *launch = list->pdata[i];
    if (g_str_equal(launch->app, app))
      return TRUE;
  }
  return FALSE;
}

static PinoLaunch *find_launch(GPtrArray *wishes, const char *app) {
  for (guint i = 0; i < wishes->len; i++) {
    PinoLaunch *launch = wishes->pdata[i];
    if (g_str_equal(launch->app, app))
      return launch;
  }
  return NULL;
}

static void add_trouble(GPtrArray *troubles, GError **error) {
  if (troubles != NULL)
    g_ptr_array_add(troubles, g_steal_pointer(error));
  else
    g_clear_error(error);
}

static void error_free(gpointer error) {
  g_error_free(error);
}

/* Those that are enabled, as the apps come. */
static GPtrArray *read_wishes(const char *home, const char *const *apps, GPtrArray *troubles) {
  GPtrArray *wishes = g_ptr_array_new();
  for (; *apps != NULL; apps++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(PinoLaunch) launch = pino_launch_read(home, *apps, &error);
    if (launch == NULL)
      add_trouble(troubles, &error);
    else if (launch->enabled)
      g_ptr_array_add(wishes, g_steal_pointer(&launch));
  }
  return wishes;
}

/* What an enabled app requires and is enabled itself, then the app. */
static void add_wish(GPtrArray *list, GPtrArray *wishes, PinoLaunch *wish, const char *home,
                     GPtrArray *troubles) {
  g_autoptr(GError) error = NULL;
  Walk walk = {.home = home, .error = &error};
  g_autoptr(GPtrArray) order =
      has_script(&walk, wish, NULL) ? pino_require_order(home, wish->app, &error) : NULL;
  if (order == NULL) {
    add_trouble(troubles, &error);
    return;
  }
  for (guint i = 0; i <= order->len; i++) {
    const PinoLaunch *required = i < order->len ? order->pdata[i] : wish;
    PinoLaunch *found = find_launch(wishes, required->app);
    if (found != NULL && !is_launched(list, found->app))
      g_ptr_array_add(list, found);
  }
}

GPtrArray *pino_autolaunch_list(const char *home, const char *const *apps, GPtrArray **troubles) {
  g_autoptr(GPtrArray) failed = g_ptr_array_new_with_free_func(error_free);
  g_autoptr(GPtrArray) wishes = read_wishes(home, apps, failed);
  GPtrArray *list = g_ptr_array_new_with_free_func(launch_free);
  for (guint i = 0; i < wishes->len; i++)
    add_wish(list, wishes, wishes->pdata[i], home, failed);
  for (guint i = 0; i < wishes->len; i++)
    if (!is_launched(list, ((PinoLaunch *)wishes->pdata[i])->app))
      pino_launch_free(wishes->pdata[i]);
  if (troubles != NULL)
    *troubles = g_steal_pointer(&failed);
  return list;
}

/* --- who needs it --------------------------------------------------------------------------------------- */

typedef struct {
  const char *home;
  GPtrArray *launches; /* PinoLaunch of all apps that can be read */
  GHashTable *seen;
  GPtrArray *order;
} Needs;

static gboolean needs(Needs *all, const PinoLaunch *launch, const char *app) {
  for (char **name = launch->required; *name != NULL; name++) {
    g_autofree char *found = is_name(*name) ? find_app(all->home, *name) : NULL;
    if (g_strcmp0(found, app) == 0)
      return TRUE;
  }
  return FALSE;
}

/* Those that need a dependent come before it. */
static void add_dependents(Needs *all, const char *app) {
  for (guint i = 0; i < all->launches->len; i++) {
    const PinoLaunch *launch = all->launches->pdata[i];
    if (g_hash_table_contains(all->seen, launch->app) || !needs(all, launch, app))
      continue;
    g_hash_table_add(all->seen, launch->app);
    add_dependents(all, launch->app);
    g_ptr_array_add(all->order, g_strdup(launch->app));
  }
}

GPtrArray *pino_require_dependents(const char *home, const char *const *apps, const char *app) {
  g_autoptr(GPtrArray) launches = g_ptr_array_new_with_free_func(launch_free);
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  GPtrArray *order = g_ptr_array_new_with_free_func(g_free);
  Needs all = {.home = home, .launches = launches, .seen = seen, .order = order};
  for (; *apps != NULL; apps++) {
    PinoLaunch *launch = pino_launch_read(home, *apps, NULL);
    if (launch != NULL)
      g_ptr_array_add(launches, launch);
  }
  g_hash_table_add(seen, (gpointer)app);
  add_dependents(&all, app);
  return order;
}
