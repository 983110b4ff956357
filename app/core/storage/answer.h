/* What the head of an HTTP answer says, and what a status or a failure of libcurl means for a download.
 * Not for other rooms. */
#pragma once

#include <curl/curl.h>
#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  gint64 range_start; /* of Content-Range; -1: not told */
  gint64 range_total; /* of Content-Range; -1: not told */
  char *etag;         /* strong ones only */
  char *modified;     /* Last-Modified as it came */
  char *disposition;
  char *retry_after;
  char *encoding; /* Content-Encoding, unless identity */
  char *location;
} PinoAnswer;

#define PINO_ANSWER_NONE ((PinoAnswer){.range_start = -1, .range_total = -1})

void pino_answer_clear(PinoAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoAnswer, pino_answer_clear)

/* Takes in a line of the head; a status line begins anew (what came before was an interim answer). */
void pino_answer_read(PinoAnswer *answer, const char *data, gsize len);

/* Whether a file of this answer can be told from another version of it. */
gboolean pino_answer_has_version(const PinoAnswer *answer);

/* Whether the answer is not of the version with these (each may be NULL). What neither side can tell is the same. */
gboolean pino_answer_differs(const PinoAnswer *answer, const char *etag, const char *modified);

/* What the server asks to wait, in ms; 0: nothing. */
guint pino_answer_retry_after_ms(const PinoAnswer *answer);

/* Sets *error for a status that is no success. TRUE: another try may do better. shown is the URL for a person. */
gboolean pino_answer_judge_status(long status, const char *shown, GError **error);

/* Sets *error for a failure of libcurl, detail its own words or "". TRUE: another try may do better. */
gboolean pino_answer_judge_code(CURLcode code, const char *detail, const char *shown, GError **error);

G_END_DECLS
