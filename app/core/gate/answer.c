#include "gate/answer.h"

#include <string.h>

#include "gate/page.h"

#define PAGE_LINES                                                                                           \
  "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri "    \
  "'none'\r\n"

static void append_head(GString *out, const PinoConnection *connection, const PinoAnswer *answer,
                        gsize length) {
  g_string_append_printf(out, "HTTP/1.1 %u %s\r\n", answer->status, pino_page_reason(answer->status));
  if (answer->type != NULL)
    g_string_append_printf(out, "Content-Type: %s\r\n", answer->type);
  g_string_append_printf(out, "Content-Length: %" G_GSIZE_FORMAT "\r\nCache-Control: no-store\r\n", length);
  g_string_append(out, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n");
  if (answer->type != NULL && g_str_has_prefix(answer->type, "text/html"))
    g_string_append(out, PAGE_LINES);
  if (answer->more != NULL)
    g_string_append(out, answer->more);
  if (!connection->keep)
    g_string_append(out, "Connection: close\r\n");
  else if (connection->minor == 0)
    g_string_append(out, "Connection: keep-alive\r\n");
  g_string_append(out, "\r\n");
}

void pino_answer(PinoConnection *connection, const PinoAnswer *answer) {
  PinoStream *up = &connection->up, *down = &connection->down;
  gsize length = answer->body != NULL ? strlen(answer->body) : 0;
  pino_connection_release(connection);
  if (!up->body.done)
    connection->keep = FALSE;
  up->start = up->ready = up->scan; /* what follows is the next request */
  g_string_truncate(up->head, 0);
  up->head_sent = 0;
  pino_stream_drop(down, connection->gate->blocks);
  if (pino_stream_is_drained(down)) {
    g_string_truncate(down->head, 0);
    down->head_sent = 0;
  }
  append_head(down->head, connection, answer, length);
  if (length > 0 && !connection->head_only)
    g_string_append_len(down->head, answer->body, (gssize)length);
  connection->place = PINO_AT_ANSWER;
}

void pino_answer_problem(PinoConnection *connection, guint status, const char *title, const char *text,
                         const char *more) {
  g_autofree char *body =
      connection->html ? pino_page_message(title, text) : pino_page_problem(status, title, text);
  pino_answer(connection, &(PinoAnswer){.status = status,
                                        .type = connection->html ? "text/html; charset=utf-8"
                                                                 : "application/problem+json",
                                        .body = body,
                                        .more = more});
}

void pino_answer_refuse(PinoConnection *connection, guint status) {
  static const struct {
    guint status;
    const char *text;
  } texts[] = {
      {400, "This request is not what HTTP allows."},
      {408, "The request took too long to arrive."},
      {413, "The form is too large."},
      {431, "The request's headers are larger than 32 KiB."},
      {501, "This gate leads to apps only."},
      {503, "Too many connections are open. Try again in a moment."},
      {505, "This gate speaks HTTP/1.1 and HTTP/1.0."},
  };
  const char *text = pino_page_reason(status);
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
    text = texts[i].status == status ? texts[i].text : text;
  connection->keep = FALSE;
  pino_answer_problem(connection, status, pino_page_reason(status), text, NULL);
}
