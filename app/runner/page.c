#include "runner/page.h"

#include "detect/detect.h"
#include "engine/probe.h"

#define QUIET_MS 50        /* without output: a line that has not ended is looked at */
#define PROBE_MS 5000      /* for one question */
#define FIRST_RETRY_MS 100 /* between two rounds of questions, doubled up to the last */
#define LAST_RETRY_MS 2000
#define GRACE_MS 2000     /* for the script to name a page itself, or for a page beside an API */
#define MAX_CANDIDATES 16 /* the worst are forgotten */

typedef struct {
  char *url;
  int rank;
} Candidate;

struct _PinoPage {
  PinoRun *run;
  PinoPageFound found;
  gpointer data;
  PinoDetector *detector;
  GArray *candidates; /* Candidate, the best first */
  PinoProbe *probe;   /* NULL: nobody is asked now */
  guint asked;        /* how many of this round have been */
  char *asking;       /* its address: the list may change meanwhile */
  int asking_rank;
  gboolean get;   /* with that method, not HEAD */
  char *answered; /* the best that answered; NULL: none yet */
  int answered_rank;
  gboolean expecting;
  gboolean told;
  guint retry_ms;
  GSource *quiet, *retry, *grace;
};

static void candidate_clear(gpointer candidate) {
  g_free(((Candidate *)candidate)->url);
}

static void stop_source(GSource **source) {
  if (*source != NULL)
    g_source_destroy(*source);
  g_clear_pointer(source, g_source_unref);
}

static void start_source(PinoPage *page, GSource **source, guint ms, GSourceFunc function) {
  if (*source != NULL || page->told)
    return;
  *source = g_timeout_source_new(ms);
  g_source_set_callback(*source, function, page, NULL);
  g_source_attach(*source, g_main_context_get_thread_default());
}

/* --- telling ----------------------------------------------------------------------------------------------------- */

static void tell(PinoPage *page) {
  page->told = TRUE;
  pino_run_listen(page->run, NULL, NULL);
  stop_source(&page->quiet);
  stop_source(&page->retry);
  stop_source(&page->grace);
  page->found(page->answered, page->data);
}

static gboolean on_grace(gpointer data) {
  tell(data);
  return G_SOURCE_REMOVE;
}

static void tell_when_due(PinoPage *page) {
  if (page->told || page->answered == NULL)
    return;
  if (page->expecting && page->answered_rank > PINO_FOUND_API)
    tell(page);
  else
    start_source(page, &page->grace, GRACE_MS, on_grace);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static void ask_next(PinoPage *page);

static gboolean on_retry(gpointer data) {
  PinoPage *page = data;
  stop_source(&page->retry);
  page->asked = 0;
  ask_next(page);
  return G_SOURCE_REMOVE;
}

static void on_probed(int status, gpointer data);

/* An app whose connection breaks within a page may print that, and its script take it for a failure: GET is only for
 * servers that know no HEAD. */
static void ask(PinoPage *page, gboolean get) {
  page->get = get;
  page->probe = pino_probe_start(page->asking, get, PROBE_MS, on_probed, page);
}

static void on_probed(int status, gpointer data) {
  PinoPage *page = data;
  gboolean answers = status > 0 && status < 500;
  page->probe = NULL;
  if (!answers && !page->get && !page->told && status != PINO_PROBE_SILENT) {
    ask(page, TRUE);
    return;
  }
  if (answers && (page->answered == NULL || page->asking_rank > page->answered_rank)) {
    g_free(page->answered);
    page->answered = g_steal_pointer(&page->asking);
    page->answered_rank = page->asking_rank;
    tell_when_due(page);
  }
  g_clear_pointer(&page->asking, g_free);
  if (!page->told)
    ask_next(page);
}

/* Those that may be better than what has answered, one after the other; then all of them again a little later. */
static void ask_next(PinoPage *page) {
  if (page->probe != NULL || page->told)
    return;
  const Candidate *next =
      page->asked < page->candidates->len ? &g_array_index(page->candidates, Candidate, page->asked) : NULL;
  if (next != NULL && (page->answered == NULL || next->rank > page->answered_rank)) {
    page->asked++;
    page->asking = g_strdup(next->url);
    page->asking_rank = next->rank;
    ask(page, FALSE);
  } else if (page->asked > 0) {
    start_source(page, &page->retry, page->retry_ms, on_retry);
    page->retry_ms = MIN(page->retry_ms * 2, LAST_RETRY_MS);
  }
}

/* --- finding ----------------------------------------------------------------------------------------------------- */

static void forget(PinoPage *page, const char *url) {
  for (guint i = 0; i < page->candidates->len; i++) {
    if (g_str_equal(g_array_index(page->candidates, Candidate, i).url, url)) {
      g_array_remove_index(page->candidates, i);
      return;
    }
  }
}

static void on_found(const PinoFound *found, gpointer data) {
  PinoPage *page = data;
  if (found->url == NULL || !pino_probe_can_ask(found->url))
    return;
  forget(page, found->url);
  guint at = 0;
  while (at < page->candidates->len && g_array_index(page->candidates, Candidate, at).rank >= found->rank)
    at++;
  Candidate candidate = {.url = g_strdup(found->url), .rank = found->rank};
  g_array_insert_val(page->candidates, at, candidate);
  if (page->candidates->len > MAX_CANDIDATES)
    g_array_set_size(page->candidates, MAX_CANDIDATES);
  page->asked = 0;
  page->retry_ms = FIRST_RETRY_MS;
  stop_source(&page->retry);
  ask_next(page);
}

static gboolean on_quiet(gpointer data) {
  PinoPage *page = data;
  stop_source(&page->quiet);
  pino_detector_feed(page->detector, "", 0, on_found, page);
  return G_SOURCE_REMOVE;
}

static void on_event(const PinoEvent *event, gpointer data) {
  PinoPage *page = data;
  if (event->type != PINO_EVENT_STREAM || event->bytes_len == 0)
    return;
  pino_detector_feed(page->detector, (const char *)event->bytes, event->bytes_len, on_found, page);
  stop_source(&page->quiet);
  start_source(page, &page->quiet, QUIET_MS, on_quiet);
}

PinoPage *pino_page_new(PinoRun *run, PinoPageFound found, gpointer data) {
  const char *own[] = {g_get_host_name(), NULL};
  PinoPage *page = g_new0(PinoPage, 1);
  page->run = run;
  page->found = found;
  page->data = data;
  page->retry_ms = FIRST_RETRY_MS;
  page->detector = pino_detector_new(own);
  page->candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
  g_array_set_clear_func(page->candidates, candidate_clear);
  pino_run_listen(run, on_event, page);
  return page;
}

void pino_page_expect(PinoPage *page) {
  page->expecting = TRUE;
  tell_when_due(page);
}

void pino_page_free(PinoPage *page) {
  if (!page->told)
    pino_run_listen(page->run, NULL, NULL);
  if (page->probe != NULL)
    pino_probe_cancel(page->probe);
  stop_source(&page->quiet);
  stop_source(&page->retry);
  stop_source(&page->grace);
  pino_detector_free(page->detector);
  g_array_unref(page->candidates);
  g_free(page->asking);
  g_free(page->answered);
  g_free(page);
}
