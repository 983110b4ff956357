#include "tunnel/bar.h"

#define GOOD_US (10 * 60 * G_USEC_PER_SEC)

typedef enum { KIND_USUAL, KIND_LIMIT, KIND_MISSING, KIND_TOKEN, KINDS } Kind;

static const struct {
  gint64 first_s, last_s;
} WAITS[KINDS] = {
    [KIND_USUAL] = {5, 10 * 60},
    [KIND_LIMIT] = {5 * 60, 60 * 60},
    [KIND_MISSING] = {10 * 60, 10 * 60},
    [KIND_TOKEN] = {0, 0}, /* no time ends it */
};

static const Kind KIND_OF[] = {
    [PINO_TUNNEL_ENDED] = KIND_USUAL,     [PINO_TUNNEL_SILENT] = KIND_USUAL,
    [PINO_TUNNEL_LIMITED] = KIND_LIMIT,   [PINO_TUNNEL_TOKEN] = KIND_TOKEN,
    [PINO_TUNNEL_MISSING] = KIND_MISSING, [PINO_TUNNEL_UNREACHABLE] = KIND_USUAL,
};

typedef struct {
  gint64 until;
  PinoTunnelFailure why; /* of the failure that until is of */
  gint64 wait_s[KINDS];  /* the last one; 0: none yet */
  gint64 good_since;     /* 0: something failed since the last good check */
} Bar;

struct _PinoBars {
  GHashTable *bars; /* id to Bar */
  gint64 (*now)(gpointer data);
  gpointer data;
};

static gint64 monotonic(gpointer data) {
  return g_get_monotonic_time();
}

PinoBars *pino_bars_new_with_clock(gint64 (*now)(gpointer data), gpointer data) {
  PinoBars *bars = g_new0(PinoBars, 1);
  bars->bars = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  bars->now = now;
  bars->data = data;
  return bars;
}

PinoBars *pino_bars_new(void) {
  return pino_bars_new_with_clock(monotonic, NULL);
}

void pino_bars_free(PinoBars *bars) {
  if (bars == NULL)
    return;
  g_hash_table_unref(bars->bars);
  g_free(bars);
}

static Bar *bar_of(PinoBars *bars, const char *id) {
  Bar *bar = g_hash_table_lookup(bars->bars, id);
  if (bar == NULL) {
    bar = g_new0(Bar, 1);
    g_hash_table_insert(bars->bars, g_strdup(id), bar);
  }
  return bar;
}

static void forget_waits(Bar *bar) {
  for (gsize i = 0; i < KINDS; i++)
    bar->wait_s[i] = 0;
}

/* What has been good for long enough begins with a short wait when it fails again. */
static void reward(Bar *bar, gint64 now) {
  if (bar->good_since != 0 && now - bar->good_since >= GOOD_US)
    forget_waits(bar);
}

void pino_bars_fail(PinoBars *bars, const char *id, PinoTunnelFailure why) {
  Bar *bar = bar_of(bars, id);
  Kind kind = KIND_OF[why];
  gint64 now = bars->now(bars->data), until = G_MAXINT64;
  reward(bar, now);
  bar->good_since = 0;
  if (kind != KIND_TOKEN) {
    gint64 last = bar->wait_s[kind];
    bar->wait_s[kind] = last == 0 ? WAITS[kind].first_s : MIN(last * 2, WAITS[kind].last_s);
    until = now + bar->wait_s[kind] * G_USEC_PER_SEC;
  }
  if (until >= bar->until) {
    bar->until = until;
    bar->why = why;
  }
}

void pino_bars_ok(PinoBars *bars, const char *id) {
  Bar *bar = bar_of(bars, id);
  gint64 now = bars->now(bars->data);
  if (bar->good_since == 0)
    bar->good_since = now;
  reward(bar, now);
}

gint64 pino_bars_until(const PinoBars *bars, const char *id) {
  const Bar *bar = g_hash_table_lookup(bars->bars, id);
  return bar != NULL && bar->until > bars->now(bars->data) ? bar->until : 0;
}

gboolean pino_bars_why(const PinoBars *bars, const char *id, PinoTunnelFailure *why) {
  const Bar *bar = g_hash_table_lookup(bars->bars, id);
  if (bar == NULL || bar->until <= bars->now(bars->data))
    return FALSE;
  *why = bar->why;
  return TRUE;
}

void pino_bars_clear(PinoBars *bars, const char *id) {
  if (id == NULL)
    g_hash_table_remove_all(bars->bars);
  else
    g_hash_table_remove(bars->bars, id);
}
