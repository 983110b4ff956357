#include "control/channel.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

#define LINE_LIMIT (64u * 1024 * 1024)
#define WAITING_LIMIT (64u * 1024 * 1024)
#define CHUNK (64 * 1024)
#define KEPT_BUFFER (256 * 1024) /* larger ones are given back once they are empty */

struct _PinoChannel {
  guint refs; /* the owner's, and one while its events are told */
  int fd;
  PinoChannelEvents events;
  gpointer data;
  GSource *source;
  gpointer tag;
  GString *in;
  gsize scanned; /* of in: no newline before */
  GString *out;
  gsize sent; /* of out */
  gboolean freed;
  gboolean ended;    /* nothing more is read or written */
  gboolean told_end; /* closed was called */
  GError *trouble;
};

typedef struct {
  GSource source;
  PinoChannel *channel;
} ChannelSource;

static void channel_unref(PinoChannel *channel) {
  if (--channel->refs > 0)
    return;
  g_string_free(channel->in, TRUE);
  g_string_free(channel->out, TRUE);
  g_clear_error(&channel->trouble);
  g_free(channel);
}

static gsize waiting(const PinoChannel *channel) {
  return channel->out->len - channel->sent;
}

static void rearm(PinoChannel *channel) {
  if (channel->tag != NULL)
    g_source_modify_unix_fd(channel->source, channel->tag,
                            G_IO_IN | (waiting(channel) > 0 ? G_IO_OUT : (GIOCondition)0));
}

/* The end is told from the loop, never from inside a call of the owner. */
static void end(PinoChannel *channel) {
  if (channel->ended)
    return;
  channel->ended = TRUE;
  if (channel->tag != NULL)
    g_source_remove_unix_fd(channel->source, channel->tag);
  channel->tag = NULL;
  if (channel->source != NULL)
    g_source_set_ready_time(channel->source, 0);
  close(channel->fd);
  channel->fd = -1;
}

static void end_with(PinoChannel *channel, int code, const char *text) {
  if (channel->trouble == NULL && !channel->ended)
    channel->trouble = g_error_new_literal(PINO_ERROR, code, text);
  end(channel);
}

static void end_with_errno(PinoChannel *channel, int errnum, const char *call) {
  if (errnum != EPIPE && errnum != ECONNRESET && channel->trouble == NULL && !channel->ended)
    pino_error_set_errno(&channel->trouble, errnum, call, NULL);
  end(channel);
}

static void forget_sent(PinoChannel *channel) {
  if (channel->sent < channel->out->len && channel->sent < CHUNK)
    return;
  g_string_erase(channel->out, 0, (gssize)channel->sent);
  channel->sent = 0;
  if (channel->out->len == 0 && channel->out->allocated_len > KEPT_BUFFER) {
    g_string_free(channel->out, TRUE);
    channel->out = g_string_new(NULL);
  }
}

/* As much as the socket takes. A side that only stopped reading ours may still have sent something: the end of reading
 * is what ends the channel. */
static void write_out(PinoChannel *channel) {
  while (!channel->ended && waiting(channel) > 0) {
    ssize_t count =
        send(channel->fd, channel->out->str + channel->sent, waiting(channel), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && errno == EAGAIN)
      break;
    if (count < 0) {
      g_string_truncate(channel->out, 0);
      channel->sent = 0;
      return;
    }
    channel->sent += (gsize)count;
  }
  forget_sent(channel);
}

void pino_channel_send(PinoChannel *channel, const char *json) {
  gsize length = strlen(json);
  if (channel->ended || channel->freed)
    return;
  if (length >= WAITING_LIMIT || waiting(channel) + length >= WAITING_LIMIT) {
    end_with(channel, PINO_ERROR_LIMIT, "the other side does not read what is sent to it");
    return;
  }
  g_string_append_len(channel->out, json, (gssize)length);
  g_string_append_c(channel->out, '\n');
  write_out(channel);
  rearm(channel);
}

gboolean pino_channel_flush(PinoChannel *channel, guint timeout_ms) {
  gint64 deadline_us = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
  while (!channel->ended && waiting(channel) > 0) {
    gint64 left_ms = (deadline_us - g_get_monotonic_time() + 999) / 1000;
    struct pollfd wait = {.fd = channel->fd, .events = POLLOUT};
    if (left_ms <= 0 || poll(&wait, 1, (int)MIN(left_ms, G_MAXINT)) == 0)
      break;
    write_out(channel);
  }
  rearm(channel);
  return !channel->ended && waiting(channel) == 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void read_in(PinoChannel *channel) {
  gsize before = channel->in->len;
  g_string_set_size(channel->in, before + CHUNK);
  ssize_t count = recv(channel->fd, channel->in->str + before, CHUNK, MSG_DONTWAIT);
  int errnum = errno;
  g_string_truncate(channel->in, before + (gsize)MAX(count, 0));
  if (count > 0 || (count < 0 && (errnum == EAGAIN || errnum == EINTR)))
    return;
  if (count < 0)
    end_with_errno(channel, errnum, "recv");
  else if (channel->in->len > 0)
    end_with(channel, PINO_ERROR_SYNTAX, "the connection ended in the middle of a message");
  else
    end(channel);
}

static void tell_line(PinoChannel *channel, const char *line, gsize length) {
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  g_autoptr(GError) error = NULL;
  JsonNode *root = NULL;
  if (json_parser_load_from_data(parser, line, (gssize)length, &error))
    root = json_parser_get_root(parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
    g_autofree char *text = g_strdup_printf("what was sent is no JSON object%s%s", error != NULL ? ": " : "",
                                            error != NULL ? error->message : "");
    end_with(channel, PINO_ERROR_SYNTAX, text);
    return;
  }
  if (channel->events.message != NULL)
    channel->events.message(channel, json_node_get_object(root), channel->data);
}

static void forget_read(PinoChannel *channel, gsize length) {
  g_string_erase(channel->in, 0, (gssize)length);
  channel->scanned = 0;
  if (channel->in->len == 0 && channel->in->allocated_len > KEPT_BUFFER) {
    g_string_free(channel->in, TRUE);
    channel->in = g_string_new(NULL);
  }
}

/* Tells the first whole line, if there is one. The line is taken out first: the event may run a nested loop. */
static gboolean tell_next(PinoChannel *channel) {
  char *newline = memchr(channel->in->str + channel->scanned, '\n', channel->in->len - channel->scanned);
  if (newline == NULL) {
    channel->scanned = channel->in->len;
    return FALSE;
  }
  gsize length = (gsize)(newline - channel->in->str);
  g_autofree char *line = g_strndup(channel->in->str, length);
  forget_read(channel, length + 1);
  if (strlen(line) != length)
    end_with(channel, PINO_ERROR_SYNTAX, "what was sent is no JSON object: there is a zero byte in it");
  else
    tell_line(channel, line, length);
  return TRUE;
}

static void tell_lines(PinoChannel *channel) {
  while (!channel->freed && channel->trouble == NULL && tell_next(channel)) {
  }
  if (channel->in->len > LINE_LIMIT)
    end_with(channel, PINO_ERROR_LIMIT, "what was sent is a line of more than 64 MiB");
}

static void tell_end(PinoChannel *channel) {
  if (channel->told_end || channel->freed || !channel->ended)
    return;
  channel->told_end = TRUE;
  g_source_set_ready_time(channel->source, -1);
  if (channel->events.closed != NULL)
    channel->events.closed(channel, channel->trouble, channel->data);
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data) {
  PinoChannel *channel = ((ChannelSource *)source)->channel;
  channel->refs++;
  if (!channel->ended) {
    write_out(channel);
    read_in(channel);
    tell_lines(channel);
    rearm(channel);
  }
  tell_end(channel);
  channel_unref(channel);
  return G_SOURCE_CONTINUE;
}

PinoChannel *pino_channel_new(int fd, const PinoChannelEvents *events, gpointer data) {
  static const GSourceFuncs functions = {.dispatch = dispatch};
  PinoChannel *channel = g_new0(PinoChannel, 1);
  channel->refs = 1;
  channel->fd = fd;
  channel->events = *events;
  channel->data = data;
  channel->in = g_string_new(NULL);
  channel->out = g_string_new(NULL);
  channel->source = g_source_new((GSourceFuncs *)&functions, sizeof(ChannelSource));
  ((ChannelSource *)channel->source)->channel = channel;
  g_source_set_name(channel->source, "channel");
  channel->tag = g_source_add_unix_fd(channel->source, fd, G_IO_IN);
  g_source_attach(channel->source, g_main_context_get_thread_default());
  return channel;
}

void pino_channel_free(PinoChannel *channel) {
  if (channel == NULL || channel->freed)
    return;
  write_out(channel);
  channel->freed = TRUE;
  channel->tag = NULL;
  g_source_destroy(channel->source);
  g_clear_pointer(&channel->source, g_source_unref);
  if (channel->fd >= 0)
    close(channel->fd);
  channel->fd = -1;
  channel->ended = TRUE;
  channel_unref(channel);
}
