/* URIs, app folders and the origins of clones (specification, section 1). */
#include "script/resolve.h"

#include <glib/gstdio.h>
#include <string.h>

#include "temp.h"

typedef struct {
  const char *uri, *path, *query;
} Case;

/* Relative to /home/p/api/app; the home is /home/p. */
static const Case cases[] = {
    {"start.js", "/home/p/api/app/start.js", NULL},
    {"./sub/../start.js", "/home/p/api/app/start.js", NULL},
    {"../other/start.js", "/home/p/api/other/start.js", NULL},
    {"", "/home/p/api/app", NULL},
    {"/abs/x.js", "/abs/x.js", NULL},
    {"~/api/z.js", "/home/p/api/z.js", NULL},
    {"~", "/home/p", NULL},
    {"~other/x", "/home/p/api/app/~other/x", NULL},
    {"start.js?mode=Default&x=1", "/home/p/api/app/start.js", "mode=Default&x=1"},
    {"start.js?", "/home/p/api/app/start.js", ""},
    {"with space.js", "/home/p/api/app/with space.js", NULL},
    {"ünï.js", "/home/p/api/app/ünï.js", NULL},
};

static void test_paths(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *query = NULL;
    g_autofree char *path = pino_uri_resolve("/home/p", "/home/p/api/app", cases[i].uri, &query);
    g_assert_cmpstr(path, ==, cases[i].path);
    g_assert_cmpstr(query, ==, cases[i].query);
    g_autofree char *again = pino_uri_resolve("/home/p", "/home/p/api/app", cases[i].uri, NULL);
    g_assert_cmpstr(again, ==, path);
  }
}

static void test_git_uris(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "api/one/.git/config",
           "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://example.com/me/one.git\n");
  test_put(&dir, "api/two/.git/config", "[remote \"origin\"]\n\turl = https://example.com/me/two\n");
  test_put(&dir, "api/three/readme", "no clone");
  g_autofree char *one = test_path(&dir, "api/one");
  g_autofree char *two = test_path(&dir, "api/two");
  g_autofree char *inner = test_path(&dir, "api/one/deep/start.js");
  const struct {
    const char *uri, *path, *query;
  } uris[] = {
      {"https://example.com/me/one.git", one, NULL},
      {"https://example.com/me/one.git/deep/start.js", inner, NULL},
      {"https://example.com/me/one.git/deep/start.js?a=b", inner, "a=b"},
      {"https://example.com/me/one", one, NULL},
      {"https://example.com/me/two.git", two, NULL},
      {"https://example.com/me/two", two, NULL},
      {"https://example.com/me/none.git", NULL, NULL},
      {"https://example.com/me/on.git", NULL, NULL},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(uris); i++) {
    g_autofree char *query = NULL;
    g_autofree char *path = pino_uri_resolve(dir.path, "/anywhere", uris[i].uri, &query);
    g_assert_cmpstr(path, ==, uris[i].path);
    g_assert_cmpstr(query, ==, uris[i].query);
  }
}

static void test_parts(void) {
  g_assert_true(pino_uri_is_git("https://a/b/c.git"));
  g_assert_true(pino_uri_is_git("http://a/b/c.git/x"));
  g_assert_false(pino_uri_is_git("start.js"));
  g_assert_false(pino_uri_is_git("/a/b.git"));
  const struct {
    const char *uri, *repository, *inner;
  } parts[] = {
      {"https://a.com/o/r.git", "https://a.com/o/r.git", ""},
      {"https://a.com/o/r.git/x/y.js", "https://a.com/o/r.git", "x/y.js"},
      {"https://a.com/o/r.git/x.js?q=1", "https://a.com/o/r.git", "x.js"},
      {"https://a.com/o/r.github.io.git/x", "https://a.com/o/r.github.io.git", "x"},
      {"https://a.com/o/r?q=1", "https://a.com/o/r", ""},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autofree char *repository = pino_uri_repository(parts[i].uri);
    g_autofree char *inner = pino_uri_inner_path(parts[i].uri);
    g_assert_cmpstr(repository, ==, parts[i].repository);
    g_assert_cmpstr(inner, ==, parts[i].inner);
  }
}

static void test_folder_names(void) {
  g_autofree char *name = pino_uri_folder_name("https://github.com/me/My-App_2.git");
  g_assert_cmpstr(name, ==, "github_com_me_My-App_2_git");
  g_autofree char *odd = pino_uri_folder_name("http://h:80/ä/../x");
  g_assert_null(strpbrk(odd, "/.:"));
}

typedef struct {
  const char *config, *origin;
} Config;

static const Config configs[] = {
    {"[remote \"origin\"]\n\turl = https://a/b.git\n", "https://a/b.git"},
    {"[remote \"origin\"]\r\n\turl = https://a/b.git\r\n", "https://a/b.git"},
    {"[remote \"origin\"]\nurl=https://a/b.git", "https://a/b.git"},
    {"[remote \"upstream\"]\n\turl = https://no\n[remote \"origin\"]\n\tfetch = x\n\turl = https://yes\n",
     "https://yes"},
    {"[remote \"origin\"]\n\tpushurl = https://no\n\turl = https://yes\n", "https://yes"},
    {"[remote \"origin\"]\n\turlish = https://no\n\turl = https://yes\n", "https://yes"},
    {"[remote \"origin\"]\n\t# url = https://no\n\turl = https://yes\n", "https://yes"},
    {"[remote \"origin\"]\n\tURL = https://yes\n", "https://yes"},
    {"[REMOTE \"origin\"]\n\turl = https://yes\n", "https://yes"},
    {"[remote \"origin\"] ; a remark\n\turl = https://yes\n", "https://yes"},
    {"[remote \"origin\"]\n\turl = \"https://yes\"\n", "https://yes"},
    {"[remote \"origin\"]\n\tfetch = x\n[branch]\n\turl = https://no\n", NULL},
    {"url = https://no\n", NULL},
    {"", NULL},
    {"[", NULL},
    {"[remote \"origin\"]\n\turl\n", NULL},
};

static void test_origins(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(configs); i++) {
    g_auto(TestDir) dir = test_dir_make();
    test_put(&dir, "app/.git/config", configs[i].config);
    g_autofree char *folder = test_path(&dir, "app");
    g_autofree char *origin = pino_git_origin(folder);
    g_assert_cmpstr(origin, ==, configs[i].origin);
  }
  g_assert_null(pino_git_origin("/none"));
}

static void test_app_folder(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "api/app/sub/start.js", "x");
  test_put(&dir, "api/loose.js", "x");
  test_put(&dir, "elsewhere/app/pinokio.js", "x");
  test_put(&dir, "elsewhere/app/deep/start.js", "x");
  test_put(&dir, "elsewhere/inner/pinokio/pinokio.js", "x");
  test_put(&dir, "plain/start.js", "x");
  const struct {
    const char *path, *folder;
  } places[] = {
      {"api/app/sub/start.js", "api/app"},
      {"api/app", "api/app"},
      {"elsewhere/app/deep/start.js", "elsewhere/app"},
      {"elsewhere/app/pinokio.js", "elsewhere/app"},
      {"elsewhere/inner/pinokio/start.js", "elsewhere/inner"},
      {"plain/start.js", "plain"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
    g_autofree char *path = test_path(&dir, places[i].path);
    g_autofree char *wanted = test_path(&dir, places[i].folder);
    g_autofree char *folder = pino_app_folder(dir.path, path);
    g_assert_cmpstr(folder, ==, wanted);
  }
}

static void test_home(void) {
  g_setenv("PINOKIO_HOME", "/some/where/../place/", TRUE);
  g_autofree char *set = pino_home_default();
  g_assert_cmpstr(set, ==, "/some/place");
  g_setenv("PINOKIO_HOME", "", TRUE);
  g_autofree char *standard = pino_home_default();
  g_assert_true(g_str_has_suffix(standard, "/pinokio"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/resolve/paths", test_paths);
  g_test_add_func("/resolve/git-uris", test_git_uris);
  g_test_add_func("/resolve/parts-of-a-uri", test_parts);
  g_test_add_func("/resolve/folder-names", test_folder_names);
  g_test_add_func("/resolve/origins", test_origins);
  g_test_add_func("/resolve/app-folder", test_app_folder);
  g_test_add_func("/resolve/home", test_home);
  return g_test_run();
}
