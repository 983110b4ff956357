#include "engine/health.h"

#include "engine/probe.h"

#include <gio/gio.h>

#define FIRST_WAIT_MS 250
#define LONGEST_WAIT_MS 5000
#define TIMEOUT_MS 5000
#define MISSES 3
#define MOST_ON_THEIR_WAY 16
#define SECOND_US G_USEC_PER_SEC
/* The golden ratio's fraction: its multiples fall evenly into the interval, however many there are. */
#define SPREAD 0.6180339887

typedef struct {
  PinoHealth *health;
  guint id;
  char *url;
  PinoHealthChanged changed;
  gpointer data;
  PinoHealthState state;
  guint misses;
  guint wait_ms;    /* until it first answers: the next wait */
  gint64 due;       /* monotonic */
  PinoProbe *probe; /* on its way */
  gboolean get;     /* HEAD is refused there */
} Check;

struct _PinoHealth {
  GMainContext *context;
  guint interval_s;
  guint last_id;
  GHashTable *checks; /* id -> Check, owned */
  guint on_their_way;
  GSource *timer; /* until the next is due; NULL: nothing is to be waited for */
  gint64 timer_due;
};

static void plan(PinoHealth *health);

const char *pino_health_state_name(PinoHealthState state) {
  static const char *const names[] = {"unknown", "up", "down"};
  return names[state];
}

/* --- one answer ----------------------------------------------------------------------------------------- */

/* On whole seconds, so that those of many apps come in one turn of the loop. */
static gint64 whole_second(gint64 time) {
  return (time + SECOND_US - 1) / SECOND_US * SECOND_US;
}

static gint64 next_due(Check *check, PinoHealthState before) {
  gint64 now = g_get_monotonic_time();
  gint64 interval = (gint64)check->health->interval_s * SECOND_US;
  if (check->state == PINO_HEALTH_UNKNOWN) {
    gint64 wait = (gint64)check->wait_ms * 1000;
    check->wait_ms = MIN(check->wait_ms * 2, LONGEST_WAIT_MS);
    return now + wait;
  }
  if (before != PINO_HEALTH_UNKNOWN)
    return whole_second(now + interval - SECOND_US / 2);
  double share = SPREAD * check->id - (double)(guint)(SPREAD * check->id);
  return whole_second(now + (gint64)((double)interval * share));
}

/* The check may be gone afterwards. */
static void settle(Check *check, gboolean alive) {
  PinoHealthState before = check->state;
  check->misses = alive ? 0 : check->misses + 1;
  if (alive)
    check->state = PINO_HEALTH_UP;
  else if (before == PINO_HEALTH_UP && check->misses >= MISSES)
    check->state = PINO_HEALTH_DOWN;
  check->due = next_due(check, before);
  plan(check->health);
  if (check->state != before)
    check->changed(check->health, check->id, check->state, check->data);
}

static void on_done(int status, gpointer data);

static void ask(Check *check) {
  check->probe = pino_probe_start(check->url, check->get, TIMEOUT_MS, on_done, check);
  check->health->on_their_way++;
}

static void on_done(int status, gpointer data) {
  Check *check = data;
  gboolean alive = status > 0 && status < 500;
  check->probe = NULL;
  check->health->on_their_way--;
  if (!alive && !check->get && status != PINO_PROBE_SILENT) {
    /* Some servers know no HEAD and say so with an error, or not at all. */
    check->get = TRUE;
    ask(check);
    return;
  }
  if (!alive)
    check->get = FALSE;
  settle(check, alive);
}

/* --- when ----------------------------------------------------------------------------------------------- */

static int by_due(gconstpointer a, gconstpointer b) {
  const Check *const *first = a, *const *second = b;
  return ((*first)->due > (*second)->due) - ((*first)->due < (*second)->due);
}

/* Those that wait for their time, the earliest first. */
static GPtrArray *waiting(PinoHealth *health) {
  GPtrArray *list = g_ptr_array_new();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, health->checks);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Check *check = value;
    if (check->probe == NULL)
      g_ptr_array_add(list, check);
  }
  g_ptr_array_sort(list, by_due);
  return list;
}

static void stop_timer(PinoHealth *health) {
  if (health->timer == NULL)
    return;
  g_source_destroy(health->timer);
  g_clear_pointer(&health->timer, g_source_unref);
}

static gboolean on_timer(gpointer data) {
  PinoHealth *health = data;
  stop_timer(health);
  gint64 now = g_get_monotonic_time();
  g_autoptr(GPtrArray) list = waiting(health);
  for (guint i = 0; i < list->len && health->on_their_way < MOST_ON_THEIR_WAY; i++) {
    Check *check = list->pdata[i];
    if (check->due > now)
      break;
    ask(check);
  }
  plan(health);
  return G_SOURCE_REMOVE;
}

/* When all ways are taken, the end of one of them plans again. */
static void plan(PinoHealth *health) {
  gint64 earliest = G_MAXINT64;
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, health->checks);
  while (health->on_their_way < MOST_ON_THEIR_WAY && g_hash_table_iter_next(&iter, NULL, &value)) {
    const Check *check = value;
    if (check->probe == NULL)
      earliest = MIN(earliest, check->due);
  }
  if (health->timer != NULL && health->timer_due == earliest)
    return;
  stop_timer(health);
  if (earliest == G_MAXINT64)
    return;
  health->timer_due = earliest;
  health->timer = g_timeout_source_new(0);
  g_source_set_ready_time(health->timer, earliest);
  g_source_set_callback(health->timer, on_timer, health, NULL);
  g_source_attach(health->timer, health->context);
}

/* --- for those who ask ---------------------------------------------------------------------------------- */

static void check_free(gpointer data) {
  Check *check = data;
  if (check->probe != NULL) {
    pino_probe_cancel(check->probe);
    check->health->on_their_way--;
  }
  g_free(check->url);
  g_free(check);
}

PinoHealth *pino_health_new(guint interval_s) {
  PinoHealth *health = g_new0(PinoHealth, 1);
  health->context = g_main_context_ref_thread_default();
  health->interval_s = MAX(interval_s, 1);
  health->checks = g_hash_table_new_full(NULL, NULL, NULL, check_free);
  return health;
}

void pino_health_free(PinoHealth *health) {
  if (health == NULL)
    return;
  stop_timer(health);
  g_hash_table_unref(health->checks);
  g_main_context_unref(health->context);
  g_free(health);
}

void pino_health_set_interval(PinoHealth *health, guint interval_s) {
  gint64 latest = g_get_monotonic_time() + (gint64)MAX(interval_s, 1) * SECOND_US;
  GHashTableIter iter;
  gpointer value;
  health->interval_s = MAX(interval_s, 1);
  g_hash_table_iter_init(&iter, health->checks);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Check *check = value;
    check->due = MIN(check->due, latest);
  }
  plan(health);
}

guint pino_health_add(PinoHealth *health, const char *url, PinoHealthChanged changed, gpointer data) {
  if (!pino_probe_can_ask(url))
    return 0;
  Check *check = g_new0(Check, 1);
  check->health = health;
  check->id = ++health->last_id;
  check->url = g_strdup(url);
  check->changed = changed;
  check->data = data;
  check->wait_ms = FIRST_WAIT_MS;
  check->due = g_get_monotonic_time();
  g_hash_table_insert(health->checks, GUINT_TO_POINTER(check->id), check);
  plan(health);
  return check->id;
}

void pino_health_remove(PinoHealth *health, guint id) {
  if (g_hash_table_remove(health->checks, GUINT_TO_POINTER(id)))
    plan(health);
}

PinoHealthState pino_health_state(PinoHealth *health, guint id) {
  const Check *check = g_hash_table_lookup(health->checks, GUINT_TO_POINTER(id));
  return check != NULL ? check->state : PINO_HEALTH_UNKNOWN;
}
