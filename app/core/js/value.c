#include "js/value.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "js/internal.h"

JSValueRef pino_js_undefined(PinoJs *js) {
  return JSValueMakeUndefined(js->ctx);
}

JSValueRef pino_js_null(PinoJs *js) {
  return JSValueMakeNull(js->ctx);
}

JSValueRef pino_js_number(PinoJs *js, double number) {
  return JSValueMakeNumber(js->ctx, number);
}

JSValueRef pino_js_bool(PinoJs *js, gboolean value) {
  return JSValueMakeBoolean(js->ctx, value);
}

static JSValueRef take_string(PinoJs *js, JSStringRef string) {
  JSValueRef value = JSValueMakeString(js->ctx, string);
  JSStringRelease(string);
  return value;
}

/* g_utf8_to_utf16 reads up to len; zeros inside are kept because the pieces between them are converted. */
static JSStringRef string_with_zeros(const char *text, gsize len) {
  g_autoptr(GArray) units = g_array_sized_new(FALSE, FALSE, sizeof(gunichar2), (guint)len);
  const char *end = text + len;
  while (text <= end) {
    const char *zero = memchr(text, '\0', (gsize)(end - text));
    const char *stop = zero != NULL ? zero : end;
    glong count = 0;
    g_autofree gunichar2 *piece = g_utf8_to_utf16(text, stop - text, NULL, &count, NULL);
    if (piece != NULL)
      g_array_append_vals(units, piece, (guint)count);
    if (zero != NULL) {
      gunichar2 nothing = 0;
      g_array_append_val(units, nothing);
    }
    text = stop + 1;
  }
  return JSStringCreateWithCharacters((const JSChar *)units->data, units->len);
}

JSValueRef pino_js_string_len(PinoJs *js, const char *text, gssize len) {
  if (text == NULL)
    return pino_js_null(js);
  gsize size = len < 0 ? strlen(text) : (gsize)len;
  const char *bad = NULL;
  if (memchr(text, '\0', size) != NULL) {
    g_autofree char *valid = NULL;
    gsize start = 0;
    g_autoptr(GString) joined = g_string_sized_new(size);
    for (gsize i = 0; i <= size; i++) {
      if (i < size && text[i] != '\0')
        continue;
      g_autofree char *piece = g_utf8_make_valid(text + start, (gssize)(i - start));
      g_string_append(joined, piece);
      if (i < size)
        g_string_append_c(joined, '\0');
      start = i + 1;
    }
    return take_string(js, string_with_zeros(joined->str, joined->len));
  }
  if (!g_utf8_validate_len(text, size, &bad)) {
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)size);
    return take_string(js, JSStringCreateWithUTF8CString(valid));
  }
  if (len < 0 || text[size] == '\0')
    return take_string(js, JSStringCreateWithUTF8CString(text));
  g_autofree char *copy = g_strndup(text, size);
  return take_string(js, JSStringCreateWithUTF8CString(copy));
}

JSValueRef pino_js_string(PinoJs *js, const char *text) {
  return pino_js_string_len(js, text, -1);
}

JSObjectRef pino_js_object(PinoJs *js) {
  return JSObjectMake(js->ctx, NULL, NULL);
}

JSObjectRef pino_js_array(PinoJs *js, size_t count, const JSValueRef items[]) {
  return JSObjectMakeArray(js->ctx, count, items, NULL);
}

JSValueRef pino_js_strv(PinoJs *js, const char *const *strv) {
  JSObjectRef array = pino_js_array(js, 0, NULL);
  for (guint i = 0; strv != NULL && strv[i] != NULL; i++)
    JSObjectSetPropertyAtIndex(js->ctx, array, i, pino_js_string(js, strv[i]), NULL);
  return array;
}

static void free_bytes(void *bytes, void *data) {
  g_free(bytes);
}

JSValueRef pino_js_buffer(PinoJs *js, const void *data, gsize len) {
  void *copy = len > 0 ? g_memdup2(data, len) : g_malloc(1);
  JSValueRef memory = JSObjectMakeArrayBufferWithBytesNoCopy(js->ctx, copy, len, free_bytes, NULL, NULL);
  JSValueRef type = pino_js_get(js, pino_js_global(js), "Buffer");
  JSValueRef from = pino_js_get(js, type, "from");
  g_autoptr(GError) error = NULL;
  JSValueRef buffer = pino_js_call(js, (JSObjectRef)from, (JSObjectRef)type, 1, &memory, &error);
  return buffer != NULL ? buffer : memory;
}

JSValueRef pino_js_get(PinoJs *js, JSValueRef object, const char *name) {
  if (!pino_js_is_object(js, object))
    return pino_js_undefined(js);
  JSStringRef property = JSStringCreateWithUTF8CString(name);
  JSValueRef exception = NULL;
  pino_js_enter(js);
  JSValueRef value = JSObjectGetProperty(js->ctx, (JSObjectRef)object, property, &exception);
  pino_js_leave(js);
  JSStringRelease(property);
  return value == NULL || exception != NULL ? pino_js_undefined(js) : value;
}

JSValueRef pino_js_get_index(PinoJs *js, JSValueRef array, guint index) {
  if (!pino_js_is_object(js, array))
    return pino_js_undefined(js);
  JSValueRef exception = NULL;
  JSValueRef value = JSObjectGetPropertyAtIndex(js->ctx, (JSObjectRef)array, index, &exception);
  return value == NULL || exception != NULL ? pino_js_undefined(js) : value;
}

guint pino_js_length(PinoJs *js, JSValueRef array) {
  if (!pino_js_is_object(js, array))
    return 0;
  JSValueRef value = JSObjectGetProperty(js->ctx, (JSObjectRef)array, js->length_name, NULL);
  double length = value != NULL ? pino_js_to_number(js, value) : 0;
  return length > 0 && length < G_MAXUINT ? (guint)length : 0;
}

void pino_js_set(PinoJs *js, JSObjectRef object, const char *name, JSValueRef value) {
  JSStringRef property = JSStringCreateWithUTF8CString(name);
  JSObjectSetProperty(js->ctx, object, property, value, kJSPropertyAttributeNone, NULL);
  JSStringRelease(property);
}

gboolean pino_js_has(PinoJs *js, JSValueRef object, const char *name) {
  if (!pino_js_is_object(js, object))
    return FALSE;
  JSStringRef property = JSStringCreateWithUTF8CString(name);
  bool has = JSObjectHasProperty(js->ctx, (JSObjectRef)object, property);
  JSStringRelease(property);
  return has;
}

static char *string_to_utf8(JSStringRef string, gsize *len) {
  size_t size = JSStringGetMaximumUTF8CStringSize(string);
  char *text = g_malloc(size);
  size_t written = JSStringGetUTF8CString(string, text, size);
  if (written == 0) {
    g_free(text);
    text =
        g_utf16_to_utf8(JSStringGetCharactersPtr(string), (glong)JSStringGetLength(string), NULL, NULL, NULL);
    *len = text != NULL ? strlen(text) : 0;
    return text;
  }
  *len = written - 1;
  return size > written + 256 ? g_realloc(text, written) : text;
}

char **pino_js_keys(PinoJs *js, JSValueRef object) {
  g_autoptr(GStrvBuilder) keys = g_strv_builder_new();
  if (pino_js_is_object(js, object)) {
    /* JSObjectCopyPropertyNames walks the prototypes too. */
    JSValueRef type = pino_js_get(js, pino_js_global(js), "Object");
    JSValueRef list = pino_js_call(js, (JSObjectRef)pino_js_get(js, type, "keys"), NULL, 1, &object, NULL);
    guint count = list != NULL ? pino_js_length(js, list) : 0;
    for (guint i = 0; i < count; i++) {
      g_autofree char *key = pino_js_to_utf8(js, pino_js_get_index(js, list, i));
      g_strv_builder_add(keys, key != NULL ? key : "");
    }
  }
  return g_strv_builder_end(keys);
}

gboolean pino_js_is_undefined(PinoJs *js, JSValueRef value) {
  return value == NULL || JSValueIsUndefined(js->ctx, value);
}

gboolean pino_js_is_nullish(PinoJs *js, JSValueRef value) {
  return value == NULL || JSValueIsUndefined(js->ctx, value) || JSValueIsNull(js->ctx, value);
}

gboolean pino_js_is_string(PinoJs *js, JSValueRef value) {
  return value != NULL && JSValueIsString(js->ctx, value);
}

gboolean pino_js_is_array(PinoJs *js, JSValueRef value) {
  return value != NULL && JSValueIsArray(js->ctx, value);
}

gboolean pino_js_is_object(PinoJs *js, JSValueRef value) {
  return value != NULL && JSValueIsObject(js->ctx, value);
}

gboolean pino_js_is_function(PinoJs *js, JSValueRef value) {
  return pino_js_is_object(js, value) && JSObjectIsFunction(js->ctx, (JSObjectRef)value);
}

gboolean pino_js_truthy(PinoJs *js, JSValueRef value) {
  return value != NULL && JSValueToBoolean(js->ctx, value);
}

char *pino_js_to_utf8(PinoJs *js, JSValueRef value) {
  gsize len;
  return pino_js_to_utf8_len(js, value, &len);
}

char *pino_js_to_utf8_len(PinoJs *js, JSValueRef value, gsize *len) {
  JSValueRef exception = NULL;
  if (value == NULL)
    return NULL;
  pino_js_enter(js);
  JSStringRef string = JSValueToStringCopy(js->ctx, value, &exception);
  pino_js_leave(js);
  if (string == NULL)
    return NULL;
  char *text = string_to_utf8(string, len);
  JSStringRelease(string);
  return text;
}

double pino_js_to_number(PinoJs *js, JSValueRef value) {
  if (value == NULL)
    return NAN;
  JSValueRef exception = NULL;
  double number = JSValueToNumber(js->ctx, value, &exception);
  return exception != NULL ? NAN : number;
}

char *pino_js_get_utf8(PinoJs *js, JSValueRef object, const char *name) {
  JSValueRef value = pino_js_get(js, object, name);
  return pino_js_is_nullish(js, value) ? NULL : pino_js_to_utf8(js, value);
}

GBytes *pino_js_to_bytes(PinoJs *js, JSValueRef value) {
  if (pino_js_is_string(js, value)) {
    gsize len;
    char *text = pino_js_to_utf8_len(js, value, &len);
    return text != NULL ? g_bytes_new_take(text, len) : NULL;
  }
  if (!pino_js_is_object(js, value))
    return NULL;
  JSObjectRef object = (JSObjectRef)value;
  JSTypedArrayType type = JSValueGetTypedArrayType(js->ctx, value, NULL);
  if (type == kJSTypedArrayTypeNone)
    return NULL;
  if (type == kJSTypedArrayTypeArrayBuffer)
    return g_bytes_new(JSObjectGetArrayBufferBytesPtr(js->ctx, object, NULL),
                       JSObjectGetArrayBufferByteLength(js->ctx, object, NULL));
  const char *start = JSObjectGetTypedArrayBytesPtr(js->ctx, object, NULL);
  size_t offset = JSObjectGetTypedArrayByteOffset(js->ctx, object, NULL);
  size_t size = JSObjectGetTypedArrayByteLength(js->ctx, object, NULL);
  return start != NULL ? g_bytes_new(start + offset, size) : g_bytes_new(NULL, 0);
}

JSValueRef pino_js_from_json(PinoJs *js, const char *json, GError **error) {
  JSValueRef type = pino_js_get(js, pino_js_global(js), "JSON");
  JSValueRef text = pino_js_string(js, json);
  return pino_js_call(js, (JSObjectRef)pino_js_get(js, type, "parse"), NULL, 1, &text, error);
}

char *pino_js_to_json(PinoJs *js, JSValueRef value, guint indent, GError **error) {
  JSValueRef exception = NULL;
  if (value == NULL || JSValueIsUndefined(js->ctx, value))
    return NULL;
  pino_js_enter(js);
  JSStringRef string = JSValueCreateJSONString(js->ctx, value, indent, &exception);
  pino_js_leave(js);
  if (string == NULL) {
    if (exception != NULL)
      pino_js_take_exception(js, exception, error);
    return NULL;
  }
  gsize len;
  char *text = string_to_utf8(string, &len);
  JSStringRelease(string);
  return text;
}

JSValueRef pino_js_hold(PinoJs *js, JSValueRef value) {
  if (value != NULL)
    JSValueProtect(js->ctx, value);
  return value;
}

void pino_js_release(PinoJs *js, JSValueRef value) {
  if (value != NULL)
    JSValueUnprotect(js->ctx, value);
}
