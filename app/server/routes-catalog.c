/* The catalog of apps that can be installed. */
#include "server/internal.h"

#define MOST_APPS 100000 /* that one answer is asked for; there are fewer */

static void answer_catalog(PinoCall *call) {
  guint64 limit, offset;
  if (!pino_call_query_number(call, "limit", 0, MOST_APPS, &limit) ||
      !pino_call_query_number(call, "offset", 0, MOST_APPS, &offset))
    return;
  PinoCatalogQuery query = {
      .text = pino_call_query(call, "q"),
      .category = pino_call_query(call, "category"),
      .tag = pino_call_query(call, "tag"),
      .limit = (guint)limit,
      .offset = (guint)offset,
  };
  pino_call_answer(call, SOUP_STATUS_OK, NULL, pino_engine_catalog(pino_call_engine(call), &query));
}

static void answer_counts(PinoCall *call) {
  pino_call_answer(call, SOUP_STATUS_OK, NULL, pino_engine_catalog_counts(pino_call_engine(call)));
}

static void answer_entry(PinoCall *call) {
  GError *error = NULL;
  GBytes *view = pino_engine_catalog_app(pino_call_engine(call), pino_call_name(call, 0), &error);
  if (view == NULL)
    pino_call_fail(call, error);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, view);
}

const PinoRoute pino_routes_catalog[] = {
    {"GET", "/v1/catalog", answer_catalog, 0, NULL},
    {"GET", "/v1/catalog/categories", answer_counts, 0, NULL},
    {"GET", "/v1/catalog/{id}", answer_entry, 0, NULL},
    {NULL, NULL, NULL, 0, NULL},
};
