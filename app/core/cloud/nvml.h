/* NVIDIA's management library, loaded by hand: only what cloud/gpu.c asks for.
 *
 * The library comes with the driver and must fit its version, so it is neither linked nor shipped. Names and layouts are
 * declared in nvml.c; what an old driver lacks is answered as "not supported".
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoNvml PinoNvml;
typedef struct _PinoNvmlDevice PinoNvmlDevice;

/* Loads the library (path, or where the linker finds it when NULL) and starts it. Errors: PINO_ERROR_UNAVAILABLE, telling
 * what to do: no library, no driver, versions that do not fit. */
PinoNvml *pino_nvml_open(const char *path, GError **error);
void pino_nvml_close(PinoNvml *nvml);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoNvml, pino_nvml_close)

/* The driver's version; NULL when not told. Free with g_free(). */
char *pino_nvml_driver(PinoNvml *nvml);

/* FALSE when the count is not to be had. */
gboolean pino_nvml_count(PinoNvml *nvml, guint *count, GError **error);
/* The library's; NULL with error for one that is lost or not ours to see. */
PinoNvmlDevice *pino_nvml_device(PinoNvml *nvml, guint index, GError **error);

/* How many parts a device that is cut up (MIG) can have at most; 0 when it is whole. */
guint pino_nvml_mig_count(PinoNvml *nvml, PinoNvmlDevice *device);

/* A part of it, to be asked like a device; the library's. NULL when there is none of that number, or it is not ours to see. */
PinoNvmlDevice *pino_nvml_mig_device(PinoNvml *nvml, PinoNvmlDevice *device, guint number);

/* Free with g_free(); NULL when not told. */
char *pino_nvml_name(PinoNvml *nvml, PinoNvmlDevice *device);
char *pino_nvml_uuid(PinoNvml *nvml, PinoNvmlDevice *device);
char *pino_nvml_capability(PinoNvml *nvml, PinoNvmlDevice *device);

/* Bytes; both G_MAXUINT64 when not told. */
void pino_nvml_memory(PinoNvml *nvml, PinoNvmlDevice *device, guint64 *total, guint64 *used);
/* Percent, degrees Celsius; -1 when not told. */
int pino_nvml_utilisation(PinoNvml *nvml, PinoNvmlDevice *device);
int pino_nvml_temperature(PinoNvml *nvml, PinoNvmlDevice *device);

typedef struct {
  guint pid;      /* as the driver names it */
  guint64 memory; /* bytes; G_MAXUINT64: not told */
  int sm;         /* percent; -1: not told */
} PinoNvmlProcess;

/* Who computes or draws on the device; each process once. *seen is the driver's own clock, 0 at first, handed over from
 * call to call. FALSE with error when the driver has such a list but does not give it. Free *processes with
 * g_array_unref(). */
gboolean pino_nvml_processes(PinoNvml *nvml, PinoNvmlDevice *device, guint64 *seen, GArray **processes,
                             GError **error);

G_END_DECLS
