/* Where things lie on each platform: the home, and a persistent folder beside it where the platform has one.
 *
 * The home (apps, their environments, caches) is on a fast disk of the machine. Where that disk goes with the session and
 * there is another that stays (Google Drive on Colab, /storage on Paperspace), what must not be lost is kept
 * there: storage/persist.h says what. One table, place.c, holds the folders, what outlives what, and the sources.
 */
#pragma once

#include "cloud/platform.h"

G_BEGIN_DECLS

typedef struct {
  char *home;         /* absolute */
  char *base;         /* the folder of the platform that the home is in; the user's own where there is none */
  char *why;          /* why the home is there, for a person: "PINOKIO_HOME says so" */
  gboolean ephemeral; /* what is in home is lost when the session or machine stops */
  const char *survives; /* what a stop leaves, in words; static */
  const char *lost;     /* what is lost, and by what; static */
  char *persistent;     /* a folder that outlives the home, not made yet perhaps; NULL: none */
  char *persistent_why; /* what that is; or why there is none, and what to do when something can be done */
} PinoPlace;

/* The home is PINOKIO_HOME, else "pinokio" in the platform's base folder, else, when that is not there or cannot be
 * written, ~/pinokio. A home that is already in ~/pinokio stays the home while the platform's folder has none. The persistent
 * folder is PINOKIO_PERSISTENT (an absolute path; any other word: none), else what the table says. Paths are as the product
 * sees them, without platform->root. Never fails, makes nothing. Stays far below 1 ms unless a folder is on a dead network
 * mount. Any thread. */
PinoPlace *pino_place_find(const PinoPlatform *platform);
void pino_place_free(PinoPlace *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoPlace, pino_place_free)

/* The home of this process, absolute: PINOKIO_HOME at once, else by detection; an unknown PINOKIO_PLATFORM counts as none
 * here. Free with g_free(). */
char *pino_place_home(void);

/* Appends {home, base, why, ephemeral, survives, lost, persistent (or null), persistent_why}. */
void pino_place_append_json(const PinoPlace *place, GString *out);

G_END_DECLS
