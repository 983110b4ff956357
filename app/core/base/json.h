/* JSON written by hand where a whole tree would be too much, and read where it may be damaged. */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Appends text as a JSON string, quotes included. Invalid UTF-8 becomes U+FFFD. */
void pino_json_append_string(GString *out, const char *text, gsize len);

/* Appends "name":"text", after a comma unless out ends with "{"; nothing when text is NULL. */
void pino_json_append_member(GString *out, const char *name, const char *text);
/* The same, but null when text is NULL. */
void pino_json_append_nullable(GString *out, const char *name, const char *text);

/* json-glib goes down with every bracket, and the stack has an end: text of others is looked at first. FALSE when more
 * than deepest brackets stand within each other. */
gboolean pino_json_is_flat(const char *text, gsize length, guint deepest);
#define PINO_JSON_DEEPEST 1000 /* far more than anybody means, far less than the stack holds */

/* The object that a file holds; NULL when there is no such file, or it holds anything else, or is nested deeper than
 * PINO_JSON_DEEPEST. Free with json_object_unref(). */
JsonObject *pino_json_read_object(const char *path);

G_END_DECLS
