/* One try at a download: a request and what comes back, into the part. Not for other rooms. */
#pragma once

#include "storage/download.h"
#include "storage/part.h"

G_BEGIN_DECLS

typedef enum {
  PINO_TRANSFER_DONE,  /* the part is complete */
  PINO_TRANSFER_RETRY, /* *error tells what; another try may do better */
  PINO_TRANSFER_FAILED /* *error tells what; another try would do no better */
} PinoTransferEnd;

typedef struct {
  const PinoDownload *spec;
  const char *url; /* escaped */
  GCancellable *cancellable;
  PinoPart part;        /* opened by the first answer when only the folder is known */
  gboolean unresolved;  /* the last try did not find the host */
  guint retry_after_ms; /* what the server asked to wait, 0: nothing */
} PinoTransfer;

/* Asks for what is missing and writes it. Blocks; a cancel ends it at once with PINO_ERROR_CANCELLED. */
PinoTransferEnd pino_transfer_try(PinoTransfer *transfer, GError **error);

G_END_DECLS
