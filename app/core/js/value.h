/* Small helpers between JavaScript's values and C's. None throws: what cannot be had is NULL or FALSE. */
#pragma once

#include "js/host.h"

G_BEGIN_DECLS

/* undefined. */
JSValueRef pino_js_undefined(PinoJs *js);
/* null. */
JSValueRef pino_js_null(PinoJs *js);
/* A number. */
JSValueRef pino_js_number(PinoJs *js, double number);
/* true or false. */
JSValueRef pino_js_bool(PinoJs *js, gboolean value);
/* UTF-8; text may be NULL (gives null). Invalid UTF-8 is replaced by U+FFFD. len < 0: zero-terminated. */
JSValueRef pino_js_string(PinoJs *js, const char *text);
JSValueRef pino_js_string_len(PinoJs *js, const char *text, gssize len);
JSObjectRef pino_js_object(PinoJs *js);
JSObjectRef pino_js_array(PinoJs *js, size_t count, const JSValueRef items[]);
JSValueRef pino_js_strv(PinoJs *js, const char *const *strv);
/* A Node Buffer that owns a copy of the bytes. */
JSValueRef pino_js_buffer(PinoJs *js, const void *data, gsize len);

JSValueRef pino_js_get(PinoJs *js, JSValueRef object, const char *name); /* undefined if it is no object */
/* An item, undefined if there is none. */
JSValueRef pino_js_get_index(PinoJs *js, JSValueRef array, guint index);
/* `length` as a count, 0 for what has none. */
guint pino_js_length(PinoJs *js, JSValueRef array);
/* Sets a property; what throws is dropped. */
void pino_js_set(PinoJs *js, JSObjectRef object, const char *name, JSValueRef value);
/* Whether the object or its prototypes have the property. */
gboolean pino_js_has(PinoJs *js, JSValueRef object, const char *name);
/* Own enumerable string keys, free with g_strfreev(). */
char **pino_js_keys(PinoJs *js, JSValueRef object);

/* C's NULL counts as undefined. */
gboolean pino_js_is_undefined(PinoJs *js, JSValueRef value);
gboolean pino_js_is_nullish(PinoJs *js, JSValueRef value); /* undefined, null, or C's NULL */
/* A primitive string. */
gboolean pino_js_is_string(PinoJs *js, JSValueRef value);
/* As Array.isArray. */
gboolean pino_js_is_array(PinoJs *js, JSValueRef value);
gboolean pino_js_is_object(PinoJs *js, JSValueRef value); /* functions and arrays are objects too */
/* Something that can be called. */
gboolean pino_js_is_function(PinoJs *js, JSValueRef value);
/* As `if (value)`. */
gboolean pino_js_truthy(PinoJs *js, JSValueRef value);

/* The value as text, by JavaScript's own rules; free with g_free(). NULL if the conversion throws. */
char *pino_js_to_utf8(PinoJs *js, JSValueRef value);
/* The same with its length in bytes: text may hold zeros. */
char *pino_js_to_utf8_len(PinoJs *js, JSValueRef value, gsize *len);
double pino_js_to_number(PinoJs *js, JSValueRef value); /* NaN if it is none */
/* Convenience: property as text, NULL when it is undefined or null. */
char *pino_js_get_utf8(PinoJs *js, JSValueRef object, const char *name);
/* The bytes of a Buffer, typed array, ArrayBuffer (copied), or of a string as UTF-8; NULL if it is none. */
GBytes *pino_js_to_bytes(PinoJs *js, JSValueRef value);

/* As JSON.parse; PINO_ERROR_SYNTAX when it does not parse. */
JSValueRef pino_js_from_json(PinoJs *js, const char *json, GError **error);
/* JSON text, or NULL for what has none (undefined, functions). indent 0 is one line. */
char *pino_js_to_json(PinoJs *js, JSValueRef value, guint indent, GError **error);

/* Keeps a value alive beyond the stack. */
JSValueRef pino_js_hold(PinoJs *js, JSValueRef value);
void pino_js_release(PinoJs *js, JSValueRef value);

G_END_DECLS
