/* The home's persistent side, where the platform has one (cloud/place.h, storage/persist.h): made ready before the library
 * is opened, and kept up to date while the engine runs.
 *
 * Such a folder can be on a network and stand still for as long as it likes, so all work on it is done by a thread, one
 * job at a time. What the engine waits for is bounded: without an answer it goes on, and nothing is kept over there until
 * it is started again. A job has two stages, of which the first is the one that the engine cannot go on without: in
 * preparing, that ENVIRONMENT and the library are back; in saving, that the library is not used any more. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cloud/place.h"
#include "engine/internal.h"
#include "storage/persist.h"

#define LOOK_S 5 /* how often it is asked whether something has changed */
#define BETWEEN_US (60 * G_USEC_PER_SEC)
#define ANSWER_MS 10000 /* for a few small files, at the start */
#define DRIVE_MS 3000   /* a drive that needs no merging is ready by then */
#define LAST_MS 10000   /* for the last save */
#define COPY ".library-copy.sqlite"

typedef enum { BEGUN, FIRST_DONE, DONE } Stage;

/* What a thread has, which may outlive the engine. */
typedef struct {
  char *home, *persistent;
  PinoLibrary *library; /* to be saved; NULL: the home is to be prepared */
  GCancellable *cancellable;
  GMutex mutex; /* for what follows */
  GCond changed;
  Stage stage;
  GPtrArray *notes; /* char * */
} Job;

/* What a file was when it was saved last. */
typedef struct {
  ino_t inode;
  off_t size;
  struct timespec time;
} Stamp;

static const char *const WATCHED[] = {"ENVIRONMENT", "library.sqlite", "library.sqlite-wal"};

struct _PinoEnginePersist {
  PinoEngine *engine;
  char *persistent;
  Job *job; /* the present one, or NULL */
  Stamp saved[G_N_ELEMENTS(WATCHED)];
  gint64 next; /* monotonic time before which nothing is saved */
  guint source;
};

/* --- the thread ------------------------------------------------------------------------------------------------ */

static void job_clear(gpointer data) {
  Job *job = data;
  g_free(job->home);
  g_free(job->persistent);
  g_object_unref(job->cancellable);
  g_mutex_clear(&job->mutex);
  g_cond_clear(&job->changed);
  g_ptr_array_unref(job->notes);
}

static void job_drop(Job *job) {
  g_atomic_rc_box_release_full(job, job_clear);
}

static void on_note(const char *text, gpointer data) {
  Job *job = data;
  g_mutex_lock(&job->mutex);
  g_ptr_array_add(job->notes, g_strdup(text));
  g_mutex_unlock(&job->mutex);
}

static void note_failure(Job *job, const GError *error) {
  g_autofree char *text = g_strdup_printf("what is to outlive this machine is not kept in '%s': %s",
                                          job->persistent, error->message);
  if (!g_error_matches(error, PINO_ERROR, PINO_ERROR_CANCELLED))
    on_note(text, job);
}

static void reach(Job *job, Stage stage) {
  g_mutex_lock(&job->mutex);
  job->stage = stage;
  g_cond_broadcast(&job->changed);
  g_mutex_unlock(&job->mutex);
}

/* When the folder is not there, the drive must be had without it. */
static void prepare(Job *job, const PinoPersist *persist) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) drive_error = NULL;
  PinoPersist drive = *persist;
  if (!pino_persist_restore(persist, &error))
    note_failure(job, error);
  if (g_error_matches(error, PINO_ERROR, PINO_ERROR_NOT_FOUND))
    drive.persistent = NULL;
  reach(job, FIRST_DONE);
  if (!pino_persist_link_drive(&drive, &drive_error))
    note_failure(job, drive_error);
}

/* SQLite copies to the home's own disk: the other one gets plain bytes. */
static void save(Job *job, const PinoPersist *persist) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) copy_error = NULL;
  g_autofree char *copy = g_build_filename(job->home, COPY, NULL);
  gboolean copied = pino_library_backup(job->library, copy, &copy_error);
  job->library = NULL;
  reach(job, FIRST_DONE);
  if (!copied)
    note_failure(job, copy_error);
  if (!pino_persist_save(persist, copied ? copy : NULL, &error))
    note_failure(job, error);
  (void)unlink(copy);
}

static gpointer work(gpointer data) {
  Job *job = data;
  const PinoPersist persist = {.home = job->home,
                               .persistent = job->persistent,
                               .note = on_note,
                               .note_data = job,
                               .cancellable = job->cancellable};
  if (job->library != NULL)
    save(job, &persist);
  else
    prepare(job, &persist);
  reach(job, DONE);
  job_drop(job);
  return NULL;
}

/* --- what the engine sees of it -------------------------------------------------------------------------------- */

static void begin(PinoEnginePersist *persist, PinoLibrary *library) {
  Job *job = g_atomic_rc_box_new0(Job);
  job->home = g_strdup(persist->engine->home);
  job->persistent = g_strdup(persist->persistent);
  job->library = library;
  job->cancellable = g_cancellable_new();
  job->notes = g_ptr_array_new_with_free_func(g_free);
  g_mutex_init(&job->mutex);
  g_cond_init(&job->changed);
  persist->job = job;
  g_thread_unref(g_thread_new("persist", work, g_atomic_rc_box_acquire(job)));
}

/* ms < 0: for as long as it takes. Gives whether the stage is reached. */
static gboolean wait_for(Job *job, Stage stage, int ms) {
  gint64 end = g_get_monotonic_time() + (gint64)ms * 1000;
  gboolean in_time = TRUE;
  g_mutex_lock(&job->mutex);
  while (job->stage < stage && in_time) {
    if (ms < 0)
      g_cond_wait(&job->changed, &job->mutex);
    else
      in_time = g_cond_wait_until(&job->changed, &job->mutex, end);
  }
  gboolean reached = job->stage >= stage;
  g_mutex_unlock(&job->mutex);
  return reached;
}

static void tell_notes(PinoEnginePersist *persist) {
  Job *job = persist->job;
  g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
  g_mutex_lock(&job->mutex);
  g_ptr_array_extend_and_steal(notes, g_steal_pointer(&job->notes));
  job->notes = g_ptr_array_new_with_free_func(g_free);
  g_mutex_unlock(&job->mutex);
  for (guint i = 0; i < notes->len; i++)
    pino_engine_trouble(persist->engine, notes->pdata[i], NULL);
}

/* Whether no job goes on any more. */
static gboolean is_idle(PinoEnginePersist *persist) {
  if (persist->job == NULL)
    return TRUE;
  gboolean done = wait_for(persist->job, DONE, 0);
  tell_notes(persist);
  if (done)
    g_clear_pointer(&persist->job, job_drop);
  return done;
}

static Stamp stamp_of(PinoEngine *engine, const char *name) {
  g_autofree char *path = g_build_filename(engine->home, name, NULL);
  struct stat st;
  return stat(path, &st) == 0 ? (Stamp){st.st_ino, st.st_size, st.st_mtim} : (Stamp){0};
}

static gboolean is_same(const Stamp *a, const Stamp *b) {
  return a->inode == b->inode && a->size == b->size && a->time.tv_sec == b->time.tv_sec &&
         a->time.tv_nsec == b->time.tv_nsec;
}

/* Notes what the files are now. Gives whether one is another than it was. */
static gboolean has_changed(PinoEnginePersist *persist) {
  gboolean changed = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(WATCHED); i++) {
    Stamp now = stamp_of(persist->engine, WATCHED[i]);
    changed = changed || !is_same(&now, &persist->saved[i]);
    persist->saved[i] = now;
  }
  return changed;
}

static gboolean on_look(gpointer data) {
  PinoEnginePersist *persist = data;
  gint64 now = g_get_monotonic_time();
  if (!is_idle(persist) || now < persist->next || !has_changed(persist))
    return G_SOURCE_CONTINUE;
  persist->next = now + BETWEEN_US;
  begin(persist, persist->engine->library);
  return G_SOURCE_CONTINUE;
}

/* --- open and close -------------------------------------------------------------------------------------------- */

/* NULL: there is none, or this is not the home that it belongs to. */
static char *find_persistent(PinoEngine *engine) {
  g_autoptr(PinoPlatform) platform = pino_platform_here(NULL);
  g_autoptr(PinoPlace) place = platform != NULL ? pino_place_find(platform) : NULL;
  g_autofree char *home = g_canonicalize_filename(engine->home, NULL);
  return place != NULL && g_str_equal(place->home, home) ? g_steal_pointer(&place->persistent) : NULL;
}

static void on_local_note(const char *text, gpointer data) {
  pino_engine_trouble(data, text, NULL);
}

/* The folder of an earlier time is not there: the home has to do without. */
static void do_without(PinoEngine *engine) {
  const PinoPersist persist = {.home = engine->home, .note = on_local_note, .note_data = engine};
  g_autoptr(GError) error = NULL;
  if (!pino_persist_link_drive(&persist, &error))
    pino_engine_trouble(engine, "the drive cannot be used", error);
}

static void abandon(PinoEnginePersist *persist) {
  g_cancellable_cancel(persist->job->cancellable);
  g_clear_pointer(&persist->job, job_drop);
}

void pino_engine_persist_open(PinoEngine *engine) {
  g_autofree char *persistent = find_persistent(engine);
  if (persistent == NULL) {
    do_without(engine);
    return;
  }
  PinoEnginePersist *persist = g_new0(PinoEnginePersist, 1);
  engine->persist = persist;
  persist->engine = engine;
  persist->persistent = g_steal_pointer(&persistent);
  begin(persist, NULL);
  if (wait_for(persist->job, FIRST_DONE, ANSWER_MS)) {
    (void)wait_for(persist->job, DONE, DRIVE_MS);
    persist->source = g_timeout_add_seconds(LOOK_S, on_look, persist);
    (void)is_idle(persist);
    return;
  }
  abandon(persist);
  g_autofree char *text = g_strdup_printf(
      "'%s' does not answer: nothing is kept there until the engine is started again", persist->persistent);
  pino_engine_trouble(engine, text, NULL);
}

/* A drive that is still copied goes on from there the next time. */
static gboolean end_job(PinoEnginePersist *persist, gboolean cancel) {
  if (persist->job == NULL)
    return TRUE;
  if (cancel)
    g_cancellable_cancel(persist->job->cancellable);
  gboolean done = wait_for(persist->job, FIRST_DONE, -1) && wait_for(persist->job, DONE, LAST_MS);
  tell_notes(persist);
  g_clear_pointer(&persist->job, job_drop);
  return done;
}

void pino_engine_persist_close(PinoEngine *engine) {
  PinoEnginePersist *persist = g_steal_pointer(&engine->persist);
  if (persist == NULL)
    return;
  gboolean usable = persist->source != 0;
  if (usable)
    g_source_remove(persist->source);
  gboolean preparing = persist->job != NULL && persist->next == 0;
  if (end_job(persist, preparing) && usable && engine->library != NULL && has_changed(persist)) {
    begin(persist, engine->library);
    (void)end_job(persist, FALSE);
  }
  g_free(persist->persistent);
  g_free(persist);
}
