/* The address of an app whose script does not tell it: what its shells print is read from their logs, and what listens
 * there is looked at when nothing was printed. Only an address that answers counts. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "detect/detect.h"
#include "detect/listen.h"
#include "engine/internal.h"
#include "engine/probe.h"

#define PIECE_BYTES 65536
#define MOST_BYTES (16 * 1024 * 1024) /* of one shell's output: servers tell early where they are */
#define MOST_CANDIDATES 16
#define PROBE_MS 2000
/* An address is often printed before it is listened on, sometimes by seconds; who waits for it wants it at once. */
#define SOON_WAIT_MS 20
#define SOON_US (G_USEC_PER_SEC * 60)
#define LATE_WAIT_MS 1000
#define PATIENCE_US (30 * 60 * G_USEC_PER_SEC) /* a large model may be loaded in between */
#define QUIET_MS 3000                          /* before the ports are looked at */
#define QUIET_LINE_MS 60 /* after which a line without an end is looked at as it stands */
#define LOOK_MS 1000
#define MANY_LOOKS 60 /* after which they are rarer */
#define RARE_LOOK_MS 5000
#define MOST_LOOKS 400
#define PORT_RANK (-1) /* below all that was printed */

typedef struct {
  PinoFinder *finder;
  char *shell;
  int fd; /* -1: all that is to be read was */
  gsize read;
  gboolean last; /* its shell has ended: nothing more comes */
  PinoDetector *detector;
  guint watch, more, quiet;
} Tail;

typedef struct {
  PinoFinder *finder;
  char *url;
  int rank;
  gboolean get, answered;
  gint64 since;
  guint source;
  PinoProbe *probe;
} Candidate;

struct _PinoFinder {
  PinoLive *live;
  GPtrArray *tails;      /* Tail, owned */
  GPtrArray *candidates; /* Candidate, owned */
  int rank;              /* of live->found */
  guint look, looks;
};

/* --- whether it answers ------------------------------------------------------------------------------------------ */

static void candidate_free(gpointer data) {
  Candidate *candidate = data;
  if (candidate->probe != NULL)
    pino_probe_cancel(candidate->probe);
  if (candidate->source != 0)
    g_source_remove(candidate->source);
  g_free(candidate->url);
  g_free(candidate);
}

static void take_address(PinoFinder *finder, const Candidate *candidate) {
  PinoLive *live = finder->live;
  if (live->found != NULL && candidate->rank <= finder->rank)
    return;
  finder->rank = candidate->rank;
  g_free(live->found);
  live->found = g_strdup(candidate->url);
  pino_live_changed(live, TRUE);
  pino_health_follow(live);
  pino_tunnels_follow(live);
}

static gboolean ask(gpointer data);

static void on_probed(int status, gpointer data) {
  Candidate *candidate = data;
  candidate->probe = NULL;
  candidate->answered = status > 0 && status < 500;
  if (candidate->answered) {
    take_address(candidate->finder, candidate);
    return;
  }
  gboolean head_refused = !candidate->get && status != PINO_PROBE_SILENT;
  candidate->get = head_refused;
  gint64 waited = g_get_monotonic_time() - candidate->since;
  if (waited > PATIENCE_US)
    return;
  guint wait_ms = waited < SOON_US ? SOON_WAIT_MS : LATE_WAIT_MS;
  candidate->source = g_timeout_add(head_refused ? 0 : wait_ms, ask, candidate);
}

static gboolean ask(gpointer data) {
  Candidate *candidate = data;
  candidate->source = 0;
  candidate->probe = pino_probe_start(candidate->url, candidate->get, PROBE_MS, on_probed, candidate);
  return G_SOURCE_REMOVE;
}

static void add_candidate(PinoFinder *finder, const char *url, int rank) {
  if (finder->candidates->len >= MOST_CANDIDATES || !pino_probe_can_ask(url))
    return;
  for (guint i = 0; i < finder->candidates->len; i++) {
    Candidate *known = finder->candidates->pdata[i];
    if (!g_str_equal(known->url, url))
      continue;
    known->rank = MAX(known->rank, rank);
    if (known->answered)
      take_address(finder, known);
    return;
  }
  Candidate *candidate = g_new0(Candidate, 1);
  *candidate =
      (Candidate){.finder = finder, .url = g_strdup(url), .rank = rank, .since = g_get_monotonic_time()};
  g_ptr_array_add(finder->candidates, candidate);
  ask(candidate);
}

/* --- what is printed ---------------------------------------------------------------------------------------------- */

static void tail_close(Tail *tail) {
  if (tail->watch != 0)
    pino_watcher_remove(tail->finder->live->engine->watcher, tail->watch);
  if (tail->more != 0)
    g_source_remove(tail->more);
  if (tail->quiet != 0)
    g_source_remove(tail->quiet);
  tail->watch = tail->more = tail->quiet = 0;
  g_clear_pointer(&tail->detector, pino_detector_free);
  if (tail->fd >= 0)
    close(tail->fd);
  tail->fd = -1;
}

static void tail_free(gpointer data) {
  Tail *tail = data;
  tail_close(tail);
  g_free(tail->shell);
  g_free(tail);
}

/* A public address that the app has made itself is told as its tunnels are. */
static void on_found(const PinoFound *found, gpointer data) {
  PinoFinder *finder = data;
  PinoLive *live = finder->live;
  if (found->url != NULL) {
    add_candidate(finder, found->url, found->rank);
  } else if (live->public_url == NULL && found->public_url != NULL) {
    live->public_url = g_strdup(found->public_url);
    pino_live_changed(live, TRUE);
  }
}

static gboolean on_more(gpointer data);

/* A line that has not ended may be a prompt, or be cut in the middle of an address. */
static gboolean on_quiet(gpointer data) {
  Tail *tail = data;
  tail->quiet = 0;
  pino_detector_feed(tail->detector, NULL, 0, on_found, tail->finder);
  return G_SOURCE_REMOVE;
}

/* A piece a turn, so that a flood holds nothing up. */
static void read_on(Tail *tail) {
  char bytes[PIECE_BYTES];
  ssize_t got = tail->fd >= 0 ? read(tail->fd, bytes, sizeof bytes) : 0;
  if (got <= 0 && tail->last && tail->fd >= 0) {
    pino_detector_feed(tail->detector, NULL, 0, on_found, tail->finder);
    tail_close(tail);
  }
  if (got <= 0)
    return;
  tail->read += (gsize)got;
  pino_detector_feed(tail->detector, bytes, (gsize)got, on_found, tail->finder);
  if (tail->quiet != 0)
    g_source_remove(tail->quiet);
  tail->quiet = g_timeout_add(QUIET_LINE_MS, on_quiet, tail);
  if (tail->read >= MOST_BYTES)
    tail_close(tail);
  else if (((gsize)got == sizeof bytes || tail->last) && tail->more == 0)
    tail->more = g_idle_add(on_more, tail);
}

static gboolean on_more(gpointer data) {
  Tail *tail = data;
  tail->more = 0;
  read_on(tail);
  return G_SOURCE_REMOVE;
}

static void on_grown(gpointer data) {
  Tail *tail = data;
  if (tail->more == 0)
    read_on(tail);
}

static const PinoLiveShell *shell_of(const PinoLive *live, const char *id) {
  for (guint i = 0; i < live->shells->len; i++)
    if (g_str_equal(((PinoLiveShell *)live->shells->pdata[i])->id, id))
      return live->shells->pdata[i];
  return NULL;
}

/* A run may have thousands of shells in its time: those that have ended are read to their end and let go. */
static void let_go(PinoFinder *finder) {
  for (guint i = finder->tails->len; i-- > 0;) {
    Tail *tail = finder->tails->pdata[i];
    const PinoLiveShell *shell = shell_of(finder->live, tail->shell);
    if (shell == NULL && tail->fd < 0) {
      g_ptr_array_remove_index(finder->tails, i);
    } else if (shell == NULL || !shell->running) {
      tail->last = TRUE;
      if (tail->more == 0)
        read_on(tail);
    }
  }
}

static gboolean has_tail(const PinoFinder *finder, const char *shell) {
  for (guint i = 0; i < finder->tails->len; i++)
    if (g_str_equal(((Tail *)finder->tails->pdata[i])->shell, shell))
      return TRUE;
  return FALSE;
}

static void add_tail(PinoFinder *finder, const PinoLiveShell *shell) {
  PinoEngine *engine = finder->live->engine;
  const char *const own[] = {g_get_host_name(), NULL};
  int fd = open(shell->log, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) /* the keeper makes it; the shell's next word comes back here */
    return;
  Tail *tail = g_new0(Tail, 1);
  *tail =
      (Tail){.finder = finder, .shell = g_strdup(shell->id), .fd = fd, .detector = pino_detector_new(own)};
  if (engine->watcher == NULL)
    engine->watcher = pino_watcher_new();
  g_ptr_array_add(finder->tails, tail);
  tail->watch = pino_watcher_add(engine->watcher, shell->log, on_grown, tail);
  read_on(tail);
}

/* --- who listens --------------------------------------------------------------------------------------------------- */

static void look_at_ports(PinoFinder *finder) {
  g_autoptr(GArray) pids = pino_meter_pids(finder->live->engine, finder->live);
  g_autoptr(GArray) listeners = pino_listen_find((const pid_t *)(void *)pids->data, pids->len);
  for (guint i = 0; i < listeners->len; i++) {
    const PinoListener *listener = &g_array_index(listeners, PinoListener, i);
    const char *host = listener->every_interface ? "127.0.0.1" : listener->address;
    gboolean six = strchr(host, ':') != NULL;
    g_autofree char *url =
        g_strdup_printf("http://%s%s%s:%u", six ? "[" : "", host, six ? "]" : "", listener->port);
    add_candidate(finder, url, PORT_RANK);
  }
}

static gboolean on_look(gpointer data) {
  PinoFinder *finder = data;
  finder->look = 0;
  if (finder->live->found != NULL || pino_live_running_shells(finder->live) == 0)
    return G_SOURCE_REMOVE;
  look_at_ports(finder);
  finder->looks++;
  if (finder->looks < MOST_LOOKS)
    finder->look = g_timeout_add(finder->looks < MANY_LOOKS ? LOOK_MS : RARE_LOOK_MS, on_look, finder);
  return G_SOURCE_REMOVE;
}

/* --- */

static gboolean is_sought(const PinoLive *live) {
  const PinoRunRow *row = live->row;
  return live->state >= PINO_LIVE_RUNNING && live->state <= PINO_LIVE_READY && row->operation == NULL &&
         g_strcmp0(row->kind, "install") != 0 && (row->url == NULL || live->finder != NULL) &&
         !pino_live_has_own_url(live);
}

static PinoFinder *finder_new(PinoLive *live) {
  PinoFinder *finder = g_new0(PinoFinder, 1);
  finder->live = live;
  finder->tails = g_ptr_array_new_with_free_func(tail_free);
  finder->candidates = g_ptr_array_new_with_free_func(candidate_free);
  return finder;
}

void pino_find_stop(PinoLive *live) {
  PinoFinder *finder = g_steal_pointer(&live->finder);
  if (finder == NULL)
    return;
  if (finder->look != 0)
    g_source_remove(finder->look);
  g_ptr_array_unref(finder->tails);
  g_ptr_array_unref(finder->candidates);
  g_free(finder);
}

void pino_find_follow(PinoLive *live) {
  if (!is_sought(live)) {
    pino_find_stop(live);
    return;
  }
  for (guint i = 0; i < live->shells->len; i++) {
    const PinoLiveShell *shell = live->shells->pdata[i];
    if (shell->log == NULL || (live->finder != NULL && has_tail(live->finder, shell->id)))
      continue;
    if (live->finder == NULL)
      live->finder = finder_new(live);
    add_tail(live->finder, shell);
  }
  PinoFinder *finder = live->finder;
  if (finder != NULL)
    let_go(finder);
  if (finder != NULL && finder->look == 0 && live->found == NULL && finder->looks < MOST_LOOKS &&
      pino_live_running_shells(live) > 0)
    finder->look = g_timeout_add(QUIET_MS, on_look, finder);
}
