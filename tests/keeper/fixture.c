#include "fixture.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at) {
  return remove(path);
}

void place_init(Place *place) {
  g_autoptr(GError) error = NULL;
  place->dir = g_dir_make_tmp("keeper-XXXXXX", &error);
  g_assert_no_error(error);
  place->log = g_build_filename(place->dir, "logs", "command.log", NULL);
  place->run_dir = g_build_filename(place->dir, "run", NULL);
}

void place_clear(Place *place) {
  nftw(place->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  g_free(place->dir);
  g_free(place->log);
  g_free(place->run_dir);
}

char *place_file(const Place *place, const char *name) {
  return g_build_filename(place->dir, name, NULL);
}

void run_init(Run *run) {
  *run = (Run){.out = g_string_new(NULL),
               .troubles = g_ptr_array_new_with_free_func((GDestroyNotify)g_error_free),
               .sum = g_checksum_new(G_CHECKSUM_MD5)};
}

void run_clear(Run *run) {
  pino_keeper_free(run->keeper);
  g_string_free(run->out, TRUE);
  g_ptr_array_unref(run->troubles);
  g_checksum_free(run->sum);
}

static void on_output(const guint8 *data, gsize length, gpointer user_data) {
  Run *run = user_data;
  g_assert_false(run->ended);
  run->bytes += length;
  g_checksum_update(run->sum, data, (gssize)length);
  if (!run->keep_nothing)
    g_string_append_len(run->out, (const char *)data, (gssize)length);
  if (run->free_after > 0 && run->bytes >= run->free_after)
    g_clear_pointer(&run->keeper, pino_keeper_free);
}

static void on_ended(int wait_status, gboolean stopped, gpointer user_data) {
  Run *run = user_data;
  g_assert_false(run->ended);
  run->ended = TRUE;
  run->status = wait_status;
  run->stopped = stopped;
}

static void on_trouble(const GError *error, gpointer user_data) {
  Run *run = user_data;
  g_ptr_array_add(run->troubles, g_error_copy(error));
}

const PinoKeeperEvents run_events = {.output = on_output, .ended = on_ended, .trouble = on_trouble};

void run_spec(Run *run, const PinoKeeperSpec *spec) {
  g_autoptr(GError) error = NULL;
  run->keeper = pino_keeper_spawn(spec, &run_events, run, &error);
  g_assert_no_error(error);
  g_assert_nonnull(run->keeper);
}

void run_bash(Run *run, const Place *place, const char *script) {
  const char *argv[] = {"bash", "-c", script, NULL};
  PinoKeeperSpec spec = {.argv = argv, .log_path = place->log};
  run_spec(run, &spec);
}

void run_detached(Run *run, const Place *place, const char *id, const char *script) {
  const char *argv[] = {"bash", "-c", script, NULL};
  PinoKeeperSpec spec = {
      .argv = argv, .log_path = place->log, .id = id, .run_dir = place->run_dir, .detached = TRUE};
  run_spec(run, &spec);
}

void run_attach(Run *run, const Place *place, const char *id, guint64 offset) {
  g_autoptr(GError) error = NULL;
  run->keeper = pino_keeper_attach(place->run_dir, id, place->log, offset, &run_events, run, &error);
  g_assert_no_error(error);
  g_assert_nonnull(run->keeper);
}

void run_write(Run *run, const char *text) {
  g_autoptr(GError) error = NULL;
  pino_keeper_write(run->keeper, text, strlen(text), &error);
  g_assert_no_error(error);
}

static const char *find_number(Run *run, const char *name) {
  g_autofree char *key = g_strconcat(name, ":", NULL);
  const char *found = strstr(run->out->str, key);
  return found != NULL && strchr(found, '\n') != NULL ? found + strlen(key) : NULL;
}

pid_t run_pid(Run *run, const char *name) {
  wait_for(find_number(run, name) != NULL);
  return (pid_t)g_ascii_strtoll(find_number(run, name), NULL, 10);
}

gboolean process_exists(pid_t pid) {
  return kill(pid, 0) == 0 || errno != ESRCH;
}

gboolean process_lives(pid_t pid) {
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid), *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return FALSE;
  const char *after_name = strrchr(text, ')');
  return after_name != NULL && strncmp(after_name, ") Z", 3) != 0;
}

static gboolean wake(gpointer data) {
  return G_SOURCE_REMOVE;
}

void turn(gint64 deadline_us, const char *condition) {
  if (g_get_monotonic_time() > deadline_us)
    g_error("waited in vain for: %s", condition);
  guint timer = g_timeout_add(5, wake, NULL);
  g_main_context_iteration(NULL, TRUE);
  GSource *left = g_main_context_find_source_by_id(NULL, timer);
  if (left != NULL)
    g_source_destroy(left);
}
