/* Launchers as apps write them, and what is read out of them (specification, sections 1 and 8). */
#include "lifecycle/launcher.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "temp.h"

typedef struct {
  TestDir dir; /* the home; the app is in api/app */
  char *folder;
  PinoRun *run;
  PinoLauncher *launcher;
  JsonNode *menu;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
  fixture->dir = test_dir_make();
  fixture->folder = test_path(&fixture->dir, "api/app");
  PinoRunOptions options = {.home = fixture->dir.path, .terminal = -1};
  fixture->run = pino_run_new(&options);
}

static void forget(Fixture *fixture) {
  g_clear_pointer(&fixture->launcher, pino_launcher_free);
  g_clear_pointer(&fixture->menu, json_node_unref);
}

static void tear_down(Fixture *fixture, gconstpointer data) {
  forget(fixture);
  pino_run_free(fixture->run);
  g_free(fixture->folder);
  test_dir_clear(&fixture->dir);
}

static void put(Fixture *fixture, const char *name, const char *text) {
  g_autofree char *path = g_build_filename("api/app", name, NULL);
  test_put(&fixture->dir, path, text);
}

static void read_app(Fixture *fixture) {
  g_autoptr(GError) error = NULL;
  forget(fixture);
  fixture->launcher = pino_launcher_read(fixture->run, fixture->folder, &error);
  g_assert_no_error(error);
  fixture->menu = json_from_string(fixture->launcher->json, &error);
  g_assert_no_error(error);
}

static void read_menu(Fixture *fixture, const char *menu) {
  g_autofree char *text = g_strdup_printf("module.exports = { version: '2.0', title: 'T', menu: %s }", menu);
  put(fixture, "pinokio.js", text);
  read_app(fixture);
}

static JsonObject *root(Fixture *fixture) {
  return json_node_get_object(fixture->menu);
}

static JsonObject *item(Fixture *fixture, guint index) {
  JsonArray *items = json_object_get_array_member(root(fixture), "items");
  g_assert_cmpuint(json_array_get_length(items), >, index);
  return json_array_get_object_element(items, index);
}

static const char *text_of(JsonObject *object, const char *name) {
  return json_object_get_string_member_with_default(object, name, NULL);
}

static void assert_script(Fixture *fixture, const char *found, const char *name) {
  g_autofree char *wanted = name != NULL ? g_build_filename(fixture->folder, name, NULL) : NULL;
  g_assert_cmpstr(found, ==, wanted);
}

/* --- the menu ---- */

static void test_items(Fixture *fixture, gconstpointer data) {
  put(fixture, "start.js", "module.exports = {run: []}");
  read_menu(fixture, "[{text: 'Start', icon: 'fa-solid fa-power-off', href: 'start.js', params: {a: 1}, "
                     "default: true, popout: true},"
                     "{html: \"<i class='fa-solid fa-plug'></i> Install &amp; <b>more</b>\", href: "
                     "'https://example.com/x'}]");
  g_assert_cmpstr(text_of(root(fixture), "title"), ==, "T");
  g_assert_cmpstr(text_of(root(fixture), "version"), ==, "2.0");
  g_assert_false(json_object_get_boolean_member(root(fixture), "running"));
  JsonObject *start = item(fixture, 0);
  g_assert_cmpstr(text_of(start, "text"), ==, "Start");
  g_assert_cmpstr(text_of(start, "href"), ==, "start.js");
  g_assert_true(json_object_get_boolean_member(start, "popout"));
  g_assert_cmpstr(text_of(start, "_label"), ==, "Start");
  g_assert_cmpstr(text_of(start, "_icon"), ==, "fa-solid fa-power-off");
  assert_script(fixture, text_of(start, "_script"), "start.js");
  g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(start, "_input"), "a"), ==, 1);
  JsonObject *web = item(fixture, 1);
  g_assert_cmpstr(text_of(web, "_label"), ==, "Install & more");
  g_assert_cmpstr(text_of(web, "_icon"), ==, "fa-solid fa-plug");
  g_assert_cmpstr(text_of(web, "_url"), ==, "https://example.com/x");
  g_assert_null(text_of(web, "_script"));
}

static void test_functions(Fixture *fixture, gconstpointer data) {
  put(fixture, "start.js", "module.exports = {run: []}");
  read_menu(fixture, "async (kernel, info) => [{text: kernel.platform, href: 'start.js'}, {text: () => "
                     "String(info.exists('start.js')), href: 'start.js'},"
                     "{text: 'More', menu: async () => [{text: 'Inner', href: 'start.js'}]}]");
  g_assert_cmpstr(text_of(item(fixture, 0), "_label"), ==, "linux");
  g_assert_cmpstr(text_of(item(fixture, 1), "_label"), ==, "true");
  JsonArray *inner = json_object_get_array_member(item(fixture, 2), "menu");
  JsonObject *first = json_array_get_object_element(inner, 0);
  g_assert_cmpstr(text_of(first, "_label"), ==, "Inner");
  assert_script(fixture, text_of(first, "_script"), "start.js");
}

static void test_query(Fixture *fixture, gconstpointer data) {
  put(fixture, "start.js", "module.exports = {run: []}");
  read_menu(fixture, "[{default: true, text: 'Fast', href: 'start.js?mode=Fast%20one&x=1', params: {x: 2}}]");
  assert_script(fixture, fixture->launcher->start, "start.js");
  g_autoptr(JsonNode) input = json_from_string(fixture->launcher->start_input, NULL);
  g_assert_cmpstr(text_of(json_node_get_object(input), "mode"), ==, "Fast one");
  g_assert_cmpint(json_object_get_int_member(json_node_get_object(input), "x"), ==, 2);
}

static void test_app_uris(Fixture *fixture, gconstpointer data) {
  test_put(&fixture->dir, "api/peer/.git/config",
           "[remote \"origin\"]\n\turl = https://example.com/me/peer.git\n");
  test_put(&fixture->dir, "api/peer/run.js", "module.exports = {run: []}");
  read_menu(fixture, "[{text: 'Peer', href: 'https://example.com/me/peer.git/run.js'}, {text: 'Home', href: "
                     "'~/api/peer/run.js'}]");
  g_autofree char *wanted = test_path(&fixture->dir, "api/peer/run.js");
  g_assert_cmpstr(text_of(item(fixture, 0), "_script"), ==, wanted);
  g_assert_cmpstr(text_of(item(fixture, 1), "_script"), ==, wanted);
}

static void test_other_items(Fixture *fixture, gconstpointer data) {
  read_menu(fixture, "[{text: 'Terminal', shell: {message: 'ls'}}, {text: 'Files', fs: true}, {text: 'Run', "
                     "run: {message: 'echo {{platform}}'}},"
                     "{text: 'Picture', image: 'x.png', description: 'd'}]");
  g_assert_true(json_object_has_member(item(fixture, 0), "shell"));
  g_assert_true(json_object_get_boolean_member(item(fixture, 1), "fs"));
  g_assert_cmpstr(text_of(item(fixture, 3), "description"), ==, "d");
  g_assert_null(fixture->launcher->start);
}

static void test_odd_menus(Fixture *fixture, gconstpointer data) {
  static const char *const menus[] = {"null", "undefined",          "'text'",    "5", "{}",
                                      "[]",   "[null, 3, 'x', []]", "() => null"};
  for (gsize i = 0; i < G_N_ELEMENTS(menus); i++) {
    read_menu(fixture, menus[i]);
    g_assert_true(json_object_has_member(root(fixture), "items"));
  }
}

static void test_menu_that_throws(Fixture *fixture, gconstpointer data) {
  put(fixture, "pinokio.js",
      "module.exports = {\n  menu: async () => {\n    throw new Error('no menu')\n  }\n}");
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_launcher_read(fixture->run, fixture->folder, &error));
  g_assert_nonnull(strstr(error->message, "no menu"));
  g_assert_nonnull(strstr(error->message, "pinokio.js:3"));
}

/* --- metadata ---- */

static void test_metadata(Fixture *fixture, gconstpointer data) {
  put(fixture, "pinokio.js", "module.exports = {title: 'js', description: 'js', icon: 'js.png', menu: []}");
  read_app(fixture);
  g_assert_cmpstr(fixture->launcher->title, ==, "js");
  put(fixture, "pinokio_meta.json", "{\"title\": \"meta\", \"description\": \"meta\"}");
  put(fixture, "pinokio.json", "{\"title\": \"json\"}");
  read_app(fixture);
  g_assert_cmpstr(fixture->launcher->title, ==, "json");
  g_assert_cmpstr(text_of(root(fixture), "description"), ==, "meta");
  g_assert_cmpstr(text_of(root(fixture), "icon"), ==, "js.png");
}

static void test_inner_launcher(Fixture *fixture, gconstpointer data) {
  put(fixture, "pinokio/pinokio.js",
      "module.exports = {title: 'Inner', menu: [{text: 'S', href: 'start.js'}]}");
  put(fixture, "pinokio/start.js", "module.exports = {run: []}");
  read_app(fixture);
  g_assert_cmpstr(fixture->launcher->title, ==, "Inner");
  assert_script(fixture, fixture->launcher->start, "pinokio/start.js");
}

static void test_no_title(Fixture *fixture, gconstpointer data) {
  put(fixture, "pinokio.js", "module.exports = {menu: []}");
  read_app(fixture);
  g_assert_cmpstr(fixture->launcher->title, ==, "app");
}

static void test_no_launcher(Fixture *fixture, gconstpointer data) {
  put(fixture, "readme", "x");
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_launcher_read(fixture->run, fixture->folder, &error));
  g_assert_nonnull(strstr(error->message, "pinokio.js"));
  g_clear_error(&error);
  g_assert_null(pino_launcher_read(fixture->run, "/no/such/folder", &error));
  g_assert_nonnull(strstr(error->message, "/no/such/folder"));
}

static void test_launcher_that_does_not_parse(Fixture *fixture, gconstpointer data) {
  put(fixture, "pinokio.js", "module.exports = {\n  menu: [\n}");
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_launcher_read(fixture->run, fixture->folder, &error));
  g_assert_nonnull(strstr(error->message, "pinokio.js:3:"));
}

/* --- installed, and what to do now ---- */

/* As most apps of the catalog write it. */
static const char typical[] =
    "async (kernel, info) => { const installed = info.exists('env'); const running = "
    "info.running('start.js');"
    " if (info.running('install.js')) return [{default: true, icon: 'fa-solid fa-plug', text: 'Installing', "
    "href: 'install.js'}];"
    " if (installed) { if (running) return [{default: true, text: 'Terminal', href: 'start.js'}];"
    "  return [{default: true, icon: 'fa-solid fa-power-off', text: 'Start', href: 'start.js'}, {text: "
    "'Update', href: 'update.js'},"
    "   {text: 'Install', href: 'install.js'}, {text: 'Reset', href: 'reset.js'}] }"
    " return [{default: true, icon: 'fa-solid fa-plug', text: 'Install', href: 'install.js'}] }";

static void put_scripts(Fixture *fixture) {
  static const char *const names[] = {"install.js", "start.js", "update.js", "reset.js"};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
    put(fixture, names[i], "module.exports = {run: []}");
}

static void test_typical(Fixture *fixture, gconstpointer data) {
  put_scripts(fixture);
  read_menu(fixture, typical);
  g_assert_false(fixture->launcher->installed);
  assert_script(fixture, fixture->launcher->install, "install.js");
  put(fixture, "env/pyvenv.cfg", "x");
  read_menu(fixture, typical);
  g_assert_true(fixture->launcher->installed);
  assert_script(fixture, fixture->launcher->install, "install.js");
  assert_script(fixture, fixture->launcher->start, "start.js");
  g_assert_true(json_object_get_boolean_member(root(fixture), "installed"));
}

static void test_old_menu(Fixture *fixture, gconstpointer data) {
  static const char old[] = "async (kernel) => { const there = await kernel.exists(__dirname, 'app'); return "
                            "there ? [{when: null, html: '<i class=\"fa-solid fa-power-off\"></i> Launch',"
                            " href: 'start.json'}, {html: 'Reinstall', href: 'install.json'}] : [{html: '<i "
                            "class=\"fa-solid fa-plug\"></i> Install', href: 'install.json'}] }";
  put(fixture, "install.json", "{\"run\": []}");
  put(fixture, "start.json", "{\"run\": []}");
  read_menu(fixture, old);
  g_assert_false(fixture->launcher->installed);
  assert_script(fixture, fixture->launcher->install, "install.json");
  put(fixture, "app/x", "x");
  read_menu(fixture, old);
  g_assert_true(fixture->launcher->installed);
  assert_script(fixture, fixture->launcher->start, "start.json");
  g_assert_cmpstr(text_of(item(fixture, 0), "_label"), ==, "Launch");
}

static void test_without_an_installer(Fixture *fixture, gconstpointer data) {
  put(fixture, "start.js", "module.exports = {run: []}");
  read_menu(fixture, "[{text: 'Start', href: 'start.js'}]");
  g_assert_true(fixture->launcher->installed);
  g_assert_null(fixture->launcher->install);
  assert_script(fixture, fixture->launcher->start, "start.js");
}

static void test_nested_default(Fixture *fixture, gconstpointer data) {
  put_scripts(fixture);
  put(fixture, "second.js", "module.exports = {run: []}");
  read_menu(fixture, "[{text: 'Start', menu: [{text: 'One', href: 'start.js?m=1'}, {text: 'Two', default: "
                     "true, href: 'second.js'}]}, {text: 'Update', href: 'update.js'}]");
  assert_script(fixture, fixture->launcher->start, "second.js");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add("/launcher/" name, Fixture, NULL, set_up, function, tear_down)
  TEST("items", test_items);
  TEST("functions-are-called", test_functions);
  TEST("query-and-params", test_query);
  TEST("uris-of-apps", test_app_uris);
  TEST("items-that-are-no-scripts", test_other_items);
  TEST("odd-menus", test_odd_menus);
  TEST("menu-that-throws", test_menu_that_throws);
  TEST("metadata-overlay", test_metadata);
  TEST("inner-launcher", test_inner_launcher);
  TEST("no-title", test_no_title);
  TEST("no-launcher", test_no_launcher);
  TEST("launcher-that-does-not-parse", test_launcher_that_does_not_parse);
  TEST("typical", test_typical);
  TEST("old-menu", test_old_menu);
  TEST("without-an-installer", test_without_an_installer);
  TEST("nested-default", test_nested_default);
  return g_test_run();
}
