#include "lifecycle/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wait.h"
#include "storage/atomic.h"
#include "storage/debian.h"
#include "storage/download.h"

#define INDEX_RETRIES 4
#define INDEX_MOST ((gsize)32 << 20) /* bytes, unpacked */
#define TELL_US (2 * G_USEC_PER_SEC)
#define RUN_S 20

typedef struct {
  const char *name;
  const char *variable;   /* names a mirror */
  const char *repository; /* the vendor's */
  const char *suite;
} Row;

static const Row rows[] = {
    {"cloudflared", "PINOKIO_CLOUDFLARED_REPOSITORY", "https://pkg.cloudflare.com/cloudflared", "any"},
    {"ngrok", "PINOKIO_NGROK_REPOSITORY", "https://ngrok-agent.s3.amazonaws.com", "buster"},
};

/* This program's own kind: what runs beside it runs too. The vendors call some by another name than Debian. */
static const char *const architectures[] = {
#if defined(__x86_64__)
    "amd64",
#elif defined(__aarch64__)
    "arm64",
#elif defined(__arm__)
    "armhf",
    "arm",
#elif defined(__i386__)
    "i386",
    "386",
#endif
    NULL,
};

typedef struct {
  const Row *row;
  char *repository; /* without a slash at the end */
  char *bin;        /* HOME/bin */
  char *folder;     /* of what is downloaded */
  char *program;    /* HOME/bin/NAME */
  char *fresh;      /* where it is until it is known to work */
  const char *architecture;
  PinoFetchTell tell;
  gpointer data;
  gint64 told_at;
} Fetch;

static void fetch_clear(Fetch *fetch) {
  g_free(fetch->repository);
  g_free(fetch->bin);
  g_free(fetch->folder);
  g_free(fetch->program);
  g_free(fetch->fresh);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fetch, fetch_clear)

static void tell(const Fetch *fetch, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void tell(const Fetch *fetch, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *line = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  fetch->tell(line, fetch->data);
}

/* --- the index ----------------------------------------------------------------------------------------------------- */

static void on_note(const char *text, gpointer data) {
  tell(data, "%s", text);
}

/* Packages.gz unpacked. */
static GBytes *inflate(const char *packed, gsize length, GError **error) {
  g_autoptr(GInputStream) memory = g_memory_input_stream_new_from_data(packed, (gssize)length, NULL);
  g_autoptr(GConverter) gzip = G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  g_autoptr(GInputStream) plain = g_converter_input_stream_new(memory, gzip);
  return g_input_stream_read_bytes(plain, INDEX_MOST, NULL, error);
}

static GBytes *read_index(const char *path, gboolean packed, GError **error) {
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents(path, &text, &length, error))
    return NULL;
  (void)unlink(path);
  return packed ? inflate(text, length, error) : g_bytes_new_take(g_steal_pointer(&text), length);
}

static GBytes *download_index(Fetch *fetch, const char *architecture, gboolean packed, GError **error) {
  g_autofree char *url = g_strdup_printf("%s/dists/%s/main/binary-%s/Packages%s", fetch->repository,
                                         fetch->row->suite, architecture, packed ? ".gz" : "");
  g_autofree char *path = g_strdup_printf("%s/%s.Packages", fetch->folder, fetch->row->name);
  const PinoDownload spec = {
      .url = url,
      .path = path,
      .secure = TRUE,
      .connections = 1,
      .retries = INDEX_RETRIES,
      .note = on_note,
      .progress_data = fetch,
  };
  return pino_download(&spec, NULL, NULL, error) ? read_index(path, packed, error) : NULL;
}

/* The index of the first architecture that the repository has. */
static GBytes *get_index(Fetch *fetch, GError **error) {
  for (guint i = 0; architectures[i] != NULL; i++) {
    for (guint packed = 0; packed < 2; packed++) {
      g_autoptr(GError) problem = NULL;
      GBytes *index = download_index(fetch, architectures[i], packed == 1, &problem);
      fetch->architecture = architectures[i];
      if (index != NULL)
        return index;
      if (!g_error_matches(problem, PINO_ERROR, PINO_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return NULL;
      }
    }
  }
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "%s has none for this machine's processor (%s)",
              fetch->repository,
              fetch->architecture != NULL ? fetch->architecture : "of a kind not known here");
  return NULL;
}

/* --- the package --------------------------------------------------------------------------------------------------- */

static void on_progress(const PinoDownloadState *state, gpointer data) {
  Fetch *fetch = data;
  gint64 now = g_get_monotonic_time();
  if (state->total <= 0 || now - fetch->told_at < TELL_US)
    return;
  fetch->told_at = now;
  g_autofree char *received = g_format_size(state->received);
  g_autofree char *total = g_format_size((guint64)state->total);
  tell(fetch, "%3u %%  %s of %s", (guint)(state->received * 100 / (guint64)state->total), received, total);
}

/* Gives the package's file. */
static char *get_package(Fetch *fetch, const PinoDebianPackage *package, GError **error) {
  g_autofree char *url = g_strdup_printf("%s/%s", fetch->repository, package->filename);
  g_autofree char *path = g_strdup_printf("%s/%s.deb", fetch->folder, fetch->row->name);
  g_autofree char *size = g_format_size(package->size);
  const PinoDownload spec = {
      .url = url,
      .path = path,
      .secure = TRUE,
      .sha256 = package->sha256,
      .progress = on_progress,
      .note = on_note,
      .progress_data = fetch,
  };
  tell(fetch, "downloading %s %s for %s%s%s", fetch->row->name, package->version, fetch->architecture,
       package->size > 0 ? ", " : "", package->size > 0 ? size : "");
  fetch->told_at = g_get_monotonic_time();
  return pino_download(&spec, NULL, NULL, error) ? g_steal_pointer(&path) : NULL;
}

static gboolean unpack(Fetch *fetch, const char *deb, GError **error) {
  g_autofree char *in_usr = g_strconcat("usr/bin/", fetch->row->name, NULL);
  g_autofree char *in_local = g_strconcat("usr/local/bin/", fetch->row->name, NULL);
  const char *const names[] = {in_usr, in_local, NULL};
  tell(fetch, "its checksum fits; unpacking it");
  gboolean ok = pino_debian_take(deb, names, fetch->fresh, error);
  (void)unlink(deb);
  return ok;
}

/* --- the program --------------------------------------------------------------------------------------------------- */

typedef struct {
  gboolean done, late;
  char *output;
  GError *error;
} Trial;

static void on_trial(GObject *source, GAsyncResult *result, gpointer data) {
  Trial *trial = data;
  g_autoptr(GBytes) output = NULL;
  trial->done = TRUE;
  if (!g_subprocess_communicate_finish(G_SUBPROCESS(source), result, &output, NULL, &trial->error))
    return;
  gsize length = 0;
  const char *text = g_bytes_get_data(output, &length);
  trial->output = g_utf8_make_valid(text != NULL ? text : "", (gssize)length);
  trial->output[strcspn(trial->output, "\n")] = '\0';
}

typedef struct {
  GSubprocess *process;
  Trial *trial;
} Limit;

static gboolean on_late(gpointer data) {
  Limit *limit = data;
  limit->trial->late = TRUE;
  g_subprocess_force_exit(limit->process);
  return G_SOURCE_CONTINUE;
}

static void await_trial(GSubprocess *process, Trial *trial) {
  Limit limit = {process, trial};
  GSource *deadline = g_timeout_source_new_seconds(RUN_S);
  g_source_set_callback(deadline, on_late, &limit, NULL);
  g_source_attach(deadline, g_main_context_get_thread_default());
  g_subprocess_communicate_async(process, NULL, NULL, on_trial, trial);
  (void)pino_wait(&trial->done, NULL, NULL);
  g_source_destroy(deadline);
  g_source_unref(deadline);
}

static gboolean does_not_run(const Fetch *fetch, const char *why, GError **error) {
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
              "the one that was fetched does not run here (--version): %s", why);
  return FALSE;
}

/* Gives what it says of itself in *version. */
static gboolean try_out(const Fetch *fetch, char **version, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(GSubprocess) process =
      g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, &problem,
                       fetch->fresh, "--version", NULL);
  if (process == NULL)
    return does_not_run(fetch, problem->message, error);
  Trial trial = {0};
  await_trial(process, &trial);
  g_autofree char *output = trial.output;
  g_autoptr(GError) failure = trial.error;
  if (trial.late)
    return does_not_run(fetch, "it did not end", error);
  if (failure != NULL)
    return does_not_run(fetch, failure->message, error);
  /* What is no program at all may have been run by a shell, to which an empty file is fine. */
  if (!g_subprocess_get_successful(process) || strstr(output, fetch->row->name) == NULL)
    return does_not_run(fetch, *output != '\0' ? output : "it said nothing", error);
  *version = g_steal_pointer(&output);
  return TRUE;
}

static gboolean put_in_place(const Fetch *fetch, GError **error) {
  g_autofree char *version = NULL;
  if (try_out(fetch, &version, error)) {
    if (rename(fetch->fresh, fetch->program) == 0) {
      tell(fetch, "installed as %s: %s", fetch->program, version);
      return TRUE;
    }
    pino_error_set_errno(error, errno, "rename", fetch->program);
  }
  (void)unlink(fetch->fresh);
  return FALSE;
}

/* --- */

static gboolean fetch_all(Fetch *fetch, GError **error) {
  tell(fetch, "looking for the newest %s in %s", fetch->row->name, fetch->repository);
  g_autoptr(GBytes) index = get_index(fetch, error);
  if (index == NULL)
    return FALSE;
  gsize length = 0;
  const char *text = g_bytes_get_data(index, &length);
  g_autoptr(PinoDebianPackage) package =
      pino_debian_choose(text != NULL ? text : "", length, fetch->row->name, fetch->architecture, error);
  if (package == NULL)
    return FALSE;
  g_autofree char *deb = get_package(fetch, package, error);
  return deb != NULL && unpack(fetch, deb, error) && put_in_place(fetch, error);
}

static gint64 changed_at(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 ? (gint64)st.st_ctim.tv_sec * G_USEC_PER_SEC + st.st_ctim.tv_nsec / 1000 : 0;
}

/* Only one at a time; *already: another one did it while this one waited. Gives the lock's descriptor, -1 on failure. */
static int lock(const Fetch *fetch, gboolean *already, GError **error) {
  g_autofree char *path = g_strdup_printf("%s/%s.lock", fetch->folder, fetch->row->name);
  gint64 before = changed_at(fetch->program);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    pino_error_set_errno(error, errno, "open", path);
    return -1;
  }
  if (flock(fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  tell(fetch, "it is being fetched already: waiting for that");
  while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
    ;
  *already = changed_at(fetch->program) != before;
  return fd;
}

static const Row *find_row(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    if (g_str_equal(rows[i].name, name))
      return &rows[i];
  return NULL;
}

static char *find_repository(const Row *row) {
  const char *named = g_getenv(row->variable);
  char *repository = g_strdup(named != NULL && *named != '\0' ? named : row->repository);
  while (g_str_has_suffix(repository, "/"))
    repository[strlen(repository) - 1] = '\0';
  return repository;
}

gboolean pino_fetch_program(const char *name, const char *home, PinoFetchTell teller, gpointer data,
                            GError **error) {
  const Row *row = find_row(name);
  if (row == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' cannot be fetched: cloudflared and ngrok can",
                name);
    return FALSE;
  }
  g_auto(Fetch) fetch = {.row = row, .tell = teller, .data = data, .repository = find_repository(row)};
  fetch.bin = g_build_filename(home, "bin", NULL);
  fetch.folder = g_build_filename(home, "cache", "agents", NULL);
  fetch.program = g_build_filename(fetch.bin, name, NULL);
  fetch.fresh = g_strdup_printf("%s/.%s.new", fetch.bin, name);
  gboolean already = FALSE;
  int held = pino_dir_make(fetch.bin, error) && pino_dir_make(fetch.folder, error)
                 ? lock(&fetch, &already, error)
                 : -1;
  gboolean ok = held >= 0 && (already || fetch_all(&fetch, error));
  if (already)
    tell(&fetch, "it was fetched meanwhile");
  if (held >= 0)
    close(held);
  if (!ok)
    g_prefix_error(error, "%s cannot be fetched: ", name);
  return ok;
}
