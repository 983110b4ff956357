#include "gate/visit.h"

#include <string.h>

#include "gate/answer.h"
#include "gate/cookie.h"
#include "gate/exchange.h"
#include "gate/page.h"

#define OWN_PATHS "/.pinokiocloud/"
#define PASSCODE_PATH OWN_PATHS "passcode"
#define HTML "text/html; charset=utf-8"

enum { FORM_MAX = 24 * 1024, PASSCODE_MAX = 4096, NONCE_MAX = 64 };

static PinoSlice path_of(const PinoHead *head) {
  const char *query = memchr(head->target.text, '?', head->target.length);
  return (PinoSlice){head->target.text,
                     query != NULL ? (gsize)(query - head->target.text) : head->target.length};
}

static gboolean is_path(PinoSlice path, const char *wanted) {
  return path.length == strlen(wanted) && pino_slice_starts(path, wanted);
}

static gboolean is_nonce(PinoSlice nonce) {
  for (gsize i = 0; i < nonce.length; i++) {
    if (!g_ascii_isalnum(nonce.text[i]))
      return FALSE;
  }
  return nonce.length > 0 && nonce.length <= NONCE_MAX;
}

/* The engine asks whether a public address leads to this gate. */
static void answer_check(PinoConnection *connection, const PinoHead *head) {
  gsize path = strlen(PINO_GATE_CHECK_PATH);
  PinoSlice query = {head->target.text + path + 1, head->target.length - MIN(head->target.length, path + 1)},
            pair;
  PinoSlice nonce = {NULL, 0};
  while (query.length > 0 && pino_slice_next(&query, '&', &pair)) {
    if (pino_slice_starts(pair, "nonce="))
      nonce = (PinoSlice){pair.text + 6, pair.length - 6};
  }
  if (!is_nonce(nonce)) {
    pino_answer_problem(connection, 400, "No nonce", "Ask with ?nonce= and 1 to 64 letters and digits.",
                        NULL);
    return;
  }
  g_autofree char *text = g_strndup(nonce.text, nonce.length);
  g_autofree char *proof = pino_gate_proof(pino_routes_config(connection->gate->routes)->key, text);
  pino_answer(connection, &(PinoAnswer){.status = 200, .type = "text/plain", .body = proof});
}

static gint64 seconds_now(void) {
  return g_get_real_time() / G_USEC_PER_SEC;
}

static gboolean has_token(const PinoHead *head, const PinoGateShare *share) {
  PinoSlice value = pino_head_get(head, PINO_FIELD_AUTHORIZATION);
  if (share->token == NULL || value.length < 7 || g_ascii_strncasecmp(value.text, "Bearer ", 7) != 0)
    return FALSE;
  value = pino_slice_trim((PinoSlice){value.text + 7, value.length - 7});
  return pino_gate_same(value.text, value.length, share->token, strlen(share->token));
}

static gboolean has_cookie(const PinoConnection *connection, const PinoHead *head) {
  const char *key = pino_routes_config(connection->routes)->key;
  for (guint i = 0; i < head->count; i++) {
    const PinoField *field = &head->fields[i];
    if (field->kind == PINO_FIELD_COOKIE && pino_cookie_is_in(field->value) &&
        pino_cookie_allows(key, connection->share, field->value, seconds_now()))
      return TRUE;
  }
  return FALSE;
}

/* The last of what an agent says: what is before it the client may have said itself. */
static void find_client(PinoConnection *connection, const PinoHead *head) {
  PinoSlice list = {NULL, 0}, item = {connection->peer, strlen(connection->peer)};
  for (guint i = 0; i < head->count && connection->peer_is_agent; i++) {
    if (head->fields[i].kind == PINO_FIELD_FORWARDED_FOR && head->fields[i].value.length > 0)
      list = head->fields[i].value;
  }
  while (pino_slice_next(&list, ',', &item))
    continue;
  pino_limiter_client(item.text, item.length, connection->client);
}

static void answer_html(PinoConnection *connection, guint status, const char *page, const char *more) {
  pino_answer(connection, &(PinoAnswer){.status = status, .type = HTML, .body = page, .more = more});
}

static void ask_passcode(PinoConnection *connection, guint status, const char *next, const char *trouble,
                         guint wait) {
  g_autoptr(GString) more = g_string_new(NULL);
  if (status == 401)
    g_string_append(more, "WWW-Authenticate: Bearer realm=\"pinokiocloud\"\r\n");
  if (wait > 0)
    g_string_append_printf(more, "Retry-After: %u\r\n", wait);
  if (!connection->html) {
    pino_answer_problem(connection, status, status == 429 ? "Too many wrong tries" : "A passcode is needed",
                        trouble != NULL ? trouble : "Send the token as \"Authorization: Bearer TOKEN\".",
                        more->str);
    return;
  }
  g_string_append(more, "Content-Security-Policy: frame-ancestors 'self'\r\n");
  g_autofree char *target = pino_form_target(next);
  g_autofree char *page = pino_page_form(connection->share->title, target, trouble);
  answer_html(connection, status, page, more->str);
}

static void deny(PinoConnection *connection, const PinoHead *head) {
  g_autofree char *next = g_strndup(head->target.text, head->target.length);
  connection->html = connection->html && (connection->head_only || pino_slice_is(head->method, "GET"));
  ask_passcode(connection, 401, next, NULL, 0);
}

/* Another site's page lets its visitors guess, which would be counted for them. Old browsers do not say. */
static gboolean comes_from_elsewhere(const PinoHead *head) {
  PinoSlice site = pino_head_get(head, PINO_FIELD_FETCH_SITE);
  return site.length > 0 && !pino_slice_is(site, "same-origin") && !pino_slice_is(site, "none");
}

static void begin_form(PinoConnection *connection, const PinoHead *head) {
  PinoSlice type = pino_head_get(head, PINO_FIELD_CONTENT_TYPE), first = {NULL, 0};
  (void)pino_slice_next(&type, ';', &first);
  if (!pino_slice_is(head->method, "POST") || comes_from_elsewhere(head)) {
    deny(connection, head);
    return;
  }
  if (!pino_slice_is(first, "application/x-www-form-urlencoded")) {
    pino_answer_problem(connection, 415, pino_page_reason(415),
                        "Send the form as application/x-www-form-urlencoded.", NULL);
    return;
  }
  connection->up.body.bare = TRUE;
  g_string_truncate(connection->down.head, 0);
  connection->down.head_sent = 0;
  if (head->expects_continue && !connection->up.body.done)
    g_string_append(connection->down.head, "HTTP/1.1 100 Continue\r\n\r\n");
  connection->place = PINO_AT_FORM;
}

static void answer_own(PinoConnection *connection, const PinoHead *head) {
  if (is_path(path_of(head), PASSCODE_PATH))
    begin_form(connection, head);
  else
    pino_answer_problem(connection, 404, pino_page_reason(404), "The gate has no such page.", NULL);
}

static void answer_unknown(PinoConnection *connection) {
  pino_answer_problem(connection, 421, "Nothing is shared here",
                      "This address leads to no app any more. Ask whoever gave it to you for a new one.",
                      NULL);
}

static void pass(PinoConnection *connection, const PinoHead *head, PinoSlice host, gboolean bearer) {
  const PinoForward forward = {.host = host,
                               .https = connection->https,
                               .peer = connection->peer,
                               .peer_is_agent = connection->peer_is_agent,
                               .hide_bearer = bearer};
  pino_exchange_begin(connection, &forward);
}

static gboolean is_idempotent(PinoSlice method) {
  static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
  for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
    if (pino_slice_is(method, methods[i]))
      return TRUE;
  }
  return FALSE;
}

static void note_request(PinoConnection *connection, const PinoHead *head) {
  PinoSlice accept = pino_head_get(head, PINO_FIELD_ACCEPT);
  connection->minor = head->minor;
  connection->keep = !head->close && (head->minor == 1 || head->keep_alive);
  connection->head_only = is_path(head->method, "HEAD");
  connection->html = accept.length > 0 && memmem(accept.text, accept.length, "text/html", 9) != NULL;
  connection->https = !pino_slice_is(pino_head_get(head, PINO_FIELD_FORWARDED_PROTO), "http");
  connection->idempotent = is_idempotent(head->method);
  pino_body_begin(&connection->up.body, head->body, head->length, FALSE);
}

void pino_visit_begin(PinoConnection *connection) {
  PinoGate *gate = connection->gate;
  const PinoHead *head = &gate->head;
  note_request(connection, head);
  if (is_path(path_of(head), PINO_GATE_CHECK_PATH)) {
    answer_check(connection, head);
    return;
  }
  PinoSlice host = head->host;
  connection->routes = pino_routes_ref(gate->routes);
  connection->share = pino_routes_find(connection->routes, host);
  if (connection->share == NULL) {
    host = pino_head_get(head, PINO_FIELD_FORWARDED_HOST);
    if (pino_head_is_host(host))
      connection->share = pino_routes_find(connection->routes, host);
  }
  if (connection->share == NULL) {
    answer_unknown(connection);
    return;
  }
  if (pino_slice_starts(head->target, OWN_PATHS)) {
    find_client(connection, head);
    answer_own(connection, head);
    return;
  }
  gboolean bearer = has_token(head, connection->share);
  if (bearer || connection->share->passcode == NULL || has_cookie(connection, head))
    pass(connection, head, host, bearer);
  else
    deny(connection, head);
}

static void let_in(PinoConnection *connection, const char *next) {
  const PinoGateShare *share = connection->share;
  g_autofree char *target = pino_form_target(next);
  g_autoptr(GString) more = g_string_new(NULL);
  g_string_append_printf(more, "Location: %s\r\n", target);
  if (share->passcode != NULL) {
    g_autofree char *value =
        pino_cookie_make(pino_routes_config(connection->routes)->key, share, seconds_now());
    g_string_append_printf(more, "Set-Cookie: %s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s\r\n",
                           PINO_COOKIE_NAME, value, PINO_COOKIE_SECONDS, connection->https ? "; Secure" : "");
  }
  pino_answer(connection, &(PinoAnswer){.status = 303, .more = more->str});
}

static void refuse_for(PinoConnection *connection, guint status, const char *next, guint wait) {
  g_autofree char *text = g_strdup("That is not the passcode. Try again.");
  if (status == 429) {
    gboolean long_wait = wait >= 120;
    guint count = long_wait ? (wait + 59) / 60 : wait;
    g_free(text);
    text = g_strdup_printf("Too many wrong tries. Try again in %u %s%s.", count,
                           long_wait ? "minute" : "second", count == 1 ? "" : "s");
  }
  ask_passcode(connection, status, next, text, wait);
}

static void try_passcode(PinoConnection *connection, PinoSlice form) {
  PinoLimiter *limiter = connection->gate->limiter;
  const PinoGateShare *share = connection->share;
  gint64 now = pino_loop_now(connection->gate->loop);
  g_autofree char *next = pino_form_value(form, "next");
  g_autofree char *passcode = pino_form_value(form, "passcode");
  if (share->passcode == NULL) {
    let_in(connection, next);
    return;
  }
  guint wait = pino_limiter_wait(limiter, share->id, connection->client, now);
  if (wait > 0) {
    refuse_for(connection, 429, next, wait);
    return;
  }
  if (passcode != NULL && strlen(passcode) <= PASSCODE_MAX &&
      pino_gate_unseal_check(share->passcode, passcode)) {
    pino_limiter_right(limiter, share->id, connection->client);
    let_in(connection, next);
    return;
  }
  wait = pino_limiter_wrong(limiter, share->id, connection->client, now);
  refuse_for(connection, wait > 1 ? 429 : 401, next, wait);
}

gboolean pino_visit_read_form(PinoConnection *connection) {
  PinoStream *up = &connection->up;
  (void)pino_stream_drain(&connection->down, &connection->socket);
  if (!pino_body_scan(&up->body, up->block, &up->ready, &up->scan, up->end)) {
    pino_answer_refuse(connection, 400);
    return TRUE;
  }
  if (up->ready - up->start > FORM_MAX) {
    pino_answer_refuse(connection, 413);
    return TRUE;
  }
  if (up->body.done) {
    try_passcode(connection,
                 (PinoSlice){up->block != NULL ? up->block + up->start : NULL, up->ready - up->start});
    return TRUE;
  }
  return pino_connection_read(connection);
}
