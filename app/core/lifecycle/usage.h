/* What a folder takes on the disk, and its links to the drive. Not for other rooms. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *path; /* of the link, relative to the folder */
  char *target;
} PinoUsageLink;

typedef struct {
  guint64 freed;  /* bytes on the disk that go with the folder */
  guint64 shared; /* bytes of files that have hard links elsewhere: they stay */
  guint64 files;
  guint drive_links; /* links that lead to the drive, all of them */
  GPtrArray *links;  /* PinoUsageLink: those to folders of the drive, at most 200 */
} PinoUsage;

/* Measures; links are not followed. drive may be NULL. What cannot be read counts as nothing. */
void pino_usage_measure(const char *folder, const char *drive, PinoUsage *usage);
void pino_usage_clear(PinoUsage *usage);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoUsage, pino_usage_clear)

G_END_DECLS
