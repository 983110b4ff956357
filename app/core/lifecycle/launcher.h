/* An app's launcher: its metadata, its menu, and what the menu says is to be done (specification, sections 1 and 8). */
#pragma once

#include "script/run.h"

G_BEGIN_DECLS

typedef struct {
  char *folder; /* of the app */
  char *title;  /* may be "" */
  gboolean installed;
  gboolean undecided; /* its menu does not tell: installed is what the record of its install says */
  char *install;      /* script that installs it; NULL: there is none */
  char *start;        /* script that the menu would start now; NULL: there is none */
  char *install_input, *start_input; /* JSON of their params and queries */
  char *json;                        /* the whole menu as `pinokiocloud menu --json` prints it */
} PinoLauncher;

/* Looks at the app in a folder: its pinokio.js (or pinokio/pinokio.js) and metadata files. The menu is evaluated in
 * the run's world. PINO_ERROR_NOT_FOUND when the folder holds no launcher. */
PinoLauncher *pino_launcher_read(PinoRun *run, const char *folder, GError **error);
void pino_launcher_free(PinoLauncher *launcher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoLauncher, pino_launcher_free)

G_END_DECLS
