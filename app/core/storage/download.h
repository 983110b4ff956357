/* Downloads over several connections that survive cuts.
 *
 * Data goes to NAME.part (and NAME.part.map, which remembers of what version it is and what of it is there) and gets its
 * name when it is complete and its checksum fits. The first answer tells the length, whether ranges can be asked for and
 * how this version of the file is recognised (ETag, else Last-Modified); then several connections fetch pieces, and one
 * that is through takes over from the others. What a cut connection, a cancel, a crash or a reboot left is resumed where
 * the server can, also by a later call with the same URL and place; when the file has changed there, it starts anew.
 * Errors: PINO_ERROR_NETWORK, PINO_ERROR_NOT_FOUND (404, 410), PINO_ERROR_CANCELLED, PINO_ERROR_USAGE,
 * PINO_ERROR_UNAVAILABLE (the same file is being downloaded already), PINO_ERROR_FAILED (checksum), PINO_ERRNO (the
 * disk; when it is full, how much is missing). Messages leave out queries and passwords of URLs. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  guint64 received;    /* bytes */
  gint64 total;        /* bytes, -1 while unknown */
  double bytes_per_s;  /* over the last second */
  gint64 seconds_left; /* -1 while unknown */
  guint connections;   /* that are at work */
} PinoDownloadState;

/* Called at most 10 times a second, and once at the end. state is borrowed for the call. */
typedef void (*PinoDownloadProgress)(const PinoDownloadState *state, gpointer data);

/* Something that a person may want to know: that it starts anew, that it waits for the next try, that the pool had it.
 * One line without its end. */
typedef void (*PinoDownloadNote)(const char *text, gpointer data);

/* All fields but url and one of path and dir may be zero. Borrowed for the call; the asynchronous one copies. */
typedef struct {
  const char *url;  /* http or https */
  const char *path; /* the file it becomes; or: */
  const char *dir;  /* the folder it goes to; the server, else the URL, else "download" names it */
  const char *const
      *headers;       /* "Name: value", NULL-terminated; for the host of the URL, not where it redirects to */
  const char *sha256; /* expected, in hex */
  const char *md5;
  gboolean secure;     /* from https it is never redirected to what is not */
  const char *pool;    /* a home: its pool (pool.h) may have the file, and gets it; NULL: none */
  guint connections;   /* at most; 0: 8. One is enough for a small file */
  gboolean extract;    /* unpack it into its folder afterwards (pino_archive_extract()); it stays */
  int retries;         /* 0: 10; negative: none */
  guint retry_wait_ms; /* before the first retry, doubled for each further one up to 60 times; 0: 500 */
  PinoDownloadProgress progress;
  PinoDownloadNote note;
  gpointer progress_data; /* of both */
} PinoDownload;

/* Blocks until it is there, so it is for a thread that may; progress and note are called in that thread. A file that is there
 * is replaced when the new one is complete. Tried again after a growing wait (or what Retry-After says): cut and
 * refused connections, hosts that do not resolve (3 times at most), 408, 429 and 5xx; a try that brought something new starts the
 * count anew. Parents are made. On success *out_path (may be NULL) is the file's path (free). */
gboolean pino_download(const PinoDownload *spec, GCancellable *cancellable, char **out_path, GError **error);

/* The same in a worker thread; callback, progress and note come in the caller's thread-default main context. */
void pino_download_async(const PinoDownload *spec, GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer data);
/* Gives the path (free). */
char *pino_download_finish(GAsyncResult *result, GError **error);

G_END_DECLS
