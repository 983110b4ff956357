/* pinokiocloud search, list: the catalog, with what of it is installed. No engine is needed. */
#include <json-glib/json-glib.h>

#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/say.h"
#include "cli/shelf.h"
#include "cli/table.h"

#define SEARCH_LIMIT 20

typedef struct {
  char *category, *tag;
  int limit;
  gboolean json, installed, categories, tags;
} Options;

static void options_clear(Options *options) {
  g_free(options->category);
  g_free(options->tag);
}

/* --- filters ----------------------------------------------------------------------------------------------------- */

static gboolean is_of_any(PinoCatalog *catalog, const PinoCatalogQuery *filter) {
  g_autoptr(GPtrArray) apps = pino_catalog_search(catalog, filter, NULL);
  return apps->len > 0;
}

/* Tells what there is instead. */
static gboolean check_category(PinoCatalog *catalog, const char *category) {
  if (category == NULL || is_of_any(catalog, &(PinoCatalogQuery){.category = category}))
    return TRUE;
  g_autoptr(GArray) counts = pino_catalog_categories(catalog);
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *shown = pino_one_line(category);
  g_string_printf(text, "there is no category '%s', but", shown);
  for (guint i = 0; i < counts->len; i++)
    g_string_append_printf(text, "%s %s", i > 0 ? "," : "", g_array_index(counts, PinoCatalogCount, i).name);
  pino_command_complain(text->str);
  return FALSE;
}

static gboolean check_tag(PinoCatalog *catalog, const char *tag) {
  if (tag == NULL || is_of_any(catalog, &(PinoCatalogQuery){.tag = tag}))
    return TRUE;
  g_autofree char *shown = pino_one_line(tag);
  g_autofree char *text =
      g_strdup_printf("no app has the tag '%s'; `pinokiocloud list --tags` shows them", shown);
  pino_command_complain(text);
  return FALSE;
}

static gboolean check_filters(PinoCatalog *catalog, const Options *options) {
  return check_category(catalog, options->category) && check_tag(catalog, options->tag);
}

/* --- what is printed --------------------------------------------------------------------------------------------- */

static void print_apps_json(const PinoShelf *shelf, const GPtrArray *entries, const GPtrArray *others,
                            guint total) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_string_printf(out, "{\"total\":%u,\"apps\":[", total);
  for (guint i = 0; i < entries->len; i++) {
    g_string_append(out, i > 0 ? "," : "");
    pino_shelf_append_json(out, entries->pdata[i], pino_shelf_installed(shelf, entries->pdata[i]));
    g_string_append_c(out, '}');
  }
  for (guint i = 0; i < others->len; i++) {
    g_string_append(out, i + entries->len > 0 ? "," : "");
    pino_shelf_append_json(out, NULL, others->pdata[i]);
    g_string_append_c(out, '}');
  }
  g_string_append(out, "]}");
  g_autoptr(JsonNode) node = json_from_string(out->str, NULL);
  pino_put_json(node);
}

static void print_apps(const PinoShelf *shelf, const GPtrArray *entries, const GPtrArray *others) {
  static const char *const heads[] = {"APP", "CATEGORY", "INSTALLED", "DESCRIPTION", NULL};
  g_autoptr(PinoListing) listing = pino_listing_new(heads);
  for (guint i = 0; i < entries->len; i++) {
    const PinoCatalogApp *entry = entries->pdata[i];
    pino_listing_add(listing, entry->id);
    pino_listing_add(listing, entry->category);
    pino_listing_add(listing, pino_shelf_installed(shelf, entry) != NULL ? "installed" : NULL);
    pino_listing_add(listing, entry->description);
  }
  for (guint i = 0; i < others->len; i++) {
    const PinoApp *app = others->pdata[i];
    g_autofree char *from = app->repository != NULL
                                ? g_strdup_printf("Not in the catalog; from %s", app->repository)
                                : g_strdup("Not in the catalog");
    pino_listing_add(listing, app->id);
    pino_listing_add(listing, "-");
    pino_listing_add(listing, "installed");
    pino_listing_add(listing, app->description != NULL ? app->description : from);
  }
  pino_listing_print(listing);
}

/* --- search ------------------------------------------------------------------------------------------------------ */

static int show_found(const PinoShelf *shelf, const char *text, const Options *options) {
  guint total = 0;
  PinoCatalogQuery query = {
      .text = text, .category = options->category, .tag = options->tag, .limit = (guint)options->limit};
  g_autoptr(GPtrArray) found = pino_catalog_search(shelf->catalog, &query, &total);
  g_autoptr(GPtrArray) none = g_ptr_array_new();
  if (options->json)
    print_apps_json(shelf, found, none, total);
  else if (found->len > 0)
    print_apps(shelf, found, none);
  else
    pino_say("Nothing in the catalog fits '%s'. `pinokiocloud list --categories` shows what there is.", text);
  if (!options->json && total > found->len)
    pino_say("%u of %u; --limit 0 shows all.", found->len, total);
  return found->len > 0 ? PINO_EXIT_OK : PINO_EXIT_FAILED;
}

int pino_command_search(int argc, char **argv) {
  Options options = {.limit = SEARCH_LIMIT};
  g_auto(GStrv) words = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"category", 'c', 0, G_OPTION_ARG_STRING, &options.category, "Only apps of this category", "NAME"},
      {"tag", 't', 0, G_OPTION_ARG_STRING, &options.tag, "Only apps with this tag", "NAME"},
      {"limit", 'n', 0, G_OPTION_ARG_INT, &options.limit, "So many at most (20); 0 for all", "N"},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print it as JSON", NULL},
      G_OPTION_ENTRY_NULL,
  };
  gboolean parsed = pino_command_parse_names(
      "search WORD... [--category NAME] [--tag NAME] [--limit N] [--json]",
      "Looks for apps in the catalog, best first; words may stand in any order and be misspelt. "
      "Exit status 1: nothing fits.",
      entries, 1, G_MAXUINT, &argc, &argv, &words, &status);
  if (parsed && options.limit < 0) {
    pino_command_complain("--limit is a number of apps, or 0 for all");
    status = PINO_EXIT_USAGE;
  } else if (parsed) {
    g_autoptr(PinoShelf) shelf = pino_shelf_new();
    g_autofree char *text = g_strjoinv(" ", words);
    status = check_filters(shelf->catalog, &options) ? show_found(shelf, text, &options) : PINO_EXIT_USAGE;
  }
  options_clear(&options);
  return status;
}

/* --- list -------------------------------------------------------------------------------------------------------- */

static int show_counts(GArray *counts, gboolean json) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(JsonNode) root = json_node_new(JSON_NODE_ARRAY);
  g_autoptr(JsonArray) array = json_array_new();
  for (guint i = 0; i < counts->len; i++) {
    const PinoCatalogCount *count = &g_array_index(counts, PinoCatalogCount, i);
    JsonObject *object = json_object_new();
    g_autofree char *name = pino_one_line(count->name);
    json_object_set_string_member(object, "name", count->name);
    json_object_set_int_member(object, "count", count->count);
    json_array_add_object_element(array, object);
    g_ptr_array_add(texts, g_strdup_printf("%4u  %s", count->count, name));
  }
  json_node_set_array(root, array);
  g_ptr_array_add(texts, NULL);
  if (json) {
    pino_put_json(root);
  } else {
    pino_listing_print_columns((const char *const *)texts->pdata);
  }
  g_array_unref(counts);
  return PINO_EXIT_OK;
}

/* Apps under api/ that no entry is of; filters leave them out, since they have neither category nor tags. */
static GPtrArray *others_of(const PinoShelf *shelf, const Options *options) {
  GPtrArray *others = g_ptr_array_new();
  for (guint i = 0; options->installed && i < shelf->apps->len; i++) {
    PinoApp *app = shelf->apps->pdata[i];
    if (options->category == NULL && options->tag == NULL && pino_shelf_entry(shelf, app) == NULL)
      g_ptr_array_add(others, app);
  }
  return others;
}

static int show_list(const PinoShelf *shelf, const Options *options) {
  PinoCatalogQuery query = {.category = options->category, .tag = options->tag};
  g_autoptr(GPtrArray) entries = pino_catalog_search(shelf->catalog, &query, NULL);
  g_autoptr(GPtrArray) others = others_of(shelf, options);
  for (guint i = entries->len; options->installed && i > 0; i--) {
    if (pino_shelf_installed(shelf, entries->pdata[i - 1]) == NULL)
      g_ptr_array_remove_index(entries, i - 1);
  }
  if (options->json)
    print_apps_json(shelf, entries, others, entries->len + others->len);
  else if (entries->len + others->len > 0)
    print_apps(shelf, entries, others);
  else
    pino_say(options->installed ? "No app is installed." : "No app of the catalog has both.");
  return PINO_EXIT_OK;
}

int pino_command_list(int argc, char **argv) {
  Options options = {0};
  int status;
  const GOptionEntry entries[] = {
      {"installed", 'i', 0, G_OPTION_ARG_NONE, &options.installed, "Only apps that are installed", NULL},
      {"category", 'c', 0, G_OPTION_ARG_STRING, &options.category, "Only apps of this category", "NAME"},
      {"tag", 't', 0, G_OPTION_ARG_STRING, &options.tag, "Only apps with this tag", "NAME"},
      {"categories", 0, 0, G_OPTION_ARG_NONE, &options.categories,
       "Show the categories, and how many apps each has", NULL},
      {"tags", 0, 0, G_OPTION_ARG_NONE, &options.tags, "Show the tags, and how many apps have each", NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print it as JSON", NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (pino_command_parse("list [--installed] [--category NAME] [--tag NAME] [--categories|--tags] [--json]",
                         "Shows the apps of the catalog, by name.", entries, 0, &argc, &argv, &status)) {
    g_autoptr(PinoShelf) shelf = pino_shelf_new();
    if (options.categories)
      status = show_counts(pino_catalog_categories(shelf->catalog), options.json);
    else if (options.tags)
      status = show_counts(pino_catalog_tags(shelf->catalog), options.json);
    else
      status = check_filters(shelf->catalog, &options) ? show_list(shelf, &options) : PINO_EXIT_USAGE;
  }
  options_clear(&options);
  return status;
}
