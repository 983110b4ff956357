/* The files of a pool: its objects, what is known of each, and which URLs lead to them. Not for other rooms.
 *
 *   pool/sha256/ab/cd...       an object
 *   pool/records/ab/cd...json  what is known of it (PinoPoolRecord); lost, it is found out anew
 *   pool/index/12/34...json    by the SHA-256 of a URL and its validator: which content that was
 *   pool/tmp/                  what is being made; emptied when the lock is taken
 *   pool/said-CODE             the reason that was told already */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

#include "storage/pool.h"

G_BEGIN_DECLS

typedef struct {
  char *home; /* canonical */
  char *dir;
  char *tmp;
  int lock; /* -1: not locked */
} PinoPoolStore;

/* Makes and locks nothing yet. */
PinoPoolStore *pino_pool_store_new(const char *home);
void pino_pool_store_free(PinoPoolStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoPoolStore, pino_pool_store_free)

/* Makes the folders and keeps everybody else out until the store is freed. */
gboolean pino_pool_store_lock(PinoPoolStore *store, GCancellable *cancellable, GError **error);
gboolean pino_pool_store_exists(const PinoPoolStore *store);

/* The path of an object or its record ("sha256", "records"), or of an index entry ("index"); key: 64 hex digits. */
char *pino_pool_store_path(const PinoPoolStore *store, const char *kind, const char *key);
/* The keys of all there are of a kind, in no order. */
GPtrArray *pino_pool_store_keys(const PinoPoolStore *store, const char *kind);

/* --- what is known of an object ---- */

typedef struct {
  char *stamp; /* pino_pool_stamp() when the content was last known; NULL: never */
  char *name;  /* a file name that it goes by; may be NULL */
  PinoPoolWay way;
  gint64 used;       /* seconds since 1970 */
  GHashTable *users; /* path -> pino_pool_user_stamp() when it became a share */
} PinoPoolRecord;

/* Never NULL. */
PinoPoolRecord *pino_pool_record_load(const PinoPoolStore *store, const char *sha256);
/* A record that cannot be written costs a hash later on, no more. */
void pino_pool_record_save(const PinoPoolStore *store, const char *sha256, const PinoPoolRecord *record);
void pino_pool_record_free(PinoPoolRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoPoolRecord, pino_pool_record_free)
/* Forgets the users that have gone or are something else by now; gives how many are left. */
guint pino_pool_record_prune(const PinoPoolStore *store, PinoPoolRecord *record);
/* Notes that path is a share now. */
void pino_pool_record_add_user(const PinoPoolStore *store, PinoPoolRecord *record, const char *path);
gboolean pino_pool_record_has_user(const PinoPoolStore *store, const PinoPoolRecord *record,
                                   const char *path);

/* Size, inode, mtime and ctime as text. */
char *pino_pool_stamp(const struct stat *st);
/* The same without ctime, which also changes when a file gets or loses a name. */
char *pino_pool_user_stamp(const struct stat *st);

/* Opens an object whose content is what its name says: as its record knows, or as a hash shows. One that is not is
 * removed. Wants the lock. -1: there is none; *error is set only when cancelled. */
int pino_pool_store_open_object(const PinoPoolStore *store, const char *sha256, PinoPoolRecord *record,
                                struct stat *st, GCancellable *cancellable, GError **error);
/* Removes an object and its record. */
void pino_pool_store_drop(const PinoPoolStore *store, const char *sha256);

/* --- URLs ---- */

/* What url with this validator was when it was last seen (free), or NULL. Weak and missing validators find nothing. */
char *pino_pool_index_find(const PinoPoolStore *store, const char *url, const char *validator);
/* Notes it; nothing without a strong validator. */
void pino_pool_index_set(const PinoPoolStore *store, const char *url, const char *validator,
                         const char *sha256);
/* The content that an index entry names (free), or NULL. */
char *pino_pool_index_read(const PinoPoolStore *store, const char *key);

/* Gives the text for a person the first time that it is told in this home, else NULL. */
char *pino_pool_store_tell_once(const PinoPoolStore *store, int errnum, const char *path);

G_END_DECLS
