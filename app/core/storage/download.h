/* Downloads that survive cut connections.
 *
 * Data goes to NAME.part (and NAME.part.json, which remembers what it is a part of) and gets its name when it is
 * complete and its checksum fits. What a cut connection, a cancel or a crash left is resumed where the server can
 * (Range with If-Range), also by a later call with the same URL and place. Errors: PINO_ERROR_NETWORK,
 * PINO_ERROR_NOT_FOUND (404, 410), PINO_ERROR_CANCELLED, PINO_ERROR_USAGE, PINO_ERROR_UNAVAILABLE (the same file is
 * being downloaded already), PINO_ERROR_FAILED (checksum), PINO_ERRNO (the disk). Messages leave out queries and
 * passwords of URLs. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* received and total in bytes, total -1 while unknown. Called at most 10 times a second, and once at the end. */
typedef void (*PinoDownloadProgress)(guint64 received, gint64 total, double bytes_per_s, gpointer data);

/* All fields but url and one of path and dir may be zero. Borrowed for the call; the asynchronous one copies. */
typedef struct {
  const char *url;            /* http or https */
  const char *path;           /* the file it becomes; or: */
  const char *dir;            /* the folder it goes to; the server, else the URL, else "download" names it */
  const char *const *headers; /* "Name: value", NULL-terminated */
  const char *sha256;         /* expected, in hex */
  const char *md5;
  gboolean extract;    /* unpack it into its folder afterwards (pino_archive_extract()); it stays */
  int retries;         /* 0: 10; negative: none */
  guint retry_wait_ms; /* before the first retry, doubled for each further one up to 60 times; 0: 500 */
  PinoDownloadProgress progress;
  gpointer progress_data;
} PinoDownload;

/* Blocks until it is there, so it is for a thread that may; progress is called in that thread. A file that is there
 * is replaced when the new one is complete. Tried again after a growing wait (or what Retry-After says): cut and
 * refused connections, hosts that do not resolve (3 times at most), 408, 429 and 5xx; a try that brought something new starts the
 * count anew. Parents are made. On success *out_path (may be NULL) is the file's path (free). */
gboolean pino_download(const PinoDownload *spec, GCancellable *cancellable, char **out_path, GError **error);

/* The same in a worker thread; callback and progress come in the caller's thread-default main context. */
void pino_download_async(const PinoDownload *spec, GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer data);
/* Gives the path (free). */
char *pino_download_finish(GAsyncResult *result, GError **error);

G_END_DECLS
