/* What the lifecycle does with git, as a program for black-box tests: one operation in a run of its own.
 *
 *   driver HOME OPERATION WHAT [KEY=VALUE]...
 *
 * Events leave as lines of JSON, the end as {"type": "over", "ok", "value", "error"}. */
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lifecycle/clone.h"
#include "lifecycle/giterror.h"
#include "lifecycle/remove.h"
#include "lifecycle/update.h"
#include "lifecycle/view.h"

typedef struct {
  PinoRun *run;
  const char *home;
  const char *what;
  char **settings;
} Driver;

static const char *setting(const Driver *driver, const char *key) {
  gsize length = strlen(key);
  for (char **at = driver->settings; *at != NULL; at++) {
    if (strncmp(*at, key, length) == 0 && (*at)[length] == '=')
      return *at + length + 1;
  }
  return NULL;
}

static guint64 number(const Driver *driver, const char *key) {
  const char *text = setting(driver, key);
  return text != NULL ? g_ascii_strtoull(text, NULL, 10) : 0;
}

static char *do_clone(const Driver *driver, GError **error) {
  PinoCloneSpec spec = {.url = driver->what,
                        .name = setting(driver, "name"),
                        .branch = setting(driver, "branch"),
                        .whole = setting(driver, "whole") != NULL,
                        .bytes = number(driver, "bytes"),
                        .tries = (guint)number(driver, "tries"),
                        .wait_ms = (guint)number(driver, "wait")};
  return pino_clone(driver->run, &spec, error);
}

static char *do_launcher(const Driver *driver, GError **error) {
  return g_strdup(pino_clone_has_launcher(driver->what) ? "yes" : "no");
}

static char *do_update(const Driver *driver, GError **error) {
  g_autoptr(PinoUpdate) update =
      pino_update(driver->run, driver->what, setting(driver, "force") != NULL, error);
  return update != NULL ? g_strdup(update->json) : NULL;
}

static char *do_back(const Driver *driver, GError **error) {
  g_autoptr(PinoUpdate) update =
      pino_update_back(driver->run, driver->what, setting(driver, "force") != NULL, error);
  return update != NULL ? g_strdup(update->json) : NULL;
}

static char *do_note(const Driver *driver, GError **error) {
  return pino_update_note(driver->home, driver->what, error) ? g_strdup("noted") : NULL;
}

static char *do_look(const Driver *driver, GError **error) {
  return pino_uninstall_look(driver->home, driver->what, error);
}

static char *do_uninstall(const Driver *driver, GError **error) {
  return pino_uninstall(driver->run, driver->what, setting(driver, "purge") != NULL, error);
}

static char *do_finish(const Driver *driver, GError **error) {
  return pino_uninstall_finish(driver->home, error) ? g_strdup("finished") : NULL;
}

static char *do_reset(const Driver *driver, GError **error) {
  return pino_reset(driver->run, driver->what, setting(driver, "purge") != NULL, error);
}

static char *do_view(const Driver *driver, GError **error) {
  PinoViewFacts facts = {.title = setting(driver, "title"),
                         .category = setting(driver, "category"),
                         .installed_at = setting(driver, "installed"),
                         .updated_at = setting(driver, "updated"),
                         .size = number(driver, "size")};
  return pino_view_refresh(driver->home, driver->what, &facts, error) ? g_strdup("made") : NULL;
}

typedef struct {
  const char *name;
  char *(*perform)(const Driver *driver, GError **error);
} Operation;

static const Operation operations[] = {
    {"clone", do_clone}, {"launcher", do_launcher}, {"update", do_update},       {"back", do_back},
    {"note", do_note},   {"look", do_look},         {"uninstall", do_uninstall}, {"finish", do_finish},
    {"reset", do_reset}, {"view", do_view},
};

static void on_event(const PinoEvent *event, gpointer data) {
  g_autoptr(GString) line = g_string_new(NULL);
  pino_event_to_json(event, line);
  fwrite(line->str, 1, line->len, stdout);
  fflush(stdout);
}

static void tell_end(const char *value, const GError *error) {
  g_autoptr(GString) line = g_string_new("{\"type\":\"over\"");
  g_string_append(line, value != NULL ? ",\"ok\":true" : ",\"ok\":false");
  pino_json_append_member(line, "value", value);
  pino_json_append_member(line, "error", error != NULL ? error->message : NULL);
  g_string_append(line, "}\n");
  fwrite(line->str, 1, line->len, stdout);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    g_printerr("usage: driver HOME OPERATION WHAT [KEY=VALUE]...\n");
    return 2;
  }
  PinoRunOptions options = {.home = argv[1],
                            .keeper = g_getenv("PINOKIOCLOUD_KEEPER"),
                            .sink = on_event,
                            .all_events = TRUE,
                            .terminal = -1};
  Driver driver = {.run = pino_run_new(&options), .home = argv[1], .what = argv[3], .settings = argv + 4};
  g_autofree char *value = NULL;
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(operations); i++) {
    if (g_str_equal(operations[i].name, argv[2]))
      value = operations[i].perform(&driver, &error);
  }
  pino_run_free(driver.run);
  tell_end(value, error);
  return value != NULL ? 0 : 1;
}
