#include "watch.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

static void on_address(const char *url, gpointer data) {
  Watch *watch = data;
  g_assert_false(watch->failed);
  g_ptr_array_add(watch->addresses, g_strdup(url));
  if (watch->free_at_address)
    g_clear_pointer(&watch->agent, pino_agent_free);
}

static void on_failed(PinoTunnelFailure why, const char *text, gpointer data) {
  Watch *watch = data;
  g_assert_false(watch->failed);
  g_assert_nonnull(text);
  watch->failed = TRUE;
  watch->why = why;
  watch->text = g_strdup(text);
  watch->failed_at = g_get_monotonic_time();
  if (watch->free_at_failure)
    g_clear_pointer(&watch->agent, pino_agent_free);
}

static void on_said(const char *line, gpointer data) {
  Watch *watch = data;
  g_assert_false(watch->failed);
  g_assert_null(strpbrk(line, "\r\n\033"));
  g_ptr_array_add(watch->lines, g_strdup(line));
  if (watch->free_at_line)
    g_clear_pointer(&watch->agent, pino_agent_free);
}

static const PinoAgentEvents EVENTS = {on_address, on_failed, on_said};

void watch_init(Watch *watch) {
  place_init(&watch->place);
  watch->spec = (PinoAgentSpec){.home = watch->place.dir,
                                .run_dir = watch->place.run_dir,
                                .ngrok_token = "2abcdefghijklmnop_TOKEN",
                                .ssh = "nokey@localhost.run",
                                .gate_port = 9123,
                                .id = "t1"};
  watch->addresses = g_ptr_array_new_with_free_func(g_free);
  watch->lines = g_ptr_array_new_with_free_func(g_free);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at) {
  (void)remove(path);
  return 0;
}

/* A keeper that is about to be gone may still write how its command ended. */
static gboolean is_removed(const char *dir) {
  (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return !g_file_test(dir, G_FILE_TEST_EXISTS);
}

void watch_clear(Watch *watch) {
  if (watch->agent != NULL) {
    pid_t pid = pino_agent_pid(watch->agent);
    pino_agent_stop(watch->agent);
    pino_agent_free(watch->agent);
    wait_for(pid == 0 || !process_lives(pid));
  }
  g_autofree char *socket = g_build_filename(watch->place.run_dir, "tunnels", "t1.sock", NULL);
  wait_for(!g_file_test(socket, G_FILE_TEST_EXISTS));
  g_ptr_array_unref(watch->addresses);
  g_ptr_array_unref(watch->lines);
  g_free(watch->text);
  wait_for(is_removed(watch->place.dir));
  place_clear(&watch->place);
}

void watch_program(Watch *watch, const char *name, const char *script) {
  g_autoptr(GError) error = NULL;
  g_autofree char *bin = place_file(&watch->place, "bin"), *path = g_build_filename(bin, name, NULL);
  g_autofree char *content = g_strconcat("#!/bin/bash\ncd \"${0%/*}/..\" || exit 99\n", script, "\n", NULL);
  g_assert_cmpint(g_mkdir_with_parents(bin, 0755), ==, 0);
  g_file_set_contents_full(path, content, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0755, &error);
  g_assert_no_error(error);
}

void watch_start(Watch *watch, const char *provider) {
  g_autoptr(GError) error = NULL;
  watch->agent = pino_agent_start(pino_provider_find(provider), &watch->spec, &EVENTS, watch, &error);
  g_assert_no_error(error);
  g_assert_nonnull(watch->agent);
  g_assert_false(watch->failed); /* no event before it returned */
  g_assert_cmpuint(watch->addresses->len, ==, 0);
}

void watch_attach(Watch *watch, const char *provider) {
  g_autoptr(GError) error = NULL;
  watch->agent = pino_agent_attach(pino_provider_find(provider), &watch->spec, &EVENTS, watch, &error);
  g_assert_no_error(error);
  g_assert_nonnull(watch->agent);
}

const char *watch_address(Watch *watch, guint number) {
  wait_for(watch->addresses->len >= number || watch->failed);
  if (watch->failed)
    g_error("failed: %s", watch->text);
  return g_ptr_array_index(watch->addresses, number - 1);
}

void watch_failure(Watch *watch, PinoTunnelFailure why, const char *words) {
  wait_for(watch->failed);
  g_test_message("%s", watch->text);
  g_assert_cmpint(watch->why, ==, why);
  g_assert_nonnull(strstr(watch->text, words));
}

gboolean watch_said(Watch *watch, const char *words) {
  for (guint i = 0; i < watch->lines->len; i++) {
    if (strstr(g_ptr_array_index(watch->lines, i), words) != NULL)
      return TRUE;
  }
  return FALSE;
}

char *watch_read(Watch *watch, const char *name) {
  g_autofree char *path = place_file(&watch->place, name);
  char *content = NULL;
  (void)g_file_get_contents(path, &content, NULL, NULL);
  return content;
}
