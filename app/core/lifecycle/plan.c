#include "lifecycle/plan.h"

#include <fts.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/json.h"
#include "base/wait.h"
#include "catalog/needs.h"
#include "net/http.h"
#include "pinokiocloud-lifecycle.h"

#define ASKING_MS 5000
#define MAX_ANSWER (4 * 1024 * 1024)

/* --- the specification, for JavaScript ---- */

static void append_machine(GString *out, const PinoPlanMachine *machine) {
  g_string_append(out, ",\"machine\":{\"gpu\":");
  if (machine->gpu != NULL)
    pino_json_append_string(out, machine->gpu, strlen(machine->gpu));
  else
    g_string_append(out, "null");
  g_string_append_printf(out, ",\"vram_mb\":%" G_GUINT64_FORMAT ",\"ram_bytes\":%" G_GUINT64_FORMAT,
                         machine->vram_mb, machine->ram_bytes);
  g_string_append_printf(out, ",\"disk_free\":%" G_GINT64_FORMAT "}", machine->disk_free);
}

static char *spec_json(const PinoPlanSpec *spec) {
  GString *out = g_string_new("{");
  pino_json_append_member(out, "folder", spec->folder);
  pino_json_append_member(out, "name", spec->name);
  pino_json_append_member(out, "url", spec->url);
  pino_json_append_member(out, "script", spec->script);
  pino_json_append_member(out, "api", spec->api);
  if (spec->input != NULL)
    g_string_append_printf(out, ",\"input\":%s", spec->input);
  append_machine(out, &spec->machine);
  g_string_append_c(out, '}');
  return g_string_free(out, FALSE);
}

/* --- what is written about the app ---- */

static const char *text_in(JsonObject *object, const char *name) {
  JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;
  return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

/* JSON, as catalog/needs.h says: of the catalog's tags, and of what the launcher says of itself. */
static char *declared_json(const PinoPlanSpec *spec, JsonObject *look) {
  JsonNode *found = json_object_get_member(look, "found");
  JsonObject *about = found != NULL && JSON_NODE_HOLDS_OBJECT(found) ? json_node_get_object(found) : NULL;
  g_autoptr(GArray) writings = g_array_new(FALSE, FALSE, sizeof(PinoWriting));
  for (guint i = 0; spec->tags != NULL && spec->tags[i] != NULL; i++) {
    PinoWriting tag = {spec->tags[i], "catalog", TRUE};
    g_array_append_val(writings, tag);
  }
  PinoWriting own[] = {{text_in(about, "title"), "title", FALSE},
                       {text_in(about, "description"), "description", FALSE}};
  g_array_append_vals(writings, own, G_N_ELEMENTS(own));
  g_autoptr(PinoNeedsReader) reader = pino_needs_reader_new();
  PinoNeeds needs = pino_needs_read(reader, (const PinoWriting *)writings->data, writings->len);
  GString *out = g_string_new(NULL);
  pino_needs_append_json(out, &needs);
  return g_string_free(out, FALSE);
}

/* --- asking servers ---- */

typedef struct {
  guint left;
  gboolean done;
  GCancellable *cancellable; /* of all requests */
} Asking;

typedef struct {
  Asking *asking;
  char *answer; /* JSON, NULL: none */
} Question;

static void question_clear(Question *question) {
  g_free(question->answer);
}

/* Hugging Face tells the size of what it redirects to beside that of the redirection. Source: huggingface_hub,
 * get_hf_file_metadata(). */
static const char *length_of(const PinoHttpResponse *response) {
  const char *linked = pino_http_response_header(response, "x-linked-size");
  const char *length = linked != NULL ? linked : pino_http_response_header(response, "content-length");
  gboolean is_number = length != NULL && *length != '\0' && strlen(length) <= 15;
  return is_number && strspn(length, "0123456789") == strlen(length) ? length : NULL;
}

static char *answer_json(const PinoHttpResponse *response) {
  const char *length = length_of(response);
  gsize size;
  const char *body = g_bytes_get_data(response->body, &size);
  GString *out = g_string_new(NULL);
  g_string_append_printf(out, "{\"status\":%u,\"length\":%" G_GUINT64_FORMAT, response->status,
                         length != NULL ? g_ascii_strtoull(length, NULL, 10) : 0);
  if (length == NULL)
    g_string_truncate(out, out->len - 1), g_string_append(out, "null");
  g_string_append(out, ",\"body\":");
  pino_json_append_string(out, size > 0 ? body : "", size);
  g_string_append_c(out, '}');
  return g_string_free(out, FALSE);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer data) {
  Question *question = data;
  Asking *asking = question->asking;
  PinoHttpResponse *response =
      pino_http_send_finish(result, NULL); /* without an answer the size is unknown */
  if (response != NULL)
    question->answer = answer_json(response);
  pino_http_response_free(response);
  asking->done = --asking->left == 0;
}

static void ask(Question *question, JsonObject *about) {
  const char *url = json_object_get_string_member_with_default(about, "url", "");
  const char *token = json_object_get_string_member_with_default(about, "token", NULL);
  g_autoptr(PinoHttpRequest) request =
      pino_http_request_new(json_object_get_string_member_with_default(about, "method", "HEAD"), url);
  request->timeout_ms = ASKING_MS;
  request->max_body = MAX_ANSWER;
  if (token != NULL) {
    g_autofree char *value = g_strconcat("Bearer ", token, NULL);
    pino_http_request_add_header(request, "Authorization", value);
  }
  pino_http_send_async(request, question->asking->cancellable, on_answer, question);
}

static gboolean on_late(gpointer data) {
  g_cancellable_cancel(data);
  return G_SOURCE_REMOVE;
}

/* Waits for all answers, or until it is too late for the rest; every callback has been called after it. */
static gboolean wait_for(Asking *asking, GCancellable *cancellable, GError **error) {
  g_autoptr(GSource) late = g_timeout_source_new(ASKING_MS);
  g_source_set_callback(late, on_late, asking->cancellable, NULL);
  g_source_attach(late, g_main_context_get_thread_default());
  gboolean ok = pino_wait(&asking->done, cancellable, error);
  if (!ok) {
    g_cancellable_cancel(asking->cancellable);
    pino_wait(&asking->done, NULL, NULL);
  }
  g_source_destroy(late);
  return ok;
}

/* An array of {status, length, body} or null, one for each question. */
static char *ask_all(JsonArray *asked, GCancellable *cancellable, GError **error) {
  guint count = json_array_get_length(asked);
  g_autoptr(GCancellable) all = g_cancellable_new();
  Asking asking = {.left = count, .done = count == 0, .cancellable = all};
  g_autoptr(GArray) questions = g_array_sized_new(FALSE, TRUE, sizeof(Question), count);
  g_array_set_clear_func(questions, (GDestroyNotify)question_clear);
  g_array_set_size(questions, count);
  for (guint i = 0; i < count; i++) {
    Question *question = &g_array_index(questions, Question, i);
    question->asking = &asking;
    ask(question, json_array_get_object_element(asked, i));
  }
  if (!wait_for(&asking, cancellable, error))
    return NULL;
  GString *out = g_string_new("[");
  for (guint i = 0; i < count; i++) {
    const char *answer = g_array_index(questions, Question, i).answer;
    g_string_append_printf(out, "%s%s", i > 0 ? "," : "", answer != NULL ? answer : "null");
  }
  g_string_append_c(out, ']');
  return g_string_free(out, FALSE);
}

static char *answers_for(const PinoPlanSpec *spec, JsonObject *look, GCancellable *cancellable,
                         GError **error) {
  if (spec->offline)
    return g_strdup("[]");
  return ask_all(json_object_get_array_member(look, "asked"), cancellable, error);
}

/* --- the plan ---- */

/* What the app's folder takes: all of its bytes, and its files without git's own. */
static void measure(const char *folder, guint64 *bytes, guint64 *files) {
  char *paths[] = {(char *)folder, NULL};
  FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  guint in_git = 0;
  FTSENT *entry;
  while (tree != NULL && (entry = fts_read(tree)) != NULL) {
    gboolean is_git = entry->fts_level == 1 && g_str_equal(entry->fts_name, ".git");
    if (is_git && (entry->fts_info == FTS_D || entry->fts_info == FTS_DP))
      in_git = entry->fts_info == FTS_D;
    if (entry->fts_info != FTS_F)
      continue;
    *bytes += (guint64)entry->fts_statp->st_size;
    *files += in_git ? 0 : 1;
  }
  if (tree != NULL)
    fts_close(tree);
}

char *pino_plan_make(PinoRun *run, const PinoPlanSpec *spec, GCancellable *cancellable, GError **error) {
  if (!g_file_test(spec->folder, G_FILE_TEST_IS_DIR)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no folder %s", spec->folder);
    return NULL;
  }
  g_resources_register(pinokiocloud_lifecycle_get_resource());
  g_autofree char *argument = spec_json(spec);
  g_autofree char *look = pino_run_call_json(run, "pino:plan", "look", argument, error);
  g_autoptr(JsonNode) tree = look != NULL ? json_from_string(look, error) : NULL;
  JsonObject *looked = tree != NULL ? json_node_get_object(tree) : NULL;
  g_autofree char *answers = looked != NULL ? answers_for(spec, looked, cancellable, error) : NULL;
  if (answers == NULL)
    return NULL;
  g_autofree char *declared = declared_json(spec, looked);
  guint64 bytes = 0, files = 0;
  measure(spec->folder, &bytes, &files);
  g_autofree char *seen =
      g_strdup_printf("{\"look\":%s,\"answers\":%s,\"clone\":{\"bytes\":%" G_GUINT64_FORMAT
                      ",\"files\":%" G_GUINT64_FORMAT "},\"declared\":%s}",
                      look, answers, bytes, files, declared);
  return pino_run_call_json(run, "pino:plan", "finish", seen, error);
}
