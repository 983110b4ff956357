#include "js/node_natives.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "base/error.h"
#include "js/node_internal.h"

PinoNode *pino_node_ref(PinoNode *node) {
  return g_atomic_rc_box_acquire(node);
}

static void clear_node(gpointer data) {
  PinoNode *node = data;
  g_hash_table_unref(node->children);
  g_hash_table_unref(node->requests);
  g_hash_table_unref(node->files);
  g_array_unref(node->groups);
}

void pino_node_unref(PinoNode *node) {
  g_atomic_rc_box_release_full(node, clear_node);
}

void pino_js_add_node_natives(PinoJs *js) {
  PinoNode *node = g_atomic_rc_box_new0(PinoNode);
  node->js = js;
  node->children = g_hash_table_new(NULL, NULL);
  node->requests = g_hash_table_new_full(NULL, NULL, NULL, g_object_unref);
  node->files = g_hash_table_new(NULL, NULL);
  node->groups = g_array_new(FALSE, FALSE, sizeof(pid_t));
  js->node = node;
  pino_node_add_encoding(js);
  pino_node_add_fs(js);
  pino_node_add_fs_tree(js);
  pino_node_add_system(js);
  pino_node_add_child(js);
  pino_node_add_crypto(js);
  pino_node_add_fetch(js);
  pino_node_add_zlib(js);
}

void pino_js_remove_node_natives(PinoJs *js) {
  PinoNode *node = g_steal_pointer(&js->node);
  GHashTableIter iter;
  gpointer cancellable, fd;
  node->js = NULL;
  g_hash_table_iter_init(&iter, node->requests);
  while (g_hash_table_iter_next(&iter, NULL, &cancellable))
    g_cancellable_cancel(cancellable);
  g_hash_table_iter_init(&iter, node->files);
  while (g_hash_table_iter_next(&iter, &fd, NULL))
    close(GPOINTER_TO_INT(fd));
  pino_node_end_children(node);
  pino_node_unref(node);
}

guint pino_js_node_pending(PinoJs *js) {
  return g_hash_table_size(js->node->requests) + pino_node_count_children(js->node);
}

void pino_node_callback(PinoJs *js, JSValueRef function, size_t argc, const JSValueRef argv[]) {
  g_autoptr(GError) error = NULL;
  pino_js_call(js, (JSObjectRef)function, NULL, argc, argv, &error);
  if (error != NULL && js->options.console != NULL)
    js->options.console("error", error->message, js->options.console_data);
}

/* --- arguments ------------------------------------------------------------------------------------------- */

char *pino_node_text(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index, GError **error) {
  char *text = index < argc && pino_js_is_string(js, argv[index]) ? pino_js_to_utf8(js, argv[index]) : NULL;
  if (text == NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "argument %zu must be a text", index + 1);
  return text;
}

double pino_node_number(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index, double otherwise) {
  double number = index < argc ? pino_js_to_number(js, argv[index]) : NAN;
  return isnan(number) ? otherwise : number;
}

int pino_node_int(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index) {
  double number = pino_node_number(js, argc, argv, index, -1);
  return number >= 0 && number <= G_MAXINT ? (int)number : -1;
}

gboolean pino_node_flag(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index) {
  return index < argc && pino_js_truthy(js, argv[index]);
}

gboolean pino_node_span(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index, PinoSpan *span,
                        GError **error) {
  JSContextRef ctx = pino_js_context(js);
  JSTypedArrayType type = kJSTypedArrayTypeNone;
  *span = (PinoSpan){NULL, 0};
  if (index < argc && argv[index] != NULL)
    type = JSValueGetTypedArrayType(ctx, argv[index], NULL);
  if (type == kJSTypedArrayTypeNone) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "argument %zu must be a Buffer or typed array",
                index + 1);
    return FALSE;
  }
  JSObjectRef object = (JSObjectRef)argv[index];
  gsize offset = 0;
  if (type == kJSTypedArrayTypeArrayBuffer) {
    span->len = JSObjectGetArrayBufferByteLength(ctx, object, NULL);
  } else {
    offset = JSObjectGetTypedArrayByteOffset(ctx, object, NULL);
    span->len = JSObjectGetTypedArrayByteLength(ctx, object, NULL);
    object = JSObjectGetTypedArrayBuffer(ctx, object, NULL);
  }
  guint8 *start = object != NULL ? JSObjectGetArrayBufferBytesPtr(ctx, object, NULL) : NULL;
  if (start == NULL)
    span->len = 0;
  else
    span->data = start + offset;
  return TRUE;
}

int pino_node_fd(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index, const char *syscall,
                 GError **error) {
  int fd = pino_node_int(js, argc, argv, index);
  if (fd >= 0 && (fd <= STDERR_FILENO || g_hash_table_contains(js->node->files, GINT_TO_POINTER(fd))))
    return fd;
  pino_error_set_errno(error, EBADF, syscall, NULL);
  return -1;
}

JSValueRef pino_node_fail(GError **error, const char *syscall, const char *path) {
  pino_error_set_errno(error, errno, syscall, path);
  return NULL;
}

/* --- results --------------------------------------------------------------------------------------------- */

static void free_bytes(void *bytes, void *data) {
  g_free(bytes);
}

JSValueRef pino_node_take_bytes(PinoJs *js, gpointer data, gsize len) {
  gpointer memory = data != NULL ? data : g_malloc(1);
  return JSObjectMakeArrayBufferWithBytesNoCopy(pino_js_context(js), memory, len, free_bytes, NULL, NULL);
}

JSValueRef pino_node_array_buffer(PinoJs *js, gconstpointer data, gsize len) {
  return pino_node_take_bytes(js, len > 0 ? g_memdup2(data, len) : NULL, len);
}
