/* What git's failures mean for a person.
 *
 * git says what went wrong only in words, so its last words are looked up in a table (giterror.c, each entry with where the
 * words come from). They are asked for in English (git.h's environment); what a person sees of git stays as git wrote it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  PINO_GIT_UNKNOWN,
  PINO_GIT_UNREACHABLE, /* no such host, no route, refused */
  PINO_GIT_CUT,         /* the connection ended too early or stalled */
  PINO_GIT_LOGIN,       /* private or not there: hosts answer alike */
  PINO_GIT_NOT_FOUND,
  PINO_GIT_EMPTY,       /* a repository without a commit */
  PINO_GIT_NO_LAUNCHER, /* for the caller's own check */
  PINO_GIT_DISK_FULL,
  PINO_GIT_TLS,
  PINO_GIT_LFS,
  PINO_GIT_RATE, /* 429, or told to come back later */
  PINO_GIT_PROXY,
  PINO_GIT_SERVER,   /* 5xx */
  PINO_GIT_BRANCH,   /* no such branch or tag */
  PINO_GIT_HOST_KEY, /* ssh does not know the host */
  PINO_GIT_SHALLOW,  /* the server gives only whole histories */
  PINO_GIT_OWNER,    /* the folder belongs to somebody else: git refuses to work in it */
  PINO_GIT_LOCKED,   /* another git works in the folder, or was killed in it */
  PINO_GIT_STOPPED,  /* its work was killed: memory, or a limit on the size of files */
  PINO_GIT_MISSING,  /* git itself is not installed */
} PinoGitKind;

/* "unreachable", "cut", "login", "not-found"... Static. */
const char *pino_git_kind_name(PinoGitKind kind);

/* What a git that ended with this exit status (-1: killed) meant by its last words; tail may be NULL. */
PinoGitKind pino_git_kind(const char *tail, int status);

/* What happened, in a few words, when trying again soon may help; NULL when it cannot. Static. */
const char *pino_git_kind_passing(PinoGitKind kind);

/* A URL as it may be shown: without user's password or token, query and fragment. Free with g_free(). */
char *pino_git_url_shown(const char *url);

/* Sets *error to what failed on url (a URL, shown as above, or a folder) and what to do. tail may be NULL; the line of it
 * that says most is quoted. Always FALSE. */
gboolean pino_git_fail(GError **error, PinoGitKind kind, const char *url, const char *tail);

G_END_DECLS
