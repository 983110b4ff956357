/* Pieces of JSON text, without making a tree: events go through as they came, and text keeps its NUL bytes, which
 * json-glib cuts off. Text that is no JSON gives empty slices, never a read beyond it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Borrowed; text is NULL where there is nothing. */
typedef struct {
  const char *text;
  gsize length;
} PinoSlice;

/* The value of an object's member. */
PinoSlice pino_slice_member(PinoSlice object, const char *name);

/* The array's next element; at begins as {0}. FALSE after the last. */
gboolean pino_slice_next(PinoSlice array, PinoSlice *at);

/* Whether the value is this string (which has no escapes). */
gboolean pino_slice_is(PinoSlice value, const char *text);

/* Appends what a string says; nothing when it is no string. */
void pino_slice_decode(PinoSlice value, GString *out);

/* The string, NULL when it is none; free with g_free(). */
char *pino_slice_text(PinoSlice value);

/* A whole number; 0 when it is none. */
guint64 pino_slice_number(PinoSlice value);

G_END_DECLS
