#include "gate/forward.h"

#include <string.h>

#include "gate/cookie.h"

static void append_line(GString *out, const char *name, PinoSlice value) {
  g_string_append(out, name);
  g_string_append_len(out, ": ", 2);
  pino_slice_append(out, value);
  g_string_append_len(out, "\r\n", 2);
}

static void append_field(GString *out, const PinoField *field) {
  pino_slice_append(out, field->name);
  g_string_append_len(out, ": ", 2);
  pino_slice_append(out, field->value);
  g_string_append_len(out, "\r\n", 2);
}

static void append_cookies(GString *out, const PinoField *field) {
  if (!pino_cookie_is_in(field->value)) {
    append_field(out, field);
    return;
  }
  gsize before = out->len;
  g_string_append(out, "Cookie: ");
  if (pino_cookie_append_others(out, field->value))
    g_string_append(out, "\r\n");
  else
    g_string_truncate(out, before);
}

/* Whoever sent it to the gate's neighbour; the neighbour too, unless it is an agent that belongs to the gate. */
static void append_forwarded_for(GString *out, const PinoHead *head, const PinoForward *forward) {
  gboolean any = FALSE;
  g_string_append(out, "X-Forwarded-For: ");
  for (guint i = 0; i < head->count; i++) {
    const PinoField *field = &head->fields[i];
    if (field->kind != PINO_FIELD_FORWARDED_FOR || field->value.length == 0)
      continue;
    g_string_append(out, any ? ", " : "");
    pino_slice_append(out, field->value);
    any = TRUE;
  }
  if (!any || !forward->peer_is_agent) {
    g_string_append(out, any ? ", " : "");
    g_string_append(out, forward->peer);
  }
  g_string_append(out, "\r\n");
}

gboolean pino_forward_upgrades(const PinoHead *head) {
  PinoSlice list = head->upgrade, item;
  if (head->upgrade.length == 0 || head->body != PINO_BODY_NONE)
    return FALSE;
  while (pino_slice_next(&list, ',', &item)) {
    if (pino_slice_is(item, "h2c")) /* HTTP once more, past the gate */
      return FALSE;
  }
  return TRUE;
}

static void append_request_field(GString *out, const PinoField *field, const PinoForward *forward) {
  switch (field->kind) {
  case PINO_FIELD_HOP:
  case PINO_FIELD_CONNECTION:
  case PINO_FIELD_UPGRADE:
  case PINO_FIELD_HOST:
  case PINO_FIELD_TRANSFER_ENCODING:
  case PINO_FIELD_FORWARDED_FOR:
  case PINO_FIELD_FORWARDED_HOST:
  case PINO_FIELD_FORWARDED_PROTO:
    return;
  case PINO_FIELD_AUTHORIZATION:
    if (!forward->hide_bearer)
      append_field(out, field);
    return;
  case PINO_FIELD_COOKIE:
    append_cookies(out, field);
    return;
  default:
    append_field(out, field);
  }
}

void pino_forward_request(GString *out, const PinoHead *head, const PinoForward *forward) {
  pino_slice_append(out, head->method);
  g_string_append_c(out, ' ');
  pino_slice_append(out, head->target);
  g_string_append(out, " HTTP/1.1\r\n");
  append_line(out, "Host", forward->host);
  for (guint i = 0; i < head->count; i++)
    append_request_field(out, &head->fields[i], forward);
  if (head->body == PINO_BODY_CHUNKED)
    g_string_append(out, "Transfer-Encoding: chunked\r\n");
  append_forwarded_for(out, head, forward);
  g_string_append(out, forward->https ? "X-Forwarded-Proto: https\r\n" : "X-Forwarded-Proto: http\r\n");
  append_line(out, "X-Forwarded-Host", forward->host);
  if (pino_forward_upgrades(head)) {
    append_line(out, "Upgrade", head->upgrade);
    g_string_append(out, "Connection: Upgrade\r\n");
  }
  g_string_append(out, "\r\n");
}

/* The length of what has no body at all: whoever waited for that would take the next answer for it. */
static gboolean frames_nothing(const PinoHead *head, PinoFieldKind kind) {
  return (head->status < 200 || head->status == 204) &&
         (kind == PINO_FIELD_CONTENT_LENGTH || kind == PINO_FIELD_TRANSFER_ENCODING);
}

void pino_forward_response(GString *out, const PinoHead *head, const PinoBack *back) {
  gboolean lengths = FALSE;
  g_string_append_printf(out, "HTTP/1.1 %03u ", head->status);
  pino_slice_append(out, head->reason);
  g_string_append(out, "\r\n");
  for (guint i = 0; i < head->count; i++) {
    const PinoField *field = &head->fields[i];
    if (field->kind == PINO_FIELD_HOP || field->kind == PINO_FIELD_CONNECTION ||
        field->kind == PINO_FIELD_UPGRADE || frames_nothing(head, field->kind))
      continue;
    if (field->kind == PINO_FIELD_TRANSFER_ENCODING && back->bare)
      continue;
    if (field->kind == PINO_FIELD_CONTENT_LENGTH && (lengths || head->both))
      continue;
    lengths = lengths || field->kind == PINO_FIELD_CONTENT_LENGTH;
    append_field(out, field);
  }
  if (back->guarded)
    g_string_append(out, "CDN-Cache-Control: no-store\r\n"); /* browsers do as the app says */
  if (head->status == 101 || head->status == 426) {
    append_line(out, "Upgrade", pino_head_get(head, PINO_FIELD_UPGRADE));
    g_string_append(out, "Connection: Upgrade\r\n");
  } else if (!back->keep && head->status >= 200) {
    g_string_append(out, "Connection: close\r\n");
  } else if (back->minor == 0) {
    g_string_append(out, "Connection: keep-alive\r\n");
  }
  g_string_append(out, "\r\n");
}
