/* One request for a file or a range of it, with libcurl, and where its redirects lead. Headers that the caller gave
 * are for the host of the first URL only. Not for other rooms. */
#pragma once

#include "storage/answer.h"

G_BEGIN_DECLS

/* What is asked for; borrowed for the call. */
typedef struct {
  const char *origin;         /* the URL that the headers are meant for */
  const char *url;            /* where to ask */
  const char *const *headers; /* may be NULL */
  gboolean ranged;
  guint64 from;        /* the first byte */
  guint64 to;          /* behind the last one; G_MAXUINT64: the end of the file */
  const char *version; /* for If-Range, or NULL */
  gboolean secure;     /* https stays https */
} PinoAsk;

typedef struct {
  CURL *easy;
  struct curl_slist *headers;
  char *url;     /* where it is asked now */
  char *origin;  /* as in PinoAsk */
  char **given;  /* the caller's headers */
  char *range;   /* "0-99", or NULL */
  char *only_if; /* the If-Range line, or NULL */
  gboolean secure;
  guint hops; /* redirects followed */
  char detail[CURL_ERROR_SIZE];
  PinoAnswer answer;
} PinoRequest;

/* The functions and their data that libcurl calls with the head's lines and the body. */
typedef struct {
  curl_write_callback on_header;
  curl_write_callback on_body;
  gpointer data;
  CURLSH *share; /* of cookies, which some hosts hand out with the redirect and ask for at its end */
} PinoRequestSinks;

/* Makes the handle; FALSE when libcurl does not start. */
gboolean pino_request_init(PinoRequest *request, const PinoRequestSinks *sinks);
void pino_request_clear(PinoRequest *request);

/* Settles what the handle does next. */
void pino_request_set(PinoRequest *request, const PinoAsk *ask);

/* After an answer: whether it leads elsewhere; then the handle is set for that. A circle, and what is
 * not allowed, sets *error and gives FALSE. */
gboolean pino_request_follow(PinoRequest *request, GError **error);

/* The status of the answer, 0: none. */
long pino_request_status(const PinoRequest *request);

/* Content-Length, -1: not told. */
gint64 pino_request_length(const PinoRequest *request);

/* Whether what is served under this name is decoded when it comes with a Content-Encoding: not what is a compressed file
 * itself. */
gboolean pino_request_decodes(const char *url);

/* Initialises libcurl once for the process. */
gboolean pino_request_ready(GError **error);

G_END_DECLS
