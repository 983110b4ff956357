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
  gint hits;                    /* atomic */
  GTlsCertificate *certificate; /* NULL: no TLS */
  gint busy;                    /* connections that are accepted and not yet answered, atomic */
  TestServe serve;
  gpointer data;
} TestHttp;

/* serve is called in a thread of the server; the connection is closed when it returns. test_http_clear() waits for those
 * that are at it. */
void test_http_start(TestHttp *http, TestServe serve, gpointer data);
/* The same over TLS, with this certificate and key in one PEM file. */
void test_http_start_tls(TestHttp *http, TestServe serve, gpointer data, const char *pem);
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
  const char *failure; /* status line and headers of it, with CRLFs; "": the connection is closed */
  gboolean hold;       /* after a cut the connection stays open until the client goes */
  gsize rate;          /* bytes a second of each connection, 0: as fast as it goes */
  guint crowd;         /* more requests than this at the same time get `failure`; 0: any number */
  gssize shift;        /* an answer with a range begins so much later than asked (not before the file) */
  gsize claim;         /* tells this length instead of len; 0: tells the truth */
  gsize short_answer;  /* an answer with a range has no more bytes than this; 0: all */
  gint now;            /* requests that are being answered, atomic */
  gint most_now;       /* the most of them at the same time, atomic */
  gsize sent;          /* bytes of bodies handed to connections, atomic */
  char last_range[64]; /* Range of the latest request; "": none */
  GMutex lock;         /* of last_range */
} TestFile;

/* Text without zero bytes and without a short period: a part glued at the wrong place shows (free). */
char *test_http_body(gsize len);

void test_http_serve_file(const TestRequest *request, gpointer file);
