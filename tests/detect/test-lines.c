/* What real frameworks print, as capture.py kept it (lines/NAME.txt): the page's address is the best of what is found, and
 * nothing of another host is found, however the bytes are cut. The folder with the lines is the program's argument. */
#include "base/json.h"
#include "detect/detect.h"

#include <locale.h>
#include <string.h>

/* What capture.py writes for the machine's addresses. */
static const char *const OWN[] = {"192.0.2.10", "2001:db8::10", NULL};
static const char *const LOOPBACK[] = {"127.0.0.1", "localhost", "::1", NULL};

typedef struct {
  char *path;
  GStrv urls; /* right spellings */
} Case;

typedef struct {
  GString *all; /* a line "RANK URL" for each, in order */
  char *best;
  int best_rank;
} Seen;

static void seen_clear(Seen *seen) {
  g_string_free(seen->all, TRUE);
  g_free(seen->best);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Seen, seen_clear)

static void on_found(const PinoFound *found, gpointer data) {
  Seen *seen = data;
  g_string_append_printf(seen->all, "%d %s\n", found->rank,
                         found->url != NULL ? found->url : found->public_url);
  if (found->url == NULL || (seen->best != NULL && found->rank <= seen->best_rank))
    return;
  g_free(seen->best);
  seen->best = g_strdup(found->url);
  seen->best_rank = found->rank;
}

static Seen look(const char *text, gsize length, gsize piece, gboolean pauses, const char *const *own) {
  Seen seen = {.all = g_string_new(NULL)};
  g_autoptr(PinoDetector) detector = pino_detector_new(own);
  for (gsize at = 0; at < length; at += piece) {
    pino_detector_feed(detector, text + at, MIN(piece, length - at), on_found, &seen);
    if (pauses)
      pino_detector_feed(detector, "", 0, on_found, &seen);
  }
  pino_detector_feed(detector, "", 0, on_found, &seen);
  return seen;
}

/* "http://host:1/" and "http://host:1" are the same page. */
static char *without_slash(const char *url) {
  gsize length = strlen(url);
  return g_strndup(url, length > 0 && url[length - 1] == '/' ? length - 1 : length);
}

static void check_best(const Case *one, const Seen *seen) {
  g_autofree char *best = seen->best != NULL ? without_slash(seen->best) : NULL;
  if (best == NULL || !g_strv_contains((const char *const *)one->urls, best)) {
    g_test_message("best: %s; expected: %s; all that was found:\n%s", best, one->urls[0], seen->all->str);
    g_test_fail();
  }
}

/* Each is on the port of the page, and on a host that is this machine's. */
static void check_all(const Case *one, const Seen *seen, gboolean own) {
  g_autoptr(GUri) page = g_uri_parse(one->urls[0], G_URI_FLAGS_ENCODED, NULL);
  g_auto(GStrv) lines = g_strsplit(seen->all->str, "\n", -1);
  for (char **line = lines; **line != '\0'; line++) {
    g_autoptr(GUri) uri = g_uri_parse(strchr(*line, ' ') + 1, G_URI_FLAGS_ENCODED, NULL);
    g_assert_nonnull(uri);
    const char *host = g_uri_get_host(uri);
    gboolean here = g_strv_contains(LOOPBACK, host) || (own && g_strv_contains(OWN, host));
    if (!here || g_uri_get_port(uri) != g_uri_get_port(page)) {
      g_test_message("that is no address of this app: %s", *line);
      g_test_fail();
    }
  }
}

/* When the program pauses after each byte, pieces of an address are found too; the address itself is still told. */
static void check_paused(const char *text, gsize length, const Seen *whole) {
  g_auto(Seen) paused = look(text, length, 1, TRUE, OWN);
  g_autofree char *wanted = g_strdup_printf("%d %s\n", whole->best_rank, whole->best);
  if (strstr(paused.all->str, wanted) == NULL) {
    g_test_message("with pauses: no %s in\n%s", wanted, paused.all->str);
    g_test_fail();
  }
}

static void test_lines(gconstpointer data) {
  const Case *one = data;
  g_autofree char *text = NULL;
  gsize length = 0;
  g_autoptr(GError) error = NULL;
  g_file_get_contents(one->path, &text, &length, &error);
  g_assert_no_error(error);

  g_auto(Seen) whole = look(text, length, length, FALSE, OWN);
  check_best(one, &whole);
  check_all(one, &whole, TRUE);
  g_auto(Seen) stranger = look(text, length, length, FALSE, NULL);
  check_best(one, &stranger);
  check_all(one, &stranger, FALSE);
  for (gsize piece = 1; piece <= 7; piece += 2) {
    g_auto(Seen) cut = look(text, length, piece, FALSE, OWN);
    g_assert_cmpstr(cut.all->str, ==, whole.all->str);
  }
  check_paused(text, length, &whole);
}

static void case_free(gpointer data) {
  Case *one = data;
  g_free(one->path);
  g_strfreev(one->urls);
  g_free(one);
}

static Case *case_new(const char *folder, const char *name, JsonArray *urls) {
  g_autofree char *file = g_strconcat(name, ".txt", NULL);
  Case *one = g_new0(Case, 1);
  one->path = g_build_filename(folder, file, NULL);
  one->urls = g_new0(char *, json_array_get_length(urls) + 1);
  for (guint i = 0; i < json_array_get_length(urls); i++)
    one->urls[i] = g_strdup(json_array_get_string_element(urls, i));
  return one;
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  g_test_init(&argc, &argv, NULL);
  if (argc != 2)
    g_error("usage: test-detect-lines FOLDER");
  g_autofree char *path = g_build_filename(argv[1], "expected.json", NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GError) error = NULL;
  if (!json_parser_load_from_file(parser, path, &error))
    g_error("%s", error->message);
  g_autoptr(GPtrArray) cases = g_ptr_array_new_with_free_func(case_free);
  JsonObject *expected = json_node_get_object(json_parser_get_root(parser));
  g_autoptr(GList) names = json_object_get_members(expected);
  for (GList *at = names; at != NULL; at = at->next) {
    g_autofree char *title = g_strdup_printf("/detect/lines/%s", (const char *)at->data);
    g_ptr_array_add(cases, case_new(argv[1], at->data, json_object_get_array_member(expected, at->data)));
    g_test_add_data_func(title, g_ptr_array_index(cases, cases->len - 1), test_lines);
  }
  return g_test_run();
}
