/* What the node_*.c files share: reading arguments, handing bytes over, and what a host keeps running.
 *
 * A native gets what the .js file above it has already checked; these helpers still fail with words, not with a
 * crash, when a value is of another kind.
 */
#pragma once

#include "js/internal.h"
#include "js/value.h"

G_BEGIN_DECLS

typedef struct _NodeChild NodeChild;

/* What the modules of one host keep running. Callbacks that may come late hold a reference and look at js. */
typedef struct _PinoNode PinoNode;
struct _PinoNode {
  PinoJs *js;           /* NULL once the host is gone */
  GHashTable *children; /* id -> NodeChild */
  GHashTable *requests; /* id -> GCancellable */
  GHashTable *files;    /* descriptors that scripts have open */
  GArray *groups;       /* pid_t: process groups whose leader is gone but not all of its children */
  guint last_id;
};

/* Another owner, who may outlive the host. */
PinoNode *pino_node_ref(PinoNode *node);
/* Frees it with the last owner. */
void pino_node_unref(PinoNode *node);

/* Calls a script's function from the main context; what it throws goes to the console, as for a timer. */
void pino_node_callback(PinoJs *js, JSValueRef function, size_t argc, const JSValueRef argv[]);

/* --- arguments --- */

/* Text, never NULL without error. Free with g_free(). */
char *pino_node_text(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index, GError **error);
double pino_node_number(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index, double otherwise);
/* For file descriptors, modes and the like; what is no such number gives -1. */
int pino_node_int(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index);
gboolean pino_node_flag(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index);

typedef struct {
  guint8 *data; /* the script's own memory: good until JavaScript runs again */
  gsize len;
} PinoSpan;

/* The bytes of a typed array or ArrayBuffer without a copy. */
gboolean pino_node_span(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index, PinoSpan *span,
                        GError **error);

/* A descriptor that this host's scripts have opened, or 0, 1, 2; the engine's own are none of their business.
 * Gives -1 with EBADF set. */
int pino_node_fd(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index, const char *syscall,
                 GError **error);

/* --- results --- */

/* An ArrayBuffer that owns data (from g_malloc). */
JSValueRef pino_node_take_bytes(PinoJs *js, gpointer data, gsize len);
JSValueRef pino_node_array_buffer(PinoJs *js, gconstpointer data, gsize len);
/* Sets the error for errno; gives NULL, what a failed native returns. */
JSValueRef pino_node_fail(GError **error, const char *syscall, const char *path);
/* Bytes that may be no valid UTF-8, zeros included, decoded by the rules of the Encoding Standard. */
JSValueRef pino_node_decode(PinoJs *js, const guint8 *data, gsize len);

/* --- the tables --- */

/* Text and bytes. */
void pino_node_add_encoding(PinoJs *js);
/* Descriptors and contents of files. */
void pino_node_add_fs(PinoJs *js);
/* Folders, links and copies; adds to the table of fs. */
void pino_node_add_fs_tree(PinoJs *js);
/* The tables os and process. */
void pino_node_add_system(PinoJs *js);
/* Child processes. */
void pino_node_add_child(PinoJs *js);
/* Digests and randomness. */
void pino_node_add_crypto(PinoJs *js);
/* Requests. */
void pino_node_add_fetch(PinoJs *js);
/* Compression. */
void pino_node_add_zlib(PinoJs *js);

/* How many children there are that end with the host; a group that goes on without its leader is one. */
guint pino_node_count_children(PinoNode *node);
/* Kills the process groups of the host's children. */
void pino_node_end_children(PinoNode *node);

G_END_DECLS
