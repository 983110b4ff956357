#include "runner/job.h"

#include "base/error.h"

static char *member_json(JsonObject *message, const char *name) {
  JsonNode *node = json_object_get_member(message, name);
  return node != NULL && !JSON_NODE_HOLDS_NULL(node) ? json_to_string(node, FALSE) : NULL;
}

static char *absolute_path(JsonObject *message, const char *name) {
  const char *path = json_object_get_string_member_with_default(message, name, NULL);
  return path != NULL && g_path_is_absolute(path) ? g_strdup(path) : NULL;
}

static guint number(JsonObject *message, const char *name) {
  gint64 value = json_object_get_int_member_with_default(message, name, 0);
  return (guint)CLAMP(value, 0, G_MAXINT);
}

PinoJob *pino_job_parse(JsonObject *message, GError **error) {
  const char *mode = json_object_get_string_member_with_default(message, "mode", NULL);
  PinoJob *job = g_new0(PinoJob, 1);
  job->stop = g_strcmp0(mode, "stop") == 0;
  job->path = absolute_path(message, "path");
  job->journal = absolute_path(message, "journal");
  job->input = member_json(message, "input");
  job->scripts = member_json(message, "scripts");
  job->operation = g_strcmp0(mode, "operate") == 0 ? member_json(message, "operation") : NULL;
  job->cols = number(message, "cols");
  job->rows = number(message, "rows");
  job->grace_ms = number(message, "grace");
  gboolean known = job->stop ? job->scripts != NULL : job->operation != NULL || g_strcmp0(mode, "run") == 0;
  if (known && job->path != NULL && job->journal != NULL)
    return job;
  g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE,
                      "the engine's job is not complete: mode, path, journal, operation or scripts");
  pino_job_free(job);
  return NULL;
}

void pino_job_free(PinoJob *job) {
  if (job == NULL)
    return;
  g_free(job->path);
  g_free(job->input);
  g_free(job->journal);
  g_free(job->scripts);
  g_free(job->operation);
  g_free(job);
}
