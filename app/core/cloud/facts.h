/* The machine in a few facts: what templates, `doctor` and the plan of an install ask for, composed in one place.
 *
 * Gathering asks the GPUs, which can take from milliseconds to seconds (cloud/gpu.h), so it is done when somebody asks
 * and, for a process, once.
 */
#pragma once

#include "cloud/gpu.h"
#include "cloud/place.h"
#include "cloud/platform.h"

G_BEGIN_DECLS

typedef struct {
  PinoPlatform *platform;
  PinoPlace *place;
  /* The card that counts: the first one. */
  const char *
      gpu; /* "nvidia", "amd" or "none"; Pinokio's word "apple" is for machines that this engine does not run on */
  const char *gpu_model;      /* as its driver names it; NULL: no card, or not told. So are those below */
  const char *gpu_driver;     /* version */
  const char *gpu_capability; /* of CUDA: "9.0" */
  const char *gpu_target;     /* "sm_90", "gfx1100" */
  guint64 vram_total;         /* bytes; 0: no card, or not told. So is vram_free */
  guint64 vram_free;          /* when the facts were gathered */
  GArray *gpus;               /* PinoGpuInfo of all cards that can compute */
  char *gpu_trouble;          /* what is wrong with a GPU or its driver, for a person; NULL: nothing */
  double cpus;                /* that may be used at once, as the container allows */
  guint64 ram;                /* bytes: the machine's, or the container's limit */
  guint64 ram_available;      /* when the facts were gathered */
  gboolean ram_limited;       /* ram is a limit and not the machine's */
  guint64
      disk_total; /* bytes of the file system that the home is on, or will be; 0: not known. So is disk_free */
  guint64 disk_free; /* what may still be written there, quotas included */
} PinoFacts;

/* root is "/" in the product (cloud/platform.h, cloud/gpu.h). forced is a platform's id or NULL. NULL with
 * PINO_ERROR_USAGE for an id that is none; what cannot be asked is not told, and no error. Any thread. */
PinoFacts *pino_facts_new(const char *root, const char *forced, GError **error);
void pino_facts_free(PinoFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoFacts, pino_facts_free)

/* The facts of this process, gathered by the first call and kept for good; an unknown PINOKIO_PLATFORM counts as none. */
const PinoFacts *pino_facts_here(void);

/* Bytes of memory of all cards together; 0 when there is none. */
guint64 pino_facts_vram_of_all(const PinoFacts *facts);

/* Rounded to whole GiB, as templates show memory. */
guint pino_facts_gib(guint64 bytes);

G_END_DECLS
