#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "catalog/internal.h"
#include "catalog/needs.h"

#define ID_LONGEST 200
#define DEEPEST 8 /* brackets within brackets; an entry needs three */
#define NO_CATEGORY "other"

PinoEntries *pino_entries_new(void) {
  PinoEntries *entries = g_new0(PinoEntries, 1);
  entries->texts = g_string_chunk_new(16 * 1024);
  entries->apps = g_ptr_array_new_with_free_func(g_free);
  entries->ids = g_hash_table_new(g_str_hash, g_str_equal);
  return entries;
}

void pino_entries_free(PinoEntries *entries) {
  if (entries == NULL)
    return;
  for (guint i = 0; i < entries->apps->len; i++)
    g_free((gpointer)((PinoCatalogApp *)entries->apps->pdata[i])->tags);
  g_hash_table_unref(entries->ids);
  g_ptr_array_unref(entries->apps);
  g_string_chunk_free(entries->texts);
  g_free(entries);
}

/* --- what an entry says ------------------------------------------------------------------------------------------ */

typedef struct {
  const char *name;
  gsize at; /* in PinoCatalogApp */
  gboolean needed;
} Member;

static const Member text_members[] = {
    {"id", G_STRUCT_OFFSET(PinoCatalogApp, id), TRUE},
    {"repository", G_STRUCT_OFFSET(PinoCatalogApp, repository), TRUE},
    {"name", G_STRUCT_OFFSET(PinoCatalogApp, name), FALSE},
    {"category", G_STRUCT_OFFSET(PinoCatalogApp, category), FALSE},
    {"author", G_STRUCT_OFFSET(PinoCatalogApp, author), FALSE},
    {"installer", G_STRUCT_OFFSET(PinoCatalogApp, installer), FALSE},
    {"description", G_STRUCT_OFFSET(PinoCatalogApp, description), FALSE},
};

/* NULL for a member that is null or not there. */
static JsonNode *member_of(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && !JSON_NODE_HOLDS_NULL(node) ? node : NULL;
}

static gboolean is_text(JsonNode *node) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

/* Text may be no UTF-8 where JSON has half a surrogate pair. */
static const char *keep(PinoEntries *entries, const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  return g_string_chunk_insert_const(entries->texts, valid);
}

static gboolean take_text(PinoEntries *entries, PinoCatalogApp *app, JsonObject *object, const Member *member,
                          GError **error) {
  JsonNode *node = member_of(object, member->name);
  const char *text = node != NULL && is_text(node) ? json_node_get_string(node) : "";
  if (node != NULL && !is_text(node)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "\"%s\" is not text", member->name);
    return FALSE;
  }
  if (member->needed && *text == '\0') {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "it has no \"%s\"", member->name);
    return FALSE;
  }
  G_STRUCT_MEMBER(const char *, app, member->at) = keep(entries, text);
  return TRUE;
}

static gboolean has_tag(const char *const *tags, const char *text) {
  for (guint i = 0; tags[i] != NULL; i++) {
    if (pino_catalog_same(tags[i], text))
      return TRUE;
  }
  return FALSE;
}

static gboolean take_tags(PinoEntries *entries, PinoCatalogApp *app, JsonObject *object, GError **error) {
  JsonNode *node = member_of(object, "tags");
  if (node != NULL && !JSON_NODE_HOLDS_ARRAY(node)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX, "\"tags\" is no list");
    return FALSE;
  }
  JsonArray *array = node != NULL ? json_node_get_array(node) : NULL;
  guint count = array != NULL ? json_array_get_length(array) : 0;
  const char **tags = g_new0(const char *, count + 1);
  guint taken = 0;
  app->tags = tags;
  for (guint i = 0; i < count; i++) {
    JsonNode *tag = json_array_get_element(array, i);
    if (!is_text(tag)) {
      g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX, "one of its \"tags\" is not text");
      return FALSE;
    }
    const char *text = keep(entries, json_node_get_string(tag));
    if (*text != '\0' && !has_tag(tags, text))
      tags[taken++] = text;
  }
  return TRUE;
}

static gboolean take_stars(PinoCatalogApp *app, JsonObject *object, GError **error) {
  JsonNode *node = member_of(object, "stars");
  if (node != NULL && !(JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX, "\"stars\" is no whole number");
    return FALSE;
  }
  app->stars = node != NULL ? json_node_get_int(node) : 0;
  return TRUE;
}

/* An id is a segment of addresses and stands on command lines. */
static gboolean is_good_id(const char *id) {
  if (strlen(id) > ID_LONGEST || *id == '-' || g_str_equal(id, ".") || g_str_equal(id, ".."))
    return FALSE;
  for (const char *at = id; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (!g_unichar_isprint(c) || g_unichar_isspace(c) || c == '/')
      return FALSE;
  }
  return TRUE;
}

/* git would take what begins with "-" for an option. */
static gboolean is_good_repository(const char *repository) {
  for (const char *at = repository; *at != '\0'; at = g_utf8_next_char(at)) {
    if (!g_unichar_isprint(g_utf8_get_char(at)))
      return FALSE;
  }
  return *repository != '-';
}

static gboolean check(const PinoCatalogApp *app, GError **error) {
  if (!is_good_id(app->id)) {
    g_set_error_literal(
        error, PINO_ERROR, PINO_ERROR_SYNTAX,
        "its \"id\" is no plain name: no blanks, no \"/\", no \"-\" in front, at most 200 bytes");
    return FALSE;
  }
  if (!is_good_repository(app->repository)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX,
                        "its \"repository\" is no address of a repository");
    return FALSE;
  }
  return TRUE;
}

static void read_needs(PinoNeedsReader *reader, PinoCatalogApp *app) {
  guint count = 0;
  while (app->tags[count] != NULL)
    count++;
  g_autofree PinoWriting *writings = g_new(PinoWriting, count + 2);
  for (guint i = 0; i < count; i++)
    writings[i] = (PinoWriting){app->tags[i], "catalog", TRUE};
  writings[count] = (PinoWriting){app->name, "catalog", FALSE};
  writings[count + 1] = (PinoWriting){app->description, "catalog", FALSE};
  PinoNeeds needs = pino_needs_read(reader, writings, count + 2);
  app->gpu = needs.gpu;
  app->vram_gb = needs.vram_gb;
}

static gboolean fill(PinoEntries *entries, PinoCatalogApp *app, JsonNode *node, GError **error) {
  if (!JSON_NODE_HOLDS_OBJECT(node)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX, "it is no object");
    return FALSE;
  }
  JsonObject *object = json_node_get_object(node);
  for (guint i = 0; i < G_N_ELEMENTS(text_members); i++) {
    if (!take_text(entries, app, object, &text_members[i], error))
      return FALSE;
  }
  if (!take_tags(entries, app, object, error) || !take_stars(app, object, error) || !check(app, error))
    return FALSE;
  if (*app->name == '\0')
    app->name = app->id;
  if (*app->category == '\0')
    app->category = g_string_chunk_insert_const(entries->texts, NO_CATEGORY);
  return TRUE;
}

/* --- the list ---------------------------------------------------------------------------------------------------- */

static JsonArray *parse(JsonParser *parser, const char *json, gsize length, GError **error) {
  g_autoptr(GError) failed = NULL;
  if (!pino_json_is_flat(json, length, DEEPEST)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX, "it is nested too deeply for a list of apps");
    return NULL;
  }
  if (!g_utf8_validate_len(json, length, NULL) || memchr(json, '\0', length) != NULL) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX, "it is not UTF-8 text");
    return NULL;
  }
  if (!json_parser_load_from_data(parser, json, (gssize)length, &failed)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "it is no JSON: %s", failed->message);
    return NULL;
  }
  JsonNode *root = json_parser_get_root(parser);
  if (root == NULL || !JSON_NODE_HOLDS_ARRAY(root)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX,
                        "it is no list: [{\"id\": ..., \"repository\": ...}, ...]");
    return NULL;
  }
  return json_node_get_array(root);
}

static void free_app(gpointer data) {
  PinoCatalogApp *app = data;
  g_free((gpointer)app->tags);
  g_free(app);
}

/* Takes the app over, in the place of one with its id. */
static void put(PinoEntries *entries, PinoCatalogApp *app) {
  PinoCatalogApp *old = g_hash_table_lookup(entries->ids, app->id);
  if (old == NULL) {
    g_ptr_array_add(entries->apps, app);
    g_hash_table_insert(entries->ids, (gpointer)app->id, app);
    return;
  }
  g_free((gpointer)old->tags);
  *old = *app;
  g_free(app);
}

static gboolean read_all(PinoEntries *entries, JsonArray *array, gboolean own, GPtrArray *read,
                         GError **error) {
  g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(PinoNeedsReader) needs = pino_needs_reader_new();
  for (guint i = 0; i < json_array_get_length(array); i++) {
    PinoCatalogApp *app = g_new0(PinoCatalogApp, 1);
    g_ptr_array_add(read, app);
    app->own = own;
    if (!fill(entries, app, json_array_get_element(array, i), error)) {
      g_prefix_error(error, "entry %u%s%s: ", i + 1, app->id != NULL ? " " : "",
                     app->id != NULL ? app->id : "");
      return FALSE;
    }
    read_needs(needs, app);
    if (!g_hash_table_add(ids, (gpointer)app->id)) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "entry %u: another one has the id '%s' too", i + 1,
                  app->id);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean pino_entries_add(PinoEntries *entries, const char *json, gsize length, gboolean own,
                          GError **error) {
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  g_autoptr(GPtrArray) read = g_ptr_array_new_with_free_func(free_app);
  JsonArray *array = parse(parser, json, length, error);
  if (array == NULL || !read_all(entries, array, own, read, error))
    return FALSE;
  g_ptr_array_set_free_func(read, NULL);
  for (guint i = 0; i < read->len; i++)
    put(entries, read->pdata[i]);
  return TRUE;
}
