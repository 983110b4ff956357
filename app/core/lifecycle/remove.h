/* Apps taken away, or back to how they were cloned, without losing what the person made.
 *
 * What the person made: files that are new or changed by git's word and that no install makes (clones, virtual environments,
 * node_modules and byte code are passed over; a clone in the app's folder is looked into the same way), what lies in folders
 * of results (outputs, results...) even when git ignores it, ENVIRONMENT when it says more than a first run does, and
 * commits or stashes of the person's own (then .git is kept). An app that is no clone cannot be fetched again: all of it
 * counts. All that is moved to HOME/kept/NAME-DATE/, unless purge.
 *
 * Links are removed, never followed: drives and their entry in interface.json stay, so a later install finds its models.
 *
 * An app goes in steps, each of which can be the last before a crash: renamed to api/.NAME.removing; what is kept moved
 * out; renamed to api/.NAME.removed; removed. pino_uninstall_finish() does what was left. Nothing here ends processes. */
#pragma once

#include "script/run.h"

G_BEGIN_DECLS

/* What pino_uninstall() would do, JSON:
 *   {name, folder, clone: bool, link: target or null,
 *    bytes: freed on the disk, purge_bytes: freed with purge, shared: bytes of hard links that others hold too (they stay),
 *    keeps: [{path, why: "new"|"changed"|"output"|"settings"|"commits"|"unknown", bytes, files}], keeps_bytes, keeps_files,
 *    drives: [{path, target, shared_with: [URIs]}], drive_links: number of links to the drive,
 *    logs: folder or null, logs_bytes, text: the same in lines for a person}
 * At most 200 entries each. PINO_ERROR_NOT_FOUND when there is no such app. Any thread. Free with g_free(). */
char *pino_uninstall_look(const char *home, const char *name, GError **error);

/* Removes HOME/api/NAME and HOME/apps/NAME. Logs and drives stay; with purge the logs go too, and nothing is kept. Gives
 * what was done as JSON {name, bytes, kept: folder or null, keeps: [as above]}; free with g_free(). `stage` {stage:
 * "uninstall", text} tells how far it is. */
char *pino_uninstall(PinoRun *run, const char *name, gboolean purge, GError **error);

/* Ends removals that a crash cut short, of all apps; what the person made is kept. Quick when there is none. */
gboolean pino_uninstall_finish(const char *home, GError **error);

/* Brings the app in folder back to what was cloned (its present commit): all else is kept as above or removed; ENVIRONMENT
 * stays. For apps without a reset script of their own. JSON {bytes, kept, keeps}. PINO_ERROR_USAGE for a folder that is no
 * clone. Free with g_free(). */
char *pino_reset(PinoRun *run, const char *folder, gboolean purge, GError **error);

G_END_DECLS
