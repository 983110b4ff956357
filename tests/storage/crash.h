/* A process that is killed between any two of its steps. */
#pragma once

#include <glib.h>

/* Runs fn in a child process and kills it (SIGKILL) right before its n-th system call, from 1 on, that may change what is
 * on the disk. Gives FALSE when it ended before that; then it must have returned 0. */
gboolean test_crash_at(guint n, int (*fn)(gpointer data), gpointer data);

/* Whether this system lets a process be traced; with CI=true it must. */
gboolean test_crash_works(void);
