#include "script/progress.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/json.h"
#include "storage/atomic.h"

#define FORMAT 1
#define GIT_DIED 128
#define TAIL_BYTES 2048
#define MOST_BYTES (4 * 1024 * 1024) /* of the file: memory that is larger is not worth a faster second try */

/* A script whose steps are being done. */
typedef struct {
  char *key;
  char *digest; /* of its steps, and of what it was started with */
  char *before; /* JSON: its place when the present step began */
  int index, total;
  gboolean failed; /* a command of the present step */
} Frame;

struct _PinoProgress {
  char *file;
  JsonObject *places; /* key -> place */
  GHashTable *loaded; /* keys of places that an earlier run has left */
  GPtrArray *frames;  /* the outermost first */
  gboolean again;     /* an earlier try may have made what this one makes */
  gboolean clones;    /* the present command is a git clone and nothing more */
  char *folder;       /* that it runs in; NULL: not known */
  gboolean forgiven;  /* the command that ended last */
  GString *tail;      /* of what it printed */
};

static void frame_free(gpointer data) {
  Frame *frame = data;
  g_free(frame->key);
  g_free(frame->digest);
  g_free(frame->before);
  g_free(frame);
}

/* --- the file ------------------------------------------------------------------------------------------------------- */

static JsonObject *read_places(const char *file) {
  g_autoptr(JsonObject) object = pino_json_read_object(file);
  JsonNode *places = object != NULL ? json_object_get_member(object, "places") : NULL;
  if (places == NULL || !JSON_NODE_HOLDS_OBJECT(places) ||
      json_object_get_int_member_with_default(object, "format", 0) != FORMAT)
    return NULL;
  return json_object_ref(json_node_get_object(places));
}

static gboolean is_place(JsonNode *node) {
  if (!JSON_NODE_HOLDS_OBJECT(node))
    return FALSE;
  JsonNode *retry = json_object_get_member(json_node_get_object(node), "retry");
  return retry == NULL || JSON_NODE_HOLDS_OBJECT(retry);
}

static void load(PinoProgress *progress) {
  progress->places = read_places(progress->file);
  if (progress->places == NULL)
    return;
  g_autoptr(GList) keys = json_object_get_members(progress->places);
  for (GList *at = keys; at != NULL; at = at->next) {
    if (is_place(json_object_get_member(progress->places, at->data)))
      g_hash_table_add(progress->loaded, g_strdup(at->data));
    else
      json_object_remove_member(progress->places, at->data);
  }
}

/* What cannot be written is done again after a failure: no reason to let this run fail. */
static void save(PinoProgress *progress) {
  g_autoptr(JsonNode) places = json_node_new(JSON_NODE_OBJECT);
  json_node_set_object(places, progress->places);
  g_autofree char *json = json_to_string(places, FALSE);
  g_autofree char *text = g_strdup_printf("{\"format\":%d,\"places\":%s}\n", FORMAT, json);
  g_autoptr(GError) error = NULL;
  if (strlen(text) <= MOST_BYTES && !pino_file_write(progress->file, text, strlen(text), 0600, &error))
    g_warning("finished steps are not remembered: %s", error->message);
}

PinoProgress *pino_progress_new(const char *file, gboolean from_start) {
  PinoProgress *progress = g_new0(PinoProgress, 1);
  progress->file = g_strdup(file);
  progress->loaded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  progress->frames = g_ptr_array_new_with_free_func(frame_free);
  progress->again = !from_start;
  progress->tail = g_string_new(NULL);
  if (!from_start)
    load(progress);
  else if (g_unlink(file) != 0 && errno != ENOENT)
    g_warning("an earlier try's steps stay in %s: %s", file, g_strerror(errno));
  if (progress->places == NULL)
    progress->places = json_object_new();
  return progress;
}

void pino_progress_free(PinoProgress *progress) {
  if (progress == NULL)
    return;
  json_object_unref(progress->places);
  g_hash_table_unref(progress->loaded);
  g_ptr_array_unref(progress->frames);
  g_string_free(progress->tail, TRUE);
  g_free(progress->file);
  g_free(progress->folder);
  g_free(progress);
}

void pino_run_set_progress(PinoRun *run, const char *file, gboolean from_start) {
  g_clear_pointer(&run->progress, pino_progress_free);
  if (file != NULL)
    run->progress = pino_progress_new(file, from_start);
}

/* --- places --------------------------------------------------------------------------------------------------------- */

static Frame *innermost(PinoRun *run) {
  GPtrArray *frames = run->progress != NULL ? run->progress->frames : NULL;
  return frames != NULL && frames->len > 0 ? frames->pdata[frames->len - 1] : NULL;
}

static JSValueRef memory_of(PinoRun *run, const char *kind) {
  return pino_js_get(run->js, pino_js_get(run->js, run->world, "memory"), kind);
}

static void append_value(GString *out, PinoJs *js, const char *name, JSValueRef value) {
  g_autofree char *json =
      value != NULL && !pino_js_is_undefined(js, value) ? pino_js_to_json(js, value, 0, NULL) : NULL;
  g_string_append_printf(out, ",\"%s\":%s", name, json != NULL ? json : "null");
}

static char *place_json(PinoScript *script, const Frame *frame, int index, JSValueRef input) {
  PinoRun *run = script->run;
  GString *out = g_string_new(NULL);
  g_string_append_printf(out, "{\"digest\":\"%s\",\"step\":%d", frame->digest, index);
  append_value(out, run->js, "input", input);
  append_value(out, run->js, "local", pino_js_get(run->js, memory_of(run, "local"), script->path));
  append_value(out, run->js, "global", pino_js_get(run->js, memory_of(run, "global"), script->path));
  g_string_append_c(out, '}');
  return g_string_free(out, FALSE);
}

static char *digest_of(PinoScript *script, JSValueRef steps) {
  JSValueRef argv[] = {steps, pino_js_get(script->run->js, script->entry, "args")};
  JSValueRef text = pino_run_invoke(script->run, script->run->step, "describe", 2, argv, NULL);
  g_autofree char *described = text != NULL ? pino_js_to_utf8(script->run->js, text) : NULL;
  return g_compute_checksum_for_string(G_CHECKSUM_SHA256, described != NULL ? described : "", -1);
}

static void restore_member(PinoScript *script, JsonObject *place, const char *kind) {
  PinoJs *js = script->run->js;
  JsonNode *node = json_object_get_member(place, kind);
  g_autofree char *json =
      node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_to_string(node, FALSE) : g_strdup("{}");
  JSValueRef value = pino_js_from_json(js, json, NULL);
  if (value != NULL)
    pino_js_set(js, (JSObjectRef)memory_of(script->run, kind), script->path, value);
}

/* The step to go on with; -1: all have finished. */
static int restore(PinoScript *script, JsonObject *from, const Frame *frame, JSValueRef *input) {
  int index = (int)json_object_get_int_member_with_default(from, "step", 0);
  if (g_strcmp0(json_object_get_string_member_with_default(from, "digest", NULL), frame->digest) != 0 ||
      index <= 0 || index > frame->total)
    return 0;
  JsonNode *node = json_object_get_member(from, "input");
  g_autofree char *json = node != NULL ? json_to_string(node, FALSE) : g_strdup("null");
  JSValueRef value = pino_js_from_json(script->run->js, json, NULL);
  if (value != NULL)
    *input = value;
  restore_member(script, from, "local");
  restore_member(script, from, "global");
  return index < frame->total ? index : -1;
}

static char *key_of(PinoProgress *progress, const char *path) {
  const Frame *outer = progress->frames->len > 0 ? progress->frames->pdata[progress->frames->len - 1] : NULL;
  return outer != NULL ? g_strdup_printf("%s@%d %.16s %s", outer->key, outer->index, outer->digest, path)
                       : g_strdup(path);
}

static void tell_resumed(PinoScript *script, int index, int total) {
  g_autofree char *name = g_path_get_basename(script->path);
  g_autofree char *text =
      index < 0
          ? g_strdup_printf("all %d steps of %s have finished in an earlier try", total, name)
          : g_strdup_printf("%s goes on with step %d of %d: those before it have finished in an earlier try",
                            name, index + 1, total);
  g_autoptr(GString) json = g_string_new(NULL);
  g_string_append_printf(json, "{\"stage\":\"resume\",\"step\":%d,\"total\":%d", index < 0 ? total : index,
                         total);
  pino_json_append_member(json, "text", text);
  g_string_append_c(json, '}');
  PinoEvent event = {.type = PINO_EVENT_TOLD, .index = -1, .name = "stage", .data = json->str};
  pino_script_emit(script, &event);
}

static void forget_inner(PinoProgress *progress, const char *key) {
  g_autofree char *prefix = g_strconcat(key, "@", NULL);
  g_autoptr(GList) keys = json_object_get_members(progress->places);
  for (GList *at = keys; at != NULL; at = at->next) {
    if (!g_str_has_prefix(at->data, prefix))
      continue;
    g_hash_table_remove(progress->loaded, at->data);
    json_object_remove_member(progress->places, at->data);
  }
}

int pino_progress_begin(PinoScript *script, JSValueRef steps, JSValueRef *input) {
  PinoProgress *progress = script->run->progress;
  if (progress == NULL)
    return 0;
  Frame *frame = g_new0(Frame, 1);
  frame->key = key_of(progress, script->path);
  frame->digest = digest_of(script, steps);
  frame->total = (int)pino_js_length(script->run->js, steps);
  g_ptr_array_add(progress->frames, frame);
  if (!g_hash_table_remove(progress->loaded, frame->key))
    return 0;
  JsonObject *place = json_object_get_object_member(progress->places, frame->key);
  JsonObject *retry =
      json_object_has_member(place, "retry") ? json_object_get_object_member(place, "retry") : NULL;
  int index = restore(script, retry != NULL ? retry : place, frame, input);
  /* Scripts that had been begun belong to the place that was reached, not to one before it. */
  if (retry != NULL || index <= 0)
    forget_inner(progress, frame->key);
  if (index != 0)
    tell_resumed(script, index, frame->total);
  return index;
}

void pino_progress_end(PinoScript *script) {
  PinoProgress *progress = script->run->progress;
  if (progress != NULL && progress->frames->len > 0)
    g_ptr_array_remove_index(progress->frames, progress->frames->len - 1);
}

/* --- moving on ------------------------------------------------------------------------------------------------------ */

void pino_progress_before(PinoScript *script, int index, JSValueRef input) {
  Frame *frame = innermost(script->run);
  if (frame == NULL)
    return;
  frame->index = index;
  frame->failed = FALSE;
  g_free(frame->before);
  frame->before = place_json(script, frame, index, input);
}

/* Daemons, and commands that a `done` handler has left running. */
static gboolean left_running(PinoRun *run) {
  for (guint i = 0; i < run->scripts->len; i++) {
    const PinoScript *script = run->scripts->pdata[i];
    if (script->ready || script->waiting)
      return TRUE;
    for (guint j = 0; j < script->shells->len; j++) {
      const PinoScriptShell *entry = script->shells->pdata[j];
      if (entry->shell != NULL && pino_shell_is_running(entry->shell))
        return TRUE;
    }
  }
  return FALSE;
}

/* The first step that failed stays the place to go back to. */
static JsonNode *retry_of(PinoProgress *progress, const Frame *frame) {
  JsonObject *old = json_object_has_member(progress->places, frame->key)
                        ? json_object_get_object_member(progress->places, frame->key)
                        : NULL;
  JsonNode *kept = old != NULL ? json_object_get_member(old, "retry") : NULL;
  if (kept != NULL &&
      json_object_get_int_member_with_default(json_node_get_object(kept), "step", 0) < frame->index)
    return json_node_copy(kept);
  return frame->failed ? json_from_string(frame->before, NULL) : NULL;
}

void pino_progress_after(PinoScript *script, int next, JSValueRef input) {
  PinoProgress *progress = script->run->progress;
  Frame *frame = innermost(script->run);
  if (frame == NULL || left_running(script->run))
    return;
  g_autofree char *json = place_json(script, frame, next < 0 ? frame->total : next, input);
  JsonNode *place = json_from_string(json, NULL);
  if (place == NULL)
    return;
  JsonNode *retry = retry_of(progress, frame);
  if (retry != NULL)
    json_object_set_member(json_node_get_object(place), "retry", retry);
  json_object_set_member(progress->places, frame->key, place);
  forget_inner(progress, frame->key);
  save(progress);
}

void pino_progress_command(PinoRun *run, const char *command, const char *folder) {
  if (run->progress == NULL)
    return;
  g_free(run->progress->folder);
  run->progress->folder = g_strdup(folder);
  while (g_ascii_isspace(*command))
    command++;
  run->progress->clones = g_str_has_prefix(command, "git clone ") && strpbrk(command, ";&|\n") == NULL;
  g_string_truncate(run->progress->tail, 0);
}

/* The index is the last that a clone makes. */
static gboolean is_whole_clone(const char *folder) {
  g_autofree char *index = g_build_filename(folder, ".git", "index", NULL);
  g_autofree char *lock = g_build_filename(folder, ".git", "index.lock", NULL);
  return g_file_test(index, G_FILE_TEST_IS_REGULAR) && !g_file_test(lock, G_FILE_TEST_EXISTS);
}

/* git does not clone into a folder that an earlier try has filled. */
static gboolean is_forgiven(PinoProgress *progress, const PinoEvent *event) {
  static const char before[] = "destination path '",
                    after[] = "' already exists and is not an empty directory";
  const char *end = strstr(progress->tail->str, after);
  const char *begin =
      end != NULL ? g_strrstr_len(progress->tail->str, end - progress->tail->str, before) : NULL;
  if (!progress->again || !progress->clones || event->code != GIT_DIED || begin == NULL ||
      progress->folder == NULL)
    return FALSE;
  begin += strlen(before);
  g_autofree char *name = g_strndup(begin, (gsize)(end - begin));
  g_autofree char *clone = g_canonicalize_filename(name, progress->folder);
  return is_whole_clone(clone);
}

gboolean pino_run_is_forgiven(PinoRun *run) {
  return run->progress != NULL && run->progress->forgiven;
}

static void keep_tail(GString *tail, const PinoEvent *event) {
  g_string_append_len(tail, event->text, (gssize)event->text_len);
  if (tail->len > TAIL_BYTES)
    g_string_erase(tail, 0, (gssize)(tail->len - TAIL_BYTES));
}

/* A signal is how commands end that a handler, or the end of a step, has killed. */
void pino_progress_note(PinoRun *run, const PinoEvent *event) {
  if (run->progress == NULL)
    return;
  if (event->type == PINO_EVENT_STREAM && run->progress->clones)
    keep_tail(run->progress->tail, event);
  if (event->type != PINO_EVENT_EXIT && !pino_event_is_failed(event))
    return;
  run->progress->forgiven = is_forgiven(run->progress, event);
  if (event->code <= 0 || event->signal != 0 || run->progress->forgiven)
    return;
  for (guint i = 0; i < run->progress->frames->len; i++)
    ((Frame *)run->progress->frames->pdata[i])->failed = TRUE;
}
