#include "storage/persist.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "environment/private.h"
#include "storage/atomic.h"
#include "storage/io.h"
#include "storage/persistfile.h"
#include "storage/persistnote.h"

#define RECORD ".persistent"
#define ENVIRONMENT "ENVIRONMENT"
#define LIBRARY "library.sqlite"

/* --- what is remembered ---- */

void pino_persist_record_read(const char *home, PinoPersistRecord *record) {
  g_autofree char *path = g_build_filename(home, RECORD, NULL);
  g_autofree char *text = NULL;
  *record = (PinoPersistRecord){0};
  g_auto(GStrv) lines = g_file_get_contents(path, &text, NULL, NULL) ? g_strsplit(text, "\n", -1) : NULL;
  for (char **line = lines; line != NULL && *line != NULL; line++) {
    char **place = g_str_has_prefix(*line, "folder=")        ? &record->folder
                   : g_str_has_prefix(*line, "environment=") ? &record->environment
                   : g_str_has_prefix(*line, "drive=")       ? &record->drive
                                                             : NULL;
    if (place == NULL)
      continue;
    g_free(*place);
    *place = g_strdup(strchr(*line, '=') + 1);
  }
}

gboolean pino_persist_record_write(const char *home, const PinoPersistRecord *record, GError **error) {
  g_auto(PinoPersistRecord) now = {0};
  g_autofree char *path = g_build_filename(home, RECORD, NULL);
  pino_persist_record_read(home, &now);
  if (g_strcmp0(now.folder, record->folder) == 0 && g_strcmp0(now.drive, record->drive) == 0 &&
      g_strcmp0(now.environment, record->environment) == 0)
    return TRUE;
  g_autoptr(GString) text =
      g_string_new("What the home and its persistent folder agreed on last. Not to be edited.\n");
  const struct {
    const char *name, *value;
  } lines[] = {{"folder", record->folder}, {"environment", record->environment}, {"drive", record->drive}};
  for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
    if (lines[i].value != NULL)
      g_string_append_printf(text, "%s=%s\n", lines[i].name, lines[i].value);
  }
  return pino_file_write(path, text->str, text->len, 0600, error);
}

void pino_persist_record_clear(PinoPersistRecord *record) {
  g_clear_pointer(&record->folder, g_free);
  g_clear_pointer(&record->environment, g_free);
  g_clear_pointer(&record->drive, g_free);
}

gboolean pino_persist_was_used(const char *home) {
  g_auto(PinoPersistRecord) record = {0};
  pino_persist_record_read(home, &record);
  return record.folder != NULL || record.drive != NULL;
}

void pino_persist_note(const PinoPersist *persist, const char *format, ...) {
  if (persist->note == NULL)
    return;
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  persist->note(text, persist->note_data);
}

/* --- the folder ---- */

static gboolean lies_in(const char *path, const char *folder) {
  g_autofree char *real = realpath(path, NULL);
  g_autofree char *real_folder = realpath(folder, NULL);
  gsize length = real_folder != NULL ? strlen(real_folder) : 0;
  return real != NULL && real_folder != NULL && strncmp(real, real_folder, length) == 0 &&
         (real[length] == '/' || real[length] == '\0');
}

/* Only the last part is ever made: what is above is the mount, and a folder made in its place would be in its way. */
gboolean pino_persist_check(const PinoPersist *persist, gboolean make, GError **error) {
  g_autofree char *above = g_path_get_dirname(persist->persistent);
  const char *needed = make ? above : persist->persistent;
  if (!g_file_test(needed, G_FILE_TEST_IS_DIR)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
                "the persistent folder '%s' is not there; is it still mounted?", needed);
    return FALSE;
  }
  if (make && mkdir(persist->persistent, 0755) != 0 && errno != EEXIST) {
    pino_storage_fail(error, errno, "mkdir", persist->persistent);
    return FALSE;
  }
  if (!lies_in(persist->persistent, persist->home) && !lies_in(persist->home, persist->persistent))
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "the home '%s' and the persistent folder '%s' must not lie in one another; choose another",
              persist->home, persist->persistent);
  return FALSE;
}

/* --- ENVIRONMENT ---- */

typedef struct {
  const PinoPersist *persist;
  char *home_path, *kept_path; /* the two files */
  GBytes *home, *kept;         /* what they say; NULL: not there */
  PinoPersistRecord record;
  gboolean again; /* the home's was changed meanwhile */
} Settings;

static void settings_clear(Settings *settings) {
  g_free(settings->home_path);
  g_free(settings->kept_path);
  g_clear_pointer(&settings->home, g_bytes_unref);
  g_clear_pointer(&settings->kept, g_bytes_unref);
  pino_persist_record_clear(&settings->record);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Settings, settings_clear)

static char *sum_of(GBytes *bytes) {
  return g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
}

static gboolean load_home(Settings *settings, GError **error) {
  g_autoptr(GError) failed = NULL;
  settings->home = pino_file_read(settings->home_path, &failed);
  if (settings->home != NULL || g_error_matches(failed, PINO_ERRNO, ENOENT))
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&failed));
  return FALSE;
}

static gboolean load_settings(Settings *settings, const PinoPersist *persist, GError **error) {
  settings->persist = persist;
  settings->home_path = g_build_filename(persist->home, ENVIRONMENT, NULL);
  settings->kept_path = g_build_filename(persist->persistent, ENVIRONMENT, NULL);
  pino_persist_record_read(persist->home, &settings->record);
  /* Of another folder nothing was agreed on. */
  if (g_strcmp0(settings->record.folder, persist->persistent) != 0)
    g_clear_pointer(&settings->record.environment, g_free);
  return pino_persist_file_read(settings->kept_path, &settings->kept, error) && load_home(settings, error);
}

static gboolean write_home(const char *path, GBytes *bytes, GError **error) {
  gsize length = 0;
  gconstpointer data = g_bytes_get_data(bytes, &length);
  return pino_file_write(path, data, length, 0600, error);
}

/* Both say the same now. */
static gboolean agree(Settings *settings, GBytes *bytes, GError **error) {
  g_autofree char *sum = sum_of(bytes);
  PinoPersistRecord now = {(char *)settings->persist->persistent, sum, settings->record.drive};
  return pino_persist_record_write(settings->persist->home, &now, error);
}

static gboolean take_home(Settings *settings, GError **error) {
  return pino_persist_file_write(settings->kept_path, settings->home, error) &&
         agree(settings, settings->home, error);
}

/* Who changes the home's file waits; what was changed since it was read is looked at again. */
static gboolean take_kept(Settings *settings, GError **error) {
  g_autoptr(GBytes) before = g_steal_pointer(&settings->home);
  int lock = pino_private_lock(settings->persist->home, error);
  if (lock < 0)
    return FALSE;
  gboolean done = load_home(settings, error);
  gboolean same = settings->home == before ||
                  (settings->home != NULL && before != NULL && g_bytes_equal(settings->home, before));
  if (done && same)
    done = write_home(settings->home_path, settings->kept, error) && agree(settings, settings->kept, error);
  pino_private_unlock(lock);
  settings->again = done && !same;
  return done;
}

/* The name is by the content, so that a repeated call makes no second one. */
static gboolean set_aside(Settings *settings, const char *path, GBytes *bytes, gboolean at_home,
                          GError **error) {
  g_autofree char *sum = sum_of(bytes);
  g_autofree char *aside = g_strdup_printf("%s.kept-%.8s", path, sum);
  if (!(at_home ? write_home(aside, bytes, error) : pino_persist_file_write(aside, bytes, error)))
    return FALSE;
  pino_persist_note(
      settings->persist,
      "ENVIRONMENT was changed both in the home and in the persistent folder: %s counts, the other is kept "
      "as %s",
      at_home ? settings->kept_path : settings->home_path, aside);
  return TRUE;
}

static gboolean settle_conflict(Settings *settings, gboolean opening, GError **error) {
  if (opening)
    return set_aside(settings, settings->home_path, settings->home, TRUE, error) &&
           take_kept(settings, error);
  return set_aside(settings, settings->kept_path, settings->kept, FALSE, error) && take_home(settings, error);
}

static gboolean sync_settings(Settings *settings, gboolean opening, GError **error) {
  if (settings->home == NULL && settings->kept == NULL)
    return TRUE;
  if (settings->home == NULL)
    return take_kept(settings, error);
  if (settings->kept == NULL)
    return take_home(settings, error);
  if (g_bytes_equal(settings->home, settings->kept))
    return agree(settings, settings->home, error);
  g_autofree char *home_sum = sum_of(settings->home);
  g_autofree char *kept_sum = sum_of(settings->kept);
  if (g_strcmp0(settings->record.environment, kept_sum) == 0)
    return take_home(settings, error);
  if (g_strcmp0(settings->record.environment, home_sum) == 0)
    return !opening || take_kept(settings, error);
  return settle_conflict(settings, opening, error);
}

static gboolean sync_environment(const PinoPersist *persist, gboolean opening, GError **error) {
  gboolean again = TRUE;
  while (again) {
    g_auto(Settings) settings = {0};
    if (!load_settings(&settings, persist, error) || !sync_settings(&settings, opening, error)) {
      g_prefix_error(error, "ENVIRONMENT and its persistent copy may differ: ");
      return FALSE;
    }
    again = settings.again;
  }
  return TRUE;
}

/* --- library.sqlite ---- */

static guint64 big_endian(const guint8 *at, guint count) {
  guint64 number = 0;
  while (count-- > 0)
    number = number << 8 | *at++;
  return number;
}

/* By the first 100 bytes (sqlite.org/fileformat.html, 1.3): whether all pages that it counts are there. */
static gboolean is_whole(GBytes *bytes) {
  enum { HEADER = 100, PAGE_SIZE_AT = 16, PAGES_AT = 28, BIGGEST_PAGE = 65536 };
  gsize length = 0;
  const guint8 *data = g_bytes_get_data(bytes, &length);
  if (length < HEADER || memcmp(data, "SQLite format 3", 16) != 0)
    return FALSE;
  guint64 page = big_endian(data + PAGE_SIZE_AT, 2);
  return (page == 1 ? BIGGEST_PAGE : page) * big_endian(data + PAGES_AT, 4) == length;
}

/* What an older library has left there would be taken for a part of this one. */
static gboolean remove_remains(const char *library, GError **error) {
  static const char *const SUFFIXES[] = {"-wal", "-shm", "-journal"};
  for (gsize i = 0; i < G_N_ELEMENTS(SUFFIXES); i++) {
    g_autofree char *path = g_strconcat(library, SUFFIXES[i], NULL);
    if (unlink(path) != 0 && errno != ENOENT) {
      pino_storage_fail(error, errno, "unlink", path);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean put_library(const char *library, GBytes *bytes, GError **error) {
  g_autofree char *temp = g_strconcat(library, ".restored", NULL);
  if (!remove_remains(library, error) || !write_home(temp, bytes, error))
    return FALSE;
  int failed = pino_storage_rename(AT_FDCWD, temp, AT_FDCWD, library, FALSE);
  if (failed != 0)
    (void)unlink(temp);
  if (failed == 0 || failed == EEXIST)
    return TRUE;
  pino_storage_fail(error, failed, "rename", library);
  return FALSE;
}

static gboolean restore_library(const PinoPersist *persist, GError **error) {
  g_autofree char *library = g_build_filename(persist->home, LIBRARY, NULL);
  g_autofree char *copy = g_build_filename(persist->persistent, LIBRARY, NULL);
  g_autoptr(GBytes) bytes = NULL;
  if (g_file_test(library, G_FILE_TEST_EXISTS))
    return TRUE;
  if (!pino_persist_file_read(copy, &bytes, error))
    return FALSE;
  if (bytes == NULL)
    return TRUE;
  if (!is_whole(bytes)) {
    pino_persist_note(persist, "%s is damaged and is not used: the library is made anew", copy);
    return TRUE;
  }
  return pino_storage_go_on(persist->cancellable, error) && put_library(library, bytes, error);
}

static gboolean save_library(const PinoPersist *persist, const char *from, GError **error) {
  g_autofree char *copy = g_build_filename(persist->persistent, LIBRARY, NULL);
  g_autoptr(GBytes) bytes = pino_file_read(from, error);
  return bytes != NULL && pino_persist_file_write(copy, bytes, error);
}

/* --- all of it ---- */

gboolean pino_persist_restore(const PinoPersist *persist, GError **error) {
  if (persist->persistent == NULL)
    return TRUE;
  return pino_storage_go_on(persist->cancellable, error) && pino_persist_check(persist, TRUE, error) &&
         sync_environment(persist, TRUE, error) && pino_storage_go_on(persist->cancellable, error) &&
         restore_library(persist, error);
}

gboolean pino_persist_prepare(const PinoPersist *persist, GError **error) {
  return pino_persist_restore(persist, error) && pino_persist_link_drive(persist, error);
}

gboolean pino_persist_save(const PinoPersist *persist, const char *library_copy, GError **error) {
  if (persist->persistent == NULL)
    return TRUE;
  if (!pino_storage_go_on(persist->cancellable, error) || !pino_persist_check(persist, FALSE, error))
    return FALSE;
  gboolean first = sync_environment(persist, FALSE, error);
  gboolean second =
      library_copy == NULL || save_library(persist, library_copy, first && error != NULL ? error : NULL);
  return first && second;
}
