/* What a name on the command line means to the engine: an app, a run, a shell. */
#pragma once

#include "cli/client.h"

G_BEGIN_DECLS

/* A member that is text, NULL when there is none. Borrowed. */
const char *pino_text(JsonObject *object, const char *name);
/* A whole number, 0 when there is none. */
gint64 pino_number(JsonObject *object, const char *name);

/* The size of the file that a member names; 0 when it is not there. */
gint64 pino_file_size(JsonObject *object, const char *name);

/* "20251122-175633-ab12": what run ids look like. */
gboolean pino_target_is_run(const char *name);
/* "20251122-175633-ab12.3": what shell ids look like. */
gboolean pino_target_is_shell(const char *name);

/* GET /v1/apps/NAME and /v1/runs/ID. Free with json_node_unref(). */
JsonNode *pino_target_app(PinoClient *client, const char *name, GError **error);
JsonNode *pino_target_run(PinoClient *client, const char *id, GError **error);

/* Sends a request that begins a run, or finds the one that goes on already. Its id, and in *app (may be NULL) what the
 * app is called; free both. */
char *pino_target_begin(PinoClient *client, const char *method, const char *path, const char *body,
                        char **app, gboolean *already, GError **error);

/* The run that a person means: a run's id, or an app's newest. */
JsonNode *pino_target_newest_run(PinoClient *client, const char *name, GError **error);

/* Whether a run goes on, or something that it left does. */
gboolean pino_run_is_live(JsonObject *run);
/* Whether a shell does. */
gboolean pino_shell_runs(JsonObject *shell);

G_END_DECLS
