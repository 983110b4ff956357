/* The pool: large files of a home, each content stored once.
 *
 * HOME/pool/sha256/ab/cdef... is an object: a file whose content has the SHA-256 that its name tells. What apps have in
 * their own folders are shares of it: reflinks (the file system stores the bytes once, and who writes into one changes
 * only that one) where the file system has them, else hard links. A hard link is the same file under two names, so a
 * program that writes into it in place would change every app's copy. Therefore only kinds of files that programs open
 * for reading are shared so (models, archives, libraries: a table in poolshare.c), they lose their write permission,
 * and whoever replaces one in the usual way (a new file, renamed over it) changes only his own. Since root may write
 * all the same, an object is never handed out on trust: size, inode, mtime and ctime were written down when its content
 * was last known; when they differ it is hashed again, and dropped from the pool when it is not what its name says.
 *
 * Objects are a cache: removing one never takes anything from an app. Where neither kind of share works (another file
 * system, one without hard links) files stay plain, and the reason is told once for a home.
 *
 * Every step is one rename or link, so a crash leaves every app's file whole, old or new. Callers of any process and
 * thread wait for each other. Errors: PINO_ERRNO, PINO_ERROR_CANCELLED. cancellable may be NULL everywhere. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Smaller files stay as they are: the work would be more than what it saves. */
#define PINO_POOL_LEAST ((guint64)8 * 1024 * 1024)

typedef enum {
  PINO_POOL_PLAIN,    /* a file of its own */
  PINO_POOL_REFLINK,  /* shares its bytes with the object */
  PINO_POOL_HARDLINK, /* is the object, under another name */
} PinoPoolWay;

/* "plain", "reflink", "hardlink". Static. */
const char *pino_pool_way_name(PinoPoolWay way);

typedef struct {
  PinoPoolWay way;
  char *sha256;  /* of the content; NULL when it was not needed */
  guint64 saved; /* bytes of the disk that the file does not take, since the content was there already */
  char *why;     /* for a person, once for a home: why files cannot be shared there; else NULL */
} PinoPoolResult;

void pino_pool_result_clear(PinoPoolResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoPoolResult, pino_pool_result_clear)

/* Brings the finished file at path into the pool: it becomes a share of the object, which is made from it when there is
 * none; when there is one, the file is replaced by a share in one step. sha256 (64 hex digits, any case) is what the
 * caller has just found it to be; NULL: it is hashed here, which takes its time. url and validator (a strong one: an
 * ETag that does not begin with W/) are noted for pino_pool_take(); each may be NULL, and both are kept only as a
 * checksum. What need not or cannot be shared (small, a link, another file system, open for writing, changed meanwhile)
 * stays as it is and is a success with PINO_POOL_PLAIN. result (may be NULL) is filled on success. After an error the
 * file is as it was. */
gboolean pino_pool_add(const char *home, const char *path, const char *sha256, const char *url,
                       const char *validator, PinoPoolResult *result, GCancellable *cancellable,
                       GError **error);

/* Puts what the pool has at target (parents made, a file there replaced in one step), found by sha256, else by url and
 * strong validator; *taken tells whether it had it. On another file system target is a copy. Nothing to take is no
 * error: *taken is FALSE and target is untouched. */
gboolean pino_pool_take(const char *home, const char *sha256, const char *url, const char *validator,
                        const char *target, gboolean *taken, PinoPoolResult *result,
                        GCancellable *cancellable, GError **error);

/* --- what is there ---- */

typedef struct {
  char *sha256;
  char *name; /* a file name that it goes by, or NULL */
  guint64 size;
  guint64 users;   /* shares that exist now */
  char **places;   /* those of them that are known, below the home where they are in it; NULL-terminated */
  PinoPoolWay way; /* how they share; never plain */
  gint64 used;     /* when it was last added or taken, seconds since 1970; 0: unknown */
} PinoPoolObject;

void pino_pool_object_free(PinoPoolObject *object);

/* Gives the objects, largest first (PinoPoolObject, freed with the array). A home without a pool has none. */
GPtrArray *pino_pool_list(const char *home, GCancellable *cancellable, GError **error);

/* What an object saves: nothing while it has one user or none. */
guint64 pino_pool_object_saves(const PinoPoolObject *object);

/* Removes the objects that no file shares any more, and what is known of files that have gone; with older_s > 0 only
 * objects not used for so many seconds. Gives in *removed (may be NULL) those objects (g_ptr_array_unref()); with
 * dry_run they are only listed. */
gboolean pino_pool_clean(const char *home, gint64 older_s, gboolean dry_run, GPtrArray **removed,
                         GCancellable *cancellable, GError **error);

/* --- what could be shared ---- */

typedef struct {
  guint64 files;  /* large ones that were looked at */
  guint64 equal;  /* of those, such as hold the same as another one and do not share yet */
  guint64 saves;  /* bytes that sharing them saves */
  guint64 shared; /* of the equal ones, such as share now */
  guint64 saved;  /* bytes that this saved */
  char *why;      /* as in PinoPoolResult */
} PinoPoolScan;

void pino_pool_scan_clear(PinoPoolScan *scan);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoPoolScan, pino_pool_scan_clear)

/* Called for each file found equal, with its path and whether it shares now. */
typedef void (*PinoPoolFound)(const char *path, guint64 size, gboolean shared, gpointer data);

/* Looks for large files in the folders (NULL-terminated; missing ones and those on another file system are passed over,
 * links in them are not followed) that hold the same, first by size, then by hash, and with share makes them shares of
 * one object. Files that changed in the last minute or are open for writing are left alone. found may be NULL. */
gboolean pino_pool_scan(const char *home, const char *const *folders, gboolean share, PinoPoolScan *scan,
                        PinoPoolFound found, gpointer data, GCancellable *cancellable, GError **error);

G_END_DECLS
