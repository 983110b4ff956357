/* The machine's GPUs and who uses them.
 *
 * NVIDIA cards are asked through NVML (cloud/nvml.h), which is loaded at the first sample, and only where the driver has
 * left its traces or PINOKIO_NVML_LIBRARY names a library; a machine without a GPU maps nothing. Where NVML does not work,
 * nvidia-smi is asked. AMD cards are read from /sys/class/drm; where that shows no memory of them and /dev/kfd is there,
 * amd-smi and rocm-smi are asked. Such a program is killed after 5 seconds and not asked again (cloud/smi.h). Who uses a card
 * is only known through NVML. A card that is cut up (MIG) is listed as its parts.
 *
 * Whose pids: NVML may tell the pids of the machine outside while we live in a container's namespace, where the same
 * number can be another process. Outside of containers its pids are taken as they are. In a container a pid counts only
 * when that process holds an NVIDIA device open; where /proc shows the outer namespace too, the pid is looked for in the
 * NSpid lines under the same condition. What cannot be told is attributed to nobody and only counted (foreign).
 *
 * Loading NVML and asking it can take from milliseconds to seconds (a driver without persistence mode starts the card):
 * sample on a thread where that matters. An object is not for two threads at once.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct _PinoGpus PinoGpus;

/* Strings are the object's; NULL where the card or driver does not tell. */
typedef struct {
  guint index; /* place in the list; for NVIDIA what nvidia-smi counts by, unless cut up. AMD follows after */
  const char *vendor;     /* "nvidia", "amd" */
  const char *name;       /* "NVIDIA H100 80GB HBM3" */
  const char *uuid;       /* "GPU-..." */
  const char *driver;     /* version */
  const char *capability; /* of CUDA: "9.0" */
  const char *target;     /* what programs are compiled for: "sm_90", "gfx1100" */
  const char *source;     /* who told: "nvml", "nvidia-smi", "sysfs", "amd" (amd-smi or rocm-smi) */
  gboolean mig;           /* a part of a card that is cut up */
  guint64 memory_total;   /* bytes; G_MAXUINT64: not told */
  guint64 memory_used;    /* the same; what the driver keeps for itself is in it */
  int utilisation;        /* percent of time with work on the card, lately; -1: not told (MIG, some vGPUs) */
  int temperature;        /* degrees Celsius; -1: not told */
  guint foreign;          /* processes on it that are not ours to name */
} PinoGpuInfo;

/* One for each process and card. */
typedef struct {
  pid_t pid;      /* as /proc names it here */
  guint gpu;      /* index of the card */
  guint64 memory; /* bytes on the card; G_MAXUINT64: not told */
  int sm;         /* percent of the card's multiprocessors, lately; -1: not told */
} PinoGpuProcess;

/* root is "/" in the product: dev, proc and sys are looked for below it. Loads nothing yet. */
PinoGpus *pino_gpus_new(const char *root);
/* Shuts NVML down and unloads it. */
void pino_gpus_free(PinoGpus *gpus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoGpus, pino_gpus_free)

/* Asks all cards and gives their count; which there are is found once, at the first sample. No card is no error. 0 with
 * error set (PINO_ERROR_UNAVAILABLE): there seems to be one, but it has no driver, or that or its library does not work.
 * The library is not tried again; a new object does. */
guint pino_gpus_sample(PinoGpus *gpus, GError **error);

/* As of the last sample: PinoGpuInfo and PinoGpuProcess, valid until the next. */
const GArray *pino_gpus_list(PinoGpus *gpus);
const GArray *pino_gpus_processes(PinoGpus *gpus);

/* Why the last sample is not all that there could be, for a person; NULL when it is. The object's. */
const char *pino_gpus_trouble(PinoGpus *gpus);

/* Appends the list as JSON: [{index, vendor, name, uuid, driver, capability, target, source, mig, memory_total, memory_used,
 * utilisation, temperature, foreign}]; what is not told is null or left out. */
void pino_gpus_append_json(PinoGpus *gpus, GString *out);
/* The same of a list of PinoGpuInfo that somebody kept. */
void pino_gpu_list_append_json(const GArray *list, GString *out);

G_END_DECLS
