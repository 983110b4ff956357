#include "gate/limiter.h"

#include <arpa/inet.h>
#include <string.h>

enum { MINUTE = 60, LONGEST = 15 * 60, SECOND = G_USEC_PER_SEC };

typedef struct {
  GList link; /* in order of the last wrong try; data: the entry */
  char *key;
  gint64 tries[PINO_LIMITER_FREE_TRIES]; /* when the last wrong ones were */
  guint count;
  guint wait; /* seconds that the next wrong try costs; 0: it may be free */
  gint64 until;
} Entry;

/* What a share may still take. */
typedef struct {
  gint64 time; /* microseconds' worth of wrong tries */
  gint64 filled;
} Budget;

struct _PinoLimiter {
  GHashTable *entries;
  GHashTable *budgets; /* share -> Budget; none: a full one */
  GQueue order;
  gint64 tokens; /* microseconds' worth of tries that may be made now */
  gint64 filled;
};

static void entry_free(gpointer data) {
  Entry *entry = data;
  g_free(entry->key);
  g_free(entry);
}

PinoLimiter *pino_limiter_new(void) {
  PinoLimiter *limiter = g_new0(PinoLimiter, 1);
  limiter->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
  limiter->budgets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  limiter->tokens = (gint64)PINO_LIMITER_BURST * SECOND / PINO_LIMITER_RATE;
  return limiter;
}

void pino_limiter_free(PinoLimiter *limiter) {
  if (limiter == NULL)
    return;
  g_hash_table_unref(limiter->entries);
  g_hash_table_unref(limiter->budgets);
  g_free(limiter);
}

void pino_limiter_client(const char *address, gsize length, char key[64]) {
  char text[64] = "";
  struct in_addr four;
  struct in6_addr six;
  const char *bracket = length > 0 && address[0] == '[' ? memchr(address, ']', length) : NULL;
  if (bracket != NULL) {
    length = (gsize)(bracket - address) - 1;
    address++;
  }
  if (length < sizeof text)
    memcpy(text, address, length);
  if (strchr(text, '.') != NULL && strchr(text, ':') != NULL && strchr(text, ':') == strrchr(text, ':'))
    *strchr(text, ':') = '\0'; /* 192.0.2.1:443 */
  strcpy(key, "?");
  if (inet_pton(AF_INET, text, &four) == 1) {
    inet_ntop(AF_INET, &four, key, 64);
  } else if (inet_pton(AF_INET6, text, &six) == 1) {
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
      inet_ntop(AF_INET, &six.s6_addr[12], key, 64);
      return;
    }
    memset(&six.s6_addr[8], 0, 8); /* whoever has one address of a network has all of them */
    inet_ntop(AF_INET6, &six, key, 64);
  }
}

static void forget(PinoLimiter *limiter, Entry *entry) {
  g_queue_unlink(&limiter->order, &entry->link);
  g_hash_table_remove(limiter->entries, entry->key);
}

static Entry *find(PinoLimiter *limiter, const char *share, const char *client, gint64 now) {
  g_autofree char *key = g_strconcat(share, "\n", client, NULL);
  Entry *entry = g_hash_table_lookup(limiter->entries, key);
  if (entry != NULL && now > entry->until + (gint64)LONGEST * SECOND) {
    forget(limiter, entry);
    entry = NULL;
  }
  return entry;
}

static Entry *remember(PinoLimiter *limiter, const char *share, const char *client) {
  if (g_hash_table_size(limiter->entries) >= PINO_LIMITER_ENTRIES)
    forget(limiter, g_queue_peek_head(&limiter->order));
  Entry *entry = g_new0(Entry, 1);
  entry->key = g_strconcat(share, "\n", client, NULL);
  entry->link.data = entry;
  g_hash_table_insert(limiter->entries, entry->key, entry);
  g_queue_push_tail_link(&limiter->order, &entry->link);
  return entry;
}

static const gint64 share_price = (gint64)PINO_LIMITER_SHARE_SECONDS * SECOND;

/* NULL: a full one. */
static Budget *find_budget(PinoLimiter *limiter, const char *share, gint64 now) {
  Budget *budget = g_hash_table_lookup(limiter->budgets, share);
  if (budget == NULL)
    return NULL;
  budget->time += now - budget->filled;
  budget->filled = now;
  if (budget->time < share_price * PINO_LIMITER_SHARE_TRIES)
    return budget;
  g_hash_table_remove(limiter->budgets, share);
  return NULL;
}

static guint budget_wait(PinoLimiter *limiter, const char *share, gint64 now) {
  const Budget *budget = find_budget(limiter, share, now);
  gint64 missing = budget != NULL ? share_price - budget->time : 0;
  return missing > 0 ? (guint)((missing + SECOND - 1) / SECOND) : 0;
}

static void spend(PinoLimiter *limiter, const char *share, gint64 now) {
  Budget *budget = find_budget(limiter, share, now);
  if (budget == NULL) {
    budget = g_new(Budget, 1);
    *budget = (Budget){share_price * PINO_LIMITER_SHARE_TRIES, now};
    g_hash_table_insert(limiter->budgets, g_strdup(share), budget);
  }
  budget->time = MAX(budget->time - share_price, 0);
}

static gboolean take_token(PinoLimiter *limiter, gint64 now) {
  const gint64 price = SECOND / PINO_LIMITER_RATE;
  limiter->tokens = MIN(limiter->tokens + (now - limiter->filled), price * PINO_LIMITER_BURST);
  limiter->filled = now;
  if (limiter->tokens < price)
    return FALSE;
  limiter->tokens -= price;
  return TRUE;
}

guint pino_limiter_wait(PinoLimiter *limiter, const char *share, const char *client, gint64 now) {
  const Entry *entry = find(limiter, share, client, now);
  if (entry != NULL && now < entry->until)
    return (guint)((entry->until - now + SECOND - 1) / SECOND);
  guint wait = budget_wait(limiter, share, now);
  return wait > 0 ? wait : take_token(limiter, now) ? 0 : 1;
}

guint pino_limiter_wrong(PinoLimiter *limiter, const char *share, const char *client, gint64 now) {
  Entry *entry = find(limiter, share, client, now);
  spend(limiter, share, now);
  if (entry == NULL)
    entry = remember(limiter, share, client);
  g_queue_unlink(&limiter->order, &entry->link);
  g_queue_push_tail_link(&limiter->order, &entry->link);
  gint64 *oldest = &entry->tries[entry->count++ % PINO_LIMITER_FREE_TRIES];
  *oldest = now;
  gint64 fifth = entry->tries[entry->count % PINO_LIMITER_FREE_TRIES];
  gboolean many = entry->count >= PINO_LIMITER_FREE_TRIES && now - fifth <= (gint64)MINUTE * SECOND;
  if (entry->wait == 0 && !many) {
    entry->until = now;
    return 0;
  }
  entry->wait = entry->wait == 0 ? 1 : MIN(entry->wait * 2, LONGEST);
  entry->until = now + (gint64)entry->wait * SECOND;
  return entry->wait;
}

void pino_limiter_right(PinoLimiter *limiter, const char *share, const char *client) {
  g_autofree char *key = g_strconcat(share, "\n", client, NULL);
  Entry *entry = g_hash_table_lookup(limiter->entries, key);
  if (entry != NULL)
    forget(limiter, entry);
}

guint pino_limiter_count(const PinoLimiter *limiter) {
  return g_hash_table_size(limiter->entries);
}
