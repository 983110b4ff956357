/* What a run tells whoever listens: the events of the specification's section 9, and what the service needs beside. */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef enum {
  PINO_EVENT_STEP,   /* a step starts: total, method */
  PINO_EVENT_STREAM, /* output: text as UTF-8, bytes as they came */
  PINO_EVENT_RESULT, /* data: what the step gave */
  PINO_EVENT_TOLD,   /* notify, input, modal, wait, open...: name and data */
  PINO_EVENT_ERROR,  /* message; for a break also data: what matched */
  PINO_EVENT_END,    /* name: the outcome; data: the local memory of a daemon */
  /* Of the service, told only when the options ask for them: */
  PINO_EVENT_SHELL, /* a shell started: shell, log, pid */
  PINO_EVENT_EXIT,  /* no process of a shell is left: shell, code (-1: not known), signal */
  PINO_EVENT_READY, /* a daemon's steps are done; data: its local memory */
} PinoEventType;

typedef struct {
  PinoEventType type;
  const char *script; /* path of a script that another one started; NULL for the main one */
  int index;          /* of the step; -1: before the first or after the last */
  int total;
  const char *method;
  const char *name;
  const char *text;
  gsize text_len;
  const guint8 *bytes;
  gsize bytes_len;
  const char *data; /* JSON */
  const char *message;
  /* Of a shell; STREAM has them when the bytes stand in the shell's log. */
  const char *shell;
  const char *log;
  guint64 offset; /* of the log after the bytes; of EXIT: after all */
  pid_t pid;
  int code, signal;
} PinoEvent;

/* Called on the run's thread; everything in the event is borrowed. */
typedef void (*PinoEventSink)(const PinoEvent *event, gpointer data);

/* The name of what is told, during an operation, when a command typed into a shell that goes on has failed: shell, code. */
#define PINO_TOLD_FAILED "failed"
gboolean pino_event_is_failed(const PinoEvent *event);

/* The event as one line of JSON, newline included, appended to out. */
void pino_event_to_json(const PinoEvent *event, GString *out);

G_END_DECLS
