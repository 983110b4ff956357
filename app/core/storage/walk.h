/* Walking a tree by descriptors: never through a symbolic link, however deep, with a bounded number of open
 * descriptors, and not fooled by folders that are swapped meanwhile. Not for other rooms. */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/* A place in a tree that can be left the way it came. The parents near the top stay open; below them the way back
 * is "..", and it is checked that this is where it came from. */
typedef struct {
  int fd;        /* the folder it stands in */
  GArray *trail; /* how to get back, one entry a level */
} PinoClimb;

/* Takes fd. */
void pino_climb_start(PinoClimb *climb, int fd);
/* Enters child, which it takes also on failure. through_link: ".." of child is another folder. Gives 0 or an errno. */
int pino_climb_down(PinoClimb *climb, int child, gboolean through_link);
/* Gives 0 or an errno: ESTALE when the folder was moved elsewhere meanwhile. */
int pino_climb_up(PinoClimb *climb);
void pino_climb_clear(PinoClimb *climb);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoClimb, pino_climb_clear)

typedef struct {
  int parent;            /* open descriptor of the folder that holds it */
  const char *name;      /* its name there */
  const struct stat *st; /* of itself, links not followed */
  guint depth;           /* 0: what the walk was asked for */
  gpointer walk;         /* for pino_place_fail() */
} PinoPlace;

/* What is done on the way; each may be NULL. FALSE ends the walk with *error. enter comes before a folder is
 * opened, leave after all in it, entry for everything that is no folder. */
typedef struct {
  gboolean (*enter)(const PinoPlace *place, gpointer data, GError **error);
  gboolean (*leave)(const PinoPlace *place, gpointer data, GError **error);
  gboolean (*entry)(const PinoPlace *place, gpointer data, GError **error);
} PinoVisit;

/* Walks path (file or folder). What vanishes meanwhile is passed over, but a missing path itself is ENOENT. */
gboolean pino_storage_walk(const char *path, const PinoVisit *visit, gpointer data, GCancellable *cancellable,
                           GError **error);

/* pino_storage_fail() with the full path of the place. Always FALSE. */
gboolean pino_place_fail(const PinoPlace *place, int errnum, const char *syscall, GError **error);

/* The path of the place relative to what the walk was asked for; "" for that itself. */
char *pino_place_path(const PinoPlace *place);

G_END_DECLS
