/* What the removal of an app would do: looked up, and told. Not for other rooms. */
#pragma once

#include "lifecycle/usage.h"

G_BEGIN_DECLS

typedef struct {
  char *home, *name, *folder;
  char *link;       /* where the app's folder itself leads as a link; NULL: it is none */
  gboolean clone;   /* git knows it */
  GPtrArray *found; /* PinoMade: what would be kept */
  PinoUsage usage;
} PinoRemoval;

/* Looks at HOME/api/NAME; PINO_ERROR_NOT_FOUND when it is not there. keeps FALSE: found stays empty. */
PinoRemoval *pino_removal_look(const char *home, const char *name, gboolean keeps, GError **error);
/* The same of any folder. */
PinoRemoval *pino_removal_look_folder(const char *home, const char *folder, gboolean keeps, GError **error);
void pino_removal_free(PinoRemoval *removal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoRemoval, pino_removal_free)

/* Takes what was found for that reason out again. */
void pino_removal_drop(PinoRemoval *removal, const char *why);

/* As pino_uninstall_look() and pino_uninstall() give it. Free with g_free(). */
char *pino_removal_json(const PinoRemoval *removal);
char *pino_removal_done(const PinoRemoval *removal, const char *kept);

G_END_DECLS
