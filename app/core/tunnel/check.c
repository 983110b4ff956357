#include "tunnel/check.h"

#include <string.h>

#include "base/error.h"
#include "gate/config.h"

#define ANSWER_BYTES 512

struct _PinoCheck {
  PinoCheckDone done;
  gpointer data;
  char *proof; /* NULL: any page will do */
  SoupMessage *message;
  GCancellable *cancellable;
  GInputStream *stream;
  GSource *deadline;
  gboolean cancelled, late;
  gsize filled;
  char answer[ANSWER_BYTES];
};

static void check_free(PinoCheck *check) {
  g_source_destroy(check->deadline);
  g_source_unref(check->deadline);
  g_clear_object(&check->stream);
  g_clear_object(&check->message);
  g_object_unref(check->cancellable);
  g_free(check->proof);
  g_free(check);
}

static void finish(PinoCheck *check, const char *why) {
  if (!check->cancelled)
    check->done(why, check->data);
  check_free(check);
}

static void finish_with(PinoCheck *check, GError *error) {
  g_autoptr(GError) owned = error;
  finish(check, check->late ? "it does not answer in time" : owned->message);
}

static void judge(PinoCheck *check) {
  guint status = soup_message_get_status(check->message);
  gsize wanted = check->proof != NULL ? strlen(check->proof) : 0;
  gboolean good = check->proof == NULL ? status < 500 && status != 404
                                       : status == 200 && check->filled >= wanted &&
                                             memcmp(check->answer, check->proof, wanted) == 0;
  g_autofree char *why = good ? NULL : g_strdup_printf("it answers %u, and not from here", status);
  finish(check, why);
}

static void read_on(PinoCheck *check);

static void on_read(GObject *source, GAsyncResult *result, gpointer data) {
  PinoCheck *check = data;
  GError *error = NULL;
  gssize got = g_input_stream_read_finish(G_INPUT_STREAM(source), result, &error);
  if (got < 0) {
    finish_with(check, error);
    return;
  }
  check->filled += (gsize)got;
  if (got == 0 || check->filled == sizeof check->answer)
    judge(check);
  else
    read_on(check);
}

static void read_on(PinoCheck *check) {
  g_input_stream_read_async(check->stream, check->answer + check->filled,
                            sizeof check->answer - check->filled, G_PRIORITY_DEFAULT, check->cancellable,
                            on_read, check);
}

static void on_sent(GObject *source, GAsyncResult *result, gpointer data) {
  PinoCheck *check = data;
  GError *error = NULL;
  check->stream = soup_session_send_finish(SOUP_SESSION(source), result, &error);
  if (check->stream == NULL)
    finish_with(check, error);
  else if (check->proof == NULL)
    judge(check);
  else
    read_on(check);
}

static gboolean on_late(gpointer data) {
  PinoCheck *check = data;
  check->late = TRUE;
  g_cancellable_cancel(check->cancellable);
  return G_SOURCE_REMOVE;
}

static gboolean on_bad_address(gpointer data) {
  finish(data, "it is no address that can be asked");
  return G_SOURCE_REMOVE;
}

/* takes proof over. */
static PinoCheck *start(SoupSession *session, const char *url, char *proof, guint timeout_ms,
                        PinoCheckDone done, gpointer data) {
  PinoCheck *check = g_new0(PinoCheck, 1);
  *check = (PinoCheck){.done = done, .data = data, .proof = proof, .cancellable = g_cancellable_new()};
  check->message = soup_message_new("GET", url);
  check->deadline = g_timeout_source_new(check->message != NULL ? timeout_ms : 0);
  g_source_set_callback(check->deadline, check->message != NULL ? on_late : on_bad_address, check, NULL);
  g_source_attach(check->deadline, g_main_context_get_thread_default());
  if (check->message == NULL)
    return check;
  SoupMessageHeaders *headers = soup_message_get_request_headers(check->message);
  /* Pages that ngrok and LocalTunnel put before a browser's first visit. */
  soup_message_headers_append(headers, "ngrok-skip-browser-warning", "1");
  soup_message_headers_append(headers, "Bypass-Tunnel-Reminder", "1");
  soup_message_set_flags(check->message, SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_NEW_CONNECTION);
  soup_session_send_async(session, check->message, G_PRIORITY_DEFAULT, check->cancellable, on_sent, check);
  return check;
}

PinoCheck *pino_check_gate(SoupSession *session, const char *public_url, const char *key, guint timeout_ms,
                           PinoCheckDone done, gpointer data) {
  g_autofree char *uuid = g_uuid_string_random();
  g_auto(GStrv) parts = g_strsplit(uuid, "-", -1);
  g_autofree char *nonce = g_strjoinv("", parts);
  gsize length = strlen(public_url);
  while (length > 0 && public_url[length - 1] == '/')
    length--;
  g_autofree char *url =
      g_strdup_printf("%.*s" PINO_GATE_CHECK_PATH "?nonce=%s", (int)length, public_url, nonce);
  return start(session, url, pino_gate_proof(key, nonce), timeout_ms, done, data);
}

PinoCheck *pino_check_page(SoupSession *session, const char *public_url, guint timeout_ms, PinoCheckDone done,
                           gpointer data) {
  return start(session, public_url, NULL, timeout_ms, done, data);
}

void pino_check_cancel(PinoCheck *check) {
  check->cancelled = TRUE;
  if (check->message == NULL)
    check_free(check);
  else
    g_cancellable_cancel(check->cancellable);
}
