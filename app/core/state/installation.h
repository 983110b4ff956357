/* HOME/apps/NAME/install.json: how far an app's install has come, and beside it steps.json: which steps have finished
 * (script/run.h, pino_run_set_progress()). An app whose record says "installing" is not installed, whatever its menu
 * says. Any thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  gboolean installing; /* begun, and not come to its end */
  char *script;        /* that installs it, relative to the app's folder; NULL: none begun */
  char *input;         /* JSON of its params; may be NULL */
  char *commit;        /* that the app was at; may be NULL */
  guint failed; /* commands that ended with an exit code other than 0, though the script came to its end */
  gint64 began_at, ended_at; /* seconds since 1970; 0: not yet */
} PinoInstallation;

/* What is kept of the app; all zero when nothing is. A damaged file counts as none. Free with
 * pino_installation_clear(). */
void pino_installation_read(const char *home, const char *app, PinoInstallation *record);
gboolean pino_installation_write(const char *home, const char *app, const PinoInstallation *record,
                                 GError **error);
/* Forgets the record and the finished steps. */
void pino_installation_remove(const char *home, const char *app);
void pino_installation_clear(PinoInstallation *record);

/* HOME/apps/NAME/steps.json. Free with g_free(). */
char *pino_installation_steps(const char *home, const char *app);

G_END_DECLS
