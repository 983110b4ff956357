/* The drivers' own programs, asked where their library or the kernel's files tell too little: nvidia-smi behind NVML
 * (cloud/nvml.h), rocm-smi and amd-smi behind /sys.
 *
 * They print tables whose columns differ from version to version, so a column is found by its name, and what is
 * "N/A" in whatever spelling is not told. Each call may take the limit given with it: call on a thread where that matters.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Strings are NULL, memory G_MAXUINT64, percent and degrees -1 where the program does not tell. */
typedef struct {
  char *name, *uuid, *driver;
  char *capability;    /* of CUDA: "9.0" */
  char *target;        /* of AMD: "gfx1100" */
  guint64 total, used; /* bytes */
  int utilisation, temperature;
  gboolean mig; /* a part of a card that is cut up; its memory is what its profile's name says */
} PinoSmiGpu;

/* Asks nvidia-smi, found in PATH or where WSL has it below root, for limit_ms milliseconds at most. Gives PinoSmiGpu, in its
 * order; an empty list when it says that there are none. NULL with PINO_ERROR_NOT_FOUND when there is no such program,
 * PINO_ERROR_LIMIT when it hangs (it is killed then), PINO_ERROR_UNAVAILABLE with what it said when it fails. Free with
 * g_ptr_array_unref(). */
GPtrArray *pino_smi_nvidia(const char *root, guint limit_ms, GError **error);

/* The same of AMD: amd-smi, and when that is not here or fails rocm-smi, in PATH or root's /opt/rocm/bin. */
GPtrArray *pino_smi_amd(const char *root, guint limit_ms, GError **error);

G_END_DECLS
