/* What the files of persist.h share. Not for other rooms. */
#pragma once

#include "storage/persist.h"

G_BEGIN_DECLS

/* HOME/.persistent: what was agreed last. */
typedef struct {
  char *folder;      /* the persistent one; NULL: none yet */
  char *environment; /* SHA-256 of what both ENVIRONMENTs said; NULL: not known */
  char *drive;       /* where HOME/drive was made to lead; NULL: it was not */
} PinoPersistRecord;

/* Empty when there is none, or it does not parse. */
void pino_persist_record_read(const char *home, PinoPersistRecord *record);
/* Writes it, unless it says so already. */
gboolean pino_persist_record_write(const char *home, const PinoPersistRecord *record, GError **error);
void pino_persist_record_clear(PinoPersistRecord *record);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoPersistRecord, pino_persist_record_clear)

/* Tells who listens. */
void pino_persist_note(const PinoPersist *persist, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Whether the persistent folder is there, and neither it nor the home lies in the other. make: it is made when only its
 * parent is there. */
gboolean pino_persist_check(const PinoPersist *persist, gboolean make, GError **error);

G_END_DECLS
