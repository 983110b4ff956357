/* The entries of the catalog: data/apps.json as the program carries it, a person's own ones, and how one is found. */
#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "catalog/catalog.h"

#define ENTRIES 284

typedef struct {
  char *home, *file;
  PinoCatalog *catalog;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
  f->home = g_dir_make_tmp("catalog-XXXXXX", NULL);
  f->file = g_build_filename(f->home, "catalog.json", NULL);
  f->catalog = pino_catalog_new(f->home);
}

static void tear_down(Fixture *f, gconstpointer data) {
  pino_catalog_free(f->catalog);
  if (unlink(f->file) != 0)
    rmdir(f->file);
  g_assert_cmpint(rmdir(f->home), ==, 0);
  g_free(f->file);
  g_free(f->home);
}

static void put(Fixture *f, const char *text, gssize length) {
  g_assert_true(g_file_set_contents(f->file, text, length, NULL));
}

/* --- data/apps.json ---- */

static gboolean is_one_line(const char *text) {
  return g_utf8_validate(text, -1, NULL) && strpbrk(text, "\n\r\t") == NULL;
}

static void test_every_field(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  g_assert_no_error(pino_catalog_trouble(catalog));
  g_assert_cmpuint(pino_catalog_size(catalog), ==, ENTRIES);
  for (guint i = 0; i < ENTRIES; i++) {
    const PinoCatalogApp *app = pino_catalog_get(catalog, i);
    glong length = g_utf8_strlen(app->description, -1);
    g_test_message("%s", app->id);
    g_assert_true(*app->id != '\0' && *app->name != '\0' && *app->author != '\0');
    g_assert_true(g_hash_table_add(seen, (gpointer)app->id));
    g_assert_true(g_hash_table_add(seen, (gpointer)app->description));
    g_assert_true(g_str_has_prefix(app->repository, "https://"));
    g_assert_true(g_strv_contains(
        (const char *const[]){"image", "audio", "video", "llm", "3d", "utility", NULL}, app->category));
    g_assert_true(g_strv_contains((const char *const[]){"js", "json", NULL}, app->installer));
    g_assert_cmpint(app->stars, >=, 0);
    g_assert_nonnull(app->tags[0]);
    g_assert_false(app->own);
    g_assert_cmpint(length, >=, 40);
    g_assert_cmpint(length, <=, 110);
    g_assert_true(is_one_line(app->description) && !g_str_has_suffix(app->description, "."));
    g_assert_true(g_unichar_isupper(g_utf8_get_char(app->description)));
  }
  g_assert_null(pino_catalog_get(catalog, ENTRIES));
}

/* What an entry is as JSON is what stands in the file, in the same order. */
static void test_same_as_the_file(gconstpointer path) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  g_assert_true(json_parser_load_from_file(parser, path, NULL));
  JsonArray *array = json_node_get_array(json_parser_get_root(parser));
  g_assert_cmpuint(json_array_get_length(array), ==, ENTRIES);
  for (guint i = 0; i < ENTRIES; i++) {
    g_autoptr(GString) text = g_string_new(NULL);
    pino_catalog_append_json(text, pino_catalog_get(catalog, i));
    g_string_append(text, ",\"more\":1}");
    g_autoptr(JsonNode) node = json_from_string(text->str, NULL);
    JsonObject *object = json_node_get_object(node);
    g_assert_cmpint(json_object_get_int_member(object, "more"), ==, 1);
    g_assert_false(json_object_get_boolean_member(object, "own"));
    json_object_remove_member(object, "more");
    json_object_remove_member(object, "own");
    g_assert_nonnull(json_object_get_object_member(object, "needs"));
    json_object_remove_member(object, "needs");
    g_assert_true(json_node_equal(node, json_array_get_element(array, i)));
  }
}

static void test_found(void) {
  static const struct {
    const char *word, *id;
  } cases[] = {
      {"comfyui_pinokio", "comfyui_pinokio"},
      {"comfyui.pinokio", "comfyui_pinokio"},
      {"COMFYUI.Pinokio", "comfyui_pinokio"},
      {"StableAudio", "stableaudio"},
      {"https://github.com/pinokiofactory/stableaudio", "stableaudio"},
      {"https://github.com/PinokioFactory/StableAudio.git", "stableaudio"},
      {"https://github.com/pinokiofactory/stableaudio.git/", "stableaudio"},
      {"https://name:secret@github.com/pinokiofactory/stableaudio", "stableaudio"},
      {"git@github.com:pinokiofactory/stableaudio.git", "stableaudio"},
      {"ssh://git@github.com/pinokiofactory/stableaudio", "stableaudio"},
      {"github.com/pinokiofactory/stableaudio", "stableaudio"},
      {"https://github.com/somebody/stableaudio", NULL},
      {"https://github.com/pinokiofactory/stableaudi", NULL},
      {"comfyu", NULL},
      {"comfy ui", NULL},
      {"", NULL},
      {"/", NULL},
      {"\xff", NULL},
      {"../comfyui", NULL},
  };
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    const PinoCatalogApp *app = pino_catalog_find(catalog, cases[i].word);
    g_autofree char *shown = g_strescape(cases[i].word, NULL);
    g_test_message("%s", shown);
    g_assert_cmpstr(app != NULL ? app->id : NULL, ==, cases[i].id);
  }
  g_assert_null(pino_catalog_by_id(catalog, "ComfyUI"));
  g_assert_cmpstr(pino_catalog_by_folder(catalog, "comfyui.pinokio.git")->id, ==, "comfyui_pinokio");
  g_assert_cmpstr(pino_catalog_by_folder(catalog, "comfyui.pinokio")->id, ==, "comfyui_pinokio");
  g_assert_cmpstr(pino_catalog_by_folder(catalog, "MFLUX-webui")->id, ==, "mflux-webui");
  g_assert_null(pino_catalog_by_folder(catalog, "comfyui_pinokio"));
}

static void test_each_is_found(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  for (guint i = 0; i < pino_catalog_size(catalog); i++) {
    const PinoCatalogApp *app = pino_catalog_get(catalog, i);
    g_autofree char *url = g_strconcat(app->repository, ".git", NULL);
    g_assert_true(pino_catalog_find(catalog, app->id) == app);
    g_assert_true(pino_catalog_by_repository(catalog, url) == app);
  }
}

static void test_counts(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  g_autoptr(GArray) categories = pino_catalog_categories(catalog);
  g_autoptr(GArray) tags = pino_catalog_tags(catalog);
  guint sum = 0;
  for (guint i = 0; i < categories->len; i++)
    sum += g_array_index(categories, PinoCatalogCount, i).count;
  g_assert_cmpuint(sum, ==, ENTRIES);
  g_assert_cmpstr(g_array_index(categories, PinoCatalogCount, 0).name, ==, "image");
  g_assert_cmpuint(g_array_index(categories, PinoCatalogCount, 0).count, ==, 101);
  g_assert_cmpuint(tags->len, >, 200);
  for (guint i = 0; i < tags->len; i++) {
    const PinoCatalogCount *count = &g_array_index(tags, PinoCatalogCount, i);
    guint found;
    PinoCatalogQuery query = {.tag = count->name, .limit = 1};
    g_autoptr(GPtrArray) apps = pino_catalog_search(catalog, &query, &found);
    g_test_message("%s", count->name);
    g_assert_cmpuint(found, ==, count->count);
    if (i > 0)
      g_assert_cmpuint(count->count, <=, g_array_index(tags, PinoCatalogCount, i - 1).count);
  }
}

/* --- one's own ---- */

static void test_own_added_and_replaced(Fixture *f, gconstpointer data) {
  put(f,
      "[{\"id\": \"mine\", \"repository\": \"/srv/git/mine.git\", \"tags\": [\"x\", \"X\", \"\"], \"stars\": "
      "7},"
      " {\"id\": \"comfyui\", \"name\": \"My Comfy\", \"repository\": \"https://git.example/me/comfyui\","
      "  \"category\": null, \"unknown\": {\"a\": [1]}}]",
      -1);
  g_assert_no_error(pino_catalog_trouble(f->catalog));
  g_assert_cmpuint(pino_catalog_size(f->catalog), ==, ENTRIES + 1);
  const PinoCatalogApp *mine = pino_catalog_find(f->catalog, "mine");
  g_assert_true(mine->own && mine == pino_catalog_get(f->catalog, ENTRIES));
  g_assert_cmpstr(mine->name, ==, "mine");
  g_assert_cmpstr(mine->category, ==, "other");
  g_assert_cmpstr(mine->description, ==, "");
  g_assert_cmpint(mine->stars, ==, 7);
  g_assert_cmpuint(g_strv_length((char **)mine->tags), ==, 1);
  g_assert_true(pino_catalog_find(f->catalog, "/srv/git/mine") == mine);
  const PinoCatalogApp *comfy = pino_catalog_by_id(f->catalog, "comfyui");
  g_assert_cmpstr(comfy->name, ==, "My Comfy");
  g_assert_true(comfy->own);
  g_assert_null(pino_catalog_by_repository(f->catalog, "https://github.com/cocktailpeanutlabs/comfyui"));
  g_assert_true(pino_catalog_by_folder(f->catalog, "comfyui") == comfy);
  g_autoptr(GPtrArray) apps = pino_catalog_search(f->catalog, &(PinoCatalogQuery){.text = "my comfy"}, NULL);
  g_assert_true(apps->pdata[0] == comfy);
}

/* Of two that are meant alike it is a person's own. */
static void test_own_goes_first(Fixture *f, gconstpointer data) {
  put(f,
      "[{\"id\": \"other\", \"name\": \"bark\", \"repository\": "
      "\"https://github.com/cocktailpeanutlabs/bark.git\"}]",
      -1);
  g_assert_false(pino_catalog_find(f->catalog, "bark")->own);
  g_assert_true(pino_catalog_find(f->catalog, "Bark")->own);
  g_assert_true(pino_catalog_by_repository(f->catalog, "https://github.com/cocktailpeanutlabs/bark")->own);
  g_assert_true(pino_catalog_by_folder(f->catalog, "bark")->own);
}

static void test_bad_files(Fixture *f, gconstpointer data) {
  static const struct {
    const char *text, *told;
  } cases[] = {
      {"", "it is no list"},
      {"{}", "it is no list"},
      {"null", "it is no list"},
      {"[{\"id\": ", "it is no JSON"},
      {"[1]", "entry 1: it is no object"},
      {"[{}]", "entry 1: it has no \"id\""},
      {"[{\"id\": \"a\"}]", "entry 1 a: it has no \"repository\""},
      {"[{\"id\": 1, \"repository\": \"r\"}]", "entry 1: \"id\" is not text"},
      {"[{\"id\": \"a\", \"repository\": \"r\", \"tags\": \"x\"}]", "\"tags\" is no list"},
      {"[{\"id\": \"a\", \"repository\": \"r\", \"tags\": [1]}]", "one of its \"tags\" is not text"},
      {"[{\"id\": \"a\", \"repository\": \"r\", \"stars\": \"5\"}]", "\"stars\" is no whole number"},
      {"[{\"id\": \"a\", \"repository\": \"r\", \"name\": []}]", "\"name\" is not text"},
      {"[{\"id\": \"a/b\", \"repository\": \"r\"}]", "no plain name"},
      {"[{\"id\": \"..\", \"repository\": \"r\"}]", "no plain name"},
      {"[{\"id\": \"-a\", \"repository\": \"r\"}]", "no plain name"},
      {"[{\"id\": \"a\\u001bb\", \"repository\": \"r\"}]", "no plain name"},
      {"[{\"id\": \"a\", \"repository\": \"--upload-pack=x\"}]", "no address of a repository"},
      {"[{\"id\": \"a\", \"repository\": \"x\\ny\"}]", "no address of a repository"},
      {"[{\"id\": \"a\", \"repository\": \"r\"}, {\"id\": \"a\", \"repository\": \"s\"}]",
       "entry 2: another one has the id 'a'"},
      {"[\"\xff\xfe\"]", "not UTF-8"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    put(f, cases[i].text, -1);
    g_autoptr(PinoCatalog) catalog = pino_catalog_new(f->home);
    const GError *trouble = pino_catalog_trouble(catalog);
    g_autofree char *shown = g_strescape(cases[i].text, NULL);
    g_test_message("%s", shown);
    g_assert_error(trouble, PINO_ERROR, PINO_ERROR_SYNTAX);
    g_assert_nonnull(strstr(trouble->message, cases[i].told));
    g_assert_nonnull(strstr(trouble->message, f->file));
    g_assert_cmpuint(pino_catalog_size(catalog), ==, ENTRIES);
    g_assert_null(pino_catalog_find(catalog, "a"));
  }
}

static void test_bad_places(Fixture *f, gconstpointer data) {
  g_autofree char *deep = g_strnfill(1000000, '[');
  g_autofree char *large = g_strnfill(9 * 1024 * 1024, ' ');
  const struct {
    const char *text;
    gsize length;
    const char *told;
  } files[] = {{deep, strlen(deep), "nested too deeply"},
               {large, strlen(large), "larger than 8 MiB"},
               {"[\"a\0b\"]", 7, "not UTF-8"}};
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    put(f, files[i].text, (gssize)files[i].length);
    g_autoptr(PinoCatalog) catalog = pino_catalog_new(f->home);
    g_assert_nonnull(strstr(pino_catalog_trouble(catalog)->message, files[i].told));
    g_assert_cmpuint(pino_catalog_size(catalog), ==, ENTRIES);
  }
  g_assert_cmpint(unlink(f->file), ==, 0);
  g_assert_cmpint(mkfifo(f->file, 0600), ==, 0);
  g_autoptr(PinoCatalog) of_fifo = pino_catalog_new(f->home);
  g_assert_nonnull(strstr(pino_catalog_trouble(of_fifo)->message, "it is no file"));
  g_assert_cmpint(unlink(f->file), ==, 0);
  g_assert_cmpint(mkdir(f->file, 0700), ==, 0);
  g_autoptr(PinoCatalog) of_folder = pino_catalog_new(f->home);
  g_assert_nonnull(strstr(pino_catalog_trouble(of_folder)->message, "it is no file"));
  g_assert_cmpint(rmdir(f->file), ==, 0);
  g_assert_cmpint(symlink("catalog.json", f->file), ==, 0);
  g_autoptr(PinoCatalog) of_loop = pino_catalog_new(f->home);
  g_assert_error(pino_catalog_trouble(of_loop), PINO_ERRNO, ELOOP);
}

/* An engine that stays sees what changes, and keeps what it has where nothing does. */
static void test_refresh(Fixture *f, gconstpointer data) {
  g_assert_null(pino_catalog_find(f->catalog, "mine"));
  const PinoCatalogApp *kept = pino_catalog_by_id(f->catalog, "bark");
  pino_catalog_refresh(f->catalog);
  g_assert_true(pino_catalog_by_id(f->catalog, "bark") == kept);
  put(f, "[{\"id\": \"mine\", \"repository\": \"r\"}]", -1);
  g_assert_null(pino_catalog_find(f->catalog, "mine"));
  pino_catalog_refresh(f->catalog);
  g_assert_nonnull(pino_catalog_find(f->catalog, "mine"));
  put(f, "[{\"id\": \"mine\"", -1);
  pino_catalog_refresh(f->catalog);
  g_assert_null(pino_catalog_find(f->catalog, "mine"));
  g_assert_nonnull(pino_catalog_trouble(f->catalog));
  g_assert_cmpint(unlink(f->file), ==, 0);
  pino_catalog_refresh(f->catalog);
  g_assert_no_error(pino_catalog_trouble(f->catalog));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/catalog/entries/every-one-has-every-field", test_every_field);
  g_test_add_data_func("/catalog/entries/same-as-the-file", argv[1], test_same_as_the_file);
  g_test_add_func("/catalog/entries/found-by-what-is-exact", test_found);
  g_test_add_func("/catalog/entries/each-is-found", test_each_is_found);
  g_test_add_func("/catalog/entries/counts", test_counts);
  g_test_add("/catalog/own/added-and-replaced", Fixture, NULL, set_up, test_own_added_and_replaced,
             tear_down);
  g_test_add("/catalog/own/goes-first", Fixture, NULL, set_up, test_own_goes_first, tear_down);
  g_test_add("/catalog/own/bad-files-are-told-and-passed-over", Fixture, NULL, set_up, test_bad_files,
             tear_down);
  g_test_add("/catalog/own/what-is-no-good-file", Fixture, NULL, set_up, test_bad_places, tear_down);
  g_test_add("/catalog/own/changes-are-seen-on-refresh", Fixture, NULL, set_up, test_refresh, tear_down);
  return g_test_run();
}
