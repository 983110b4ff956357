/* A small HTTP server on loopback that can misbehave. Every connection carries one request. */
#pragma once

#include <gio/gio.h>

typedef struct {
  const char *path;
  GHashTable *headers; /* names in lower case */
  guint hit;           /* 0 for the server's first request */
  GInputStream *in;
  GOutputStream *out;
} TestRequest;

typedef void (*TestServe)(const TestRequest *request, gpointer data);

typedef struct {
  GSocketService *service;
  GMainContext *context; /* where it accepts */
  GThread *thread;
  gint stopping; /* atomic */
  guint port;
  gint hits; /* atomic */
  TestServe serve;
  gpointer data;
} TestHttp;

/* serve is called in a thread of the server; the connection is closed when it returns. */
void test_http_start(TestHttp *http, TestServe serve, gpointer data);
void test_http_clear(TestHttp *http);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TestHttp, test_http_clear)

char *test_http_url(const TestHttp *http, const char *path);
const char *test_http_header(const TestRequest *request, const char *name);
void test_http_send(const TestRequest *request, const char *text);
void test_http_send_bytes(const TestRequest *request, gconstpointer data, gsize len);

/* A file to serve, and how badly. Serve it with test_http_serve_file(). */
typedef struct {
  const char *body;
  gsize len;
  const char *etag;    /* NULL: none */
  const char *extra;   /* further header lines, each with CRLF */
  gboolean ranges;     /* understands Range and If-Range */
  guint cuts;          /* so many requests get only ... */
  gsize cut_after;     /* ... so many bytes of their body */
  gboolean no_length;  /* the end of the connection is the end of the file */
  guint failures;      /* so many requests get `failure` first */
  const char *failure; /* status line and headers of it, with CRLFs */
  gboolean hold;       /* after a cut the connection stays open until the client goes */
  char *last_range;    /* Range of the latest request (free) */
} TestFile;

void test_http_serve_file(const TestRequest *request, gpointer file);
