/* The person's terminal handed to a shell: what is typed goes to the shell as it is, until the handover ends. */
#pragma once

#include "shell/shell.h"

G_BEGIN_DECLS

typedef struct _PinoHandover PinoHandover;

/* Puts the terminal into raw mode and passes its bytes on, and its size. NULL when terminal is none (-1 or no tty).
 * The shell must outlive it. */
PinoHandover *pino_handover_begin(PinoShell *shell, int terminal);

/* Gives the terminal back as it was. */
void pino_handover_end(PinoHandover *handover);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoHandover, pino_handover_end)

G_END_DECLS
