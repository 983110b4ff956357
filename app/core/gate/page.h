/* What people and programs read when the gate answers itself. */
#pragma once

#include "gate/slice.h"

G_BEGIN_DECLS

/* A whole HTML page of one message; title and text are plain text, each line of text a paragraph. Free it with g_free. */
char *pino_page_message(const char *title, const char *text);
/* The form that asks for the passcode of what is called title (may be NULL); next: where to go then; trouble: why it is shown
 * again, or NULL. Free it with g_free. */
char *pino_page_form(const char *title, const char *next, const char *trouble);
/* The same as JSON (application/problem+json). Free it with g_free. */
char *pino_page_problem(guint status, const char *title, const char *text);
/* The words of a status ("Bad Gateway"). */
const char *pino_page_reason(guint status);

/* One field of a form (application/x-www-form-urlencoded), decoded; NULL: it is not there, or holds NUL. Free it with
 * g_free. */
char *pino_form_value(PinoSlice body, const char *name);
/* Where a form may lead: a path of this host, fit for a Location; "/" for anything else. Free it with g_free. */
char *pino_form_target(const char *next);

G_END_DECLS
