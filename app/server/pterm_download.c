/* `pterm download`, and the clone that comes first in `pterm run URL`.
 *
 * The engine clones by a run of a small script, so that git lives under a keeper like everything else: its output is
 * journalled, it can be stopped, and it outlives the engine. What is cloned comes to it as input, one file of a script
 * for each download, because a script runs only once at a time.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "script/resolve.h"
#include "server/pterm_internal.h"

#define PREFIX "pterm-download-"
#define SUFFIX ".json"

/* git asks nobody: pterm sends no keys during a download. */
static const char script[] =
    "{\"run\":[{\"method\":\"shell.run\",\"params\":{\"message\":{\"_\":\"{{args.words}}\"},"
    "\"path\":\"{{args.folder}}\",\"env\":{\"GIT_TERMINAL_PROMPT\":\"0\"}}}]}\n";

typedef struct {
  PinoPtermClient *client;
  char *method; /* that is answered */
  char *uri, *name, *branch;
  char *folder; /* where it will be */
  char *script;
} Download;

static void download_free(gpointer data) {
  Download *download = data;
  if (download->script != NULL)
    g_unlink(download->script);
  pino_pterm_client_unref(download->client);
  g_free(download->method);
  g_free(download->uri);
  g_free(download->name);
  g_free(download->branch);
  g_free(download->folder);
  g_free(download->script);
  g_free(download);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Download, download_free)

/* --- answers ---- */

static void tell(Download *download, const char *error) {
  if (error != NULL &&
      !g_str_equal(download->method, "app.download")) { /* there pterm shows only what is printed */
    g_autofree char *line = g_strdup_printf("%s: %s\r\n", download->folder, error);
    pino_pterm_client_print(download->client, download->method, line);
  }
  g_autoptr(GString) data = g_string_new(error == NULL ? "{\"ok\":true" : "{\"ok\":false");
  pino_json_append_member(data, "error", error);
  pino_json_append_member(data, "name", download->name);
  pino_json_append_member(data, "path", download->folder);
  pino_json_append_member(data, "uri", download->uri);
  pino_json_append_member(data, "branch", download->branch);
  g_string_append_c(data, '}');
  pino_pterm_client_answer(download->client, download->method, "result", data->str);
}

static void on_cloned(PinoPtermClient *client, const char *state, gpointer data) {
  Download *download = data;
  g_autofree char *git = g_build_filename(download->folder, ".git", NULL);
  gboolean is_here = g_file_test(git, G_FILE_TEST_EXISTS); /* git takes away what it did not finish */
  tell(download,
       g_strcmp0(state, "finished") == 0 && is_here ? NULL : "git could not clone it (see its own words)");
}

/* --- what may be asked for ---- */

/* A word that is neither an option, nor a template of a script, nor more than one line. */
static gboolean is_plain_word(const char *word) {
  if (*word == '\0' || *word == '-' || strstr(word, "{{") != NULL || !g_utf8_validate(word, -1, NULL))
    return FALSE;
  for (const char *c = word; *c != '\0'; c++) {
    if (g_ascii_iscntrl(*c))
      return FALSE;
  }
  return TRUE;
}

/* The folder that git would choose: the last part, without ".git". */
static char *name_from(const char *uri) {
  g_autofree char *plain = g_strndup(uri, strcspn(uri, "?#"));
  for (gsize length = strlen(plain); length > 0 && plain[length - 1] == '/';)
    plain[--length] = '\0';
  if (g_str_has_suffix(plain, ".git"))
    plain[strlen(plain) - 4] = '\0';
  const char *last = plain;
  for (const char *c = plain; *c != '\0'; c++) {
    if (*c == '/' || *c == ':')
      last = c + 1;
  }
  return g_strdup(last);
}

static const char *fault_of(const Download *download) {
  if (!is_plain_word(download->uri))
    return "invalid uri";
  if (download->branch != NULL && !is_plain_word(download->branch))
    return "invalid branch";
  if (!is_plain_word(download->name) || !pino_pterm_name_is_plain(download->name) || *download->name == '.')
    return "invalid name";
  return g_file_test(download->folder, G_FILE_TEST_EXISTS) ? "already exists" : NULL;
}

/* --- the run ---- */

static char *input_of(const Download *download) {
  g_autofree char *api = g_path_get_dirname(download->folder);
  g_autoptr(GString) input = g_string_new("{");
  pino_json_append_member(input, "folder", api);
  g_string_append(input, ",\"words\":[\"git\",\"clone\"");
  const char *const words[] = {download->branch != NULL ? "--branch" : NULL, download->branch, "--",
                               download->uri, download->name};
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    if (words[i] == NULL)
      continue;
    g_string_append_c(input, ',');
    pino_json_append_string(input, words[i], strlen(words[i]));
  }
  g_string_append(input, "]}");
  return g_string_free(g_steal_pointer(&input), FALSE);
}

static void on_started(GObject *source, GAsyncResult *result, gpointer data) {
  g_autoptr(Download) download = data;
  PinoPterm *pterm = download->client->pterm;
  if (pterm == NULL)
    return;
  g_autoptr(GError) error = NULL;
  g_autofree char *run = pino_engine_start_finish(pterm->engine, result, NULL, &error);
  if (run == NULL) {
    tell(download, error->message);
    return;
  }
  if (download->client->socket == NULL)
    return; /* the clone goes on without it */
  PinoPtermClient *client = download->client;
  PinoPtermFollowing following = {
      .id = download->method,
      .run = run,
      .purpose = PINO_PTERM_FOR_METHOD,
      .done = on_cloned,
      .data = download,
      .free_data = download_free,
  };
  g_steal_pointer(&download);
  pino_pterm_follow(client, &following);
}

static gboolean write_script(Download *download, GError **error) {
  g_autofree char *name = g_strdup_printf(PREFIX "%08x%08x" SUFFIX, g_random_int(), g_random_int());
  download->script = g_build_filename(pino_engine_run_dir(download->client->pterm->engine), name, NULL);
  g_autofree char *api = g_path_get_dirname(download->folder);
  if (g_mkdir_with_parents(api, 0755) != 0) {
    pino_error_set_errno(error, errno, "mkdir", api);
    return FALSE;
  }
  return g_file_set_contents_full(download->script, script, -1, G_FILE_SET_CONTENTS_NONE, 0600, error);
}

static void begin(Download *taken) {
  g_autoptr(Download) download = taken;
  g_autoptr(GError) error = NULL;
  const char *fault = fault_of(download);
  if (fault == NULL && !write_script(download, &error))
    fault = error->message;
  if (fault != NULL) {
    tell(download, fault);
    return;
  }
  g_autofree char *input = input_of(download);
  PinoEngineStart start = {.script = download->script, .input = input};
  PinoEngine *engine = download->client->pterm->engine;
  pino_engine_start(engine, &start, NULL, on_started, g_steal_pointer(&download));
}

static Download *download_new(PinoPtermClient *client, const char *method, const char *uri,
                              const char *name) {
  Download *download = g_new0(Download, 1);
  download->client = pino_pterm_client_ref(client);
  download->method = g_strdup(method);
  download->uri = g_strdup(uri);
  download->name = name != NULL && *name != '\0' ? g_strdup(name) : name_from(uri);
  download->folder = g_build_filename(client->pterm->home, "api", download->name, NULL);
  return download;
}

static void miss(PinoPtermClient *client, JsonObject *request, const char *what) {
  const char *method = pino_pterm_text(request, "method");
  g_autoptr(GError) error = g_error_new(PINO_ERROR, PINO_ERROR_USAGE, "%s wants %s", method, what);
  pino_pterm_client_fail(client, method, error);
  pino_socket_close(client->socket, PINO_SOCKET_NORMAL, "refused"); /* pterm would wait for ever */
}

void pino_pterm_download(PinoPtermClient *client, JsonObject *request) {
  JsonObject *params = pino_pterm_object_in(request, "params");
  const char *uri = pino_pterm_text(params, "uri");
  const char *branch = pino_pterm_text(params, "branch");
  if (uri == NULL || *uri == '\0') {
    miss(client, request, "params.uri");
    return;
  }
  Download *download =
      download_new(client, pino_pterm_text(request, "method"), uri, pino_pterm_text(params, "name"));
  download->branch = branch != NULL && *branch != '\0' ? g_strdup(branch) : NULL;
  begin(download);
}

/* `pterm run URL` sends the line of a shell. Only what it can be is taken: git clone URI [NAME] [-b BRANCH]. */
void pino_pterm_clone_line(PinoPtermClient *client, JsonObject *request) {
  const char *line = pino_pterm_text(pino_pterm_object_in(request, "params"), "message");
  g_auto(GStrv) words = g_strsplit(line != NULL ? line : "", " ", -1);
  guint count = g_strv_length(words);
  gboolean has_branch = count >= 5 && g_str_equal(words[count - 2], "-b");
  guint plain = has_branch ? count - 2 : count;
  if (plain < 3 || plain > 4 || !g_str_equal(words[0], "git") || !g_str_equal(words[1], "clone")) {
    miss(client, request, "the message \"git clone URI [NAME] [-b BRANCH]\", and runs nothing else");
    return;
  }
  Download *download =
      download_new(client, pino_pterm_text(request, "method"), words[2], plain == 4 ? words[3] : NULL);
  download->branch = has_branch ? g_strdup(words[count - 1]) : NULL;
  begin(download);
}

/* Whether a repository has been cloned, or a path in the home exists. */
void pino_pterm_path_exists(PinoPtermClient *client, JsonObject *request) {
  g_auto(PinoPtermTarget) target = {0};
  const char *uri = pino_pterm_text(pino_pterm_object_in(request, "params"), "uri");
  gboolean exists = pino_pterm_target_parse(client->pterm, uri, &target, NULL) &&
                    g_file_test(target.path, G_FILE_TEST_EXISTS);
  pino_pterm_client_answer(client, pino_pterm_text(request, "method"), "result", exists ? "true" : "false");
}

void pino_pterm_download_clean(PinoPterm *pterm) {
  const char *folder = pino_engine_run_dir(pterm->engine);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (g_str_has_prefix(name, PREFIX) && g_str_has_suffix(name, SUFFIX))
      g_unlink(path);
  }
}
