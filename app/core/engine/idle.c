/* A machine that is paid for by the hour and does nothing: noticed, told, and stopped when a person wanted that.
 *
 * Samples are taken on a thread, since asking GPUs can take seconds. Settings: idle.after_s (0: never), idle.action, and
 * idle.mode, which says whether it is done or only told. */
#include <libsoup/soup.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cloud/gpu.h"
#include "cloud/idle.h"
#include "cloud/machine.h"
#include "cloud/selfstop.h"
#include "engine/internal.h"
#include "engine/settings.h"

#define LOOKS 20 /* within the time after which something is done */
#define LEAST_MS 200
#define MOST_MS 30000
#define REQUEST_S 60
#define AGAIN_US (120 * G_USEC_PER_SEC)

struct _PinoIdler {
  PinoEngine *engine;
  PinoMachine *machine; /* of the thread that samples */
  PinoGpus *gpus;
  PinoIdle idle;
  PinoIdleSample last;
  gint64 idle_s;
  guint timer;
  gboolean sampling, acted, closing;
  gint64 again_us; /* not before then, after a call that failed */
  char *outcome;   /* of what was done last; may be NULL */
};

static void look_again(PinoIdler *idler);

static void idler_free(PinoIdler *idler) {
  pino_machine_free(idler->machine);
  pino_gpus_free(idler->gpus);
  g_free(idler->outcome);
  g_free(idler);
}

/* --- sampling ------------------------------------------------------------------------------------------------------ */

static int busiest_gpu(PinoGpus *gpus) {
  int most = -1;
  pino_gpus_sample(gpus, NULL);
  const GArray *list = pino_gpus_list(gpus);
  for (guint i = 0; list != NULL && i < list->len; i++)
    most = MAX(most, g_array_index(list, PinoGpuInfo, i).utilisation);
  return most;
}

static void sample(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  PinoIdler *idler = data;
  PinoIdleSample *found = g_new0(PinoIdleSample, 1);
  PinoMachineInfo info;
  guint64 bytes;
  *found =
      (PinoIdleSample){.cpu_percent = -1, .gpu_percent = busiest_gpu(idler->gpus), .bytes_per_second = -1};
  if (pino_machine_sample(idler->machine, NULL, &info, NULL)) {
    found->cpu_percent = info.cpu_percent;
    pino_machine_info_clear(&info);
  }
  if (pino_idle_network("/", &bytes))
    found->bytes_per_second = pino_idle_rate(&idler->idle, g_get_monotonic_time(), bytes);
  g_task_return_pointer(task, found, g_free);
}

/* Something that shows neither in CPU nor in network: it waits for a download's server, or for a person. */
static gboolean is_at_work(PinoEngine *engine) {
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const PinoLive *live = value;
    if (live->state <= PINO_LIVE_STOPPING && live->state != PINO_LIVE_READY)
      return TRUE;
  }
  return FALSE;
}

/* --- what is done -------------------------------------------------------------------------------------------------- */

static void tell(PinoIdler *idler, const char *outcome) {
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "idle");
  g_string_append_printf(event, ",\"idle_s\":%" G_GINT64_FORMAT, idler->idle_s);
  pino_json_append_member(event, "text", outcome);
  g_string_append_c(event, '}');
  g_message("idle: %s", outcome);
  g_free(idler->outcome);
  idler->outcome = g_strdup(outcome);
  pino_engine_tell(idler->engine, g_string_free(event, FALSE));
}

typedef struct {
  PinoEngine *engine;
  SoupSession *session;
  SoupMessage *message;
} Call;

static char *outcome_of(SoupMessage *message, const GError *error) {
  SoupStatus status = soup_message_get_status(message);
  if (error != NULL)
    return g_strdup_printf("the machine could not be stopped: %s", error->message);
  if (SOUP_STATUS_IS_SUCCESSFUL(status))
    return g_strdup("the platform was asked to stop this machine, and said yes");
  return g_strdup_printf("the machine could not be stopped: the platform answered %u %s", status,
                         soup_status_get_phrase(status));
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer data) {
  Call *call = data;
  PinoEngine *engine = call->engine;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) body = soup_session_send_and_read_finish(call->session, result, &error);
  g_autofree char *text = outcome_of(call->message, error);
  if (!engine->closing) {
    tell(engine->idler, text);
    engine->idler->acted = SOUP_STATUS_IS_SUCCESSFUL(soup_message_get_status(call->message));
    engine->idler->again_us = g_get_monotonic_time() + AGAIN_US;
  }
  g_object_unref(call->message);
  g_object_unref(call->session);
  g_free(call);
  pino_engine_drop(engine);
}

/* The key is for this host: redirects are not followed. */
static SoupMessage *compose(const PinoSelfStop *stop) {
  SoupMessage *message = soup_message_new(stop->method, stop->url);
  if (message == NULL)
    return NULL;
  soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
  if (stop->authorization != NULL)
    soup_message_headers_replace(soup_message_get_request_headers(message), "Authorization",
                                 stop->authorization);
  g_autoptr(GBytes) body = g_bytes_new(stop->body, stop->body != NULL ? strlen(stop->body) : 0);
  soup_message_set_request_body_from_bytes(message, "application/json", body);
  return message;
}

static void send_stop(PinoEngine *engine) {
  g_autoptr(PinoPlatform) platform = pino_platform_here(NULL);
  g_autoptr(PinoSelfStop) stop = platform != NULL ? pino_selfstop_find(platform) : NULL;
  if (stop == NULL || !stop->possible) {
    tell(engine->idler, stop != NULL ? stop->why_not : "the platform is not known");
    return;
  }
  SoupMessage *message = compose(stop);
  if (message == NULL) {
    tell(engine->idler, "the address of the platform's call is none");
    return;
  }
  Call *call = g_new0(Call, 1);
  *call = (Call){.engine = pino_engine_hold(engine), .session = soup_session_new(), .message = message};
  soup_session_set_timeout(call->session, REQUEST_S);
  soup_session_send_and_read_async(call->session, message, G_PRIORITY_DEFAULT, NULL, on_answer, call);
}

static void on_apps_stopped(GObject *source, GAsyncResult *result, gpointer data) {
  PinoEngine *engine = data;
  g_autoptr(GError) error = NULL;
  gboolean stopped = pino_engine_stop_finish(engine, result, &error);
  if (!engine->closing && !stopped)
    pino_engine_trouble(engine, "apps could not be stopped", error);
  if (!engine->closing && g_str_equal(pino_setting_text(engine->library, "idle.action"), "stop"))
    send_stop(engine);
  else if (!engine->closing)
    tell(engine->idler, "the apps were stopped");
  pino_engine_drop(engine);
}

/* What would be lost has to have been agreed to. NULL: go on. Free with g_free(). */
static char *why_not(PinoEngine *engine, const char *action) {
  const char *mode = pino_setting_text(engine->library, "idle.mode");
  g_autoptr(PinoPlatform) platform = pino_platform_here(NULL);
  g_autoptr(PinoSelfStop) stop = platform != NULL ? pino_selfstop_find(platform) : NULL;
  gboolean whole = g_str_equal(action, "stop");
  if (whole && (stop == NULL || !stop->possible))
    return g_strdup_printf("the machine would be stopped, but: %s",
                           stop != NULL ? stop->why_not : "its platform is not known");
  if (g_str_equal(mode, "dry-run"))
    return whole ? g_strdup_printf("dry run: the apps would be stopped now, then this machine by %s %s. %s",
                                   stop->method, stop->url, stop->effect)
                 : g_strdup("dry run: the apps would be stopped now");
  if (whole && stop->destroys && !g_str_equal(mode, "lose-data"))
    return g_strdup_printf(
        "this machine is not stopped, because data would be lost (idle.mode is not lose-data). %s",
        stop->effect);
  return NULL;
}

static void act(PinoIdler *idler) {
  PinoEngine *engine = idler->engine;
  const char *action = pino_setting_text(engine->library, "idle.action");
  idler->acted = TRUE;
  if (g_str_equal(action, "tell")) {
    tell(idler, "nothing has been going on here for the time that was set");
    return;
  }
  g_autofree char *reason = why_not(engine, action);
  if (reason != NULL) {
    tell(idler, reason);
    return;
  }
  tell(idler, "stopping the apps");
  pino_engine_stop_app(engine, NULL, on_apps_stopped, pino_engine_hold(engine));
}

static void on_sampled(GObject *source, GAsyncResult *result, gpointer data) {
  PinoIdler *idler = data;
  g_autofree PinoIdleSample *found = g_task_propagate_pointer(G_TASK(result), NULL);
  idler->sampling = FALSE;
  if (idler->closing) {
    idler_free(idler);
    return;
  }
  int after = pino_engine_setting(idler->engine, "idle.after_s");
  idler->last = *found;
  PinoIdleLimits limits = {
      .cpu_percent = pino_engine_setting(idler->engine, "idle.cpu_percent"),
      .gpu_percent = pino_engine_setting(idler->engine, "idle.gpu_percent"),
      .bytes_per_second = 1024.0 * pino_engine_setting(idler->engine, "idle.network_kib"),
  };
  idler->idle_s =
      pino_idle_feed(&idler->idle, g_get_monotonic_time(), found, &limits, is_at_work(idler->engine));
  if (idler->idle_s == 0)
    idler->acted = FALSE;
  if (after > 0 && idler->idle_s >= after && !idler->acted && g_get_monotonic_time() >= idler->again_us)
    act(idler);
  look_again(idler);
}

static gboolean on_time(gpointer data) {
  PinoIdler *idler = data;
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_sampled, idler);
  idler->timer = 0;
  idler->sampling = TRUE;
  g_task_set_task_data(task, idler, NULL);
  g_task_run_in_thread(task, sample);
  return G_SOURCE_REMOVE;
}

/* Nothing is looked at as long as nothing is to be done. */
static void look_again(PinoIdler *idler) {
  int after = pino_engine_setting(idler->engine, "idle.after_s");
  if (after == 0) {
    idler->idle = (PinoIdle){0};
    idler->idle_s = 0;
    return;
  }
  if (idler->machine == NULL) {
    idler->machine = pino_machine_new("/");
    idler->gpus = pino_gpus_new("/");
  }
  guint wait = (guint)CLAMP(after * 1000 / LOOKS, LEAST_MS, MOST_MS);
  idler->timer = g_timeout_add(wait, on_time, idler);
}

/* --- */

PinoIdler *pino_idler_new(PinoEngine *engine) {
  PinoIdler *idler = g_new0(PinoIdler, 1);
  idler->engine = engine;
  idler->last = (PinoIdleSample){.cpu_percent = -1, .gpu_percent = -1, .bytes_per_second = -1};
  return idler;
}

void pino_idler_set(PinoIdler *idler) {
  g_clear_handle_id(&idler->timer, g_source_remove);
  idler->acted = FALSE;
  idler->again_us = 0;
  if (!idler->sampling)
    look_again(idler);
}

void pino_idler_free(PinoIdler *idler) {
  g_clear_handle_id(&idler->timer, g_source_remove);
  idler->closing = TRUE;
  if (!idler->sampling)
    idler_free(idler);
}

static void append_sample(GString *out, const PinoIdleSample *last) {
  char cpu[G_ASCII_DTOSTR_BUF_SIZE], network[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_formatd(cpu, sizeof cpu, "%.1f", last->cpu_percent);
  g_ascii_formatd(network, sizeof network, "%.0f", last->bytes_per_second);
  g_string_append_printf(out, ",\"cpu_percent\":%s", last->cpu_percent >= 0 ? cpu : "null");
  if (last->gpu_percent >= 0)
    g_string_append_printf(out, ",\"gpu_percent\":%d", last->gpu_percent);
  else
    g_string_append(out, ",\"gpu_percent\":null");
  g_string_append_printf(out, ",\"network_bytes_per_s\":%s", last->bytes_per_second >= 0 ? network : "null");
}

GBytes *pino_engine_idle(PinoEngine *engine) {
  const PinoIdler *idler = engine->idler;
  g_autoptr(PinoPlatform) platform = pino_platform_here(NULL);
  g_autoptr(PinoSelfStop) stop = platform != NULL ? pino_selfstop_find(platform) : NULL;
  GString *out = g_string_new(NULL);
  g_string_append_printf(out, "{\"after_s\":%d", pino_engine_setting(engine, "idle.after_s"));
  pino_json_append_member(out, "action", pino_setting_text(engine->library, "idle.action"));
  pino_json_append_member(out, "mode", pino_setting_text(engine->library, "idle.mode"));
  g_string_append_printf(out, ",\"idle_s\":%" G_GINT64_FORMAT, idler->idle_s);
  pino_json_append_member(out, "busy", idler->idle_s == 0 ? idler->idle.why : NULL);
  append_sample(out, &idler->last);
  pino_json_append_member(out, "outcome", idler->outcome);
  pino_json_append_member(out, "platform", platform != NULL ? platform->id : NULL);
  g_string_append(out, ",\"stop\":");
  if (stop != NULL)
    pino_selfstop_append_json(stop, out);
  else
    g_string_append(out, "null");
  g_string_append_c(out, '}');
  return g_string_free_to_bytes(out);
}
