/* A small HTTP server on 127.0.0.1 for tests, with threads of its own.
 *
 *   /hello            200, text/plain, "hello"
 *   /json             200, application/json, {"name":"pinokio","n":3}
 *   /missing          404, "nothing here"
 *   /echo             200, first line the method, then the request's headers, an empty line, the body
 *   /status/NNN       NNN with an empty body
 *   /to/NNN/REST      NNN with Location: /REST (REST may be a whole http: address)
 *   /loop             302 to itself
 *   /gzip             200, "squeezed" a thousand times, compressed
 *   /headers          200, X-One: 1, Set-Cookie twice
 *   /big              200, a million bytes
 *   /slow             200, the first bytes of a body whose rest never comes
 *   /silent           no answer
 *   /cut              200, a body shorter than announced
 */
#pragma once

#include <gio/gio.h>

typedef struct _TestServer TestServer;

TestServer *test_server_new(void);
void test_server_free(TestServer *server);
guint16 test_server_port(TestServer *server);
/* "http://127.0.0.1:PORT" + path; free with g_free(). */
char *test_server_url(TestServer *server, const char *path);
/* How many requests wait in /slow and /silent for the client to go. */
int test_server_waiting(TestServer *server);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestServer, test_server_free)
