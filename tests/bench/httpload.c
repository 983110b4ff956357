/* Asks an HTTP server for one thing again and again, over kept-alive connections, one request at a time on each, and
 * prints what that took.
 *
 *   httpload PORT|SOCKET PATH CONNECTIONS SECONDS [HEADER]
 *
 * One line of JSON: requests, seconds, per_second, p50_ms, p99_ms, max_ms, bytes (of one body), bad (answers that were
 * not 200).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MOST_CONNECTIONS 256
#define HEAD 8192

typedef struct {
  int fd;
  uint64_t asked_ns;
  char head[HEAD];
  size_t head_length;
  uint64_t body, left; /* bytes of the answer's body; those still to come */
  bool in_body;
} Connection;

typedef struct {
  Connection connections[MOST_CONNECTIONS];
  int count, epoll;
  char request[4096];
  size_t request_length;
  uint32_t *took_us;
  size_t answers, room, bad;
  uint64_t bytes;
} Load;

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "httpload: %s: %s\n", what, errno != 0 ? strerror(errno) : "not what was expected");
  exit(1);
}

static int connect_to(const char *where) {
  if (strchr(where, '/') != NULL) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(where) >= sizeof address.sun_path)
      fail("the socket's path is too long");
    memcpy(address.sun_path, where, strlen(where));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
      fail(where);
    return fd;
  }
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(where))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    fail(where);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void ask(Load *load, Connection *connection) {
  connection->asked_ns = now_ns();
  connection->head_length = 0;
  connection->in_body = false;
  if (send(connection->fd, load->request, load->request_length, MSG_NOSIGNAL) !=
      (ssize_t)load->request_length)
    fail("sending a request");
}

static void answered(Load *load, Connection *connection) {
  if (load->answers == load->room) {
    load->room = load->room == 0 ? 1 << 16 : load->room * 2;
    load->took_us = realloc(load->took_us, load->room * sizeof *load->took_us);
    if (load->took_us == NULL)
      fail("memory");
  }
  load->took_us[load->answers++] = (uint32_t)((now_ns() - connection->asked_ns) / 1000);
  load->bytes = connection->body;
  ask(load, connection);
}

/* The head is whole: how long is the body? */
static void read_head(Load *load, Connection *connection) {
  if (strncmp(connection->head, "HTTP/1.1 200", 12) != 0)
    load->bad++;
  const char *length = strcasestr(connection->head, "\r\nContent-Length:");
  if (length == NULL) {
    errno = 0;
    fail("an answer without Content-Length");
  }
  connection->body = connection->left = strtoull(length + 17, NULL, 10);
  connection->in_body = true;
}

static void take(Load *load, Connection *connection, const char *bytes, size_t count) {
  while (count > 0) {
    if (connection->in_body) {
      size_t part = count < connection->left ? count : (size_t)connection->left;
      connection->left -= part;
      bytes += part;
      count -= part;
    } else {
      if (connection->head_length == HEAD - 1)
        fail("a head that is too long");
      connection->head[connection->head_length++] = *bytes++;
      connection->head[connection->head_length] = '\0';
      count--;
      if (connection->head_length >= 4 &&
          memcmp(connection->head + connection->head_length - 4, "\r\n\r\n", 4) == 0)
        read_head(load, connection);
    }
    if (connection->in_body && connection->left == 0)
      answered(load, connection);
  }
}

static void serve(Load *load, double seconds) {
  uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
  char bytes[1 << 16];
  while (now_ns() < end) {
    struct epoll_event events[MOST_CONNECTIONS];
    int ready = epoll_wait(load->epoll, events, MOST_CONNECTIONS, 100);
    for (int i = 0; i < ready; i++) {
      Connection *connection = events[i].data.ptr;
      ssize_t got = recv(connection->fd, bytes, sizeof bytes, MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN)
        continue;
      if (got <= 0)
        fail("the server hung up");
      take(load, connection, bytes, (size_t)got);
    }
  }
}

static int by_time(const void *one, const void *other) {
  uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
  return (a > b) - (a < b);
}

int main(int argc, char **argv) {
  if (argc < 5 || atoi(argv[3]) < 1 || atoi(argv[3]) > MOST_CONNECTIONS) {
    fprintf(stderr, "usage: httpload PORT|SOCKET PATH CONNECTIONS SECONDS [HEADER]\n");
    return 2;
  }
  Load *load = calloc(1, sizeof *load);
  if (load == NULL)
    fail("memory");
  load->count = atoi(argv[3]);
  load->epoll = epoll_create1(EPOLL_CLOEXEC);
  int length = snprintf(load->request, sizeof load->request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n",
                        argv[2], argc > 5 ? argv[5] : "", argc > 5 ? "\r\n" : "");
  load->request_length = (size_t)length;
  for (int i = 0; i < load->count; i++) {
    Connection *connection = &load->connections[i];
    connection->fd = connect_to(argv[1]);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event);
  }
  uint64_t began = now_ns();
  for (int i = 0; i < load->count; i++)
    ask(load, &load->connections[i]);
  serve(load, atof(argv[4]));
  double seconds = (double)(now_ns() - began) / 1e9;
  if (load->answers == 0) {
    errno = 0;
    fail("no answer came");
  }
  qsort(load->took_us, load->answers, sizeof *load->took_us, by_time);
  printf("{\"requests\": %zu, \"seconds\": %.3f, \"per_second\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
         "\"max_ms\": %.3f, \"bytes\": %llu, \"bad\": %zu}\n",
         load->answers, seconds, (double)load->answers / seconds, load->took_us[load->answers / 2] / 1e3,
         load->took_us[load->answers * 99 / 100] / 1e3, load->took_us[load->answers - 1] / 1e3,
         (unsigned long long)load->bytes, load->bad);
  free(load->took_us);
  free(load);
  return 0;
}
