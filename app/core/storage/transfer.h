/* One try at a download: requests over one connection or several and what comes back, into the part.
 * Not for other rooms. */
#pragma once

#include "storage/download.h"
#include "storage/meter.h"
#include "storage/part.h"

G_BEGIN_DECLS

typedef enum {
  PINO_TRANSFER_DONE,  /* the part is complete */
  PINO_TRANSFER_TAKEN, /* the pool had it: it is at its place, *error and the part are of no interest */
  PINO_TRANSFER_RETRY, /* *error tells what; another try may do better */
  PINO_TRANSFER_FAILED /* *error tells what; another try would do no better */
} PinoTransferEnd;

typedef struct PinoTransfer PinoTransfer;

struct PinoTransfer {
  const PinoDownload *spec;
  const char *url; /* escaped */
  GCancellable *cancellable;
  PinoPart part; /* opened by the first answer when only the folder is known */
  PinoMeter meter;
  /* Asked with the first answer whether the version with this ETag (or NULL) need not be fetched; may be NULL. */
  gboolean (*take)(PinoTransfer *transfer, const char *etag);
  char *place;          /* where redirects led (free); NULL: ask at url */
  gboolean whole;       /* ranges are of no use here: one connection, from the start */
  gboolean unresolved;  /* the last try did not find the host */
  guint retry_after_ms; /* what the server asked to wait, 0: nothing */
};

/* Asks for what is missing and writes it. Blocks; a cancel ends it at once with PINO_ERROR_CANCELLED. */
PinoTransferEnd pino_transfer_try(PinoTransfer *transfer, GError **error);

/* How long to wait after so many failures in a row, in ms. */
guint pino_transfer_wait_ms(const PinoTransfer *transfer, guint failures);

/* Tells the person something in words, if the caller wants them. */
void pino_transfer_tell(const PinoTransfer *transfer, const char *format, ...) G_GNUC_PRINTF(2, 3);

G_END_DECLS
