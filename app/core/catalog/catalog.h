/* The catalog of apps that can be installed: data/apps.json, which the program carries in itself, and a person's own
 * additions in HOME/catalog.json.
 *
 * Nothing is read before the first question. Entries of catalog.json have the shape of data/apps.json, `id` and
 * `repository` are all that they must have; one with an id of the catalog takes that entry's place. A catalog.json that
 * cannot be read is passed over whole, and pino_catalog_trouble() tells why. One thread uses a catalog.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoCatalog PinoCatalog;

/* Valid UTF-8; none is NULL, what an entry does not say is empty. */
typedef struct {
  const char *id;         /* unique */
  const char *name;       /* as its author writes it */
  const char *repository; /* URL for git clone, without ".git" */
  const char *category;   /* "image", "audio"... */
  const char *author;
  const char *installer;   /* "js" or "json": what its scripts are written in */
  const char *description; /* one line */
  const char *const *tags; /* ended by NULL */
  gint64 stars;
  /* what its tags, name and description say of the machine (needs.h) */
  const char *gpu; /* "nvidia", "amd", "any", "none"; NULL: nothing */
  double vram_gb;  /* 0: nothing */
  gboolean own;    /* from HOME/catalog.json */
} PinoCatalogApp;

/* home: PINOKIO_HOME, or NULL for none of one's own. Reads nothing yet. */
PinoCatalog *pino_catalog_new(const char *home);
void pino_catalog_free(PinoCatalog *catalog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoCatalog, pino_catalog_free)

/* Forgets what was read when HOME/catalog.json is another than it was then. All that the functions below gave before is
 * gone after it, and nothing else makes it go. */
void pino_catalog_refresh(PinoCatalog *catalog);

/* What is wrong with HOME/catalog.json, for a person; NULL: nothing. */
const GError *pino_catalog_trouble(PinoCatalog *catalog);

/* How many entries there are, and one of them (index from 0 on; NULL beyond the end): those of the catalog in its
 * order, then one's own. */
guint pino_catalog_size(PinoCatalog *catalog);
const PinoCatalogApp *pino_catalog_get(PinoCatalog *catalog, guint index);

/* The entry that a word on a command line means exactly: its id, its name in any case, or its repository. NULL: none. */
const PinoCatalogApp *pino_catalog_find(PinoCatalog *catalog, const char *word);
/* The entry of that id. NULL: none. */
const PinoCatalogApp *pino_catalog_by_id(PinoCatalog *catalog, const char *id);
/* The entry of a repository, in any case, with or without ".git", "/" at the end, and the forms git://, ssh:// and
 * git@HOST:PATH. NULL: none. */
const PinoCatalogApp *pino_catalog_by_repository(PinoCatalog *catalog, const char *url);
/* The entry whose clone is called so: the last part of its repository's path, in any case, with or without ".git". The
 * first one when there are several. NULL: none. */
const PinoCatalogApp *pino_catalog_by_folder(PinoCatalog *catalog, const char *name);

/* Entries that somebody may have meant who wrote a word that names none, nearest first: at most `most` (0: 3), none when
 * nothing is near. Unref the array; the entries are the catalog's. */
GPtrArray *pino_catalog_suggest(PinoCatalog *catalog, const char *word, guint most);

typedef struct {
  const char *text;     /* words in any order; NULL or empty: all entries, by name */
  const char *category; /* NULL: any. In any case, as are the tags */
  const char *tag;      /* NULL: any */
  guint offset;         /* so many of the best are left out */
  guint limit;          /* 0: all */
} PinoCatalogQuery;

/* Entries in which every word is found, best first; equals by name, then id. A word that is nowhere in the entries that
 * the filters leave is compared with errors of typing allowed: one in four to five letters, two up to eight, three
 * beyond. When no entry has all words, those that have most of them are given. *total (may be NULL) is how many there are
 * without offset and limit. Unref the array; the entries are the catalog's. */
GPtrArray *pino_catalog_search(PinoCatalog *catalog, const PinoCatalogQuery *query, guint *total);

typedef struct {
  const char *name;
  guint count; /* entries that have it */
} PinoCatalogCount;

/* Categories and tags in use, most used first, equals by name. Unref the array of PinoCatalogCount; names are the
 * catalog's. Tags that differ only in case count as one. */
GArray *pino_catalog_categories(PinoCatalog *catalog);
GArray *pino_catalog_tags(PinoCatalog *catalog);

/* Appends an entry as a JSON object that is still open: the members of data/apps.json, "needs" and "own". The caller adds what else
 * there is to say, and the "}". */
void pino_catalog_append_json(GString *out, const PinoCatalogApp *app);

G_END_DECLS
