#include "runner/news.h"

#include <string.h>

#include "base/json.h"

#define MOST_A_SECOND 20
#define DATA_MOST ((gsize)8 * 1024)
#define DEEPEST 32 /* brackets within brackets: readers in other languages give up sooner than json-glib */
#define MEMBER_MOST ((gsize)1024) /* of a member that is not for reading, and of each in the first round */

struct _PinoNews {
  PinoLink *link;
  GMainContext *context;
  gint64 began; /* us; of the second that told counts in */
  guint told, dropped;
  const char *held; /* the name of the last of those that are too many; NULL: none */
  char *held_data;
  GSource *later; /* that one, and how many were left out, will be told */
};

PinoNews *pino_news_new(PinoLink *link, GMainContext *context) {
  PinoNews *news = g_new0(PinoNews, 1);
  news->link = link;
  news->context = context;
  return news;
}

static void post(PinoNews *news, GString *message) {
  if (news->dropped > 0)
    g_string_append_printf(message, ",\"dropped\":%u", news->dropped);
  news->dropped = 0;
  g_string_append_c(message, '}');
  pino_link_post(news->link, g_string_free(message, FALSE));
}

static void forget_later(PinoNews *news) {
  if (news->later != NULL)
    g_source_destroy(news->later);
  g_clear_pointer(&news->later, g_source_unref);
}

/* --- what is said ------------------------------------------------------------------------------------------------ */

/* Members for a person to read: of these a part is better than nothing. */
static gboolean is_prose(const char *name) {
  static const char *const names[] = {"html", "title", "text", "message", "description", "subtitle", NULL};
  return g_strv_contains(names, name);
}

static char *member_json(const char *name, JsonNode *node) {
  GString *out = g_string_new(NULL);
  g_autofree char *value = json_to_string(node, FALSE);
  pino_json_append_string(out, name, strlen(name));
  g_string_append_printf(out, ":%s", value);
  return g_string_free(out, FALSE);
}

/* As much of the text as fits in room bytes of JSON. */
static char *cut_member_json(const char *name, const char *text, gsize room) {
  for (gsize length = MIN(strlen(text), room); length > 0; length /= 2) {
    while (length > 0 && ((guchar)text[length] & 0xc0) == 0x80)
      length--;
    g_autofree char *part = g_strdup_printf("%.*s\xe2\x80\xa6", (int)length, text);
    GString *out = g_string_new(NULL);
    pino_json_append_string(out, name, strlen(name));
    g_string_append_c(out, ':');
    pino_json_append_string(out, part, strlen(part));
    if (out->len <= room)
      return g_string_free(out, FALSE);
    g_string_free(out, TRUE);
  }
  return NULL;
}

static gboolean add_member(GString *out, const char *json) {
  if (json == NULL || out->len + strlen(json) + 2 > DATA_MOST)
    return FALSE;
  g_string_append_printf(out, "%s%s", out->len > 1 ? "," : "", json);
  return TRUE;
}

/* The short members first, then what fits of what is to be read; the rest is left out. */
static char *cut(JsonObject *object) {
  GString *out = g_string_new("{");
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  for (guint round = 0; round < 2; round++) {
    json_object_iter_init(&iter, object);
    while (json_object_iter_next(&iter, &name, &node)) {
      g_autofree char *whole = member_json(name, node);
      gboolean is_short = strlen(whole) <= MEMBER_MOST;
      gboolean is_text = json_node_get_value_type(node) == G_TYPE_STRING;
      if (!pino_json_is_flat(whole, strlen(whole), DEEPEST - 1))
        continue;
      if (is_short && round == 0)
        add_member(out, whole);
      if (is_short || round == 0 || !is_prose(name) || !is_text || add_member(out, whole) ||
          out->len + MEMBER_MOST > DATA_MOST)
        continue;
      g_autofree char *part = cut_member_json(name, json_node_get_string(node), DATA_MOST - out->len - 2);
      add_member(out, part);
    }
  }
  g_string_append_c(out, '}');
  return g_string_free(out, FALSE);
}

/* An object of bounded length; a text is the html of one. *is_cut: there was more. */
static char *bounded(const char *data, gboolean *is_cut) {
  gsize length = data != NULL ? strlen(data) : 0;
  *is_cut = FALSE;
  gboolean plain = pino_json_is_flat(data, length, DEEPEST);
  if (plain && length > 0 && length <= DATA_MOST && *data == '{')
    return g_strdup(data);
  gboolean flat = length > 0 && pino_json_is_flat(data, length, PINO_JSON_DEEPEST);
  g_autoptr(JsonNode) node = flat ? json_from_string(data, NULL) : NULL;
  g_autoptr(JsonObject) object = NULL;
  if (node != NULL && JSON_NODE_HOLDS_OBJECT(node)) {
    object = json_object_ref(json_node_get_object(node));
  } else {
    object = json_object_new();
    if (node != NULL && json_node_get_value_type(node) == G_TYPE_STRING)
      json_object_set_string_member(object, "html", json_node_get_string(node));
  }
  *is_cut = !plain || length > DATA_MOST || (node == NULL && length > 0);
  return cut(object);
}

/* Older apps show a message as a form of a kind that is only shown. */
static gboolean is_message(const char *data) {
  if (data == NULL || strstr(data, "\"notify\"") == NULL ||
      !pino_json_is_flat(data, strlen(data), PINO_JSON_DEEPEST))
    return FALSE;
  g_autoptr(JsonNode) node = json_from_string(data, NULL);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
    return FALSE;
  JsonNode *type = json_object_get_member(json_node_get_object(node), "type");
  return type != NULL && json_node_get_value_type(type) == G_TYPE_STRING &&
         g_strcmp0(json_node_get_string(type), "notify") == 0;
}

/* NULL: it is no news. What is asked is a question, which has its own way. */
static const char *name_of(const PinoEvent *event) {
  static const char *const names[] = {"notify", "open", "expose"};
  if (event->type != PINO_EVENT_TOLD || event->name == NULL)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (strcmp(event->name, names[i]) == 0)
      return names[i];
  return strcmp(event->name, "input") == 0 && is_message(event->data) ? names[0] : NULL;
}

/* --- how often --------------------------------------------------------------------------------------------------- */

static void tell(PinoNews *news, const char *name, const char *said) {
  gboolean is_cut;
  g_autofree char *data = bounded(said, &is_cut);
  GString *message = g_string_new("{\"type\":\"told\"");
  pino_json_append_member(message, "name", name);
  g_string_append_printf(message, ",\"data\":%s%s", data, is_cut ? ",\"cut\":true" : "");
  news->told++;
  post(news, message);
}

static void tell_held(PinoNews *news) {
  g_autofree char *data = g_steal_pointer(&news->held_data);
  const char *name = g_steal_pointer(&news->held);
  forget_later(news);
  if (name != NULL)
    tell(news, name, data);
}

void pino_news_free(PinoNews *news) {
  if (news == NULL)
    return;
  tell_held(news);
  g_free(news);
}

static void begin_second(PinoNews *news, gint64 now) {
  news->began = now;
  news->told = 0;
}

static gboolean on_later(gpointer data) {
  begin_second(data, g_get_monotonic_time());
  tell_held(data);
  return G_SOURCE_REMOVE;
}

/* One too many in this second: the last of them is the one that is still true when the second is over. */
static void hold(PinoNews *news, const char *name, const char *data, gint64 now) {
  news->dropped += news->held != NULL;
  news->held = name;
  g_free(news->held_data);
  news->held_data = g_strdup(data);
  if (news->later != NULL)
    return;
  gint64 wait = news->began + G_USEC_PER_SEC - now;
  news->later = g_timeout_source_new((guint)(MAX(wait, 0) / 1000) + 1);
  g_source_set_callback(news->later, on_later, news, NULL);
  g_source_attach(news->later, news->context);
}

void pino_news_note(PinoNews *news, const PinoEvent *event) {
  const char *name = name_of(event);
  gint64 now = g_get_monotonic_time();
  if (name == NULL)
    return;
  if (now - news->began >= G_USEC_PER_SEC) {
    begin_second(news, now);
    tell_held(news);
  }
  if (news->told >= MOST_A_SECOND)
    hold(news, name, event->data, now);
  else
    tell(news, name, event->data);
}
