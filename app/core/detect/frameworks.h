/* The lines in which frameworks print their address, as one table.
 *
 * A row holds what stands right before the address, and where that is needed to tell it from others, after it. Case and
 * the width of blanks do not matter, nor does what stands before a row's text, if a word begins there.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

enum {
  PINO_FRAMEWORK_WEAK = 1 << 0,   /* others say so too: nothing beside a word that pino_words_deny() minds */
  PINO_FRAMEWORK_BANNER = 1 << 1, /* many say so: it is the one whose banner came before */
  PINO_FRAMEWORK_PUBLIC = 1 << 2, /* the address is public, whatever its host */
};

typedef struct {
  const char *framework; /* where no banner tells; NULL: then the row does not count */
  /* "%" is any text, "^" at the start is the line's. As pino_words_before() leaves it: without ":" at the end. */
  const char *before;
  const char *after; /* how what follows must begin, "" for nothing; NULL: anything */
  int rank;          /* detect/detect.h */
  guint flags;
  const char *source; /* who prints it: the file of the project, or what of it was read */
} PinoFramework;

/* All rows, ended by one whose before is NULL. */
const PinoFramework *pino_frameworks(void);

/* The first row for an address with this before and after it, NULL when there is none. */
const PinoFramework *pino_framework_find(const char *before, const char *after);

/* The framework that has printed its banner last in this text, which is not zero-terminated; NULL when none has. */
const char *pino_framework_banner(const char *text, gsize length);

G_END_DECLS
