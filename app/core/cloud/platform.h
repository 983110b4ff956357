/* On whose machine this is: a rented one of a known platform, some container, or a machine of one's own.
 *
 * Decided by markers (variables, files, folders) in one table, platform.c; nothing is asked over a network, and the whole
 * costs some file look-ups. Variables count when they are there, whatever their value: some are empty on purpose. Where a
 * shell lacks the variables of the container's first process (SSH and Jupyter on Vast and RunPod), they are read from
 * /etc/environment, /etc/rp_environment and /proc/1/environ, in this order, after the own environment.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Names of platforms as they are given by PINOKIO_PLATFORM and shown to programs. */
#define PINO_PLATFORM_COLAB "colab"
#define PINO_PLATFORM_KAGGLE "kaggle"
#define PINO_PLATFORM_VAST "vast"
#define PINO_PLATFORM_LIGHTNING "lightning"
#define PINO_PLATFORM_PAPERSPACE "paperspace"
#define PINO_PLATFORM_RUNPOD "runpod"
#define PINO_PLATFORM_STUDIOLAB "studiolab"
#define PINO_PLATFORM_CONTAINER "container" /* none of those, but no machine of its own either */
#define PINO_PLATFORM_LOCAL "local"

typedef struct {
  const char *id;   /* one of the above; the same text may be compared with g_str_equal() */
  const char *name; /* for people: "Google Colab" */
  gboolean forced;  /* somebody said so, the markers were not asked */
  gboolean rented;  /* one of the seven platforms: not container, not local */
  char **
      markers; /* what decided, each a text for people ("variable RUNPOD_POD_ID"), never a value; ends with NULL */
  char *root;            /* below which files are looked for: "/" in the product */
  char *user_home;       /* the user's own folder ("~"), absolute, as seen below root */
  GHashTable *variables; /* for pino_platform_env() */
} PinoPlatform;

/* root is "/" in the product. env (NAME=value, ends with NULL) stands for the own environment; NULL: the process's own.
 * forced: an id that wins over all markers; NULL or "": none (the caller reads PINOKIO_PLATFORM). Fails only with
 * PINO_ERROR_USAGE, for a forced id that is none; the message lists them. Any thread. */
PinoPlatform *pino_platform_detect(const char *root, const char *const *env, const char *forced,
                                   GError **error);
/* The same with root "/", the own environment and PINOKIO_PLATFORM. */
PinoPlatform *pino_platform_here(GError **error);
void pino_platform_free(PinoPlatform *platform);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoPlatform, pino_platform_free)

/* Whether it is the platform of that id. */
gboolean pino_platform_is(const PinoPlatform *platform, const char *id);

/* A variable by the own environment, else by the files named above; NULL when it is nowhere, "" when it is empty. The
 * platform's. May be a secret: not to be shown. */
const char *pino_platform_env(const PinoPlatform *platform, const char *name);
/* The names of all variables that begin so, sorted. Free with g_strfreev(). */
char **pino_platform_env_names(const PinoPlatform *platform, const char *prefix);

/* All ids, in the order of the table; ends with NULL. Static. */
const char *const *pino_platform_ids(void);

/* Appends {id, name, forced, rented, markers: []}. */
void pino_platform_append_json(const PinoPlatform *platform, GString *out);

G_END_DECLS
