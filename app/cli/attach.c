/* pinokiocloud attach: a shell's terminal on this one. */
#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/screen.h"
#include "cli/target.h"

#define REPLAY 65536 /* bytes of what was printed before that are shown */
#define PIECE 4096
#define SIGNALS 4

typedef enum { GOES_ON, DETACHED, ENDED, BROKEN, NOBODY } End;

typedef struct {
  PinoScreen *screen;
  PinoClientSocket *socket;
  char key;
  End end;
  guint code;
} Attach;

/* --- the key ------------------------------------------------------------------------------------------------------- */

/* "ctrl-]", "^]", "C-]" or one character. */
static gboolean parse_key(const char *text, char *key) {
  static const char *const prefixes[] = {"ctrl-", "Ctrl-", "ctrl+", "Ctrl+", "C-", "^"};
  for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++) {
    gsize length = strlen(prefixes[i]);
    if (strncmp(text, prefixes[i], length) != 0 || strlen(text) != length + 1)
      continue;
    char c = g_ascii_toupper(text[length]);
    *key = (char)(c & 0x1f);
    return c >= '@' && c <= '_';
  }
  *key = *text;
  return strlen(text) == 1 && g_ascii_isprint(*text);
}

static char *name_key(char key) {
  return key < 0x20 ? g_strdup_printf("Ctrl-%c", key + '@') : g_strdup_printf("%c", key);
}

/* --- both ways ----------------------------------------------------------------------------------------------------- */

static void finish(Attach *attach, End end) {
  if (attach->end == GOES_ON)
    attach->end = end;
}

static void on_message(gboolean is_text, const char *bytes, gsize length, gpointer data) {
  Attach *attach = data;
  if (!is_text && !pino_screen_put(attach->screen, bytes, length))
    finish(attach, NOBODY);
}

static void on_closed(guint code, const char *reason, gpointer data) {
  Attach *attach = data;
  attach->code = code;
  finish(attach, code == 1000 ? ENDED : BROKEN);
}

static gboolean on_typed(gint fd, GIOCondition condition, gpointer data) {
  Attach *attach = data;
  char bytes[PIECE];
  gssize count = read(fd, bytes, sizeof bytes);
  if (count < 0 && (errno == EINTR || errno == EAGAIN))
    return G_SOURCE_CONTINUE;
  if (count <= 0) {
    finish(attach, NOBODY);
    return G_SOURCE_REMOVE;
  }
  const char *key = memchr(bytes, attach->key, (gsize)count);
  gsize before = key != NULL ? (gsize)(key - bytes) : (gsize)count;
  if (before > 0)
    pino_client_send(attach->socket, FALSE, bytes, before);
  if (key != NULL)
    finish(attach, DETACHED);
  return G_SOURCE_CONTINUE;
}

static gboolean on_resized(gpointer data) {
  Attach *attach = data;
  guint cols, rows;
  pino_screen_size(&cols, &rows);
  if (attach->socket == NULL || cols == 0 || rows == 0)
    return G_SOURCE_CONTINUE;
  g_autofree char *text = g_strdup_printf("{\"resize\":{\"cols\":%u,\"rows\":%u}}", cols, rows);
  pino_client_send(attach->socket, TRUE, text, strlen(text));
  return G_SOURCE_CONTINUE;
}

static gboolean on_signal(gpointer data) {
  finish(data, NOBODY);
  return G_SOURCE_CONTINUE;
}

/* --- the shell ----------------------------------------------------------------------------------------------------- */

/* The newest shell of the app that runs. */
static char *shell_of_app(PinoClient *client, const char *app, GError **error) {
  g_autoptr(JsonNode) known = pino_target_app(client, app, error);
  g_autoptr(JsonNode) shells = known != NULL ? pino_client_get_array(client, "/v1/shells", error) : NULL;
  JsonObject *newest = NULL;
  if (shells == NULL)
    return NULL;
  JsonArray *array = json_node_get_array(shells);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    JsonObject *shell = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (shell == NULL || g_strcmp0(pino_text(shell, "app"), app) != 0 || !pino_shell_runs(shell))
      continue;
    if (newest == NULL || pino_number(shell, "started_at") >= pino_number(newest, "started_at"))
      newest = shell;
  }
  if (newest != NULL && pino_text(newest, "id") != NULL)
    return g_strdup(pino_text(newest, "id"));
  g_autofree char *shown = pino_one_line(app);
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "%s has no shell that runs", shown);
  return NULL;
}

static JsonNode *get_shell(PinoClient *client, const char *id, GError **error) {
  g_autofree char *path = pino_client_path("/v1/shells/%s", id);
  return pino_client_get_object(client, path, error);
}

/* Where in the log the replay begins: not in the middle of a line. */
static guint64 replay_from(PinoClient *client, const char *id, JsonObject *shell) {
  gint64 length = pino_file_size(shell, "log");
  guint64 from = length > REPLAY ? (guint64)length - REPLAY : 0;
  if (from == 0)
    return 0;
  g_autofree char *name = pino_client_path("/v1/shells/%s/log", id);
  g_autofree char *path = g_strdup_printf("%s?offset=%" G_GUINT64_FORMAT "&limit=%d", name, from, PIECE);
  g_autoptr(GBytes) bytes = pino_client_get_bytes(client, path, NULL, NULL);
  gsize got = 0;
  const char *text = bytes != NULL ? g_bytes_get_data(bytes, &got) : NULL;
  const char *newline = got > 0 ? memchr(text, '\n', got) : NULL;
  return newline != NULL ? from + (guint64)(newline - text) + 1 : from;
}

/* --- */

/* Signals are taken before the terminal is: whatever comes then, it is given back. */
static void begin(Attach *attach, guint sources[SIGNALS]) {
  static const int signals[SIGNALS] = {SIGTERM, SIGHUP, SIGINT, SIGWINCH};
  for (guint i = 0; i < SIGNALS; i++)
    sources[i] = g_unix_signal_add(signals[i], signals[i] == SIGWINCH ? on_resized : on_signal, attach);
}

static void serve(Attach *attach) {
  GSource *typed = g_unix_fd_source_new(STDIN_FILENO, G_IO_IN | G_IO_HUP);
  g_source_set_callback(typed, G_SOURCE_FUNC(on_typed), attach, NULL);
  g_source_attach(typed, NULL);
  on_resized(attach);
  while (attach->end == GOES_ON)
    g_main_context_iteration(NULL, TRUE);
  g_source_destroy(typed);
  g_source_unref(typed);
}

static int tell_end(const Attach *attach, const char *id) {
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoClient) client = NULL;
  g_autoptr(JsonNode) shell = NULL;
  switch (attach->end) {
  case DETACHED:
    pino_say("detached from %s, which goes on", id);
    return PINO_EXIT_OK;
  case ENDED:
    client = pino_client_connect(TRUE, &error);
    shell = client != NULL ? get_shell(client, id, &error) : NULL;
    if (shell == NULL)
      return pino_say_error(error);
    pino_say("%s has ended with exit code %" G_GINT64_FORMAT, id,
             pino_number(json_node_get_object(shell), "exit_code"));
    return PINO_EXIT_OK;
  case BROKEN:
    pino_say("the engine has gone (%u); %s goes on", attach->code, id);
    return PINO_EXIT_FAILED;
  default:
    return PINO_EXIT_FAILED;
  }
}

static int attach_to(PinoClient *client, const char *id, char key, GError **error) {
  static const PinoClientEvents events = {.message = on_message, .closed = on_closed};
  g_autoptr(JsonNode) shell = get_shell(client, id, error);
  if (shell == NULL)
    return PINO_EXIT_FAILED;
  if (!pino_shell_runs(json_node_get_object(shell))) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "the shell %s has ended; `pinokiocloud logs` shows its output", id);
    return PINO_EXIT_FAILED;
  }
  g_autofree char *name = pino_client_path("/v1/shells/%s/terminal", id);
  g_autofree char *path = g_strdup_printf("%s?offset=%" G_GUINT64_FORMAT, name,
                                          replay_from(client, id, json_node_get_object(shell)));
  g_autofree char *shown = name_key(key);
  Attach attach = {.key = key};
  guint sources[SIGNALS];
  pino_say("attached to %s; %s detaches", id, shown);
  begin(&attach, sources);
  attach.screen = pino_screen_take(error);
  attach.socket =
      attach.screen != NULL ? pino_client_open(client, path, &events, &attach, NULL, error) : NULL;
  if (attach.socket != NULL) {
    serve(&attach);
    pino_client_close(attach.socket);
  }
  g_clear_pointer(&attach.screen, pino_screen_free);
  for (guint i = 0; i < SIGNALS; i++)
    g_source_remove(sources[i]);
  return attach.socket != NULL ? tell_end(&attach, id) : PINO_EXIT_FAILED;
}

int pino_command_attach(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) names = NULL;
  g_autofree char *key_name = NULL;
  char key = 0x1d;
  int status;
  const GOptionEntry entries[] = {
      {"detach-key", 0, 0, G_OPTION_ARG_STRING, &key_name, "What detaches: ctrl-X, or one character (ctrl-])",
       "KEY"},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse_names(
          "attach SHELL|APP [--detach-key KEY]",
          "Shows a shell's terminal and types into it; of an app, its newest shell that runs.", entries, 1, 1,
          &argc, &argv, &names, &status))
    return status;
  if (key_name != NULL && !parse_key(key_name, &key)) {
    pino_command_complain("--detach-key wants ctrl- and a letter or one of @[\\]^_, or one character");
    return PINO_EXIT_USAGE;
  }
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
    pino_command_complain("attach needs a terminal; `pinokiocloud logs -f` shows output without one");
    return PINO_EXIT_FAILED;
  }
  g_autoptr(PinoClient) client = pino_client_connect(TRUE, &error);
  g_autofree char *id = NULL;
  if (client != NULL)
    id = pino_target_is_shell(names[0]) ? g_strdup(names[0]) : shell_of_app(client, names[0], &error);
  status = id != NULL ? attach_to(client, id, key, &error) : PINO_EXIT_FAILED;
  return error != NULL ? pino_say_error(error) : status;
}
