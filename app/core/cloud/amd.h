/* AMD's cards as the kernel's amdgpu driver shows them: /sys/class/drm, and /sys/class/kfd for what they compute with. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The folders of all AMD cards below root (sys/class/drm/cardN/device), by N. Free with g_ptr_array_unref(). */
GPtrArray *pino_amd_cards(const char *root);

/* All of these: free with g_free(), NULL when not told. */
char *pino_amd_name(const char *card);
char *pino_amd_serial(const char *card);
/* The driver's version; a driver that is part of the kernel has none. */
char *pino_amd_driver(const char *root);
/* "gfx1100" */
char *pino_amd_target(const char *root, const char *card);

/* Bytes, G_MAXUINT64 when not told; percent, degrees Celsius, -1 when not told. */
guint64 pino_amd_memory_total(const char *card);
guint64 pino_amd_memory_used(const char *card);
int pino_amd_utilisation(const char *card);
int pino_amd_temperature(const char *card);

G_END_DECLS
