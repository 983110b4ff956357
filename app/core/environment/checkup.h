/* All that `pinokiocloud doctor` and GET /v1/machine tell of a machine: its facts, places, disks, network and tools, the
 * platform's rules, and advice on what is not as it should be.
 *
 * It stands in this room because both the command line and the server may use it, and because it needs the tools beside the
 * room cloud. Gathering starts programs (each tool's --version) and threads, and takes up to 5 seconds when one of them hangs.
 */
#pragma once

#include "cloud/address.h"
#include "cloud/facts.h"
#include "cloud/filesystem.h"
#include "cloud/network.h"
#include "cloud/rules.h"

G_BEGIN_DECLS

typedef struct {
  const char *name, *why; /* static */
  gboolean required;
  char *path;    /* NULL: not here */
  char *version; /* the first line that it prints; NULL: not here, or it told none */
  char *trouble; /* why it told none */
} PinoToolState;

typedef enum {
  PINO_ADVICE_MUST,    /* the engine or its apps will not work */
  PINO_ADVICE_WARNING, /* something will go wrong, or slowly */
  PINO_ADVICE_NOTE,    /* good to know */
} PinoAdviceWeight;

typedef struct {
  const char *id; /* stable, of the table in checkup-advice.c: "gpu-driver". Static */
  PinoAdviceWeight weight;
  char *text; /* what is the matter and what to do, on one line */
} PinoAdvice;

typedef struct {
  const char *what; /* "home", "persistent", "temporary". Static */
  PinoFilesystem *fs;
} PinoDiskState;

typedef struct {
  char *version; /* the engine's */
  char *system;  /* "Debian GNU/Linux 12 (bookworm)" */
  char *kernel;  /* "Linux 6.1.0" */
  const char *arch;
  PinoFacts *facts;
  GArray *disks; /* PinoDiskState; the home is the first */
  PinoNetwork *network;
  GArray *tools;            /* PinoToolState */
  PinoAddresses *addresses; /* the platform's own public ones of `example_port` */
  guint16 example_port;
  GPtrArray *rules;  /* PinoRule */
  GArray *advice;    /* PinoAdvice, the gravest first */
  gboolean complete; /* nothing that is required is missing */
} PinoCheckup;

typedef struct {
  const char *version;          /* the engine's */
  const char *platform;         /* an id that is taken for granted; NULL: detected */
  gboolean no_network;          /* nobody is connected to; PINOKIO_OFFLINE, when set, says the same */
  const PinoNetworkHost *hosts; /* NULL: pino_network_hosts() */
} PinoCheckupOptions;

/* Looks at everything. Fails only with PINO_ERROR_USAGE, for a platform that is none. Blocks: not for a main loop. */
PinoCheckup *pino_checkup_new(const PinoCheckupOptions *options, GError **error);
void pino_checkup_free(PinoCheckup *checkup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoCheckup, pino_checkup_free)

/* "70.6 GiB", for a person. Free with g_free(). */
char *pino_checkup_size(guint64 bytes);

/* "must", "warning", "note". Static. */
const char *pino_advice_weight_name(PinoAdviceWeight weight);

/* Fills checkup->advice and ->complete by what is in it. pino_checkup_new() has done so. */
void pino_checkup_advise(PinoCheckup *checkup);

/* Appends it as one JSON object, {engine, system, kernel, arch, complete, platform, place, gpu: {vendor, trouble, cards}, cpus,
 * ram: {total, available, limited}, disks, network, tools, example_port, addresses, rules, advice}; docs/openapi.yaml tells the rest
 * (Machine). */
void pino_checkup_append_json(const PinoCheckup *checkup, GString *out);

G_END_DECLS
