/* Which process here is meant by a pid that the NVIDIA driver names (see cloud/gpu.h for the rule). */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct _PinoHolders PinoHolders;

/* Finds out by root's /proc/self in which pid namespace we are. */
PinoHolders *pino_holders_new(const char *root);
void pino_holders_free(PinoHolders *holders);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoHolders, pino_holders_free)

/* Gives the pid as /proc names it, or 0 when it is not there or cannot be told. Answers are kept until forgotten. */
pid_t pino_holders_find(PinoHolders *holders, guint pid);

/* To be called before each sample: pids are used again. */
void pino_holders_forget(PinoHolders *holders);

G_END_DECLS
