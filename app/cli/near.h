/* Names that were nearly right. */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Adds to an error's text which of the objects of an array, by the text of a member, may have been meant by the word;
 * nothing where none is near. */
void pino_near_suggest(JsonNode *objects, const char *member, const char *word, GError *error);

G_END_DECLS
