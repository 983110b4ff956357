/* What is written about an app (tags, name, description) tells of the machine that it needs. The one place that knows those
 * words: the catalog shows it, and the plan of an install (lifecycle/plan.h) begins with it.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *text;   /* valid UTF-8; NULL: passed over */
  const char *source; /* who says so; stays */
  gboolean is_tag;    /* the whole text is one word of the catalog's */
} PinoWriting;

#define PINO_NEEDS_PLATFORMS 3

typedef struct {
  const char *gpu;   /* "nvidia", "amd", "any", "none"; NULL: nobody says */
  gboolean gpu_only; /* it does not run without */
  double vram_gb;    /* of GPU memory; 0: nobody says */
  double ram_gb;     /* of memory; 0: nobody says */
  const char *
      platforms[PINO_NEEDS_PLATFORMS + 1]; /* "windows", "macos", "linux", ended by NULL; none: nobody says */
  gboolean platform_only;
  const char *gpu_source, *vram_source, *ram_source, *platform_source; /* of the writings; NULL: nobody */
} PinoNeeds;

typedef struct _PinoNeedsReader PinoNeedsReader;

/* Makes what pino_needs_read() works with; worth keeping for many apps. Any thread, one at a time. */
PinoNeedsReader *pino_needs_reader_new(void);
void pino_needs_reader_free(PinoNeedsReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoNeedsReader, pino_needs_reader_free)

/* A GPU or platform that only is supported goes before tags, the last writing that says so before the others; of amounts
 * the first counts. A platform that is only recommended is not told by a description. */
PinoNeeds pino_needs_read(PinoNeedsReader *reader, const PinoWriting *writings, gsize count);

/* Appends {gpu, strictGpu, vram_gb, ram_gb, platform: [], strictPlatform, sources: {gpu?, vram_gb?, ram_gb?, platform?}};
 * null for what nobody says. */
void pino_needs_append_json(GString *out, const PinoNeeds *needs);

/* Appends a number, or null for 0. */
void pino_needs_append_amount(GString *out, double amount);

G_END_DECLS
