/* The programs that apps and the engine need, and where they are found. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *name;
  const char *arguments; /* what makes it tell its version, parted by blanks */
  const char *why;       /* what is missing without it */
  gboolean required;     /* nothing much works without it */
} PinoTool;

/* What `doctor` shows, in that order. */
const PinoTool *pino_tools(gsize *count);

/* The first executable file `name` in the folders of path (parted by ':'; NULL: the process's PATH), absolute; a
 * name with a slash is looked at as it stands. NULL when there is none. Free with g_free(). */
char *pino_which(const char *name, const char *path);

/* Where a tool is: managed in HOME/bin, in miniforge there, among the engine's own tools, or in PATH. home may be
 * NULL. Free with g_free(); NULL when it is nowhere. */
char *pino_tool_find(const char *home, const char *name);

/* The folder of the engine's own tools (uv, hf), or NULL when the set-up made none. Free with g_free(). */
char *pino_tool_folder(void);

/* The first line that the program prints when run with these arguments (parted by blanks); 5 seconds at most, the
 * program is killed then. Free with g_free(). */
char *pino_tool_version(const char *path, const char *arguments, GError **error);

G_END_DECLS
