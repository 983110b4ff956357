/* A PINOKIO_HOME of its own with one app in it, and what a run of one of its scripts told. */
#pragma once

#include "script/run.h"

typedef struct _Bench Bench;

struct _Bench {
  char *home;
  char *app; /* HOME/api/app */

  /* Set by the test before a run. */
  const char *answers;   /* what the person answers, JSON; NULL: nobody is there */
  const char *cancel_at; /* the first event whose JSON holds this text cancels the run, from another thread */
  double time_limit;     /* as in PinoRunOptions */
  const char *progress;  /* file of finished steps; NULL: none is kept */
  gboolean from_start;
  const PinoRegistry *registry;                  /* what stands for the service; NULL: there is none */
  void (*hook)(Bench *bench, const char *event); /* sees each event's JSON; may be NULL */
  gpointer hook_data;

  /* What the latest run told. */
  PinoOutcome outcome;
  char *error;       /* its message; NULL: none */
  GPtrArray *events; /* a line of JSON each */
  GString *printed;  /* its output, CRs left out, double quotes made single ones */
  char *asked;       /* the latest request to the person */

  PinoRun *run; /* kept by bench_begin() */
  GCancellable *cancellable;
  GThread *canceller;
};

Bench *bench_new(void);
/* Asserts that the run left no process behind. */
void bench_free(Bench *bench);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

/* Writes a file of the app; folders are made. */
void bench_write(Bench *bench, const char *name, const char *text);
/* Writes a script of JavaScript: what starts with '[' are steps, with '{' a script's object, anything else is taken
 * as it is. The first two see step(method, params, more), log(json), say(text) and run(message, more). */
void bench_script(Bench *bench, const char *name, const char *script);
char *bench_path(Bench *bench, const char *name);
/* The text of a file of the app; NULL when there is none. */
char *bench_read(Bench *bench, const char *name);

/* Runs a script of the app in a world of its own, and ends it. input may be NULL. */
void bench_run(Bench *bench, const char *name, const char *input);
/* The same, but the run stays until bench_end(): a daemon lives on. */
void bench_begin(Bench *bench, const char *name, const char *input);
void bench_end(Bench *bench);

/* Runs the steps as main.js. */
void bench_steps(Bench *bench, const char *script);

/* What the latest run was: ended well and printed exactly this; or failed and said this among other things. */
void bench_expect(Bench *bench, const char *printed);
void bench_expect_error(Bench *bench, const char *part);
void bench_expect_file(Bench *bench, const char *name, const char *text);
/* How many events hold the text. */
guint bench_count(Bench *bench, const char *part);

/* Processes whose working folder lies in the home. */
guint bench_processes(Bench *bench);
/* The file descriptors that are open. */
guint bench_descriptors(void);

/* A test of one script, in a table. */
typedef struct {
  const char *name;
  const char *script;      /* main.js, as bench_script() takes it */
  const char *prints;      /* its whole output; NULL: any */
  const char *fails;       /* part of its error; NULL: it ends well */
  const char *file, *text; /* one more script or file of the app; may be NULL */
} BenchCase;

void bench_add_cases(const char *folder, const BenchCase *cases, gsize count);
