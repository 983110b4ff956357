/* The catalog as the engine shows it: which of its apps lie under api/, by what they were cloned from. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/internal.h"

/* Entries to the names of their apps under api/; of several the first by name. */
static GHashTable *installed_apps(PinoEngine *engine) {
  GHashTable *installed = g_hash_table_new(NULL, NULL);
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->applications);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const PinoApplication *app = value;
    const PinoCatalogApp *entry =
        app->repository_url != NULL ? pino_catalog_by_repository(engine->catalog, app->repository_url) : NULL;
    const char *other = entry != NULL ? g_hash_table_lookup(installed, entry) : NULL;
    if (entry != NULL && (other == NULL || strcmp(app->id, other) < 0))
      g_hash_table_insert(installed, (gpointer)entry, app->id);
  }
  return installed;
}

static void append_entry(GString *out, const PinoCatalogApp *entry, GHashTable *installed) {
  pino_catalog_append_json(out, entry);
  pino_json_append_nullable(out, "installed", g_hash_table_lookup(installed, entry));
  g_string_append_c(out, '}');
}

GBytes *pino_engine_catalog(PinoEngine *engine, const PinoCatalogQuery *query) {
  guint total = 0;
  pino_catalog_refresh(engine->catalog);
  g_autoptr(GPtrArray) found = pino_catalog_search(engine->catalog, query, &total);
  g_autoptr(GHashTable) installed = installed_apps(engine);
  const GError *trouble = pino_catalog_trouble(engine->catalog);
  GString *out = g_string_new(NULL);
  g_string_printf(out, "{\"total\":%u,\"apps\":[", total);
  for (guint i = 0; i < found->len; i++) {
    g_string_append(out, i > 0 ? "," : "");
    append_entry(out, found->pdata[i], installed);
  }
  g_string_append_c(out, ']');
  pino_json_append_nullable(out, "trouble", trouble != NULL ? trouble->message : NULL);
  g_string_append_c(out, '}');
  return g_string_free_to_bytes(out);
}

GBytes *pino_engine_catalog_app(PinoEngine *engine, const char *id, GError **error) {
  pino_catalog_refresh(engine->catalog);
  const PinoCatalogApp *entry = pino_catalog_by_id(engine->catalog, id);
  if (entry == NULL) {
    g_autoptr(GPtrArray) near = pino_catalog_suggest(engine->catalog, id, 1);
    const PinoCatalogApp *nearest = near->len > 0 ? near->pdata[0] : NULL;
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "the catalog has no app '%s'%s%s%s", id,
                nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest->id : "",
                nearest != NULL ? "'?" : "");
    return NULL;
  }
  g_autoptr(GHashTable) installed = installed_apps(engine);
  GString *out = g_string_new(NULL);
  append_entry(out, entry, installed);
  return g_string_free_to_bytes(out);
}

static void append_counts(GString *out, const char *name, GArray *counts) {
  g_string_append_printf(out, "\"%s\":[", name);
  for (guint i = 0; i < counts->len; i++) {
    const PinoCatalogCount *count = &g_array_index(counts, PinoCatalogCount, i);
    g_string_append(out, i > 0 ? ",{" : "{");
    pino_json_append_member(out, "name", count->name);
    g_string_append_printf(out, ",\"count\":%u}", count->count);
  }
  g_string_append_c(out, ']');
  g_array_unref(counts);
}

GBytes *pino_engine_catalog_counts(PinoEngine *engine) {
  GString *out = g_string_new("{");
  pino_catalog_refresh(engine->catalog);
  append_counts(out, "categories", pino_catalog_categories(engine->catalog));
  g_string_append_c(out, ',');
  append_counts(out, "tags", pino_catalog_tags(engine->catalog));
  g_string_append_c(out, '}');
  return g_string_free_to_bytes(out);
}
