/* `pterm search`: the apps that are here, by the words of a query.
 *
 * A word found in an app's name counts most, then in its description, then in its README. A query without words lists
 * all. "broad" and "balanced" want one word at least (or min_match of them), "strict" all of them; apps that hold more
 * of the words stand first, then those that run.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "server/pterm_internal.h"

#define TERMS_MAX 16
#define LIMIT 100
#define LIMIT_MAX 300
#define README_MAX (64 * 1024)
#define SNIPPET 100 /* characters on each side of a word */

typedef struct {
  char *query, *mode;
  GPtrArray *terms; /* char *, folded */
  guint min_match, limit;
  JsonArray *apps;
} Search;

static void search_free(gpointer data) {
  Search *search = data;
  g_free(search->query);
  g_free(search->mode);
  g_ptr_array_unref(search->terms);
  json_array_unref(search->apps);
  g_free(search);
}

typedef struct {
  JsonObject *app; /* borrowed */
  guint matched;   /* bits: which terms */
  guint score;
  const char *file; /* where the first was found */
  char *snippet;
} Hit;

static void hit_clear(gpointer data) {
  g_free(((Hit *)data)->snippet);
}

/* --- the query ---- */

/* Words that say nothing of an app; a query of nothing else keeps them. */
static gboolean is_filler(const char *word) {
  static const char *const fillers[] = {"a",  "an", "and", "app", "for", "in",   "of",
                                        "on", "or", "the", "to",  "use", "with", NULL};
  return g_strv_contains(fillers, word);
}

static GPtrArray *terms_of(const char *query) {
  g_autofree char *folded = g_utf8_strdown(query, -1);
  g_auto(GStrv) words = g_strsplit_set(folded, " \t\r\n,;:(){}[]<>", -1);
  GPtrArray *terms = g_ptr_array_new_with_free_func(g_free);
  for (guint pass = 0; pass < 2 && terms->len == 0; pass++) {
    for (guint i = 0; words[i] != NULL && terms->len < TERMS_MAX; i++) {
      gboolean again = g_ptr_array_find_with_equal_func(terms, words[i], g_str_equal, NULL);
      if (*words[i] != '\0' && !again && (pass == 1 || !is_filler(words[i])))
        g_ptr_array_add(terms, g_strdup(words[i]));
    }
  }
  return terms;
}

static guint number_of(const char *text, guint otherwise, guint most) {
  guint64 value = text != NULL ? g_ascii_strtoull(text, NULL, 10) : 0;
  return value > 0 ? (guint)MIN(value, most) : otherwise;
}

static char *mode_of(const char *text) {
  static const char *const modes[] = {"broad", "balanced", "strict", NULL};
  return g_strdup(text != NULL && g_strv_contains(modes, text) ? text : modes[0]);
}

/* --- an app ---- */

static char *read_start(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return NULL;
  char *text = g_malloc(README_MAX + 1);
  gssize length = read(fd, text, README_MAX);
  close(fd);
  text[MAX(length, 0)] = '\0';
  return text;
}

/* Free both with g_free(); NULL when there is none. */
static char *readme_of(const char *folder, char **name) {
  g_autoptr(GDir) dir = folder != NULL ? g_dir_open(folder, 0, NULL) : NULL;
  const char *entry;
  while (dir != NULL && (entry = g_dir_read_name(dir)) != NULL) {
    if (g_ascii_strncasecmp(entry, "readme", 6) != 0 || (entry[6] != '\0' && entry[6] != '.'))
      continue;
    g_autofree char *path = g_build_filename(folder, entry, NULL);
    char *text = g_file_test(path, G_FILE_TEST_IS_REGULAR) ? read_start(path) : NULL;
    if (text == NULL)
      continue;
    *name = g_strdup(entry);
    return text;
  }
  return NULL;
}

static char *snippet_of(const char *text, const char *at) {
  const char *from = at, *to = at;
  for (guint i = 0; i < SNIPPET && from > text; i++)
    from = g_utf8_prev_char(from);
  for (guint i = 0; i < SNIPPET && *to != '\0'; i++)
    to = g_utf8_next_char(to);
  return g_strndup(from, (gsize)(to - from));
}

static void look_in(Hit *hit, const Search *search, const char *text, const char *file, guint weight) {
  g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
  g_autofree char *folded = g_utf8_strdown(valid, -1);
  for (guint i = 0; i < search->terms->len; i++) {
    const char *at = strstr(folded, g_ptr_array_index(search->terms, i));
    if (at == NULL)
      continue;
    hit->matched |= 1u << i;
    hit->score += weight;
    if (hit->snippet != NULL)
      continue;
    hit->file = file;
    hit->snippet = snippet_of(folded, at);
  }
}

static guint count_bits(guint bits) {
  return (guint)__builtin_popcount(bits);
}

static Hit judge(const Search *search, JsonObject *app) {
  Hit hit = {.app = app};
  g_autofree char *name = NULL;
  g_autofree char *readme = search->terms->len > 0 ? readme_of(pino_pterm_text(app, "path"), &name) : NULL;
  look_in(&hit, search, pino_pterm_text(app, "app_id"), "pinokio.meta", 6);
  look_in(&hit, search, pino_pterm_text(app, "title"), "pinokio.meta", 6);
  look_in(&hit, search, pino_pterm_text(app, "description"), "pinokio.meta", 2);
  look_in(&hit, search, readme, "README", 1);
  return hit;
}

/* --- the answer ---- */

static int by_worth(gconstpointer a, gconstpointer b) {
  const Hit *one = a, *other = b;
  if (count_bits(one->matched) != count_bits(other->matched))
    return count_bits(one->matched) > count_bits(other->matched) ? -1 : 1;
  if (one->score != other->score)
    return one->score > other->score ? -1 : 1;
  gboolean runs = json_object_get_boolean_member_with_default(one->app, "running", FALSE);
  gboolean other_runs = json_object_get_boolean_member_with_default(other->app, "running", FALSE);
  if (runs != other_runs)
    return runs ? -1 : 1;
  return strcmp(pino_pterm_text(one->app, "app_id"), pino_pterm_text(other->app, "app_id"));
}

static void add_terms(JsonBuilder *builder, const Search *search, const char *name, guint bits) {
  json_builder_set_member_name(builder, name);
  json_builder_begin_array(builder);
  for (guint i = 0; i < search->terms->len; i++) {
    if ((bits & (1u << i)) != 0)
      json_builder_add_string_value(builder, g_ptr_array_index(search->terms, i));
  }
  json_builder_end_array(builder);
}

static void add_match(JsonBuilder *builder, const Hit *hit) {
  json_builder_set_member_name(builder, "matches");
  json_builder_begin_array(builder);
  if (hit->snippet != NULL) {
    json_builder_begin_object(builder);
    pino_pterm_add_text(builder, "file", hit->file);
    pino_pterm_add_text(builder, "snippet", hit->snippet);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

static void add_hit(JsonBuilder *builder, const Search *search, const Hit *hit) {
  json_builder_begin_object(builder);
  g_autoptr(GList) names = json_object_get_members(hit->app);
  for (GList *name = names; name != NULL; name = name->next) {
    json_builder_set_member_name(builder, name->data);
    json_builder_add_value(builder, json_node_copy(json_object_get_member(hit->app, name->data)));
  }
  pino_pterm_add_number(builder, "score", hit->score);
  pino_pterm_add_number(builder, "matched_terms_count", count_bits(hit->matched));
  add_terms(builder, search, "matched_terms", hit->matched);
  add_match(builder, hit);
  json_builder_end_object(builder);
}

static JsonBuilder *report(const Search *search, GArray *hits) {
  guint count = MIN(hits->len, search->limit);
  JsonBuilder *builder = json_builder_new();
  json_builder_begin_object(builder);
  pino_pterm_add_text(builder, "q", search->query);
  pino_pterm_add_text(builder, "mode", search->mode);
  pino_pterm_add_number(builder, "min_match", search->min_match);
  add_terms(builder, search, "terms", ~0u);
  pino_pterm_add_number(builder, "count", count);
  json_builder_set_member_name(builder, "apps");
  json_builder_begin_array(builder);
  for (guint i = 0; i < count; i++)
    add_hit(builder, search, &g_array_index(hits, Hit, i));
  json_builder_end_array(builder);
  json_builder_end_object(builder);
  return builder;
}

static void search_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  const Search *search = data;
  g_autoptr(GArray) hits = g_array_new(FALSE, FALSE, sizeof(Hit));
  g_array_set_clear_func(hits, hit_clear);
  for (guint i = 0; i < json_array_get_length(search->apps); i++) {
    Hit hit = judge(search, json_array_get_object_element(search->apps, i));
    if (count_bits(hit.matched) >= search->min_match)
      g_array_append_val(hits, hit);
    else
      hit_clear(&hit);
  }
  g_array_sort(hits, by_worth);
  g_task_return_pointer(task, report(search, hits), g_object_unref);
}

static void on_searched(GObject *source, GAsyncResult *result, gpointer call) {
  pino_pterm_reply(call, 200, g_task_propagate_pointer(G_TASK(result), NULL));
}

void pino_pterm_search_answer(PinoCall *call, const PinoPtermPlace *place) {
  const char *query = pino_call_query(call, "q");
  Search *search = g_new0(Search, 1);
  search->query = g_strdup(query != NULL ? query : "");
  search->mode = mode_of(pino_call_query(call, "mode"));
  search->terms = terms_of(search->query);
  search->limit = number_of(pino_call_query(call, "limit"), LIMIT, LIMIT_MAX);
  guint least = g_str_equal(search->mode, "strict") ? search->terms->len : 1;
  search->min_match =
      MIN(number_of(pino_call_query(call, "min_match"), least, TERMS_MAX), search->terms->len);
  search->apps = pino_pterm_apps(pino_pterm_of(call), place);
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_searched, pino_call_hold(call));
  g_task_set_task_data(task, search, search_free);
  g_task_run_in_thread(task, search_thread);
}
