/* The line between the engine and its runners, over real sockets. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wait.h"
#include "control/channel.h"

#define PATIENCE_MS 20000

typedef struct {
  PinoChannel *channel;
  GPtrArray *heard; /* JSON texts */
  guint wanted;
  gboolean enough; /* wanted messages were heard */
  gboolean closed;
  guint closings;
  GError *error;
  gboolean free_in_message;
} Side;

static void on_message(PinoChannel *channel, JsonObject *message, gpointer data) {
  Side *side = data;
  g_autoptr(JsonNode) node = json_node_alloc();
  json_node_init_object(node, message);
  g_ptr_array_add(side->heard, json_to_string(node, FALSE));
  side->enough = side->heard->len >= side->wanted;
  if (side->free_in_message)
    g_clear_pointer(&side->channel, pino_channel_free);
}

static void on_closed(PinoChannel *channel, const GError *error, gpointer data) {
  Side *side = data;
  side->closed = TRUE;
  side->closings++;
  g_clear_error(&side->error);
  side->error = error != NULL ? g_error_copy(error) : NULL;
}

static const PinoChannelEvents events = {on_message, on_closed};

static void open_side(Side *side, int fd) {
  *side = (Side){.heard = g_ptr_array_new_with_free_func(g_free), .wanted = 1};
  side->channel = pino_channel_new(fd, &events, side);
}

static void close_side(Side *side) {
  pino_channel_free(side->channel);
  g_ptr_array_unref(side->heard);
  g_clear_error(&side->error);
}

static gboolean on_late(gpointer data) {
  g_error("waited in vain");
  return G_SOURCE_REMOVE;
}

static void await(const gboolean *done) {
  guint late = g_timeout_add(PATIENCE_MS, on_late, NULL);
  g_assert_true(pino_wait(done, NULL, NULL));
  g_source_remove(late);
}

static void make_pair(int ends[2]) {
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
}

static void write_all(int fd, const char *text, gsize length) {
  while (length > 0) {
    ssize_t count = send(fd, text, length, MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) {
      g_main_context_iteration(NULL, FALSE);
      continue;
    }
    g_assert_cmpint(count, >, 0);
    text += count;
    length -= (gsize)count;
  }
}

static void test_both_ways(void) {
  int ends[2];
  Side a, b;
  make_pair(ends);
  open_side(&a, ends[0]);
  open_side(&b, ends[1]);
  b.wanted = 3;
  pino_channel_send(a.channel, "{\"type\":\"one\"}");
  pino_channel_send(a.channel, "{\"type\":\"two\",\"text\":\"\\u00e9\\n\"}");
  pino_channel_send(a.channel, "{}");
  pino_channel_send(b.channel, "{\"type\":\"back\"}");
  await(&b.enough);
  await(&a.enough);
  g_assert_cmpstr(b.heard->pdata[0], ==, "{\"type\":\"one\"}");
  g_assert_cmpstr(b.heard->pdata[1], ==, "{\"type\":\"two\",\"text\":\"é\\n\"}");
  g_assert_cmpstr(b.heard->pdata[2], ==, "{}");
  g_assert_cmpstr(a.heard->pdata[0], ==, "{\"type\":\"back\"}");
  g_clear_pointer(&a.channel, pino_channel_free);
  await(&b.closed);
  g_assert_no_error(b.error);
  pino_channel_send(b.channel, "{}"); /* nobody hears it, nothing happens */
  while (g_main_context_iteration(NULL, FALSE)) {
  }
  g_assert_cmpuint(b.closings, ==, 1);
  close_side(&a);
  close_side(&b);
}

/* What is larger than the socket's buffer waits and arrives whole, in order; the sender never blocks. */
static void test_large(void) {
  int ends[2];
  Side a, b;
  make_pair(ends);
  open_side(&a, ends[0]);
  open_side(&b, ends[1]);
  enum { COUNT = 5, SIZE = 3000000 };
  g_autofree char *filler = g_strnfill(SIZE, 'x');
  for (int i = 0; i < COUNT; i++) {
    g_autofree char *json = g_strdup_printf("{\"n\":%d,\"text\":\"%s\"}", i, filler);
    pino_channel_send(a.channel, json);
  }
  g_assert_cmpuint(b.heard->len, ==, 0);
  g_assert_false(pino_channel_flush(a.channel, 0));
  b.wanted = COUNT;
  await(&b.enough);
  for (int i = 0; i < COUNT; i++) {
    g_autofree char *start = g_strdup_printf("{\"n\":%d,", i);
    g_assert_true(g_str_has_prefix(b.heard->pdata[i], start));
    g_assert_cmpuint(strlen(b.heard->pdata[i]), >, SIZE);
  }
  g_assert_true(pino_channel_flush(a.channel, 1000));
  close_side(&a);
  close_side(&b);
}

/* A message that arrives byte by byte, and two in one piece. */
static void test_pieces(void) {
  int ends[2];
  Side side;
  make_pair(ends);
  open_side(&side, ends[0]);
  const char *text = "{\"type\":\"slow\"}\n";
  for (const char *at = text; *at != '\0'; at++) {
    g_assert_cmpuint(side.heard->len, ==, 0);
    write_all(ends[1], at, 1);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
  }
  await(&side.enough);
  side.wanted = 3;
  side.enough = FALSE;
  const char *two = "{\"n\":1}\n{\"n\":2}\n{\"n\":";
  write_all(ends[1], two, strlen(two));
  await(&side.enough);
  g_assert_cmpuint(side.heard->len, ==, 3);
  close(ends[1]);
  await(&side.closed);
  g_assert_error(side.error, PINO_ERROR, PINO_ERROR_SYNTAX); /* in the middle of a message */
  close_side(&side);
}

/* What follows a wrong line is not looked at; what came before it was told. */
static void test_wrong(gconstpointer data) {
  int ends[2];
  Side side;
  make_pair(ends);
  open_side(&side, ends[0]);
  g_autofree char *text = g_strdup_printf("{\"n\":1}\n%s\n{\"n\":2}\n", (const char *)data);
  write_all(ends[1], text, strlen(text));
  await(&side.closed);
  g_assert_error(side.error, PINO_ERROR, PINO_ERROR_SYNTAX);
  g_assert_cmpuint(side.heard->len, ==, 1);
  g_assert_cmpuint(side.closings, ==, 1);
  char byte;
  g_assert_cmpint(recv(ends[1], &byte, 1, 0), <=, 0);
  close(ends[1]);
  close_side(&side);
}

static void test_zero_byte(void) {
  int ends[2];
  Side side;
  make_pair(ends);
  open_side(&side, ends[0]);
  write_all(ends[1], "{}\0\n", 4);
  await(&side.closed);
  g_assert_error(side.error, PINO_ERROR, PINO_ERROR_SYNTAX);
  close(ends[1]);
  close_side(&side);
}

static void test_endless_line(void) {
  int ends[2];
  Side side;
  make_pair(ends);
  open_side(&side, ends[0]);
  g_autofree char *filler = g_strnfill(1024 * 1024, 'x');
  while (!side.closed) {
    ssize_t count = send(ends[1], filler, 1024 * 1024, MSG_NOSIGNAL);
    g_assert_true(count > 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
    g_main_context_iteration(NULL, FALSE);
  }
  g_assert_error(side.error, PINO_ERROR, PINO_ERROR_LIMIT);
  close(ends[1]);
  close_side(&side);
}

static void test_never_reads(void) {
  int ends[2];
  Side side;
  make_pair(ends);
  open_side(&side, ends[0]);
  g_autofree char *filler = g_strnfill(1024 * 1024, 'x');
  g_autofree char *json = g_strdup_printf("{\"t\":\"%s\"}", filler);
  for (int i = 0; i < 70; i++)
    pino_channel_send(side.channel, json);
  g_assert_false(side.closed); /* told from the loop only */
  await(&side.closed);
  g_assert_error(side.error, PINO_ERROR, PINO_ERROR_LIMIT);
  close(ends[1]);
  close_side(&side);
}

static void test_freed_in_message(void) {
  int ends[2];
  Side side;
  make_pair(ends);
  open_side(&side, ends[0]);
  side.free_in_message = TRUE;
  write_all(ends[1], "{}\n{}\n{}\n", 9);
  await(&side.enough);
  while (g_main_context_iteration(NULL, FALSE)) {
  }
  g_assert_cmpuint(side.heard->len, ==, 1);
  g_assert_false(side.closed);
  close(ends[1]);
  close_side(&side);
}

/* The last words of a channel that is freed at once are heard. */
static void test_last_words(void) {
  int ends[2];
  Side a, b;
  make_pair(ends);
  open_side(&a, ends[0]);
  open_side(&b, ends[1]);
  pino_channel_send(a.channel, "{\"type\":\"ended\"}");
  close_side(&a);
  await(&b.closed);
  g_assert_cmpuint(b.heard->len, ==, 1);
  g_assert_no_error(b.error);
  close_side(&b);
}

/* --- sockets ----------------------------------------------------------------------------------------------------- */

typedef struct {
  char *folder;
  char *path;
} Place;

/* Longer than a socket's path may be. */
static void make_place(Place *place) {
  g_autofree char *name = g_strnfill(90, 'd');
  char *base = g_dir_make_tmp("pino-control-XXXXXX", NULL);
  g_autofree char *inner = g_build_filename(base, name, name, NULL);
  g_assert_cmpint(g_mkdir_with_parents(inner, 0700), ==, 0);
  place->folder = base;
  place->path = g_build_filename(inner, "control.sock", NULL);
}

static void clear_place(Place *place) {
  g_autofree char *inner = g_path_get_dirname(place->path);
  g_autofree char *middle = g_path_get_dirname(inner);
  g_unlink(place->path);
  g_rmdir(inner);
  g_rmdir(middle);
  g_rmdir(place->folder);
  g_free(place->path);
  g_free(place->folder);
}

static void test_socket(void) {
  Place place;
  make_place(&place);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(pino_control_connect(place.path, &error), ==, -1);
  g_assert_error(error, PINO_ERRNO, ENOENT);
  g_clear_error(&error);
  int listener = pino_control_listen(place.path, &error);
  g_assert_no_error(error);
  struct stat info;
  g_assert_cmpint(stat(place.path, &info), ==, 0);
  g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
  int client = pino_control_connect(place.path, &error);
  g_assert_no_error(error);
  int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  g_assert_cmpint(server, >=, 0);
  g_assert_true(pino_control_is_ours(server));
  g_assert_false(pino_control_is_ours(STDOUT_FILENO));
  Side a, b;
  open_side(&a, client);
  open_side(&b, server);
  pino_channel_send(a.channel, "{\"type\":\"hello\"}");
  await(&b.enough);
  close_side(&a);
  close_side(&b);
  close(listener);
  clear_place(&place);
}

static void test_second_listener(void) {
  Place place;
  make_place(&place);
  g_autoptr(GError) error = NULL;
  int first = pino_control_listen(place.path, &error);
  g_assert_no_error(error);
  g_assert_cmpint(pino_control_listen(place.path, &error), ==, -1);
  g_assert_error(error, PINO_ERRNO, EADDRINUSE);
  g_clear_error(&error);
  close(first); /* as a killed engine leaves it */
  g_assert_cmpint(pino_control_connect(place.path, &error), ==, -1);
  g_assert_error(error, PINO_ERRNO, ECONNREFUSED);
  g_clear_error(&error);
  int second = pino_control_listen(place.path, &error);
  g_assert_no_error(error);
  int client = pino_control_connect(place.path, &error);
  g_assert_no_error(error);
  close(client);
  close(second);
  clear_place(&place);
}

/* A file that is no socket stays. */
static void test_in_the_way(void) {
  Place place;
  make_place(&place);
  g_autoptr(GError) error = NULL;
  g_assert_true(g_file_set_contents(place.path, "mine", -1, NULL));
  g_assert_cmpint(pino_control_listen(place.path, &error), ==, -1);
  g_assert_error(error, PINO_ERRNO, EADDRINUSE);
  g_assert_true(g_file_test(place.path, G_FILE_TEST_IS_REGULAR));
  clear_place(&place);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/control/channel/both-ways-and-end", test_both_ways);
  g_test_add_func("/control/channel/large-messages-arrive-whole", test_large);
  g_test_add_func("/control/channel/pieces", test_pieces);
  g_test_add_data_func("/control/channel/wrong/no-json", "not json", test_wrong);
  g_test_add_data_func("/control/channel/wrong/array", "[1]", test_wrong);
  g_test_add_data_func("/control/channel/wrong/empty-line", "", test_wrong);
  g_test_add_data_func("/control/channel/wrong/bad-utf8", "{\"a\":\"\xff\"}", test_wrong);
  g_test_add_func("/control/channel/wrong/zero-byte", test_zero_byte);
  g_test_add_func("/control/channel/endless-line-ends-it", test_endless_line);
  g_test_add_func("/control/channel/reader-that-never-reads-is-given-up", test_never_reads);
  g_test_add_func("/control/channel/freed-in-message", test_freed_in_message);
  g_test_add_func("/control/channel/last-words-are-heard", test_last_words);
  g_test_add_func("/control/socket/long-path-private-and-ours", test_socket);
  g_test_add_func("/control/socket/one-listener-and-a-dead-one-replaced", test_second_listener);
  g_test_add_func("/control/socket/other-file-is-left-alone", test_in_the_way);
  return g_test_run();
}
