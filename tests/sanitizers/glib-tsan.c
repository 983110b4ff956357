/* Tells ThreadSanitizer how GLib hands things from one thread to another.
 *
 * GLib is not instrumented and makes its locks from futexes, so ThreadSanitizer sees neither its mutexes nor its
 * queues and would report every value that travels through them. This library stands before GLib in the thread build
 * (build.sh), calls the real function and says beside it what it means: what was written before a release is seen
 * after an acquire. Main contexts, cancellables and tasks share one point, which may hide a race but never invents one.
 */
#include <dlfcn.h>
#include <gio/gio.h>
#include <poll.h>
#include <stdarg.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

static const int handover; /* only its address matters */

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The functions whose call hands over what the caller wrote before it. */
#define RELEASES(type, name, parameters, arguments)                                                          \
  type name parameters {                                                                                     \
    __tsan_release((void *)&handover);                                                                       \
    return REAL(name) arguments;                                                                             \
  }

/* Those whose caller then sees what another thread handed over. */
#define ACQUIRES(type, name, parameters, arguments)                                                          \
  type name parameters {                                                                                     \
    type value = REAL(name) arguments;                                                                       \
    __tsan_acquire((void *)&handover);                                                                       \
    return value;                                                                                            \
  }

RELEASES(guint, g_source_attach, (GSource * source, GMainContext *context), (source, context))
RELEASES(void, g_main_context_invoke, (GMainContext * context, GSourceFunc function, gpointer data),
         (context, function, data))
RELEASES(void, g_main_context_invoke_full,
         (GMainContext * context, gint priority, GSourceFunc function, gpointer data, GDestroyNotify notify),
         (context, priority, function, data, notify))
RELEASES(void, g_main_context_wakeup, (GMainContext * context), (context))
RELEASES(void, g_task_return_pointer, (GTask * task, gpointer result, GDestroyNotify destroy),
         (task, result, destroy))
RELEASES(void, g_task_return_boolean, (GTask * task, gboolean result), (task, result))
RELEASES(void, g_task_return_int, (GTask * task, gssize result), (task, result))
RELEASES(void, g_task_return_error, (GTask * task, GError *error), (task, error))
RELEASES(gboolean, g_task_return_error_if_cancelled, (GTask * task), (task))
ACQUIRES(gpointer, g_task_propagate_pointer, (GTask * task, GError **error), (task, error))
ACQUIRES(gboolean, g_task_propagate_boolean, (GTask * task, GError **error), (task, error))
ACQUIRES(gssize, g_task_propagate_int, (GTask * task, GError **error), (task, error))
ACQUIRES(gboolean, g_cancellable_is_cancelled, (GCancellable * cancellable), (cancellable))
ACQUIRES(gboolean, g_cancellable_set_error_if_cancelled, (GCancellable * cancellable, GError **error),
         (cancellable, error))
RELEASES(gulong, g_cancellable_connect,
         (GCancellable * cancellable, GCallback callback, gpointer data, GDestroyNotify notify),
         (cancellable, callback, data, notify))

#undef g_task_return_new_error
void g_task_return_new_error(GTask *task, GQuark domain, gint code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_task_return_error(task, g_error_new_valist(domain, code, format, arguments));
  va_end(arguments);
}

/* Callbacks of a cancellable run in the thread that cancels, between what was connected and what waits for the end. */
void g_cancellable_cancel(GCancellable *cancellable) {
  __tsan_acquire((void *)&handover);
  __tsan_release((void *)&handover);
  REAL(g_cancellable_cancel)(cancellable);
  __tsan_release((void *)&handover);
}

void g_cancellable_disconnect(GCancellable *cancellable, gulong id) {
  REAL(g_cancellable_disconnect)(cancellable, id);
  __tsan_acquire((void *)&handover);
}

static void run_task(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  __tsan_acquire((void *)&handover);
  GTaskThreadFunc function = (GTaskThreadFunc)g_object_get_data(G_OBJECT(task), "glib-tsan");
  function(task, source, data, cancellable);
  __tsan_release((void *)&handover);
}

void g_task_run_in_thread(GTask *task, GTaskThreadFunc function) {
  g_object_set_data(G_OBJECT(task), "glib-tsan", (gpointer)function);
  __tsan_release((void *)&handover);
  REAL(g_task_run_in_thread)(task, run_task);
}

#undef g_once_init_enter
gboolean g_once_init_enter(volatile void *location) {
  gboolean first = REAL(g_once_init_enter)(location);
  __tsan_acquire((void *)location);
  return first;
}

#undef g_once_init_leave
void g_once_init_leave(volatile void *location, gsize result) {
  __tsan_release((void *)location);
  REAL(g_once_init_leave)(location, result);
}

gpointer g_once_impl(GOnce *once, GThreadFunc function, gpointer argument) {
  gpointer value = REAL(g_once_impl)(once, function, argument);
  __tsan_release((void *)&once->status);
  __tsan_acquire((void *)&once->status);
  return value;
}

void g_mutex_lock(GMutex *mutex) {
  REAL(g_mutex_lock)(mutex);
  __tsan_acquire(mutex);
}

gboolean g_mutex_trylock(GMutex *mutex) {
  gboolean locked = REAL(g_mutex_trylock)(mutex);
  if (locked)
    __tsan_acquire(mutex);
  return locked;
}

void g_mutex_unlock(GMutex *mutex) {
  __tsan_release(mutex);
  REAL(g_mutex_unlock)(mutex);
}

void g_cond_wait(GCond *cond, GMutex *mutex) {
  __tsan_release(mutex);
  REAL(g_cond_wait)(cond, mutex);
  __tsan_acquire(mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end) {
  __tsan_release(mutex);
  gboolean signalled = REAL(g_cond_wait_until)(cond, mutex, end);
  __tsan_acquire(mutex);
  return signalled;
}

void g_async_queue_push(GAsyncQueue *queue, gpointer data) {
  __tsan_release(queue);
  REAL(g_async_queue_push)(queue, data);
}

#define POPS(name, parameters, arguments)                                                                    \
  gpointer name parameters {                                                                                 \
    gpointer data = REAL(name) arguments;                                                                    \
    __tsan_acquire(queue);                                                                                   \
    return data;                                                                                             \
  }
POPS(g_async_queue_pop, (GAsyncQueue * queue), (queue))
POPS(g_async_queue_try_pop, (GAsyncQueue * queue), (queue))
POPS(g_async_queue_timeout_pop, (GAsyncQueue * queue, guint64 timeout), (queue, timeout))

/* Whatever a main context is about to dispatch was handed over before its poll ended. */
static gint poll_and_acquire(GPollFD *fds, guint count, gint timeout) {
  int ready = poll((struct pollfd *)fds, count, timeout);
  __tsan_acquire((void *)&handover);
  return ready;
}

GMainContext *g_main_context_new(void) {
  GMainContext *context = REAL(g_main_context_new)();
  g_main_context_set_poll_func(context, poll_and_acquire);
  return context;
}

__attribute__((constructor)) static void begin(void) {
  g_main_context_set_poll_func(NULL, poll_and_acquire);
}
