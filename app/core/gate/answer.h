/* The gate's own answers. */
#pragma once

#include "gate/connection.h"

G_BEGIN_DECLS

typedef struct {
  guint status;
  const char *type; /* of the body; NULL: none, and no body */
  const char *body;
  const char *more; /* further lines of the head, each with CR LF; NULL: none */
} PinoAnswer;

/* Answers the present request in place of the app. A request whose body was not read ends the connection. */
void pino_answer(PinoConnection *connection, const PinoAnswer *answer);
/* An error, as a page for browsers and as JSON for others; more as in PinoAnswer. */
void pino_answer_problem(PinoConnection *connection, guint status, const char *title, const char *text,
                         const char *more);
/* The same with the words of the status, and the end of the connection. */
void pino_answer_refuse(PinoConnection *connection, guint status);

G_END_DECLS
