/* The plan of an install: what an app's scripts would clone, install and download, and whether this machine has what
 * that needs. Scripts are loaded as the interpreter loads them and their templates rendered as at a fresh start; no
 * step is run. What depends on an answer or on an earlier step is "unknown", never guessed. */
#pragma once

#include "script/run.h"

G_BEGIN_DECLS

typedef struct {
  const char *gpu;   /* vendor: "nvidia", "amd", "none"; NULL: not known */
  guint64 vram_mb;   /* of the largest GPU; 0: not known */
  guint64 ram_bytes; /* that this machine or container may use; 0: not known */
  gint64 disk_free;  /* bytes free where the app goes; -1: not known */
} PinoPlanMachine;

typedef struct {
  const char *folder;      /* the app's folder, absolute; may be a temporary one */
  const char *name;        /* of the app; NULL: the folder's */
  const char *url;         /* of its repository; may be NULL */
  const char *const *tags; /* of the catalog, NULL-terminated; may be NULL */
  const char *script;      /* what the menu says installs it, absolute; NULL: asked of the menu */
  const char *input;       /* JSON of the script's params; may be NULL */
  PinoPlanMachine machine;
  gboolean offline; /* ask no server for sizes */
  const char *
      api; /* asked instead of https://HOST of every code host's API, for tests; NULL: the hosts themselves */
} PinoPlanSpec;

/* Makes the plan, JSON:
 *   {app, title, description, repository, clone: {bytes, files}, platforms, script,
 *    steps: [{index, label, depth, script, method, when: "yes"|"no"|"unknown", kind, text,
 *             items: [{kind, what, bytes, estimate, variant?, again?}]}],
 *    downloads: {bytes, estimated, unknown, programs},
 *    needs: {gpu: "nvidia"|"amd"|"any"|"none", gpu_required, vram_gb, ram_gb, disk_bytes, platform: [], sudo, apt: [],
 *            tools: [], sources: {gpu?: "catalog"|"title"|"description"|"scripts", ...}},
 *    machine: {gpu, vram_mb, ram_bytes, disk_free}, verdict: "ok"|"warn"|"no", reasons: [{severity, text}]}
 * Sizes are in bytes, null where nobody says; `estimate` is true for those of the table of large packages; `again` marks
 * what an earlier step has fetched already. `unknown` counts what has no size, `programs` what is run and may fetch more.
 * A step of a script that another starts follows that one, with a label such as "2.5". Servers are asked for sizes in
 * parallel, 5 s in all; one that does not answer leaves the size unknown. No install script: script is null, no steps.
 * Errors: no launcher (PINO_ERROR_SCRIPT), an install script that does not load, cancelled. Free with g_free(). */
char *pino_plan_make(PinoRun *run, const PinoPlanSpec *spec, GCancellable *cancellable, GError **error);

/* The plan as a person reads it on a terminal: lines of at most 80 columns, the verdict last. Free with g_free(). */
char *pino_plan_text(const char *plan, GError **error);

G_END_DECLS
