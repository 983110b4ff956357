/* Requests that two programs could read in two ways are refused; answers are read as far as they make sense. */
#include <string.h>

#include "gate/forward.h"
#include "gate/head.h"

static guint parse(PinoHead *head, const char *text) {
  gsize looked = 0, length = strlen(text);
  g_assert_cmpuint(pino_head_end(text, length, &looked), ==, length);
  return pino_head_parse_request(head, text, length);
}

typedef struct {
  guint status;
  const char *text;
} Case;

static void check(const Case *cases, gsize count) {
  g_autofree PinoHead *head = g_new0(PinoHead, 1);
  for (gsize i = 0; i < count; i++) {
    guint status = parse(head, cases[i].text);
    if (status != cases[i].status)
      g_test_message("%s", cases[i].text);
    g_assert_cmpuint(status, ==, cases[i].status);
  }
}

#define GET "GET / HTTP/1.1\r\nHost: a.example\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a.example\r\n"

static void test_smuggling(void) {
  static const Case cases[] = {
      {0, GET "\r\n"},
      {0, POST "Content-Length: 5\r\n\r\n"},
      {0, POST "Transfer-Encoding: Chunked \r\n\r\n"},
      {400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
      {400, POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"},
      {400, POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"},
      {400, POST "Content-Length: 5, 5\r\n\r\n"},
      {400, POST "Content-Length: +5\r\n\r\n"},
      {400, POST "Content-Length: -5\r\n\r\n"},
      {400, POST "Content-Length: 0x5\r\n\r\n"},
      {400, POST "Content-Length: 5 5\r\n\r\n"},
      {400, POST "Content-Length:\r\n\r\n"},
      {400, POST "Content-Length: 99999999999999999999\r\n\r\n"},
      {400, POST "Content-Length : 5\r\n\r\n"},
      {400, POST "Content-Length\t: 5\r\n\r\n"},
      {400, POST "Transfer-Encoding : chunked\r\n\r\n"},
      {400, POST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
      {400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n"},
      {400, POST "Transfer-Encoding: identity\r\n\r\n"},
      {400, POST "Transfer-Encoding: xchunked\r\n\r\n"},
      {400, POST "Transfer-Encoding: \"chunked\"\r\n\r\n"},
      {400, POST "Transfer-Encoding:\vchunked\r\n\r\n"},
      {400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"},
      {400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, GET " folded: yes\r\n\r\n"},
      {400, GET "A: b\r\n folded\r\n\r\n"},
      {400, GET "A: b\r\n\tfolded\r\n\r\n"},
      {400, GET "A: b\n\r\n"},
      {400, GET "A: b\rC: d\r\n\r\n"},
      {400, GET "A: b\r\n\n"},
      {400, "GET / HTTP/1.1\nHost: a\n\n"},
      {400, GET "A: b\001\r\n\r\n"},
      {400, GET "A: b\177\r\n\r\n"},
      {400, GET "A b: c\r\n\r\n"},
      {400, GET "A\303\244: c\r\n\r\n"},
      {400, GET ": c\r\n\r\n"},
      {400, GET "no colon\r\n\r\n"},
      {0, GET "A: \303\244\t b\r\n\r\n"},
  };
  check(cases, G_N_ELEMENTS(cases));
}

static void test_request_lines(void) {
  static const Case cases[] = {
      {400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
      {400, "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /\r\nHost: a\r\n\r\n"},
      {400, "GET\r\nHost: a\r\n\r\n"},
      {400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /\001 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http://a@b/x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
      {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {505, "PRI * HTTP/2.0\r\n\r\n"},
      {505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
      {501, "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {0, "GET / HTTP/1.0\r\n\r\n"},
      {0, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
      {0, "GET /\303\244?x=%00 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
  };
  check(cases, G_N_ELEMENTS(cases));
}

static void test_absolute_target(void) {
  g_autofree PinoHead *head = g_new0(PinoHead, 1);
  g_assert_cmpuint(parse(head, "GET http://b.example:80/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n"), ==, 0);
  g_assert_true(pino_slice_is(head->host, "b.example:80"));
  g_assert_true(pino_slice_is(head->target, "/x?y"));
  g_assert_cmpuint(parse(head, "GET HTTPS://b.example HTTP/1.1\r\nHost: a.example\r\n\r\n"), ==, 0);
  g_assert_true(pino_slice_is(head->target, "/"));
}

static void test_too_many_fields(void) {
  g_autofree PinoHead *head = g_new0(PinoHead, 1);
  g_autoptr(GString) text = g_string_new(GET);
  for (guint i = 1; i < PINO_HEAD_FIELDS; i++)
    g_string_append(text, "A: b\r\n");
  g_autofree char *fits = g_strconcat(text->str, "\r\n", NULL);
  g_autofree char *more = g_strconcat(text->str, "A: b\r\n\r\n", NULL);
  g_assert_cmpuint(parse(head, fits), ==, 0);
  g_assert_cmpuint(parse(head, more), ==, 431);
}

/* However the bytes come, the end is found where it is. */
static void test_end(void) {
  static const char *const heads[] = {GET "\r\n", "GET / HTTP/1.1\nHost: a\n\n", GET "A: b\r\n\n"};
  for (gsize i = 0; i < G_N_ELEMENTS(heads); i++) {
    gsize length = strlen(heads[i]), looked = 0;
    g_autofree char *followed = g_strconcat(heads[i], "more\r\n\r\n", NULL);
    for (gsize there = 0; there < length; there++)
      g_assert_cmpuint(pino_head_end(followed, there, &looked), ==, 0);
    g_assert_cmpuint(pino_head_end(followed, strlen(followed), &looked), ==, length);
  }
}

static char *forward(const char *text, gboolean agent) {
  g_autofree PinoHead *head = g_new0(PinoHead, 1);
  g_assert_cmpuint(parse(head, text), ==, 0);
  GString *out = g_string_new(NULL);
  const PinoForward told = {.host = head->host, .https = TRUE, .peer = "10.0.0.9", .peer_is_agent = agent};
  pino_forward_request(out, head, &told);
  return g_string_free(out, FALSE);
}

#define SENT_END "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n"

static void test_hop_by_hop(void) {
  g_autofree char *sent = forward(
      GET "Connection: keep-alive, X-Mine, Host, X-Forwarded-For\r\nKeep-Alive: 5\r\nX-Mine: 1\r\nTE: "
          "trailers\r\n"
          "Trailer: X\r\nUpgrade: h2c\r\nProxy-Connection: x\r\nProxy-Authorization: y\r\nProxy: z\r\n"
          "x-forwarded-for: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Host: evil\r\n"
          "X-Forwarded-Proto: ftp\r\nCookie: a=b\r\nX-Kept: c\r\n\r\n",
      TRUE);
  g_assert_cmpstr(sent, ==,
                  GET "Cookie: a=b\r\nX-Kept: c\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n" SENT_END "\r\n");
  g_autofree char *direct = forward(GET "X-Forwarded-For: 1.1.1.1\r\n\r\n", FALSE);
  g_assert_cmpstr(direct, ==, GET "X-Forwarded-For: 1.1.1.1, 10.0.0.9\r\n" SENT_END "\r\n");
}

static void test_upgrades(void) {
  g_autofree char *socket =
      forward(GET "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n", TRUE);
  g_assert_cmpstr(socket, ==,
                  GET "X-Forwarded-For: 10.0.0.9\r\n" SENT_END
                      "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  g_autofree char *h2c = forward(
      GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket, h2c\r\nHTTP2-Settings: AA\r\n\r\n",
      TRUE);
  g_assert_cmpstr(h2c, ==, GET "X-Forwarded-For: 10.0.0.9\r\n" SENT_END "\r\n");
}

static gboolean answers(PinoHead *head, const char *text, gboolean to_head) {
  return pino_head_parse_response(head, text, strlen(text), to_head);
}

static void test_responses(void) {
  static const struct {
    gboolean good, to_head;
    const char *text;
    PinoBodyKind body;
  } cases[] = {
      {TRUE, FALSE, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", PINO_BODY_LENGTH},
      {TRUE, TRUE, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", PINO_BODY_NONE},
      {TRUE, FALSE, "HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n", PINO_BODY_NONE},
      {TRUE, FALSE, "HTTP/1.1 204\r\n\r\n", PINO_BODY_NONE},
      {TRUE, FALSE, "HTTP/1.1 103 Early\r\n\r\n", PINO_BODY_NONE},
      {TRUE, FALSE, "HTTP/1.1 101 Switching\r\n\r\n", PINO_BODY_UNTIL_CLOSE},
      {TRUE, FALSE, "HTTP/1.0 200 OK\n\n", PINO_BODY_UNTIL_CLOSE},
      {TRUE, FALSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
       PINO_BODY_CHUNKED},
      {TRUE, FALSE, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", PINO_BODY_LENGTH},
      {TRUE, FALSE, "HTTP/1.1 200 OK\r\nodd line\r\nSpace : x\r\nContent-Length: 5\r\n\r\n",
       PINO_BODY_LENGTH},
      {FALSE, FALSE, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 0},
      {FALSE, FALSE, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 0},
      {FALSE, FALSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 0},
      {FALSE, FALSE, "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", 0},
      {FALSE, FALSE, "HTTP/1.1 99 OK\r\n\r\n", 0},
      {FALSE, FALSE, "HTTP/1.1 200OK\r\n\r\n", 0},
      {FALSE, FALSE, "SSH-2.0-OpenSSH\r\n\r\n", 0},
      {FALSE, FALSE, "\r\n\r\n", 0},
  };
  g_autofree PinoHead *head = g_new0(PinoHead, 1);
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    gboolean good = answers(head, cases[i].text, cases[i].to_head);
    if (good != cases[i].good)
      g_test_message("%s", cases[i].text);
    g_assert_cmpint(good, ==, cases[i].good);
    if (good)
      g_assert_cmpint(head->body, ==, cases[i].body);
  }
}

static void test_response_goes_on(void) {
  g_autofree PinoHead *head = g_new0(PinoHead, 1);
  g_autoptr(GString) out = g_string_new(NULL);
  g_assert_true(
      answers(head,
              "HTTP/1.0 200 Fine, thanks\nTransfer-Encoding: chunked\nContent-Length: 5\nConnection: X-A\n"
              "X-A: 1\nKeep-Alive: 5\nSet-Cookie: a\nSet-Cookie: b\nProxy-Authenticate: c\n\n",
              FALSE));
  pino_forward_response(out, head, &(PinoBack){TRUE, 1, FALSE, FALSE});
  g_assert_cmpstr(
      out->str, ==,
      "HTTP/1.1 200 Fine, thanks\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n");
  g_string_truncate(out, 0);
  pino_forward_response(out, head, &(PinoBack){FALSE, 0, TRUE, FALSE});
  g_assert_cmpstr(out->str, ==,
                  "HTTP/1.1 200 Fine, thanks\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nConnection: close\r\n\r\n");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gate/head/what-can-be-read-in-two-ways-is-refused", test_smuggling);
  g_test_add_func("/gate/head/request-lines", test_request_lines);
  g_test_add_func("/gate/head/absolute-target-names-the-host", test_absolute_target);
  g_test_add_func("/gate/head/fields-are-bounded", test_too_many_fields);
  g_test_add_func("/gate/head/end-is-found-however-bytes-come", test_end);
  g_test_add_func("/gate/head/hop-by-hop-stays-here", test_hop_by_hop);
  g_test_add_func("/gate/head/upgrades-but-not-to-http", test_upgrades);
  g_test_add_func("/gate/head/responses", test_responses);
  g_test_add_func("/gate/head/response-goes-on-clean", test_response_goes_on);
  return g_test_run();
}
