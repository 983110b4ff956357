/* Requirements and autolaunch, read from real ENVIRONMENT files. */
#include "engine/require.h"

#include "base/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *home;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
  f->home = g_dir_make_tmp("require-XXXXXX", NULL);
}

static void tear_down(Fixture *f, gconstpointer data) {
  const char *argv[] = {"rm", "-rf", f->home, NULL};
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(f->home);
}

static void put(Fixture *f, const char *name, const char *text) {
  g_autofree char *file = g_build_filename(f->home, name, NULL);
  g_autofree char *folder = g_path_get_dirname(file);
  g_mkdir_with_parents(folder, 0755);
  g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

/* An app that start.js launches; list may be NULL. */
static void make(Fixture *f, const char *app, const char *list) {
  g_autofree char *script = g_strdup_printf("api/%s/start.js", app);
  g_autofree char *file = g_strdup_printf("api/%s/ENVIRONMENT", app);
  g_autofree char *text =
      g_strdup_printf("PINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_SCRIPT_AUTOLAUNCH_ENABLED=false\n"
                      "PINOKIO_SCRIPT_REQUIRES=%s\n",
                      list != NULL ? list : "");
  put(f, script, "");
  put(f, file, text);
}

static void enable(Fixture *f, const char *app, const char *list) {
  g_autofree char *file = g_strdup_printf("api/%s/ENVIRONMENT", app);
  g_autofree char *text = g_strdup_printf("PINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_SCRIPT_REQUIRES=%s\n",
                                          list != NULL ? list : "");
  make(f, app, list);
  put(f, file, text);
}

/* "a b c"; free with g_free(). */
static char *names_of(GPtrArray *launches) {
  g_autoptr(GString) names = g_string_new(NULL);
  for (guint i = 0; i < launches->len; i++) {
    const PinoLaunch *launch = launches->pdata[i];
    g_string_append_printf(names, "%s%s", i > 0 ? " " : "", launch->app);
  }
  return g_string_free(g_steal_pointer(&names), FALSE);
}

static void check_order(Fixture *f, const char *app, const char *wanted) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) order = pino_require_order(f->home, app, &error);
  g_assert_no_error(error);
  g_autofree char *names = names_of(order);
  g_assert_cmpstr(names, ==, wanted);
}

static void check_refused(Fixture *f, const char *app, int code, const char *part) {
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_require_order(f->home, app, &error));
  g_assert_error(error, PINO_ERROR, code);
  if (strstr(error->message, part) == NULL)
    g_error("'%s' is not in '%s'", part, error->message);
}

/* --- order ---- */

static void test_order(Fixture *f, gconstpointer data) {
  make(f, "alone", NULL);
  make(f, "a", "b");
  make(f, "b", "c,d");
  make(f, "c", NULL);
  make(f, "d", NULL);
  check_order(f, "alone", "");
  check_order(f, "a", "c d b");
  check_order(f, "b", "c d");
  g_autoptr(GPtrArray) order = pino_require_order(f->home, "a", NULL);
  g_assert_cmpstr(((PinoLaunch *)order->pdata[2])->script, ==, "start.js");
}

static void test_each_once(Fixture *f, gconstpointer data) {
  make(f, "top", "left,right,base");
  make(f, "left", "base");
  make(f, "right", "base,left");
  make(f, "base", NULL);
  check_order(f, "top", "base left right");
}

static void test_how_lists_are_written(Fixture *f, gconstpointer data) {
  static const char *const lists[] = {"x,y,my%20app,Gr%C3%BC%C3%9Fe", " x , y ,, x,my app ,Gr\u00fc\u00dfe,",
                                      "\"x,y,my app,Gr\u00fc\u00dfe\"",
                                      "x,y,my%20app,Gr%C3%BC%C3%9Fe # but no more"};
  make(f, "x", NULL);
  make(f, "y", NULL);
  make(f, "my app", NULL);
  make(f, "Gr\u00fc\u00dfe", NULL);
  make(f, "50%", NULL);
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
    make(f, "a", lists[i]);
    check_order(f, "a", "x y my app Gr\u00fc\u00dfe");
  }
  make(f, "a", "50%");
  check_order(f, "a", "50%");
}

/* Pinokio clones to NAME.git, git itself to NAME. */
static void test_git_suffix(Fixture *f, gconstpointer data) {
  make(f, "comfyui", NULL);
  make(f, "ollama.git", NULL);
  make(f, "both", NULL);
  make(f, "both.git", NULL);
  make(f, "a", "comfyui.git,ollama,both,both.git");
  check_order(f, "a", "comfyui ollama.git both both.git");
}

static void test_circles(Fixture *f, gconstpointer data) {
  make(f, "self", "self");
  make(f, "a", "b");
  make(f, "b", "a");
  make(f, "one", "two");
  make(f, "two", "three");
  make(f, "three", "four");
  make(f, "four", "five");
  make(f, "five", "one");
  make(f, "before", "leaf,one");
  make(f, "leaf", NULL);
  check_refused(f, "self", PINO_ERROR_USAGE, ": self -> self.");
  check_refused(f, "a", PINO_ERROR_USAGE, ": a -> b -> a.");
  check_refused(f, "b", PINO_ERROR_USAGE, ": b -> a -> b.");
  check_refused(f, "one", PINO_ERROR_USAGE, ": one -> two -> three -> four -> five -> one.");
  check_refused(f, "before", PINO_ERROR_USAGE, ": one -> two -> three -> four -> five -> one.");
}

static void test_missing(Fixture *f, gconstpointer data) {
  make(f, "a", "b");
  make(f, "b", "gone");
  make(f, "c", "d");
  make(f, "d", NULL);
  put(f, "api/d/ENVIRONMENT", "PINOKIO_SCRIPT_AUTOLAUNCH=other.js\n");
  put(f, "api/plain-file", "");
  make(f, "e", "plain-file");
  check_refused(f, "a", PINO_ERROR_NOT_FOUND, "no app 'gone', which the app 'b' requires");
  check_refused(f, "c", PINO_ERROR_NOT_FOUND, "other.js");
  check_refused(f, "c", PINO_ERROR_NOT_FOUND, "'c' requires");
  check_refused(f, "e", PINO_ERROR_NOT_FOUND, "plain-file");
  check_refused(f, "nobody", PINO_ERROR_NOT_FOUND, "nobody");
  /* Its own script may be missing: another one may be what is started. */
  check_order(f, "d", "");
}

static void test_names_that_lead_out(Fixture *f, gconstpointer data) {
  static const char *const names[] = {"../x", "x/y", "/etc", ".hidden", "..", ".", "..%2Fx", "a\\\\b"};
  put(f, "x/start.js", "");
  make(f, ".hidden", NULL);
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    make(f, "a", names[i]);
    check_refused(f, "a", PINO_ERROR_USAGE, "'a' holds");
  }
}

static void test_long_chain(Fixture *f, gconstpointer data) {
  for (guint i = 0; i < 500; i++) {
    g_autofree char *name = g_strdup_printf("n%u", i);
    g_autofree char *next = g_strdup_printf("n%u", i + 1);
    make(f, name, i < 499 ? next : NULL);
  }
  g_autoptr(GPtrArray) order = pino_require_order(f->home, "n0", NULL);
  g_assert_cmpuint(order->len, ==, 499);
  g_assert_cmpstr(((PinoLaunch *)order->pdata[0])->app, ==, "n499");
  make(f, "n499", "n0");
  check_refused(f, "n0", PINO_ERROR_USAGE, "n498 -> n499 -> n0.");
}

/* --- one app ---- */

static void test_enabled(Fixture *f, gconstpointer data) {
  static const struct {
    const char *text;
    gboolean enabled;
  } cases[] = {
      {"", FALSE},
      {"PINOKIO_SCRIPT_AUTOLAUNCH=\n", FALSE},
      {"PINOKIO_SCRIPT_AUTOLAUNCH_ENABLED=true\n", FALSE},
      {"PINOKIO_SCRIPT_AUTOLAUNCH=start.js\n", TRUE},
      {"PINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_SCRIPT_AUTOLAUNCH_ENABLED=\n", TRUE},
      {"PINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_SCRIPT_AUTOLAUNCH_ENABLED=Yes\n", TRUE},
      {"PINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_SCRIPT_AUTOLAUNCH_ENABLED=perhaps\n", TRUE},
      {"PINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_SCRIPT_AUTOLAUNCH_ENABLED=0\n", FALSE},
      {"PINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_SCRIPT_AUTOLAUNCH_ENABLED=FALSE\n", FALSE},
      {"PINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_SCRIPT_AUTOLAUNCH_ENABLED=' no '\n", FALSE},
      {"PINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_SCRIPT_AUTOLAUNCH_ENABLED=off\n", FALSE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    put(f, "api/a/ENVIRONMENT", cases[i].text);
    g_autoptr(PinoLaunch) launch = pino_launch_read(f->home, "a", NULL);
    g_assert_cmpint(launch->enabled, ==, cases[i].enabled);
  }
}

static void test_first_run(Fixture *f, gconstpointer data) {
  make(f, "b", NULL);
  put(f, "api/a/_ENVIRONMENT", "PINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_SCRIPT_REQUIRES=b\n");
  check_order(f, "a", "b");
  g_autoptr(PinoLaunch) fresh = pino_launch_read(f->home, "a", NULL);
  g_assert_false(fresh->enabled);
  put(f, "api/a/ENVIRONMENT", "PINOKIO_SCRIPT_AUTOLAUNCH=start.js\n");
  check_order(f, "a", "");
}

static void test_inner_folder(Fixture *f, gconstpointer data) {
  make(f, "b", NULL);
  put(f, "api/a/pinokio/pinokio.js", "");
  put(f, "api/a/pinokio/ENVIRONMENT",
      "PINOKIO_SCRIPT_AUTOLAUNCH=./pinokio/../pinokio/start.js\nPINOKIO_SCRIPT_REQUIRES=b\n");
  g_autoptr(PinoLaunch) launch = pino_launch_read(f->home, "a", NULL);
  g_assert_cmpstr(launch->script, ==, "pinokio/start.js");
  check_order(f, "a", "b");
}

/* Only its own file speaks for an app. */
static void test_other_layers(Fixture *f, gconstpointer data) {
  put(f, "ENVIRONMENT",
      "PINOKIO_SCRIPT_REQUIRES=b\nPINOKIO_SCRIPT_AUTOLAUNCH=start.js\nPINOKIO_RESTART=always\n");
  make(f, "b", NULL);
  put(f, "api/a/ENVIRONMENT", "");
  g_setenv("PINOKIO_SCRIPT_REQUIRES", "b", TRUE);
  g_autoptr(PinoLaunch) launch = pino_launch_read(f->home, "a", NULL);
  g_unsetenv("PINOKIO_SCRIPT_REQUIRES");
  g_assert_null(launch->script);
  g_assert_false(launch->enabled);
  g_assert_null(launch->required[0]);
  g_assert_cmpstr(launch->restart, ==, "always");
  put(f, "api/a/ENVIRONMENT", "PINOKIO_RESTART=on-failure\n");
  g_autoptr(PinoLaunch) own = pino_launch_read(f->home, "a", NULL);
  g_assert_cmpstr(own->restart, ==, "on-failure");
}

static void test_script_outside(Fixture *f, gconstpointer data) {
  static const char *const scripts[] = {"../b/start.js", "/etc/passwd", ".", "..", "../ab/start.js"};
  for (guint i = 0; i < G_N_ELEMENTS(scripts); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("PINOKIO_SCRIPT_AUTOLAUNCH=%s\n", scripts[i]);
    put(f, "api/a/ENVIRONMENT", text);
    g_assert_null(pino_launch_read(f->home, "a", &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  }
}

static void test_unreadable(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  put(f, "api/a/ENVIRONMENT/in the way", "");
  g_assert_null(pino_launch_read(f->home, "a", &error));
  g_assert_nonnull(error);
  g_assert_nonnull(strstr(error->message, "'a'"));
}

static void test_waits(Fixture *f, gconstpointer data) {
  make(f, "a", "b");
  make(f, "none", NULL);
  put(f, "api/menu/ENVIRONMENT", "PINOKIO_SCRIPT_REQUIRES=b\n");
  g_autoptr(PinoLaunch) a = pino_launch_read(f->home, "a", NULL);
  g_autoptr(PinoLaunch) none = pino_launch_read(f->home, "none", NULL);
  g_autoptr(PinoLaunch) menu = pino_launch_read(f->home, "menu", NULL);
  g_assert_true(pino_launch_waits(a, NULL));
  g_assert_true(pino_launch_waits(a, "start.js"));
  g_assert_true(pino_launch_waits(a, "./start.js"));
  g_assert_false(pino_launch_waits(a, "install.js"));
  g_assert_false(pino_launch_waits(a, "../start.js"));
  g_assert_false(pino_launch_waits(none, NULL));
  g_assert_true(pino_launch_waits(menu, NULL));
  g_assert_false(pino_launch_waits(menu, "install.js"));
}

/* --- at the start, and at the end ---- */

static void check_autolaunch(Fixture *f, const char *const *apps, const char *wanted, guint troubles) {
  g_autoptr(GPtrArray) failed = NULL;
  g_autoptr(GPtrArray) list = pino_autolaunch_list(f->home, apps, &failed);
  g_autofree char *names = names_of(list);
  g_assert_cmpstr(names, ==, wanted);
  g_assert_cmpuint(failed->len, ==, troubles);
}

static void test_autolaunch(Fixture *f, gconstpointer data) {
  static const char *const apps[] = {"a", "b", "c", "quiet", "x", "y", "z", NULL};
  enable(f, "a", "quiet,c");
  enable(f, "b", NULL);
  enable(f, "c", "b");
  make(f, "quiet", "b");
  make(f, "x", NULL);
  put(f, "api/y/readme.md", "");
  put(f, "api/z/ENVIRONMENT", "");
  check_autolaunch(f, apps, "b c a", 0);
}

static void test_autolaunch_troubles(Fixture *f, gconstpointer data) {
  static const char *const apps[] = {"circle", "gone", "lost", "outside", "round", "well", NULL};
  enable(f, "circle", "round");
  enable(f, "round", "circle");
  enable(f, "lost", "nobody");
  enable(f, "well", NULL);
  put(f, "api/outside/ENVIRONMENT", "PINOKIO_SCRIPT_AUTOLAUNCH=../x.js\n");
  put(f, "api/gone/ENVIRONMENT", "PINOKIO_SCRIPT_AUTOLAUNCH=gone.js\n");
  check_autolaunch(f, apps, "well", 5);
  g_autoptr(GPtrArray) list = pino_autolaunch_list(f->home, apps, NULL);
  g_assert_cmpuint(list->len, ==, 1);
}

static void check_dependents(Fixture *f, const char *const *apps, const char *app, const char *wanted) {
  g_autoptr(GPtrArray) order = pino_require_dependents(f->home, apps, app);
  g_ptr_array_add(order, NULL);
  g_autofree char *names = g_strjoinv(" ", (char **)order->pdata);
  g_ptr_array_set_size(order, (int)order->len - 1);
  g_assert_cmpstr(names, ==, wanted);
}

static void test_dependents(Fixture *f, gconstpointer data) {
  static const char *const apps[] = {"base", "left", "other", "right", "top", NULL};
  make(f, "base", NULL);
  make(f, "left", "base.git");
  make(f, "right", "base,left");
  make(f, "top", "left,right");
  make(f, "other", NULL);
  check_dependents(f, apps, "base", "top right left");
  check_dependents(f, apps, "right", "top");
  check_dependents(f, apps, "top", "");
  make(f, "base", "top");
  check_dependents(f, apps, "base", "top right left");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/engine/require/" name, Fixture, NULL, set_up, function, tear_down)
  ADD("deepest-first", test_order);
  ADD("each-once", test_each_once);
  ADD("how-lists-are-written", test_how_lists_are_written);
  ADD("git-suffix", test_git_suffix);
  ADD("circles", test_circles);
  ADD("missing", test_missing);
  ADD("names-that-lead-out", test_names_that_lead_out);
  ADD("long-chain", test_long_chain);
  ADD("enabled", test_enabled);
  ADD("before-the-first-run", test_first_run);
  ADD("inner-folder", test_inner_folder);
  ADD("other-layers-have-no-say", test_other_layers);
  ADD("script-outside", test_script_outside);
  ADD("unreadable", test_unreadable);
  ADD("which-scripts-wait", test_waits);
  ADD("autolaunch", test_autolaunch);
  ADD("autolaunch-troubles", test_autolaunch_troubles);
  ADD("dependents", test_dependents);
  return g_test_run();
}
