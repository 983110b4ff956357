#include "storage/download.h"

#include <string.h>

#include "base/error.h"
#include "storage/archive.h"
#include "storage/hash.h"
#include "storage/io.h"
#include "storage/naming.h"
#include "storage/pool.h"
#include "storage/transfer.h"

#define DEFAULT_RETRIES 10u
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

static void tell_wait(const PinoTransfer *transfer, guint ms, const GError *failed) {
  if (ms < 1000)
    pino_transfer_tell(transfer, "%s; trying again", failed->message);
  else
    pino_transfer_tell(transfer, "%s; trying again in %u s", failed->message, ms / 1000);
}

/* Gives DONE or TAKEN, or FAILED with *error. */
static PinoTransferEnd fetch(PinoTransfer *transfer, GError **error) {
  int asked = transfer->spec->retries;
  guint retries = asked == 0 ? DEFAULT_RETRIES : (guint)MAX(asked, 0);
  guint64 furthest = transfer->part.have;
  for (guint failures = 0;;) {
    g_autoptr(GError) failed = NULL;
    PinoTransferEnd end = pino_transfer_try(transfer, &failed);
    if (end == PINO_TRANSFER_DONE || end == PINO_TRANSFER_TAKEN)
      return end;
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
      return PINO_TRANSFER_FAILED;
    }
    guint ms = MAX(pino_transfer_wait_ms(transfer, failures), transfer->retry_after_ms);
    failures++;
    tell_wait(transfer, ms, failed);
    if (!wait_ms(ms, transfer->cancellable, error))
      return PINO_TRANSFER_FAILED;
  }
}

/* A failure that brought nothing leaves nothing behind. */
static PinoTransferEnd fetch_cleanly(PinoTransfer *transfer, GError **error) {
  PinoTransferEnd end = fetch(transfer, error);
  if (end == PINO_TRANSFER_TAKEN || (end == PINO_TRANSFER_FAILED && transfer->part.have == 0))
    if (transfer->part.fd >= 0)
      pino_part_discard(&transfer->part);
  return end;
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
  g_free(transfer->place);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoTransfer, transfer_clear)

/* What the pool says is told, and never in the way of a download. */
static void tell_pool(const PinoTransfer *transfer, const PinoPoolResult *result, const GError *failed) {
  if (failed != NULL)
    pino_transfer_tell(transfer, "the pool of shared files: %s", failed->message);
  else if (result->why != NULL)
    pino_transfer_tell(transfer, "%s", result->why);
}

static char *given_sum(const char *sum) {
  return sum != NULL ? g_strstrip(g_ascii_strdown(sum, -1)) : NULL;
}

/* By its checksum where that is known, else by the version that the server tells. */
static gboolean take_from_pool(PinoTransfer *transfer, const char *etag) {
  const PinoDownload *spec = transfer->spec;
  g_autofree char *sha256 = given_sum(spec->sha256);
  g_auto(PinoPoolResult) result = {0};
  g_autoptr(GError) failed = NULL;
  gboolean taken = FALSE;
  if (spec->pool == NULL || spec->md5 != NULL || (sha256 == NULL && etag == NULL))
    return FALSE;
  pino_pool_take(spec->pool, sha256, sha256 == NULL ? transfer->url : NULL, etag, transfer->part.target,
                 &taken, &result, transfer->cancellable, &failed);
  tell_pool(transfer, &result, failed);
  if (taken)
    pino_transfer_tell(transfer, "the pool of shared files has it: not downloaded again");
  return taken;
}

static void give_to_pool(PinoTransfer *transfer) {
  g_autofree char *sha256 = given_sum(transfer->spec->sha256);
  g_auto(PinoPoolResult) result = {0};
  g_autoptr(GError) failed = NULL;
  pino_pool_add(transfer->spec->pool, transfer->part.target, sha256, transfer->url, transfer->part.etag,
                &result, transfer->cancellable, &failed);
  tell_pool(transfer, &result, failed);
}

static gboolean bring(PinoTransfer *transfer, GError **error) {
  if (!open_part(transfer, error))
    return FALSE;
  if (transfer->part.fd >= 0 && take_from_pool(transfer, NULL)) {
    pino_part_discard(&transfer->part);
    return TRUE;
  }
  transfer->take = take_from_pool;
  PinoTransferEnd end = fetch_cleanly(transfer, error);
  if (end == PINO_TRANSFER_TAKEN)
    return TRUE;
  if (end != PINO_TRANSFER_DONE || !verify(transfer, error) || !pino_part_finish(&transfer->part, error))
    return FALSE;
  if (transfer->spec->pool != NULL)
    give_to_pool(transfer);
  return TRUE;
}

gboolean pino_download(const PinoDownload *spec, GCancellable *cancellable, char **out_path, GError **error) {
  g_autofree char *url = pino_naming_escape_url(spec->url, error);
  if (url == NULL)
    return FALSE;
  if (spec->path == NULL && spec->dir == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "cannot download %s: give a path or a dir to put it",
                url);
    return FALSE;
  }
  g_auto(PinoTransfer)
      transfer = {.spec = spec, .url = url, .cancellable = cancellable, .part = PINO_PART_CLOSED};
  if (!pino_storage_go_on(cancellable, error) || !bring(&transfer, error))
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
  g_free((char *)job->spec.pool);
  g_strfreev((char **)job->spec.headers);
  g_main_context_unref(job->context);
  g_free(job);
}

typedef struct {
  PinoDownload spec; /* borrowed: progress, note and their data */
  PinoDownloadState state;
  char *text; /* a note; NULL: progress */
} News;

static gboolean on_news(gpointer data) {
  const News *news = data;
  if (news->text != NULL)
    news->spec.note(news->text, news->spec.progress_data);
  else
    news->spec.progress(&news->state, news->spec.progress_data);
  return G_SOURCE_REMOVE;
}

static void news_free(gpointer data) {
  News *news = data;
  g_free(news->text);
  g_free(news);
}

/* Attached rather than invoked: g_main_context_invoke() would call it right here while nobody iterates the
 * context. The task's own return comes after it, with the same priority. Takes text. */
static void pass_on(GTask *task, const PinoDownloadState *state, char *text) {
  const Job *job = g_task_get_task_data(task);
  News *news = g_new0(News, 1);
  news->spec = job->spec;
  news->text = text;
  if (state != NULL)
    news->state = *state;
  g_autoptr(GSource) source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, on_news, news, news_free);
  g_source_attach(source, job->context);
}

static void pass_progress_on(const PinoDownloadState *state, gpointer task) {
  pass_on(task, state, NULL);
}

static void pass_note_on(const char *text, gpointer task) {
  pass_on(task, NULL, g_strdup(text));
}

static void work(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  const Job *job = data;
  PinoDownload spec = job->spec;
  spec.progress = spec.progress != NULL ? pass_progress_on : NULL;
  spec.note = spec.note != NULL ? pass_note_on : NULL;
  spec.progress_data = task;
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
  job->spec.pool = g_strdup(spec->pool);
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
