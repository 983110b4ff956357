#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "server/internal.h"
#include "server/tail.h"

#define LOG_MOST (4 * 1024 * 1024) /* bytes of one answer */
#define LOG_USUAL (1024 * 1024)

static void answer_shells(PinoCall *call) {
  pino_call_answer(call, SOUP_STATUS_OK, NULL, pino_engine_shells(pino_call_engine(call)));
}

static void answer_shell(PinoCall *call) {
  GError *error = NULL;
  GBytes *view = pino_engine_shell(pino_call_engine(call), pino_call_name(call, 0), &error);
  if (view == NULL)
    pino_call_fail(call, error);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, view);
}

/* A log that is not there yet, or no more, is empty. */
static GBytes *read_log(const char *path, guint64 offset, gsize limit, GError **error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT)
    return g_bytes_new_static("", 0);
  off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
  gsize there = end > 0 && (guint64)end > offset ? (gsize)((guint64)end - offset) : 0;
  limit = MIN(limit, there);
  g_autofree char *buffer = g_malloc(limit + 1);
  gssize count = fd >= 0 ? pread(fd, buffer, limit, (off_t)offset) : -1;
  int saved = errno;
  if (fd >= 0)
    close(fd);
  if (count < 0) {
    pino_error_set_errno(error, saved, "read", path);
    return NULL;
  }
  return g_bytes_new_take(g_steal_pointer(&buffer), (gsize)count);
}

static void answer_log(PinoCall *call) {
  GError *error = NULL;
  PinoOffset offset;
  guint64 limit;
  if (!pino_call_query_offset(call, "offset", &offset) ||
      !pino_call_query_number(call, "limit", LOG_USUAL, LOG_MOST, &limit))
    return;
  g_autofree char *path = pino_engine_shell_log(pino_call_engine(call), pino_call_name(call, 0), &error);
  if (path != NULL && offset.from_end)
    offset.bytes = pino_tail_find(path, offset.bytes, PINO_LOG_LINE);
  GBytes *bytes = path != NULL ? read_log(path, offset.bytes, (gsize)limit, &error) : NULL;
  if (bytes == NULL) {
    pino_call_fail(call, error);
    return;
  }
  char next[24];
  g_snprintf(next, sizeof next, "%" G_GUINT64_FORMAT, offset.bytes + g_bytes_get_size(bytes));
  pino_call_header(call, "X-Next-Offset", next);
  pino_call_answer(call, SOUP_STATUS_OK, "application/octet-stream", bytes);
}

static void done(PinoCall *call, gboolean good, guint status, GError *error) {
  if (good)
    pino_call_done(call, status);
  else
    pino_call_fail(call, error);
}

static void type_input(PinoCall *call) {
  GError *error = NULL;
  gsize length;
  const char *bytes = g_bytes_get_data(pino_call_body(call), &length);
  gboolean good = length == 0 || pino_engine_shell_write(pino_call_engine(call), pino_call_name(call, 0),
                                                         bytes, length, &error);
  done(call, good, SOUP_STATUS_OK, error);
}

static void resize(PinoCall *call) {
  GError *error = NULL;
  gboolean good = pino_engine_shell_resize(pino_call_engine(call), pino_call_name(call, 0),
                                           (guint)pino_call_number(call, "cols", 0),
                                           (guint)pino_call_number(call, "rows", 0), &error);
  done(call, good, SOUP_STATUS_OK, error);
}

static void stop(PinoCall *call) {
  GError *error = NULL;
  gboolean good = pino_engine_shell_stop(pino_call_engine(call), pino_call_name(call, 0), &error);
  done(call, good, SOUP_STATUS_ACCEPTED, error);
}

static const PinoMember size_members[] = {
    {"cols", PINO_MEMBER_NUMBER, TRUE, 1, 1000},
    {"rows", PINO_MEMBER_NUMBER, TRUE, 1, 1000},
    {NULL, 0, FALSE, 0, 0},
};
static const PinoMember no_members[] = {{NULL, 0, FALSE, 0, 0}};

const PinoRoute pino_routes_shells[] = {
    {"GET", "/v1/shells", answer_shells, 0, NULL},
    {"GET", "/v1/shells/{shell}", answer_shell, 0, NULL},
    {"GET", "/v1/shells/{shell}/log", answer_log, 0, NULL},
    {"POST", "/v1/shells/{shell}/input", type_input, PINO_ROUTE_RAW, NULL},
    {"POST", "/v1/shells/{shell}/resize", resize, 0, size_members},
    {"POST", "/v1/shells/{shell}/stop", stop, 0, no_members},
    {"WS", "/v1/shells/{shell}/terminal", pino_stream_shell, 0, NULL},
    {NULL, NULL, NULL, 0, NULL},
};
