/* A folder that stands for "/": tests lay out proc, sys and dev in it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* An empty one. Remove it with fake_root_free(). */
char *fake_root_new(void);
void fake_root_free(char *root);

/* Writes root/path, folders included. */
void fake_put(const char *root, const char *path, const char *text);
void fake_remove(const char *root, const char *path);
/* Makes root/path a link to target, which need not be there. */
void fake_link(const char *root, const char *path, const char *target);

G_END_DECLS
