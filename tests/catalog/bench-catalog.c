/* What the catalog costs: prints one JSON object (tests/bench). Times are of one query each, in ms. */
#include <stdlib.h>

#include "catalog/catalog.h"

#define ROUNDS 20

/* Short and long, plain and misspelt, of one word and of many; the filters too. */
static const char *const queries[] = {
    "comfyui",
    "voice cloning",
    "stabel difusion",
    "text to speech with emotions",
    "face",
    "a",
    "upscaller",
    "i want to remove the background of my videos",
    "musik generatr",
    "qqqqqqqqqqqqqqqqqqqqqqqqq xxxxxxxxxxxxxxxxxxxxx zzzzzzzzzzzzzzzzzzzzzzzzz",
    "",
};

static int compare(gconstpointer a, gconstpointer b) {
  double one = *(const double *)a, other = *(const double *)b;
  return one < other ? -1 : one > other;
}

static double ms_of(PinoCatalog *catalog, const char *text, guint *found) {
  PinoCatalogQuery query = {.text = text};
  gint64 before = g_get_monotonic_time();
  g_autoptr(GPtrArray) apps = pino_catalog_search(catalog, &query, NULL);
  *found += apps->len;
  return (double)(g_get_monotonic_time() - before) / 1000;
}

int main(void) {
  guint found = 0;
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  g_autoptr(GArray) took = g_array_new(FALSE, FALSE, sizeof(double));
  double first = ms_of(catalog, queries[0], &found);
  for (guint round = 0; round < ROUNDS; round++) {
    for (guint i = 0; i < G_N_ELEMENTS(queries); i++) {
      double ms = ms_of(catalog, queries[i], &found);
      g_array_append_val(took, ms);
    }
  }
  g_array_sort(took, compare);
  g_print("{\"apps\": %u, \"median_ms\": %.4f, \"slowest_ms\": %.4f, \"first_ms\": %.4f}\n",
          pino_catalog_size(catalog), g_array_index(took, double, took->len / 2),
          g_array_index(took, double, took->len - 1), first);
  return found > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
