/* Anything from the internet: a head that is taken goes on as one that means the same, and bodies end at the same place in
 * whatever pieces they come. */
#include <string.h>

#include "gate/forward.h"
#include "gate/limiter.h"
#include "gate/page.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static gsize end_of(const char *text, gsize length) {
  gsize looked = 0, end = 0, whole = pino_head_end(text, length, &looked);
  looked = 0;
  for (gsize there = 0; there <= length && end == 0; there++)
    end = pino_head_end(text, there, &looked);
  g_assert_true(end == whole);
  return whole;
}

static gboolean equal(PinoSlice a, PinoSlice b) {
  return a.length == b.length && (a.length == 0 || memcmp(a.text, b.text, a.length) == 0);
}

static void check_request(const char *text, gsize length) {
  g_autofree PinoHead *head = g_new0(PinoHead, 1), *again = g_new0(PinoHead, 1);
  g_autoptr(GString) out = g_string_new(NULL);
  if (pino_head_parse_request(head, text, length) != 0 || head->host.length == 0)
    return;
  pino_forward_request(out, head,
                       &(PinoForward){.host = head->host, .peer = "127.0.0.1", .peer_is_agent = TRUE});
  guint status = pino_head_parse_request(again, out->str, out->len);
  g_assert_true(status == 0 || status == 431); /* it may have got a field more than are allowed */
  if (status != 0)
    return;
  g_assert_true(equal(head->method, again->method) && equal(head->target, again->target));
  g_assert_true(equal(head->host, again->host));
  g_assert_true(head->body == again->body && head->length == again->length);
}

static void check_response(const char *text, gsize length, gboolean to_head) {
  g_autofree PinoHead *head = g_new0(PinoHead, 1), *again = g_new0(PinoHead, 1);
  g_autoptr(GString) out = g_string_new(NULL);
  if (!pino_head_parse_response(head, text, length, to_head))
    return;
  pino_forward_response(out, head, &(PinoBack){.keep = TRUE, .minor = 1});
  g_assert_true(pino_head_parse_response(again, out->str, out->len, to_head));
  g_assert_true(head->status == again->status && head->body == again->body);
  g_assert_true(head->body != PINO_BODY_LENGTH || head->length == again->length);
}

static gsize feed(const char *text, gsize length, gsize piece, gboolean bare, GString *out, gboolean *good) {
  PinoBody body;
  gsize ready = 0, scan = 0;
  g_autofree char *data = g_memdup2(text, length);
  pino_body_begin(&body, PINO_BODY_CHUNKED, 0, bare);
  *good = TRUE;
  for (gsize end = 0; end < length && *good;) {
    end = MIN(end + piece, length);
    *good = pino_body_scan(&body, data, &ready, &scan, end);
  }
  g_string_append_len(out, data, (gssize)ready);
  return scan;
}

static void check_body(const char *text, gsize length) {
  for (guint bare = 0; bare < 2; bare++) {
    g_autoptr(GString) one = g_string_new(NULL);
    g_autoptr(GString) two = g_string_new(NULL);
    gboolean first, second;
    gsize a = feed(text, length, length, bare == 1, one, &first),
          b = feed(text, length, 1, bare == 1, two, &second);
    g_assert_true(first == second);
    g_assert_true(!first || (a == b && g_string_equal(one, two)));
  }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  const char *text = (const char *)data;
  char key[64];
  if (size == 0)
    return 0;
  gsize end = end_of(text, size);
  if (end > 0) {
    check_request(text, end);
    check_response(text, end, FALSE);
    check_response(text, end, TRUE);
  }
  check_body(text, size);
  g_autofree char *value = pino_form_value((PinoSlice){text, size}, "a");
  g_autofree char *target = pino_form_target(value);
  g_assert_true(target[0] == '/' && target[1] != '/' && target[1] != '\\' &&
                strpbrk(target, "\r\n\t \\") == NULL);
  pino_limiter_client(text, size, key);
  return 0;
}
