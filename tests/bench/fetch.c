/* fetch URL PATH [CONNECTIONS]: one download by storage/download.h, for the benchmarks. What
 * there is to say about it goes to stderr. */
#include <stdio.h>
#include <stdlib.h>

#include "storage/download.h"

static void on_note(const char *text, gpointer data) {
  fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: fetch URL PATH [CONNECTIONS]\n");
    return 2;
  }
  const PinoDownload spec = {.url = argv[1],
                             .path = argv[2],
                             .connections = argc > 3 ? (guint)strtoul(argv[3], NULL, 10) : 0,
                             .note = on_note};
  g_autoptr(GError) error = NULL;
  if (!pino_download(&spec, NULL, NULL, &error)) {
    fprintf(stderr, "%s\n", error->message);
    return 1;
  }
  return 0;
}
