#include "terminal/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"

struct _PinoAnswers {
  JsonParser *file; /* NULL: ask on the terminal */
  guint asked;
};

PinoAnswers *pino_answers_new(const char *file, GError **error) {
  g_autoptr(JsonParser) parser = NULL;
  if (file != NULL) {
    parser = json_parser_new();
    if (!json_parser_load_from_file(parser, file, error)) {
      g_prefix_error(error, "the answers in %s: ", file);
      return NULL;
    }
    JsonNode *root = json_parser_get_root(parser);
    if (root == NULL || JSON_NODE_HOLDS_VALUE(root) || JSON_NODE_HOLDS_NULL(root)) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                  "the answers in %s are no object by key, and no list of such objects", file);
      return NULL;
    }
  }
  PinoAnswers *answers = g_new0(PinoAnswers, 1);
  answers->file = g_steal_pointer(&parser);
  return answers;
}

void pino_answers_free(PinoAnswers *answers) {
  g_clear_object(&answers->file);
  g_free(answers);
}

static char *from_file(PinoAnswers *answers, GError **error) {
  JsonNode *root = json_parser_get_root(answers->file);
  guint turn = answers->asked++;
  if (JSON_NODE_HOLDS_OBJECT(root))
    return json_to_string(root, FALSE);
  JsonArray *list = json_node_get_array(root);
  if (turn < json_array_get_length(list))
    return json_to_string(json_array_get_element(list, turn), FALSE);
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the answers file holds no answer for question %u",
              turn + 1);
  return NULL;
}

/* --- the terminal ---------------------------------------------------------------------------------------------------- */

typedef struct {
  int fd;
  GCancellable *cancellable;
} Terminal;

static void show(const Terminal *terminal, const char *text) {
  for (gsize left = strlen(text); left > 0;) {
    gssize written = write(terminal->fd, text, left);
    if (written <= 0 && errno != EINTR)
      return;
    text += MAX(written, 0);
    left -= (gsize)MAX(written, 0);
  }
}

/* One byte when it is there; FALSE when the wait was cancelled or the terminal has gone. */
static gboolean read_byte(const Terminal *terminal, char *byte, GError **error) {
  GPollFD cancel = {0};
  gboolean watched = g_cancellable_make_pollfd(terminal->cancellable, &cancel);
  struct pollfd fds[] = {{.fd = terminal->fd, .events = POLLIN}, {.fd = cancel.fd, .events = POLLIN}};
  gssize count = -1;
  while (!g_cancellable_is_cancelled(terminal->cancellable)) {
    if (poll(fds, watched ? 2 : 1, -1) > 0 && (fds[0].revents & (POLLIN | POLLHUP)) != 0) {
      count = read(terminal->fd, byte, 1);
      break;
    }
  }
  if (watched)
    g_cancellable_release_fd(terminal->cancellable);
  if (count == 1)
    return TRUE;
  g_set_error_literal(error, PINO_ERROR, PINO_ERROR_CANCELLED, "the question was not answered");
  return FALSE;
}

static char *read_line(const Terminal *terminal, GError **error) {
  g_autoptr(GString) line = g_string_new(NULL);
  char byte;
  while (read_byte(terminal, &byte, error)) {
    if (byte == '\n')
      return g_string_free(g_steal_pointer(&line), FALSE);
    g_string_append_c(line, byte);
  }
  return NULL;
}

/* No echo before the prompt is seen: who types at once is not shown either. */
static char *read_secret(const Terminal *terminal, const char *prompt, GError **error) {
  struct termios before;
  gboolean is_tty = tcgetattr(terminal->fd, &before) == 0;
  if (is_tty) {
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(terminal->fd, TCSADRAIN, &silent);
  }
  show(terminal, prompt);
  char *line = read_line(terminal, error);
  if (is_tty)
    tcsetattr(terminal->fd, TCSADRAIN, &before);
  show(terminal, "\n");
  return line;
}

static char *read_plain(const Terminal *terminal, const char *prompt, GError **error) {
  show(terminal, prompt);
  return read_line(terminal, error);
}

/* --- forms ------------------------------------------------------------------------------------------------------------ */

static const char *text_member(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

static char *plain_member(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  if (node == NULL || JSON_NODE_HOLDS_NULL(node))
    return NULL;
  return json_node_get_value_type(node) == G_TYPE_STRING ? json_node_dup_string(node)
                                                         : json_to_string(node, FALSE);
}

static void show_items(const Terminal *terminal, JsonArray *items) {
  for (guint i = 0; i < json_array_get_length(items); i++) {
    JsonNode *node = json_array_get_element(items, i);
    g_autofree char *text =
        JSON_NODE_HOLDS_OBJECT(node) ? plain_member(json_node_get_object(node), "text") : NULL;
    g_autofree char *own = text == NULL ? json_to_string(node, FALSE) : NULL;
    g_autofree char *line = g_strdup_printf("  %u) %s\n", i + 1, text != NULL ? text : own);
    show(terminal, line);
  }
}

/* A number that was typed for a list becomes the item's value. */
static void add_choice(JsonObject *answers, const char *key, JsonArray *items, const char *typed) {
  guint64 number = g_ascii_strtoull(typed, NULL, 10);
  if (number < 1 || number > json_array_get_length(items)) {
    json_object_set_string_member(answers, key, typed);
    return;
  }
  JsonNode *node = json_array_get_element(items, (guint)number - 1);
  JsonNode *value =
      JSON_NODE_HOLDS_OBJECT(node) ? json_object_get_member(json_node_get_object(node), "value") : node;
  json_object_set_member(answers, key, json_node_copy(value != NULL ? value : node));
}

static void add_answer(JsonObject *answers, JsonObject *field, const char *key, const char *typed) {
  const char *type = text_member(field, "type");
  JsonNode *items = json_object_get_member(field, "items");
  if (*typed == '\0')
    return;
  if (g_strcmp0(type, "checkbox") == 0)
    json_object_set_boolean_member(answers, key, strchr("yYtT1", *typed) != NULL);
  else if (items != NULL && JSON_NODE_HOLDS_ARRAY(items))
    add_choice(answers, key, json_node_get_array(items), typed);
  else
    json_object_set_string_member(answers, key, typed);
}

static gboolean ask_field(const Terminal *terminal, JsonObject *field, JsonObject *answers, GError **error) {
  const char *key = text_member(field, "key");
  if (key == NULL)
    return TRUE;
  const char *title = text_member(field, "title");
  const char *description = text_member(field, "description");
  const char *type = text_member(field, "type");
  gboolean secret = g_strcmp0(type, "password") == 0;
  JsonNode *items = json_object_get_member(field, "items");
  g_autofree char *otherwise = plain_member(field, "default");
  if (description != NULL && *description != '\0') {
    show(terminal, description);
    show(terminal, "\n");
  }
  if (items != NULL && JSON_NODE_HOLDS_ARRAY(items))
    show_items(terminal, json_node_get_array(items));
  g_autofree char *hint =
      otherwise != NULL ? g_strdup_printf(" [%s]", secret ? "kept" : otherwise) : g_strdup("");
  g_autofree char *prompt = g_strdup_printf("%s%s%s: ", title != NULL ? title : key, hint,
                                            g_strcmp0(type, "checkbox") == 0 ? " (y/n)" : "");
  g_autofree char *typed =
      secret ? read_secret(terminal, prompt, error) : read_plain(terminal, prompt, error);
  if (typed == NULL)
    return FALSE;
  JsonNode *kept = json_object_get_member(field, "default");
  if (*typed == '\0' && kept != NULL)
    json_object_set_member(answers, key, json_node_copy(kept));
  else
    add_answer(answers, field, key, typed);
  return TRUE;
}

static char *ask_form(const Terminal *terminal, JsonObject *request, GError **error) {
  g_autoptr(JsonObject) answers = json_object_new();
  JsonNode *form = json_object_get_member(request, "form");
  static const char *const heads[] = {"title", "description"};
  for (guint i = 0; i < G_N_ELEMENTS(heads); i++) {
    const char *text = text_member(request, heads[i]);
    if (text == NULL)
      continue;
    show(terminal, text);
    show(terminal, "\n");
  }
  for (guint i = 0;
       form != NULL && JSON_NODE_HOLDS_ARRAY(form) && i < json_array_get_length(json_node_get_array(form));
       i++) {
    JsonNode *field = json_array_get_element(json_node_get_array(form), i);
    if (JSON_NODE_HOLDS_OBJECT(field) && !ask_field(terminal, json_node_get_object(field), answers, error))
      return NULL;
  }
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
  json_node_set_object(node, answers);
  return json_to_string(node, FALSE);
}

char *pino_answers_ask(const char *request, GCancellable *cancellable, gpointer data, GError **error) {
  PinoAnswers *answers = data;
  if (answers->file != NULL)
    return from_file(answers, error);
  if (!isatty(STDIN_FILENO)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "this step asks for input and there is no terminal to ask on: give the answers with "
                "--answers FILE.json");
    return NULL;
  }
  Terminal terminal = {.fd = open("/dev/tty", O_RDWR | O_CLOEXEC), .cancellable = cancellable};
  if (terminal.fd < 0) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                        "the terminal cannot be opened to ask on it");
    return NULL;
  }
  g_autoptr(JsonParser) parser = json_parser_new();
  char *text = NULL;
  if (json_parser_load_from_data(parser, request, -1, error))
    text = ask_form(&terminal, json_node_get_object(json_parser_get_root(parser)), error);
  close(terminal.fd);
  return text;
}
