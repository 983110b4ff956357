/* Errors as the API tells them: application/problem+json (RFC 9457). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define PINO_PROBLEM_TYPE "application/problem+json"

/* {type, title, status, detail}; detail may be NULL. */
GBytes *pino_problem_new(guint status, const char *detail);

/* What a status is called: also those that libsoup does not know. */
const char *pino_problem_title(guint status);

/* The HTTP status that an error stands for. */
guint pino_problem_status(const GError *error);

G_END_DECLS
