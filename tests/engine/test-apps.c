/* What lies under api/, with real folders, real clones and the kernel's own watches. */
#include "engine/apps.h"

#include "base/error.h"
#include "base/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How many watches more the kernel gives, plus 1; NULL: as many as are asked for. */
static GPrivate left = G_PRIVATE_INIT(NULL);

/* Takes the place of libc's in this program: a system whose limit is reached. */
int inotify_add_watch(int fd, const char *name, uint32_t mask) {
  int more = GPOINTER_TO_INT(g_private_get(&left));
  if (more == 1) {
    errno = ENOSPC;
    return -1;
  }
  if (more > 1)
    g_private_set(&left, GINT_TO_POINTER(more - 1));
  return (int)syscall(SYS_inotify_add_watch, fd, name, mask);
}

typedef struct {
  char *home, *api;
  PinoApps *apps;
  GString *news;     /* "+a ~b -c ": what was reported */
  GString *troubles; /* "about: message\n" */
} Fixture;

static void on_changed(PinoApps *apps, PinoAppsChange change, const char *id, gpointer data) {
  static const char marks[] = "+~-";
  Fixture *f = data;
  g_assert_cmpint(pino_apps_find(apps, id) == NULL, ==, change == PINO_APPS_REMOVED);
  g_string_append_printf(f->news, "%c%s ", marks[change], id);
}

static void on_trouble(const char *about, const GError *error, gpointer data) {
  Fixture *f = data;
  g_assert_true(g_utf8_validate(about, -1, NULL));
  g_string_append_printf(f->troubles, "%s: %s\n", about, error->message);
}

static void open_apps(Fixture *f) {
  PinoAppsEvents events = {.changed = on_changed, .trouble = on_trouble};
  f->apps = pino_apps_new(f->home, &events, f);
}

static void set_up(Fixture *f, gconstpointer data) {
  f->home = g_dir_make_tmp("apps-XXXXXX", NULL);
  f->api = g_build_filename(f->home, "api", NULL);
  f->news = g_string_new(NULL);
  f->troubles = g_string_new(NULL);
  g_mkdir(f->api, 0755);
}

static void run(const char *const *argv) {
  g_autoptr(GError) error = NULL;
  int status = -1;
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
               NULL, &status, &error);
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, 0);
}

static void tear_down(Fixture *f, gconstpointer data) {
  const char *argv[] = {"rm", "-rf", f->home, NULL};
  g_private_set(&left, NULL);
  pino_apps_free(f->apps);
  run(argv);
  g_free(f->home);
  g_free(f->api);
  g_string_free(f->news, TRUE);
  g_string_free(f->troubles, TRUE);
}

/* --- files ---- */

static char *in_api(Fixture *f, const char *name) {
  return g_build_filename(f->api, name, NULL);
}

static void put(Fixture *f, const char *name, const char *text) {
  g_autofree char *file = in_api(f, name);
  g_autofree char *folder = g_path_get_dirname(file);
  g_mkdir_with_parents(folder, 0755);
  FILE *out = g_fopen(file, "w");
  g_assert_nonnull(out);
  fputs(text, out);
  g_assert_cmpint(fclose(out), ==, 0);
}

static void make_app(Fixture *f, const char *name) {
  g_autofree char *file = g_build_filename(name, "pinokio.js", NULL);
  put(f, file, "module.exports = {}");
}

static void drop(Fixture *f, const char *name) {
  g_autofree char *path = in_api(f, name);
  const char *argv[] = {"rm", "-rf", path, NULL};
  run(argv);
}

static void move(Fixture *f, const char *from, const char *to) {
  g_autofree char *old = in_api(f, from);
  g_autofree char *new = in_api(f, to);
  g_assert_cmpint(g_rename(old, new), ==, 0);
}

static void git(const char *folder, const char *command) {
  g_autofree char *line = g_strdup_printf(
      "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t "
      "GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t; cd \"$0\" && { %s; } >/dev/null 2>&1",
      command);
  const char *argv[] = {"bash", "-c", line, folder, NULL};
  run(argv);
}

/* What git itself says is checked out. */
static char *git_head(const char *folder) {
  const char *argv[] = {"git", "-C", folder, "rev-parse", "HEAD", NULL};
  char *out = NULL;
  g_assert_true(
      g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, NULL, NULL));
  return g_strstrip(out);
}

/* --- waiting ---- */

typedef gboolean (*Condition)(Fixture *f, const char *text);

static gboolean on_wake(gpointer data) {
  return G_SOURCE_CONTINUE;
}

/* Until the condition holds, for 20 s at most. */
static void wait_for(Fixture *f, Condition condition, const char *text) {
  gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
  guint wake = g_timeout_add(10, on_wake, NULL);
  while (!condition(f, text)) {
    if (g_get_monotonic_time() > end)
      g_error("waited in vain for '%s'; what came: '%s'", text, f->news->str);
    g_main_context_iteration(NULL, TRUE);
  }
  g_source_remove(wake);
}

static gboolean has_news(Fixture *f, const char *text) {
  return strstr(f->news->str, text) != NULL;
}

static void expect(Fixture *f, const char *text) {
  wait_for(f, has_news, text);
}

static gboolean has_count(Fixture *f, const char *text) {
  g_autoptr(GPtrArray) list = pino_apps_list(f->apps);
  return list->len == (guint)atoi(text);
}

static gboolean has_commit(Fixture *f, const char *text) {
  g_auto(GStrv) parts = g_strsplit(text, " ", 2);
  const PinoApp *app = pino_apps_find(f->apps, parts[0]);
  return app != NULL && g_strcmp0(app->commit, parts[1]) == 0;
}

/* Waits until the watching has caught up: an app made now is reported after all before it. */
static void settle(Fixture *f) {
  make_app(f, "settled");
  expect(f, "+settled");
  drop(f, "settled");
  expect(f, "-settled");
}

static const PinoApp *app_of(Fixture *f, const char *id) {
  const PinoApp *app = pino_apps_find(f->apps, id);
  g_assert_nonnull(app);
  return app;
}

/* --- what counts, and what it tells ---- */

static void test_what_counts(Fixture *f, gconstpointer data) {
  static const char *const apps[] = {"a/pinokio.js", "b/pinokio.json",        "c/pinokio/pinokio.js",
                                     "d/start.js",   "e/install.json",        "f/install.js",
                                     "g/start.json", "h/pinokio/pinokio.json"};
  static const char *const others[] = {"w/readme.md",     "x/pinokio/start.js",    "y/pinokio_meta.json",
                                       ".z/pinokio.js",   ".v.cloning/pinokio.js", "pinokio.js",
                                       "u/sub/pinokio.js"};
  for (guint i = 0; i < G_N_ELEMENTS(apps); i++)
    put(f, apps[i], "{}");
  for (guint i = 0; i < G_N_ELEMENTS(others); i++)
    put(f, others[i], "{}");
  g_autofree char *folder = in_api(f, "t/pinokio.js");
  g_mkdir_with_parents(folder, 0755);
  open_apps(f);
  g_autoptr(GPtrArray) list = pino_apps_list(f->apps);
  g_assert_cmpuint(list->len, ==, G_N_ELEMENTS(apps));
  for (guint i = 0; i < list->len; i++) {
    const PinoApp *app = list->pdata[i];
    g_assert_cmpint(app->id[0], ==, apps[i][0]);
    g_assert_cmpint(app->id[1], ==, '\0');
  }
  g_assert_cmpstr(f->news->str, ==, "");
  g_assert_cmpstr(f->troubles->str, ==, "");
  g_assert_null(app_of(f, "d")->launcher);
  g_assert_true(g_str_has_suffix(app_of(f, "c")->launcher, "/api/c/pinokio/pinokio.js"));
}

static void test_description(Fixture *f, gconstpointer data) {
  put(f, "a/pinokio.js", "module.exports = {title: 'not read'}");
  put(f, "a/pinokio_meta.json", "{\"title\": \"Meta\", \"description\": \"of meta\", \"icon\": 3}");
  put(f, "a/pinokio.json", "{\"title\": \"T\\u00ef\\\"tle\"}");
  put(f, "b/pinokio/pinokio.js", "");
  put(f, "b/pinokio/pinokio.json", "{\"title\": \"Inner\", \"icon\": \"icon.png\"}");
  put(f, "b/pinokio.txt", "");
  put(f, "c/pinokio.json", "{\"title\": ");
  put(f, "d/pinokio.json", "[1, 2]");
  open_apps(f);
  g_assert_cmpstr(app_of(f, "a")->title, ==, "T\u00ef\"tle");
  g_assert_cmpstr(app_of(f, "a")->description, ==, "of meta");
  g_assert_null(app_of(f, "a")->icon);
  g_assert_cmpstr(app_of(f, "b")->title, ==, "Inner");
  g_assert_cmpstr(app_of(f, "b")->icon, ==, "icon.png");
  g_assert_null(app_of(f, "c")->title);
  g_assert_null(app_of(f, "d")->title);
}

static void set_time(Fixture *f, const char *name, gint64 ms) {
  g_autofree char *path = in_api(f, name);
  struct timespec times[2] = {{ms / 1000, ms % 1000 * 1000000}, {ms / 1000, ms % 1000 * 1000000}};
  g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
}

static void test_modified(Fixture *f, gconstpointer data) {
  put(f, "a/pinokio.js", "");
  put(f, "a/start.js", "");
  put(f, "a/app.py", "");
  set_time(f, "a/pinokio.js", 1000123);
  set_time(f, "a/start.js", 2000456);
  open_apps(f);
  g_assert_cmpint(app_of(f, "a")->modified, ==, 2000456);
  set_time(f, "a/pinokio.js", 3000789);
  pino_apps_refresh(f->apps, "a");
  g_assert_cmpint(app_of(f, "a")->modified, ==, 3000789);
  g_assert_cmpstr(f->news->str, ==, "~a ");
}

/* --- clones ---- */

static char *clone_of(Fixture *f, const char *name) {
  make_app(f, name);
  char *folder = in_api(f, name);
  git(folder, "git init -b main && git remote add origin https://example.com/x/y.git && git add . && "
              "git commit -m one");
  return folder;
}

static void check_head(const char *folder) {
  g_autofree char *wanted = git_head(folder);
  g_autofree char *found = pino_app_commit(folder);
  g_assert_cmpuint(strlen(wanted), ==, 40);
  g_assert_cmpstr(found, ==, wanted);
}

static void test_commit(Fixture *f, gconstpointer data) {
  g_autofree char *folder = clone_of(f, "a");
  check_head(folder);
  git(folder, "git commit --allow-empty -m two && git tag -a -m t v1 && git pack-refs --all && git commit "
              "--allow-empty -m three && git branch x/y HEAD~1 && git pack-refs --all");
  check_head(folder);
  git(folder, "git checkout x/y");
  check_head(folder);
  git(folder, "git checkout --detach HEAD~1");
  check_head(folder);
  git(folder, "git checkout main && git commit --allow-empty -m four");
  check_head(folder);
  git(folder, "git worktree add -b side ../b HEAD~1");
  g_autofree char *side = in_api(f, "b");
  check_head(side);
  git(side, "git commit --allow-empty -m five && git pack-refs --all");
  check_head(side);
  check_head(folder);
  git(folder, "git worktree add --detach ../c HEAD~2");
  g_autofree char *detached = in_api(f, "c");
  check_head(detached);
  open_apps(f);
  g_assert_cmpstr(app_of(f, "a")->repository, ==, "https://example.com/x/y.git");
}

static void test_no_commit(Fixture *f, gconstpointer data) {
  static const char *const heads[] = {"",
                                      "ref: refs/heads/none",
                                      "ref: ../../../etc/passwd",
                                      "ref: /etc/passwd",
                                      "ref: HEAD",
                                      "ref: refs/../../outside",
                                      "nonsense",
                                      "0123456789",
                                      "ref: refs/heads/loop"};
  g_autofree char *folder = in_api(f, "a");
  g_assert_null(pino_app_commit(folder));
  put(f, "a/.git/refs/heads/loop", "ref: refs/heads/loop\n");
  put(f, "a/outside", "0123456789012345678901234567890123456789\n");
  for (guint i = 0; i < G_N_ELEMENTS(heads); i++) {
    put(f, "a/.git/HEAD", heads[i]);
    g_autofree char *found = pino_app_commit(folder);
    g_assert_null(found);
  }
  put(f, "b/.git", "gitdir: ../nowhere");
  g_autofree char *other = in_api(f, "b");
  g_assert_null(pino_app_commit(other));
  put(f, "c/.git", "nothing of git's");
  g_autofree char *third = in_api(f, "c");
  g_assert_null(pino_app_commit(third));
}

static void expect_commit(Fixture *f, const char *id, const char *folder) {
  g_autofree char *head = git_head(folder);
  g_autofree char *text = g_strdup_printf("%s %s", id, head);
  wait_for(f, has_commit, text);
}

static void test_commit_is_followed(Fixture *f, gconstpointer data) {
  g_autofree char *folder = clone_of(f, "a");
  make_app(f, "fresh");
  g_autofree char *fresh = in_api(f, "fresh");
  open_apps(f);
  git(folder, "git commit --allow-empty -m two");
  expect(f, "~a ");
  expect_commit(f, "a", folder);
  git(folder, "git pack-refs --all && git checkout -b other HEAD~1");
  expect_commit(f, "a", folder);
  git(folder, "git worktree add -b side ../side main");
  g_autofree char *side = in_api(f, "side");
  expect_commit(f, "side", side);
  git(side, "git commit --allow-empty -m three");
  expect_commit(f, "side", side);
  git(fresh, "git init -b main && git add . && git commit -m one");
  expect_commit(f, "fresh", fresh);
  git(fresh, "git commit --allow-empty -m two");
  expect_commit(f, "fresh", fresh);
}

/* --- what changes ---- */

static void test_added_changed_removed(Fixture *f, gconstpointer data) {
  make_app(f, "old");
  open_apps(f);
  make_app(f, "new");
  expect(f, "+new ");
  put(f, "old/pinokio.json", "{\"title\": \"T\"}");
  expect(f, "~old ");
  g_assert_cmpstr(app_of(f, "old")->title, ==, "T");
  drop(f, "old");
  expect(f, "-old ");
  move(f, "new", "newer");
  expect(f, "-new ");
  expect(f, "+newer ");
  put(f, "newer/start.js", "");
  expect(f, "~newer ");
  put(f, "late/readme.md", "");
  settle(f);
  g_assert_null(strstr(f->news->str, "late"));
  put(f, "late/pinokio/pinokio.js", "");
  expect(f, "+late ");
  put(f, "late/pinokio/pinokio.json", "{\"title\": \"L\"}");
  expect(f, "~late ");
  drop(f, "late/pinokio");
  expect(f, "-late ");
  make_app(f, ".half.cloning");
  settle(f);
  g_assert_null(strstr(f->news->str, "half"));
  move(f, ".half.cloning", "half");
  expect(f, "+half ");
}

/* What an app writes into its own folder is no news of it. */
static void test_other_files(Fixture *f, gconstpointer data) {
  make_app(f, "a");
  open_apps(f);
  for (guint i = 0; i < 100; i++) {
    g_autofree char *name = g_strdup_printf("a/out-%u.log", i);
    put(f, name, "x");
  }
  put(f, "a/env/pinokio.js", "");
  put(f, "a/pinokio.js", "module.exports = {}");
  settle(f);
  /* Written anew: its time is another. */
  g_assert_true(g_str_has_prefix(f->news->str, "~a ") || strstr(f->news->str, " ~a ") != NULL);
  g_assert_true(strstr(strstr(f->news->str, "~a") + 1, "~a") == NULL);
}

/* Many writes at once are one report. */
static void test_debounce(Fixture *f, gconstpointer data) {
  make_app(f, "a");
  open_apps(f);
  gint64 begin = g_get_monotonic_time();
  for (guint i = 0; i < 50; i++) {
    g_autofree char *text = g_strdup_printf("{\"title\": \"%u\"}", i);
    put(f, "a/pinokio.json", text);
    for (guint turn = 0; turn < 5; turn++)
      g_main_context_iteration(NULL, FALSE);
  }
  gint64 took_ms = (g_get_monotonic_time() - begin) / 1000;
  settle(f);
  g_assert_cmpstr(app_of(f, "a")->title, ==, "49");
  guint reports = 0;
  for (const char *at = f->news->str; (at = strstr(at, "~a ")) != NULL; at++)
    reports++;
  g_assert_cmpuint(reports, >=, 1);
  g_assert_cmpuint(reports, <=, took_ms / 50 + 1);
}

static void test_api_comes_and_goes(Fixture *f, gconstpointer data) {
  drop(f, "");
  open_apps(f);
  g_assert_cmpstr(f->troubles->str, ==, "");
  for (guint i = 0; i < 3; i++) {
    g_string_truncate(f->news, 0);
    make_app(f, "a");
    expect(f, "+a ");
    make_app(f, "b");
    expect(f, "+b ");
    drop(f, "");
    expect(f, "-a ");
    expect(f, "-b ");
  }
  /* Gone and here again before it was looked at. */
  make_app(f, "c");
  expect(f, "+c ");
  g_autofree char *aside = g_build_filename(f->home, "aside", NULL);
  g_assert_cmpint(g_rename(f->api, aside), ==, 0);
  make_app(f, "d");
  expect(f, "-c ");
  expect(f, "+d ");
  make_app(f, "e");
  expect(f, "+e ");
}

static void test_links(Fixture *f, gconstpointer data) {
  g_autofree char *outside = g_build_filename(f->home, "outside", NULL);
  g_autofree char *launcher = g_build_filename(outside, "pinokio.js", NULL);
  g_autofree char *one = in_api(f, "one");
  g_autofree char *two = in_api(f, "two");
  g_autofree char *dangling = in_api(f, "dangling");
  g_mkdir(outside, 0755);
  g_assert_true(g_file_set_contents(launcher, "", -1, NULL));
  g_assert_cmpint(symlink(outside, one), ==, 0);
  g_assert_cmpint(symlink(outside, two), ==, 0);
  g_assert_cmpint(symlink("/nowhere/at/all", dangling), ==, 0);
  open_apps(f);
  g_assert_cmpstr(app_of(f, "one")->path, ==, one);
  g_autofree char *start = g_build_filename(outside, "start.js", NULL);
  g_assert_true(g_file_set_contents(start, "", -1, NULL));
  expect(f, "~one ");
  expect(f, "~two ");
  /* One of two that share a watch goes; the other is watched as before. */
  g_assert_cmpint(unlink(one), ==, 0);
  expect(f, "-one ");
  g_string_truncate(f->news, 0);
  g_assert_cmpint(unlink(start), ==, 0);
  expect(f, "~two ");
  g_assert_cmpstr(f->troubles->str, ==, "");
}

static void test_names(Fixture *f, gconstpointer data) {
  static const char *const names[] = {"with blank",  "quote\"s'", "new\nline", "Gr\u00fc\u00dfe \u4e16\u754c",
                                      "back\\slash", "-dash",     "%41",       "a&b;c|d$e`f"};
  open_apps(f);
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *news = g_strdup_printf("+%s ", names[i]);
    make_app(f, names[i]);
    expect(f, news);
    g_autofree char *path = pino_apps_path(f->apps, names[i], NULL);
    g_autofree char *wanted = in_api(f, names[i]);
    g_assert_cmpstr(path, ==, wanted);
  }
  make_app(f, "bad\xff\xfename");
  settle(f);
  settle(f);
  g_assert_nonnull(strstr(f->troubles->str, "no UTF-8"));
  g_assert_true(strstr(strstr(f->troubles->str, "no UTF-8") + 1, "no UTF-8") == NULL);
  g_autoptr(GPtrArray) list = pino_apps_list(f->apps);
  g_assert_cmpuint(list->len, ==, G_N_ELEMENTS(names));
}

/* --- many, and too many ---- */

static void test_thousand(Fixture *f, gconstpointer data) {
  for (guint i = 0; i < 1000; i++) {
    g_autofree char *name = g_strdup_printf("app-%03u", i);
    make_app(f, name);
  }
  gint64 begin = g_get_monotonic_time();
  open_apps(f);
  g_test_message("1,000 apps looked at in %.1f ms", (double)(g_get_monotonic_time() - begin) / 1000);
  g_assert_true(has_count(f, "1000"));
  put(f, "app-000/start.js", "");
  expect(f, "~app-000 ");
  put(f, "app-999/start.js", "");
  expect(f, "~app-999 ");
  make_app(f, "app-1000");
  expect(f, "+app-1000 ");
  drop(f, "");
  wait_for(f, has_count, "0");
  make_app(f, "app-500");
  wait_for(f, has_count, "1");
  g_assert_cmpstr(f->troubles->str, ==, "");
}

static void test_watch_limit(Fixture *f, gconstpointer data) {
  for (guint i = 0; i < 10; i++) {
    g_autofree char *name = g_strdup_printf("app-%u", i);
    make_app(f, name);
  }
  g_private_set(&left, GINT_TO_POINTER(6));
  open_apps(f);
  g_assert_true(has_count(f, "10"));
  g_assert_nonnull(strstr(f->troubles->str, "max_user_watches"));
  g_assert_cmpuint(strlen(strchr(f->troubles->str, '\n')), ==, 1);
  for (guint i = 0; i < 10; i++) {
    g_autofree char *name = g_strdup_printf("app-%u/start.js", i);
    put(f, name, "");
  }
  make_app(f, "other");
  for (guint i = 0; i < 10; i++) {
    g_autofree char *news = g_strdup_printf("~app-%u ", i);
    expect(f, news);
  }
  expect(f, "+other ");
  g_assert_cmpuint(strlen(strchr(f->troubles->str, '\n')), ==, 1);
  /* There is room again: after the next look changes are seen at once. */
  g_private_set(&left, NULL);
  make_app(f, "more");
  expect(f, "+more ");
  pino_apps_refresh(f->apps, NULL);
  gint64 begin = g_get_monotonic_time();
  put(f, "app-9/pinokio.json", "{\"title\": \"T\"}");
  g_string_truncate(f->news, 0);
  expect(f, "~app-9 ");
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 4 * G_USEC_PER_SEC);
}

/* --- paths ---- */

static void test_path(Fixture *f, gconstpointer data) {
  static const char *const bad[] = {"", ".", "..", "a/b", "/", "../api/a", "/etc", "a/", "x\xff"};
  static const char *const missing[] = {"b", ".hidden", "file", "..a"};
  make_app(f, "a");
  make_app(f, ".hidden");
  put(f, "file", "");
  open_apps(f);
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(pino_apps_path(f->apps, bad[i], &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  }
  for (guint i = 0; i < G_N_ELEMENTS(missing); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(pino_apps_path(f->apps, missing[i], &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
  }
}

static void check_file(Fixture *f, const char *id, const char *relative, int code) {
  g_autoptr(GError) error = NULL;
  g_autofree char *found = pino_apps_file(f->apps, id, relative, &error);
  g_assert_null(found);
  g_assert_error(error, PINO_ERROR, code);
}

static void test_file(Fixture *f, gconstpointer data) {
  g_autofree char *outside = g_build_filename(f->home, "outside", NULL);
  g_autofree char *linked = in_api(f, "linked");
  g_autofree char *escape = in_api(f, "a/escape");
  g_autofree char *within = in_api(f, "a/within.js");
  put(f, "a/start.js", "");
  put(f, "ab/start.js", "");
  put(f, "../outside/start.js", "");
  g_assert_cmpint(symlink(outside, linked), ==, 0);
  g_assert_cmpint(symlink(outside, escape), ==, 0);
  g_assert_cmpint(symlink("start.js", within), ==, 0);
  open_apps(f);
  g_autofree char *plain = pino_apps_file(f->apps, "a", "./x/../start.js", NULL);
  g_autofree char *wanted = in_api(f, "a/start.js");
  g_assert_cmpstr(plain, ==, wanted);
  g_autofree char *by_link = pino_apps_file(f->apps, "linked", "start.js", NULL);
  g_autofree char *linked_start = in_api(f, "linked/start.js");
  g_assert_cmpstr(by_link, ==, linked_start);
  g_autofree char *inner_link = pino_apps_file(f->apps, "a", "within.js", NULL);
  g_assert_cmpstr(inner_link, ==, within);
  check_file(f, "a", "../ab/start.js", PINO_ERROR_USAGE);
  check_file(f, "a", "..", PINO_ERROR_USAGE);
  check_file(f, "a", ".", PINO_ERROR_USAGE);
  check_file(f, "a", "/etc/passwd", PINO_ERROR_USAGE);
  check_file(f, "a", wanted, PINO_ERROR_USAGE);
  check_file(f, "a", "escape/start.js", PINO_ERROR_USAGE);
  check_file(f, "a", "none.js", PINO_ERROR_NOT_FOUND);
  check_file(f, "none", "start.js", PINO_ERROR_NOT_FOUND);
  check_file(f, "../a", "start.js", PINO_ERROR_USAGE);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/engine/apps/" name, Fixture, NULL, set_up, function, tear_down)
  ADD("what-counts", test_what_counts);
  ADD("description", test_description);
  ADD("modified", test_modified);
  ADD("commit", test_commit);
  ADD("no-commit", test_no_commit);
  ADD("commit-is-followed", test_commit_is_followed);
  ADD("added-changed-removed", test_added_changed_removed);
  ADD("other-files-are-no-news", test_other_files);
  ADD("many-writes-are-one-report", test_debounce);
  ADD("api-comes-and-goes", test_api_comes_and_goes);
  ADD("links", test_links);
  ADD("names", test_names);
  ADD("a-thousand", test_thousand);
  ADD("watch-limit", test_watch_limit);
  ADD("path-is-confined", test_path);
  ADD("file-is-confined", test_file);
  return g_test_run();
}
