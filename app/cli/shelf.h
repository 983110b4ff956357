/* The catalog together with what of it lies under HOME/api, as the command line sees both without an engine. */
#pragma once

#include "catalog/catalog.h"
#include "engine/appinfo.h"

G_BEGIN_DECLS

typedef struct {
  char *home;
  PinoCatalog *catalog;
  GPtrArray *apps;       /* PinoApp, by id */
  GHashTable *installed; /* PinoCatalogApp to the PinoApp that was cloned from its repository */
} PinoShelf;

/* Of this PINOKIO_HOME. What is wrong with its catalog.json is told on standard error. */
PinoShelf *pino_shelf_new(void);
void pino_shelf_free(PinoShelf *shelf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoShelf, pino_shelf_free)

/* The app under api/ of an entry, or of a folder's name. NULL: none. */
const PinoApp *pino_shelf_installed(const PinoShelf *shelf, const PinoCatalogApp *entry);
const PinoApp *pino_shelf_folder(const PinoShelf *shelf, const char *name);
/* The entry that an app was cloned from. NULL: none. */
const PinoCatalogApp *pino_shelf_entry(const PinoShelf *shelf, const PinoApp *app);

/* Appends an entry as a JSON object that is still open (pino_catalog_append_json()) with "installed", its folder's name or
 * null. entry may be NULL: then the object is made of the app, with null for its id. */
void pino_shelf_append_json(GString *out, const PinoCatalogApp *entry, const PinoApp *app);

G_END_DECLS
