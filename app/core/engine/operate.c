/* Operations on apps, done as runs (lifecycle/operation.h): what is meant by a source, and whether now is the time. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/internal.h"
#include "script/resolve.h"

#define MAX_URL 4096
#define LAUNCHER "pinokio.js" /* stands for the app in the paths of its logs */

static const struct {
  const char *name, *kind;
  gboolean by_source; /* of an app that need not be there */
  gboolean disturbs;  /* the app may not run meanwhile */
} operations[] = {
    {"install", "install", TRUE, FALSE}, {"plan", "plan", TRUE, FALSE},
    {"update", "update", FALSE, TRUE},   {"back", "update", FALSE, TRUE},
    {"reset", "reset", FALSE, TRUE},     {"uninstall", "uninstall", FALSE, TRUE},
};

/* G_N_ELEMENTS: there is none. */
static guint index_of(const char *name) {
  guint i = 0;
  while (i < G_N_ELEMENTS(operations) && g_strcmp0(operations[i].name, name) != 0)
    i++;
  return i;
}

/* --- what is meant ------------------------------------------------------------------------------------------------- */

typedef struct {
  char *app;
  char *url;                        /* NULL: it is there */
  const PinoCatalogApp *catalogued; /* may be NULL */
} Meant;

static void meant_clear(Meant *meant) {
  g_free(meant->app);
  g_free(meant->url);
}

static gboolean is_url(const char *text) {
  return strstr(text, "://") != NULL || g_str_has_prefix(text, "git@") ||
         (g_str_has_suffix(text, ".git") && strchr(text, '/') != NULL);
}

/* What may be asked of git. It has more ways to fetch, and some run commands: `ext::sh -c ...`. */
static gboolean is_fetchable(const char *url) {
  static const char *const schemes[] = {"https", "http", "ssh", "git", "git+ssh", "ssh+git", "file"};
  const char *mark = strstr(url, "://");
  gsize length = mark != NULL ? (gsize)(mark - url) : 0;
  for (const char *at = url; *at != '\0'; at = g_utf8_next_char(at))
    if (g_unichar_iscntrl(g_utf8_get_char(at)))
      return FALSE;
  if (*url == '-' || strstr(url, "://-") != NULL || strstr(url, "@-") != NULL || strlen(url) > MAX_URL)
    return FALSE;
  for (guint i = 0; mark != NULL && i < G_N_ELEMENTS(schemes); i++)
    if (strlen(schemes[i]) == length && g_ascii_strncasecmp(url, schemes[i], length) == 0)
      return TRUE;
  const char *helper = strstr(url, "::");
  return mark == NULL && (helper == NULL || strchr(url, '/') < helper);
}

static char *name_in(const char *url) {
  g_autofree char *bare = g_strndup(url, strcspn(url, "?#"));
  return pino_repository_name(bare);
}

static void set_unknown(PinoEngine *engine, const char *source, GError **error) {
  g_autoptr(GPtrArray) near = pino_catalog_suggest(engine->catalog, source, 3);
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < near->len; i++)
    g_string_append_printf(text, "%s%s", i > 0 ? ", " : "; did you mean ",
                           ((const PinoCatalogApp *)near->pdata[i])->id);
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
              "there is no app '%s': neither under api/ nor in the catalog, and it is no git URL%s", source,
              text->str);
}

/* A repository that was cloned already is that app, unless another name is wanted. */
static gboolean take_url(PinoEngine *engine, const char *url, const char *name, Meant *meant,
                         GError **error) {
  if (!is_fetchable(url)) {
    g_autofree char *shown = g_strescape(url, NULL);
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "%.200s is no URL to clone from: https, http, ssh, git and file can be", shown);
    return FALSE;
  }
  g_autofree char *there = name == NULL ? pino_app_by_origin(engine->home, url) : NULL;
  meant->app = there != NULL ? g_path_get_basename(there) : name != NULL ? g_strdup(name) : name_in(url);
  meant->url = there == NULL ? g_strdup(url) : NULL;
  if (pino_app_name_is_safe(meant->app))
    return TRUE;
  g_autofree char *shown = g_strescape(meant->app, NULL);
  g_set_error(
      error, PINO_ERROR, PINO_ERROR_USAGE,
      "'%.200s' is no name for an app's folder%s: that has 1 to %d bytes, begins with neither '.' nor "
      "'-', and holds no slash or control character",
      shown, name == NULL ? " (give one with --name)" : "", PINO_APP_NAME_MAX);
  return FALSE;
}

/* Also one whose folder came this moment. */
static const PinoApp *find_app(PinoEngine *engine, const char *name) {
  const PinoApp *app = pino_apps_find(engine->apps, name);
  if (app != NULL || !pino_app_name_is_safe(name))
    return app;
  pino_apps_refresh(engine->apps, name);
  return pino_apps_find(engine->apps, name);
}

static gboolean find_source(PinoEngine *engine, const char *source, const char *name, Meant *meant,
                            GError **error) {
  const PinoApp *app = name == NULL ? find_app(engine, source) : NULL;
  pino_catalog_refresh(engine->catalog);
  if (app != NULL) {
    meant->app = g_strdup(app->id);
    if (app->repository != NULL)
      meant->catalogued = pino_catalog_by_repository(engine->catalog, app->repository);
    return TRUE;
  }
  meant->catalogued = pino_catalog_find(engine->catalog, source);
  if (meant->catalogued != NULL)
    return take_url(engine, meant->catalogued->repository, name, meant, error);
  if (is_url(source))
    return take_url(engine, source, name, meant, error);
  set_unknown(engine, source, error);
  return FALSE;
}

static gboolean find_meant(PinoEngine *engine, const PinoEngineOperation *wish, gboolean by_source,
                           Meant *meant, GError **error) {
  if (by_source)
    return find_source(engine, wish->source, wish->name, meant, error);
  g_autofree char *folder = pino_application_path(engine, wish->source, error);
  meant->app = folder != NULL ? g_strdup(wish->source) : NULL;
  return folder != NULL;
}

/* --- whether now is the time ---------------------------------------------------------------------------------------- */

/* How much a run is in the way: what is left of one that has ended the least. */
static int hindrance(const PinoLive *live) {
  return live->state > PINO_LIVE_STOPPING ? 1 : live->state == PINO_LIVE_READY ? 2 : 3;
}

/* The run of the app, an operation or another, that is the most in the way (sign 1) or the least (-1). */
static PinoLive *under_way(PinoEngine *engine, const char *app, gboolean operation, int sign) {
  GHashTableIter iter;
  gpointer value;
  PinoLive *found = NULL;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoLive *live = value;
    if (g_strcmp0(live->row->app_id, app) == 0 && (live->row->operation != NULL) == operation &&
        !pino_live_is_over(live) && g_strcmp0(live->row->kind, "plan") != 0 &&
        (found == NULL || sign * hindrance(live) > sign * hindrance(found)))
      found = live;
  }
  return found;
}

static const char *doing(const PinoLive *live) {
  static const char *const words[][2] = {
      {"install", "installed"}, {"update", "updated"}, {"reset", "reset"}, {"uninstall", "uninstalled"}};
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    if (g_strcmp0(live->row->kind, words[i][0]) == 0)
      return words[i][1];
  return "worked on";
}

gboolean pino_engine_app_is_free(PinoEngine *engine, const char *app, GError **error) {
  PinoLive *live = under_way(engine, app, TRUE, 1);
  if (live != NULL && live->state > PINO_LIVE_STOPPING)
    return TRUE;
  if (live != NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "%s is just being %s: wait for its end, or stop it", app, doing(live));
  return live == NULL;
}

static gboolean may_begin(PinoEngine *engine, guint index, const char *app, GError **error) {
  if (g_str_equal(operations[index].kind, "plan"))
    return TRUE;
  if (!pino_engine_app_is_free(engine, app, error))
    return FALSE;
  PinoLive *live = under_way(engine, app, FALSE, 1);
  if (live == NULL || (!operations[index].disturbs && live->state == PINO_LIVE_READY))
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "%s runs: stop it first", app);
  return FALSE;
}

/* What is left running of an operation that has ended (its runner was killed) goes before the next one begins. */
static PinoLive *remains_of(PinoEngine *engine, const char *app) {
  PinoLive *live = under_way(engine, app, TRUE, -1);
  return live != NULL && live->state > PINO_LIVE_STOPPING ? live : NULL;
}

/* --- the run -------------------------------------------------------------------------------------------------------- */

static void append_flag(GString *out, const char *name, gboolean value) {
  if (value)
    g_string_append_printf(out, ",\"%s\":true", name);
}

static void append_tags(GString *out, const PinoCatalogApp *app) {
  g_string_append(out, ",\"tags\":[");
  for (guint i = 0; app->tags[i] != NULL; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    pino_json_append_string(out, app->tags[i], strlen(app->tags[i]));
  }
  g_string_append_c(out, ']');
}

static char *compose(const PinoEngineOperation *wish, const Meant *meant) {
  GString *out = g_string_new("{");
  pino_json_append_member(out, "operation", wish->operation);
  pino_json_append_member(out, "app", meant->app);
  pino_json_append_member(out, "url", meant->url);
  pino_json_append_member(out, "branch", wish->branch);
  append_flag(out, "from_start", wish->from_start);
  append_flag(out, "force", wish->force);
  append_flag(out, "purge", wish->purge);
  append_flag(out, "ask", wish->ask);
  if (meant->catalogued != NULL)
    append_tags(out, meant->catalogued);
  g_string_append_c(out, '}');
  return g_string_free(out, FALSE);
}

typedef struct {
  PinoEngine *engine;
  char *run;
} Waiting;

static Waiting *waiting_new(PinoEngine *engine, const char *run) {
  Waiting *waiting = g_new0(Waiting, 1);
  *waiting = (Waiting){.engine = pino_engine_hold(engine), .run = g_strdup(run)};
  return waiting;
}

static void on_remains_gone(GObject *source, GAsyncResult *result, gpointer data) {
  Waiting *waiting = data;
  PinoEngine *engine = waiting->engine;
  g_autoptr(GError) error = NULL;
  gboolean gone = pino_engine_stop_finish(engine, result, &error);
  PinoLive *live = engine->closing ? NULL : pino_live_find(engine, waiting->run);
  if (live != NULL && live->state == PINO_LIVE_WAITING && gone)
    pino_start_begin(live);
  else if (live != NULL && live->state == PINO_LIVE_WAITING)
    pino_live_end(live, PINO_LIVE_ERROR, error->message);
  g_free(waiting->run);
  g_free(waiting);
  pino_engine_drop(engine);
}

static char *begin(PinoEngine *engine, guint index, const PinoEngineOperation *wish, const Meant *meant,
                   GError **error) {
  PinoLive *remains = remains_of(engine, meant->app);
  PinoRunRow *row = g_new0(PinoRunRow, 1);
  row->script = g_build_filename(engine->home, "api", meant->app, LAUNCHER, NULL);
  row->id = pino_start_new_id(engine, row->script);
  row->app_id = g_strdup(meant->app);
  row->kind = g_strdup(operations[index].kind);
  row->operation = compose(wish, meant);
  row->state = g_strdup("waiting");
  row->journal = pino_start_journal(engine, row->script, row->id);
  row->step = row->total = -1;
  row->started_at = pino_engine_now();
  PinoLive *live = pino_live_new(engine, row);
  live->cols = wish->cols;
  live->rows = wish->rows;
  g_autofree char *id = g_strdup(row->id);
  if (!pino_start_record(live, error))
    return NULL;
  if (remains != NULL)
    pino_stop_run(engine, remains->row->id, on_remains_gone, waiting_new(engine, id));
  else
    pino_start_begin(live);
  return g_steal_pointer(&id);
}

/* The id of the same operation, from the same place, that is under way, or NULL. Free with g_free(). */
static char *same_under_way(PinoEngine *engine, guint index, const Meant *meant) {
  PinoLive *live = under_way(engine, meant->app, TRUE, 1);
  g_autoptr(JsonNode) root = live != NULL ? json_from_string(live->row->operation, NULL) : NULL;
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root) || live->state >= PINO_LIVE_STOPPING)
    return NULL;
  JsonObject *object = json_node_get_object(root);
  const char *name = json_object_get_string_member_with_default(object, "operation", NULL);
  const char *url = json_object_get_string_member_with_default(object, "url", NULL);
  gboolean same =
      g_strcmp0(name, operations[index].name) == 0 && (meant->url == NULL || g_strcmp0(meant->url, url) == 0);
  return same ? g_strdup(live->row->id) : NULL;
}

char *pino_engine_operate(PinoEngine *engine, const PinoEngineOperation *wish, char **app, gboolean *already,
                          GError **error) {
  guint index = index_of(wish->operation);
  Meant meant = {0};
  char *run = NULL;
  if (index == G_N_ELEMENTS(operations) || wish->source == NULL || *wish->source == '\0') {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "there is no operation '%s' for '%s'",
                wish->operation != NULL ? wish->operation : "", wish->source != NULL ? wish->source : "");
    return NULL;
  }
  if (!g_utf8_validate(wish->source, -1, NULL)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "what is to be worked on is no UTF-8 text");
    return NULL;
  }
  if (engine->closing) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_CANCELLED, "the engine ends");
    return NULL;
  }
  if (find_meant(engine, wish, operations[index].by_source, &meant, error)) {
    run = same_under_way(engine, index, &meant);
    if (already != NULL)
      *already = run != NULL;
    if (run == NULL && may_begin(engine, index, meant.app, error))
      run = begin(engine, index, wish, &meant, error);
  }
  if (run != NULL && app != NULL)
    *app = g_strdup(meant.app);
  meant_clear(&meant);
  return run;
}

char *pino_operate_shown(const char *operation) {
  g_autoptr(JsonNode) root = json_from_string(operation, NULL);
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
  const char *url = object != NULL ? json_object_get_string_member_with_default(object, "url", NULL) : NULL;
  const char *mark = url != NULL ? strstr(url, "://") : NULL;
  if (mark == NULL)
    return g_strdup(operation);
  const char *host = mark + strlen("://");
  const char *login = g_strrstr_len(host, (gssize)strcspn(host, "/?#"), "@");
  const char *rest = login != NULL ? login + 1 : host;
  g_autofree char *shown =
      g_strdup_printf("%.*s%.*s", (int)(host - url), url, (int)strcspn(rest, "?#"), rest);
  json_object_set_string_member(object, "url", shown);
  return json_to_string(root, FALSE);
}

void pino_operate_take(PinoRunRow *row, JsonObject *hello) {
  JsonNode *node = json_object_get_member(hello, "operation");
  JsonObject *operation = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  guint index = operation != NULL
                    ? index_of(json_object_get_string_member_with_default(operation, "operation", NULL))
                    : G_N_ELEMENTS(operations);
  g_free(row->kind);
  g_free(row->operation);
  row->kind =
      g_strdup(index < G_N_ELEMENTS(operations) ? operations[index].kind : pino_start_kind(row->script));
  row->operation = index < G_N_ELEMENTS(operations) ? json_to_string(node, FALSE) : NULL;
}
