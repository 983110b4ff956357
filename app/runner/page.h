/* The page of an app whose script does not name it: looked for in what the script's commands print (detect/detect.h), and
 * shown once it answers. All of it on the run's thread, by its main context. */
#pragma once

#include "script/run.h"

G_BEGIN_DECLS

typedef struct _PinoPage PinoPage;

/* Called once: the address answers. */
typedef void (*PinoPageFound)(const char *url, gpointer data);

/* Listens to the run (pino_run_listen()) from now on. While the script's steps go on, the script may still name a page
 * itself: what answers is told only when a while has gone by without that. */
PinoPage *pino_page_new(PinoRun *run, PinoPageFound found, gpointer data);
/* The steps are done, and the script named none: what answers is told at once, now or later. */
void pino_page_expect(PinoPage *page);
/* To be called before the run is freed; found is not called any more. */
void pino_page_free(PinoPage *page);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoPage, pino_page_free)

G_END_DECLS
