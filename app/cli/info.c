/* pinokiocloud info: one app, as the catalog has it and as it is here. An engine that runs is asked, none is started. */
#include <string.h>

#include "base/json.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/say.h"
#include "cli/shelf.h"
#include "cli/target.h"

typedef struct {
  const PinoCatalogApp *entry; /* NULL: not in the catalog */
  const PinoApp *app;          /* NULL: not installed */
  JsonNode *view;              /* the engine's of it; NULL: no engine, or it knows of none */
} Subject;

/* --- looking ----------------------------------------------------------------------------------------------------- */

/* A folder's name goes first: that is what the other commands take it for. */
static gboolean find(const PinoShelf *shelf, const char *word, Subject *subject) {
  subject->app = pino_shelf_folder(shelf, word);
  if (subject->app != NULL) {
    subject->entry = pino_shelf_entry(shelf, subject->app);
    return TRUE;
  }
  subject->entry = pino_catalog_find(shelf->catalog, word);
  subject->app = subject->entry != NULL ? pino_shelf_installed(shelf, subject->entry) : NULL;
  return subject->entry != NULL;
}

/* NULL without an engine. What goes wrong with one that is there is told. */
static JsonNode *ask_engine(const char *app) {
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoEndpoint) place = pino_endpoint_new();
  if (pino_endpoint_look(place, NULL) != PINO_ENDPOINT_SERVED)
    return NULL;
  g_autoptr(PinoClient) client = pino_client_new(g_steal_pointer(&place), &error);
  JsonNode *view = client != NULL ? pino_target_app(client, app, &error) : NULL;
  if (view == NULL)
    pino_say("%s", error->message);
  return view;
}

static void append_names(GString *text, const GPtrArray *near) {
  for (guint i = 0; i < near->len; i++) {
    const PinoCatalogApp *app = near->pdata[i];
    g_string_append_printf(text, "%s%s", i == 0 ? "" : i + 1 < near->len ? ", " : " or ", app->id);
  }
}

static int tell_unknown(const PinoShelf *shelf, const char *word) {
  g_autoptr(GPtrArray) near = pino_catalog_suggest(shelf->catalog, word, 3);
  g_autofree char *shown = pino_one_line(word);
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_printf(text, "there is no app '%s', neither in the catalog nor under api/; ", shown);
  if (near->len > 0) {
    g_string_append(text, "did you mean ");
    append_names(text, near);
    g_string_append_c(text, '?');
  } else {
    g_string_append(text, "`pinokiocloud search` finds apps by what they do");
  }
  pino_command_complain(text->str);
  return PINO_EXIT_FAILED;
}

/* --- showing ----------------------------------------------------------------------------------------------------- */

static const char *view_text(const Subject *subject, const char *member) {
  return subject->view != NULL ? pino_text(json_node_get_object(subject->view), member) : NULL;
}

static void print_json(const Subject *subject) {
  g_autoptr(GString) out = g_string_new(NULL);
  pino_shelf_append_json(out, subject->entry, subject->app);
  pino_json_append_nullable(out, "path", subject->app != NULL ? subject->app->path : NULL);
  pino_json_append_nullable(out, "commit", subject->app != NULL ? subject->app->commit : NULL);
  pino_json_append_nullable(out, "state", view_text(subject, "state"));
  pino_json_append_nullable(out, "url", view_text(subject, "url"));
  pino_json_append_nullable(out, "public_url", view_text(subject, "public_url"));
  g_string_append_c(out, '}');
  g_autoptr(JsonNode) node = json_from_string(out->str, NULL);
  pino_put_json(node);
}

static void print_title(const char *name, const char *description) {
  g_autofree char *line = pino_one_line(name);
  g_autofree char *bold = pino_listing_bold(line);
  pino_put_line(bold);
  pino_listing_print_text(description);
  pino_put_line("");
}

static void print_entry(const PinoCatalogApp *entry) {
  g_autofree char *tags = g_strjoinv(", ", (char **)entry->tags);
  g_autofree char *stars = entry->stars > 0 ? g_strdup_printf("%" G_GINT64_FORMAT, entry->stars) : NULL;
  pino_listing_print_field("Id", entry->id);
  pino_listing_print_field("Category", entry->category);
  pino_listing_print_field("Tags", tags);
  pino_listing_print_field("Author", entry->author);
  pino_listing_print_field("Stars", stars);
  pino_listing_print_field("Repository", entry->repository);
  pino_listing_print_field("Scripts", g_str_equal(entry->installer, "js")     ? "JavaScript"
                                      : g_str_equal(entry->installer, "json") ? "JSON"
                                                                              : entry->installer);
  pino_listing_print_field("From", entry->own ? "your own catalog.json" : NULL);
}

static void print_installed(const Subject *subject) {
  const char *state = view_text(subject, "state");
  pino_listing_print_field("Installed", subject->app->id);
  pino_listing_print_field("Folder", subject->app->path);
  pino_listing_print_field("Commit", subject->app->commit);
  pino_listing_print_field("State", state != NULL ? state : "not known: no engine runs");
  pino_listing_print_field("Address", view_text(subject, "url"));
  pino_listing_print_field("Everywhere", view_text(subject, "public_url"));
}

static void print(const Subject *subject) {
  const PinoCatalogApp *entry = subject->entry;
  const PinoApp *app = subject->app;
  if (entry != NULL) {
    print_title(entry->name, entry->description);
    print_entry(entry);
  } else {
    print_title(app->title != NULL ? app->title : app->id, app->description);
    pino_listing_print_field("Repository",
                             app->repository != NULL ? app->repository : "none: it was not cloned");
    pino_listing_print_field("Catalog", "not in it");
  }
  if (app != NULL) {
    print_installed(subject);
    return;
  }
  g_autofree char *how = g_strdup_printf("no; `pinokiocloud install %s` does it", entry->id);
  pino_listing_print_field("Installed", how);
}

int pino_command_info(int argc, char **argv) {
  gboolean json = FALSE;
  g_auto(GStrv) names = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print it as JSON", NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse_names(
          "info APP [--json]",
          "Shows an app: what the catalog says, and how it is here. APP is an id, a name or a "
          "repository of the catalog, or an app's name under api/.",
          entries, 1, 1, &argc, &argv, &names, &status))
    return status;
  g_autoptr(PinoShelf) shelf = pino_shelf_new();
  Subject subject = {0};
  if (!find(shelf, names[0], &subject))
    return tell_unknown(shelf, names[0]);
  subject.view = subject.app != NULL ? ask_engine(subject.app->id) : NULL;
  if (json)
    print_json(&subject);
  else
    print(&subject);
  g_clear_pointer(&subject.view, json_node_unref);
  return PINO_EXIT_OK;
}
