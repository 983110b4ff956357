/* What operations share. Not for other rooms. */
#pragma once

#include <json-glib/json-glib.h>

#include "lifecycle/view.h"
#include "script/run.h"

G_BEGIN_DECLS

/* An operation under way; everything is borrowed from its JSON. */
typedef struct {
  PinoRun *run;
  JsonObject *wish;
  const char *home;
  const char *app;
  const char *url; /* may be NULL */
  char *folder;    /* HOME/api/APP */
  GString *done;   /* members of the event `done`, each after a comma */
} PinoWork;

/* One operation's work. FALSE with error set. */
typedef gboolean (*PinoWorkFunction)(PinoWork *work, GError **error);

/* Whether the operation has that option. */
gboolean pino_work_flag(const PinoWork *work, const char *name);
/* Tells a stage; format gives its text. */
void pino_work_stage(PinoWork *work, const char *stage, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* NOT_FOUND when the app is not there. */
gboolean pino_work_needs_app(PinoWork *work, GError **error);
/* Runs a script of the app to its end, watched for commands that fail (tells `trouble`); *failed (may be NULL) counts
 * those. What it leaves running is ended. */
gboolean pino_work_script(PinoWork *work, const char *path, const char *input, guint *failed, GError **error);
/* The app's view under HOME/apps is made anew, with what is known (may be NULL) and the app's size; what fails there is
 * told as a trouble. */
void pino_work_refresh_view(PinoWork *work, const PinoViewFacts *facts);

/* install.c, change.c */
gboolean pino_install(PinoWork *work, GError **error);
gboolean pino_install_plan(PinoWork *work, GError **error);
gboolean pino_change_update(PinoWork *work, GError **error);
gboolean pino_change_back(PinoWork *work, GError **error);
gboolean pino_change_reset(PinoWork *work, GError **error);
gboolean pino_change_uninstall(PinoWork *work, GError **error);

G_END_DECLS
