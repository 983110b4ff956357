/* GPUs that are plugged in but cannot be used, as the PCI bus shows them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether a card of NVIDIA's is on root's PCI bus: says in words what is wrong with it and what to do, since it is asked where
 * the NVIDIA driver has left no trace. NULL when there is none. Free with g_free(). */
char *pino_pci_idle_nvidia(const char *root);

G_END_DECLS
