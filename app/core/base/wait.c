#include "base/wait.h"

#include "base/error.h"

static gboolean on_cancelled(GCancellable *cancellable, gpointer data) {
  return G_SOURCE_CONTINUE;
}

static gboolean fail_if_cancelled(GCancellable *cancellable, GError **error) {
  if (!g_cancellable_is_cancelled(cancellable))
    return FALSE;
  g_set_error_literal(error, PINO_ERROR, PINO_ERROR_CANCELLED, "cancelled");
  return TRUE;
}

gboolean pino_wait(const gboolean *done, GCancellable *cancellable, GError **error) {
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
  g_autoptr(GSource) wakeup = NULL;
  if (cancellable != NULL) {
    wakeup = g_cancellable_source_new(cancellable);
    g_source_set_callback(wakeup, G_SOURCE_FUNC(on_cancelled), NULL, NULL);
    g_source_attach(wakeup, context);
  }
  gboolean cancelled = FALSE;
  while (!*done && !(cancelled = fail_if_cancelled(cancellable, error)))
    g_main_context_iteration(context, TRUE);
  if (wakeup != NULL)
    g_source_destroy(wakeup);
  return !cancelled;
}

static gboolean on_elapsed(gpointer data) {
  *(gboolean *)data = TRUE;
  return G_SOURCE_REMOVE;
}

gboolean pino_wait_ms(guint ms, GCancellable *cancellable, GError **error) {
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
  g_autoptr(GSource) timer = g_timeout_source_new(ms);
  gboolean elapsed = FALSE;
  g_source_set_callback(timer, on_elapsed, &elapsed, NULL);
  g_source_attach(timer, context);
  gboolean ok = pino_wait(&elapsed, cancellable, error);
  g_source_destroy(timer);
  return ok;
}
