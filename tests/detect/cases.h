/* What frameworks print, and what looks like it: the cases of test-detect.c. */
#pragma once

#include "detect/detect.h"

enum {
  UI = PINO_FOUND_UI,
  SERVER = PINO_FOUND_SERVER,
  WORDS = PINO_FOUND_WORDS,
  PLAIN = PINO_FOUND_PLAIN,
  API = PINO_FOUND_API
};

typedef struct {
  const char *name, *text;
  const char *framework, *url; /* the best of what is found */
  int rank;
} FoundCase;

typedef struct {
  const char *name, *text;
} NothingCase;

/* Ended by one without a name. */
extern const FoundCase FRAMEWORK_CASES[], OTHER_CASES[], PUBLIC_CASES[];
extern const NothingCase LOOK_ALIKES[];
