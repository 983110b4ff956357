/* A library in a folder that goes with the test, and rows to put into it. */
#pragma once

#include "state/library.h"

#include "../storage/temp.h"

/* Opens the library in the folder; asserts that it can be. */
PinoLibrary *rows_open(const TestDir *dir, PinoLibraryFound *found, char **aside);

/* Put a row with that id, asserting that it can be. */
void rows_put_app(PinoLibrary *library, const char *id);
void rows_put_run(PinoLibrary *library, const char *id, const char *app, const char *state);
void rows_put_process(PinoLibrary *library, const char *id, const char *run, const char *status);

/* 20 apps, 60 runs with a process each, a tunnel, some settings: all tables have several pages. */
void rows_fill(PinoLibrary *library);

/* Asserts that rows can be written and read. */
void rows_use(PinoLibrary *library);

/* How many runs are listed. */
guint rows_count_runs(PinoLibrary *library, const char *app, gboolean live);
