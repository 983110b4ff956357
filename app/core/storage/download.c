#include "storage/download.h"

#include <string.h>

#include "base/error.h"
#include "storage/archive.h"
#include "storage/hash.h"
#include "storage/io.h"
#include "storage/naming.h"
#include "storage/transfer.h"

#define DEFAULT_RETRIES 10u
#define DEFAULT_WAIT_MS 500u
/* 500 ms become at most 30 s. */
#define MAX_WAIT_FACTOR 60u
/* A name that does not resolve is more often mistyped than slow to appear. */
#define RESOLVE_RETRIES 3u
/* So much new data makes a try a success, though the connection was cut again. */
#define STEP_FORWARD ((guint64)1024 * 1024)

static gboolean wait_ms(guint ms, GCancellable *cancellable, GError **error) {
  gint64 end = g_get_monotonic_time() + (gint64)ms * 1000;
  GPollFD poll = {0};
  gboolean pollable = g_cancellable_make_pollfd(cancellable, &poll);
  gint64 left = 0;
  while (!g_cancellable_is_cancelled(cancellable) && (left = end - g_get_monotonic_time()) > 0)
    g_poll(&poll, pollable ? 1 : 0, (gint)(left / 1000) + 1);
  if (pollable)
    g_cancellable_release_fd(cancellable);
  return pino_storage_go_on(cancellable, error);
}

static guint wait_for_try(const PinoTransfer *transfer, guint failures) {
  guint base = transfer->spec->retry_wait_ms != 0 ? transfer->spec->retry_wait_ms : DEFAULT_WAIT_MS;
  guint factor = failures < 6 ? 1u << failures : MAX_WAIT_FACTOR;
  return MAX(base * MIN(factor, MAX_WAIT_FACTOR), transfer->retry_after_ms);
}

static gboolean fetch(PinoTransfer *transfer, GError **error) {
  int asked = transfer->spec->retries;
  guint retries = asked == 0 ? DEFAULT_RETRIES : (guint)MAX(asked, 0);
  guint64 furthest = transfer->part.have;
  for (guint failures = 0;;) {
    g_autoptr(GError) failed = NULL;
    PinoTransferEnd end = pino_transfer_try(transfer, &failed);
    if (end == PINO_TRANSFER_DONE)
      return TRUE;
    /* Counted from the furthest point, so that a server which always starts over does not go on for ever. */
    if (transfer->part.have >= furthest + STEP_FORWARD) {
      furthest = transfer->part.have;
      failures = 0;
    }
    guint most = transfer->unresolved ? MIN(retries, RESOLVE_RETRIES) : retries;
    if (end == PINO_TRANSFER_FAILED || failures >= most) {
      g_propagate_error(error, g_steal_pointer(&failed));
      if (end == PINO_TRANSFER_RETRY)
        g_prefix_error(error, "given up after %u tries: ", failures + 1);
      return FALSE;
    }
    if (!wait_ms(wait_for_try(transfer, failures++), transfer->cancellable, error))
      return FALSE;
  }
}

/* A failure that brought nothing leaves nothing behind. */
static gboolean fetch_cleanly(PinoTransfer *transfer, GError **error) {
  gboolean ok = fetch(transfer, error);
  if (!ok && transfer->part.fd >= 0 && transfer->part.have == 0)
    pino_part_discard(&transfer->part);
  return ok;
}

static gboolean verify(PinoTransfer *transfer, GError **error) {
  const struct {
    const char *kind;
    const char *expected;
  } sums[] = {{"sha256", transfer->spec->sha256}, {"md5", transfer->spec->md5}};
  for (gsize i = 0; i < G_N_ELEMENTS(sums); i++) {
    if (sums[i].expected == NULL)
      continue;
    g_autofree char *expected = g_strstrip(g_strdup(sums[i].expected));
    g_autofree char *got = pino_hash_file(transfer->part.path, sums[i].kind, transfer->cancellable, error);
    if (got == NULL)
      return FALSE;
    if (g_ascii_strcasecmp(got, expected) == 0)
      continue;
    pino_part_discard(&transfer->part);
    g_autofree char *shown = pino_naming_show_url(transfer->url);
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
                "wrong %s of %s: expected %s, got %s; what was downloaded is deleted", sums[i].kind, shown,
                expected, got);
    return FALSE;
  }
  return TRUE;
}

/* A slash at the end does not count. */
static char *named_target(const char *path) {
  char *target = g_strdup(path);
  for (gsize len = strlen(target); len > 1 && target[len - 1] == '/'; len--)
    target[len - 1] = '\0';
  return target;
}

static gboolean open_part(PinoTransfer *transfer, GError **error) {
  const PinoDownload *spec = transfer->spec;
  g_autofree char *target =
      spec->path != NULL ? named_target(spec->path) : pino_part_find(spec->dir, transfer->url);
  return target == NULL || pino_part_open(&transfer->part, target, transfer->url, error);
}

static void transfer_clear(PinoTransfer *transfer) {
  pino_part_clear(&transfer->part);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoTransfer, transfer_clear)

gboolean pino_download(const PinoDownload *spec, GCancellable *cancellable, char **out_path, GError **error) {
  g_autofree char *url = pino_naming_escape_url(spec->url, error);
  if (url == NULL)
    return FALSE;
  if (spec->path == NULL && spec->dir == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "cannot download %s: give a path or a dir to put it",
                url);
    return FALSE;
  }
  g_auto(PinoTransfer) transfer = {spec, url, cancellable, PINO_PART_CLOSED, FALSE, 0};
  if (!pino_storage_go_on(cancellable, error) || !open_part(&transfer, error) ||
      !fetch_cleanly(&transfer, error) || !verify(&transfer, error) ||
      !pino_part_finish(&transfer.part, error))
    return FALSE;
  g_autofree char *folder = g_path_get_dirname(transfer.part.target);
  if (spec->extract && !pino_archive_extract(transfer.part.target, folder, cancellable, error))
    return FALSE;
  if (out_path != NULL)
    *out_path = g_strdup(transfer.part.target);
  return TRUE;
}

typedef struct {
  PinoDownload spec; /* strings owned */
  GMainContext *context;
} Job;

static void job_free(gpointer data) {
  Job *job = data;
  g_free((char *)job->spec.url);
  g_free((char *)job->spec.path);
  g_free((char *)job->spec.dir);
  g_free((char *)job->spec.sha256);
  g_free((char *)job->spec.md5);
  g_strfreev((char **)job->spec.headers);
  g_main_context_unref(job->context);
  g_free(job);
}

typedef struct {
  PinoDownloadProgress progress;
  gpointer data;
  guint64 received;
  gint64 total;
  double speed;
} News;

static gboolean on_news(gpointer data) {
  const News *news = data;
  news->progress(news->received, news->total, news->speed, news->data);
  return G_SOURCE_REMOVE;
}

/* Attached rather than invoked: g_main_context_invoke() would call it right here while nobody iterates the
 * context. The task's own return comes after it, with the same priority. */
static void pass_on(guint64 received, gint64 total, double bytes_per_s, gpointer data) {
  const Job *job = g_task_get_task_data(data);
  const News news = {job->spec.progress, job->spec.progress_data, received, total, bytes_per_s};
  g_autoptr(GSource) source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, on_news, g_memdup2(&news, sizeof news), g_free);
  g_source_attach(source, job->context);
}

static void work(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  const Job *job = data;
  PinoDownload spec = job->spec;
  if (spec.progress != NULL) {
    spec.progress = pass_on;
    spec.progress_data = task;
  }
  char *path = NULL;
  GError *error = NULL;
  if (pino_download(&spec, cancellable, &path, &error))
    g_task_return_pointer(task, path, g_free);
  else
    g_task_return_error(task, error);
}

void pino_download_async(const PinoDownload *spec, GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer data) {
  Job *job = g_new(Job, 1);
  *job = (Job){*spec, g_main_context_ref_thread_default()};
  job->spec.url = g_strdup(spec->url);
  job->spec.path = g_strdup(spec->path);
  job->spec.dir = g_strdup(spec->dir);
  job->spec.sha256 = g_strdup(spec->sha256);
  job->spec.md5 = g_strdup(spec->md5);
  job->spec.headers = (const char *const *)g_strdupv((char **)spec->headers);
  g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, data);
  /* The download answers for the cancel itself, in the house's domain. */
  g_task_set_check_cancellable(task, FALSE);
  g_task_set_task_data(task, job, job_free);
  g_task_run_in_thread(task, work);
}

char *pino_download_finish(GAsyncResult *result, GError **error) {
  return g_task_propagate_pointer(G_TASK(result), error);
}
