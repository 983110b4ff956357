/* An app made of small scripts, its plan, and a server that says sizes. */
#pragma once

#include <json-glib/json-glib.h>

#include "lifecycle/plan.h"
#include "temp.h"

/* An answer of the server: to a path, HEAD and GET alike. */
typedef struct {
  const char *path;
  int status;       /* 0: it never answers */
  const char *head; /* more header lines, each with its CRLF; may be NULL */
  const char *body; /* may be NULL */
} Answer;

typedef struct {
  TestDir dir; /* the home; the app is in api/app */
  char *folder;
  PinoRun *run;
  PinoPlanSpec spec; /* set by the test before plan_make() */
  GCancellable *cancellable;

  char *json; /* the latest plan */
  JsonNode *node;
  JsonObject *plan;

  GSocketService *service;
  const Answer *answers; /* ends with path NULL */
  guint port;
  int asked; /* requests so far, atomic */
} PlanBench;

void plan_set_up(PlanBench *bench, gconstpointer data);
void plan_tear_down(PlanBench *bench, gconstpointer data);
#define PLAN_TEST(name, function)                                                                            \
  g_test_add("/plan/" name, PlanBench, NULL, plan_set_up, function, plan_tear_down)

/* Writes a file of the app. */
void plan_put(PlanBench *bench, const char *name, const char *text);
/* Writes install.js with these steps ("[...]") and a launcher that offers it. */
void plan_steps(PlanBench *bench, const char *steps);
void plan_launcher(PlanBench *bench, const char *fields);

/* Makes the plan; asserts that it could. */
void plan_make(PlanBench *bench);
/* One step's text for each that is not left out, "? " before one that is unsure: a line each, with its label. */
char *plan_outline(PlanBench *bench);
void plan_expect(PlanBench *bench, const char *outline);
/* The step with a label. */
JsonObject *plan_step(PlanBench *bench, const char *label);
const char *plan_text_of(JsonObject *object, const char *name);
/* The item of any step that is this. */
JsonObject *plan_item(PlanBench *bench, const char *what);
/* Bytes of it; -1: not known. */
gint64 plan_bytes(PlanBench *bench, const char *what);
JsonObject *plan_part(PlanBench *bench, const char *name);
/* Whether a reason holds the text. */
gboolean plan_says(PlanBench *bench, const char *text);

/* Starts the server; spec.api leads to it. "http://127.0.0.1:PORT" + path: free. */
void plan_serve(PlanBench *bench, const Answer *answers);
char *plan_url(PlanBench *bench, const char *path);
