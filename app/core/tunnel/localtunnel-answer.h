/* What a LocalTunnel server answers when it is asked for a tunnel. Not for other rooms. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  char *id;  /* the name in the URL; may be NULL */
  char *url; /* https://NAME.DOMAIN */
  char *ip;  /* to connect to in place of the server's host; may be NULL */
  guint16 port;
  guint connections; /* to be kept open */
} PinoLocaltunnelAnswer;

/* NULL with error set: PINO_ERROR_FAILED when it is no such answer. body need not end with NUL. */
PinoLocaltunnelAnswer *pino_localtunnel_answer_parse(const char *body, gsize length, GError **error);
void pino_localtunnel_answer_free(PinoLocaltunnelAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoLocaltunnelAnswer, pino_localtunnel_answer_free)

/* The reason in an answer that refuses, as one line that may be printed; NULL when it gives none. Free. */
char *pino_localtunnel_answer_message(const char *body, gsize length);

G_END_DECLS
