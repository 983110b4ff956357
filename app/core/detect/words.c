#include "detect/words.h"

#include <string.h>

#define NEAR 8 /* how many words a verb may stand before its "on" or "at" */

/* Whoever says one of these speaks of an address that is used, wanted or checked, or of another kind of server. */
static const char *const DENYING[] = {"allow",       "allowed",    "allowing",    "already",
                                      "assuming",    "attempting", "authorize",   "authorization",
                                      "broker",      "cannot",     "check",       "checking",
                                      "connect",     "connected",  "connecting",  "connection",
                                      "cors",        "could",      "couldn",      "crawl",
                                      "crawling",    "curl",       "database",    "db",
                                      "debugger",    "detected",   "dial",        "discovered",
                                      "download",    "downloaded", "downloading", "endpoint",
                                      "ensure",      "error",      "expected",    "exporter",
                                      "failed",      "failing",    "fetch",       "fetching",
                                      "ftp",         "git",        "grpc",        "health",
                                      "healthcheck", "heartbeat",  "hook",        "if",
                                      "inspector",   "ipc",        "kafka",       "lost",
                                      "master",      "memcached",  "metrics",     "mongo",
                                      "mongodb",     "mysql",      "nccl",        "not",
                                      "ollama",      "origin",     "origins",     "ping",
                                      "pinging",     "pip",        "poll",        "polling",
                                      "postgres",    "postgresql", "probe",       "probing",
                                      "profiler",    "prometheus", "proxied",     "proxies",
                                      "proxy",       "proxying",   "pulling",     "pushing",
                                      "rabbitmq",    "rank",       "ray",         "rdzv",
                                      "reach",       "reaching",   "redirect",    "redirecting",
                                      "redis",       "refused",    "registry",    "remote",
                                      "rendezvous",  "request",    "requested",   "requesting",
                                      "requires",    "retry",      "retrying",    "rpc",
                                      "searching",   "should",     "smtp",        "socket",
                                      "socks",       "ssh",        "target",      "timeout",
                                      "tried",       "try",        "trying",      "unable",
                                      "unreachable", "until",      "upload",      "uploading",
                                      "upstream",    "using",      "wait",        "waiting",
                                      "warning",     "webhook",    "webhooks",    "websocket",
                                      "when",        "worker",     "ws",          "zmq"};

static const char *const DENYING_PHRASES[] = {"in use",    "make sure", "view run", "experiment at",
                                              "index-url", "indexes:",  "callback", "is not ",
                                              "isn't",     "file \""};

/* Behind these stands an API. */
static const char *const OF_API[] = {"api",     "apis",      "backend", "docs",   "documentation",
                                     "graphql", "inference", "model",   "openai", "openapi",
                                     "redoc",   "rest",      "swagger"};

/* A verb that tells where something is, followed soon by one of AT or at once by the address. */
static const char *const PLACING[] = {
    "accessible", "available", "deployed", "hosted", "launched", "launching", "listening", "listens",  "live",
    "ready",      "running",   "runs",     "served", "serves",   "serving",   "started",   "starting", "up"};
static const char *const AT[] = {"at", "here", "in", "on", "via"};

/* A verb that tells a person what to do, for addresses with a scheme. */
static const char *const INVITING[] = {"access", "browse", "browser",  "click", "find",    "follow",
                                       "go",     "goto",   "navigate", "open",  "opening", "paste",
                                       "point",  "see",    "view",     "visit", "visiting"};
static const char *const TO[] = {"address", "at",   "browse",  "browser", "here", "in",    "link",
                                 "on",      "open", "opening", "to",      "url",  "visit", "visiting"};

static const char *const GOING_ON[] = {"at", "by",  "for", "from", "in",  "of",
                                       "on", "the", "to",  "via",  "with"};

/* All that is said of an address: "Web UI: http://...". */
static const char *const LABELS[] = {"app",       "app url",      "browser",
                                     "dashboard", "frontend",     "gui",
                                     "home",      "interface",    "lan",
                                     "local",     "local url",    "loopback",
                                     "network",   "network url",  "on your network",
                                     "ui",        "ui url",       "url",
                                     "web",       "web app",      "web interface",
                                     "web ui",    "webui",        "website",
                                     "your app",  "your app url", "api",
                                     "api url",   "backend",      "docs",
                                     "api docs"};

static const char *const LEVELS[] = {"debug", "info", "log", "notice", "success", "ready"};

static const char *const API_PATHS[] = {"/api",          "/apis",       "/docs", "/graphql",
                                        "/openapi.json", "/redoc",      "/rpc",  "/sdapi",
                                        "/swagger",      "/swagger-ui", "/v1",   "/v2"};

static const char *const DENIED_PARTS[] = {"callback", "favicon.ico", "health",  "healthcheck", "healthz",
                                           "livez",    "metrics",     "oauth",   "oauth2",      "ping",
                                           "readyz",   "webhook",     "webhooks"};

static const char *const PAGES[] = {".aspx", ".htm", ".html", ".php"};

#define HOLDS(table, text, length) holds(table, G_N_ELEMENTS(table), text, length)

static gboolean holds(const char *const *table, gsize count, const char *text, gsize length) {
  for (gsize i = 0; i < count; i++)
    if (g_ascii_strncasecmp(text, table[i], length) == 0 && table[i][length] == '\0')
      return TRUE;
  return FALSE;
}

static gboolean is_letter(char c) {
  return g_ascii_isalnum(c) || c == '_';
}

/* --- the text before an address ----------------------------------------------------------------------- */

static gboolean leads_over(char c) {
  return (guchar)c >= 0x80 || strchr(" :=>-|\"'`<([{*_~", c) != NULL;
}

void pino_words_before(const char *line, gsize length, GString *out) {
  while (length > 0 && (g_ascii_isspace(line[length - 1]) || leads_over(line[length - 1])))
    length--;
  gsize begin = out->len;
  for (gsize i = 0; i < length; i++) {
    gboolean blank = g_ascii_isspace(line[i]);
    if (!blank)
      g_string_append_c(out, line[i]);
    else if (out->len > begin && out->str[out->len - 1] != ' ')
      g_string_append_c(out, ' ');
  }
}

/* --- words -------------------------------------------------------------------------------------------- */

/* Gives the word that ends before *at, and moves *at to where it begins; length 0: there is none. */
static const char *word_back(const char *text, const char **at, gsize *length) {
  const char *end = *at;
  while (end > text && !is_letter(end[-1]))
    end--;
  const char *begin = end;
  while (begin > text && is_letter(begin[-1]))
    begin--;
  *at = begin;
  *length = (gsize)(end - begin);
  return begin;
}

static gboolean any_word(const char *text, const char *const *table, gsize count) {
  const char *at = text + strlen(text);
  gsize length;
  for (;;) {
    const char *word = word_back(text, &at, &length);
    if (length == 0)
      return FALSE;
    if (holds(table, count, word, length))
      return TRUE;
  }
}

gboolean pino_words_deny(const char *before) {
  if (any_word(before, DENYING, G_N_ELEMENTS(DENYING)))
    return TRUE;
  g_autofree char *lower = g_ascii_strdown(before, -1);
  for (gsize i = 0; i < G_N_ELEMENTS(DENYING_PHRASES); i++)
    if (strstr(lower, DENYING_PHRASES[i]) != NULL)
      return TRUE;
  return FALSE;
}

gboolean pino_words_none(const char *before) {
  int depth = 0;
  for (const char *at = before; *at != '\0'; at++) {
    depth += *at == '[' ? 1 : *at == ']' ? -1 : 0;
    if (depth == 0 && (g_ascii_isalpha(*at) || strchr("\"'`=<", *at) != NULL))
      return g_ascii_strcasecmp(at, "or") == 0;
  }
  return depth == 0;
}

gboolean pino_words_go_on(const char *before) {
  const char *at = before + strlen(before);
  gsize length;
  const char *word = word_back(before, &at, &length);
  return length > 0 && HOLDS(GOING_ON, word, length);
}

/* --- what they say ------------------------------------------------------------------------------------ */

/* One of verbs among the words that end before at. */
static gboolean verb_near(const char *text, const char *at, const char *const *verbs, gsize count) {
  gsize length;
  for (int i = 0; i < NEAR; i++) {
    const char *word = word_back(text, &at, &length);
    if (length > 0 && holds(verbs, count, word, length))
      return TRUE;
  }
  return FALSE;
}

static gboolean places(const char *before) {
  const char *at = before + strlen(before);
  gsize length;
  const char *word = word_back(before, &at, &length);
  if (length > 0 && HOLDS(PLACING, word, length))
    return TRUE;
  return length > 0 && HOLDS(AT, word, length) && verb_near(before, at, PLACING, G_N_ELEMENTS(PLACING));
}

static gboolean invites(const char *before) {
  const char *end = before + strlen(before), *at = end;
  gsize length;
  const char *word = word_back(before, &at, &length);
  return length > 0 && HOLDS(TO, word, length) && verb_near(before, end, INVITING, G_N_ELEMENTS(INVITING));
}

/* Whether a label begins here: at the start, behind a sign, or behind the level of a log. */
static gboolean label_begins(const char *text, const char *at) {
  while (at > text && at[-1] == ' ')
    at--;
  if (at == text || !is_letter(at[-1]))
    return TRUE;
  gsize length;
  const char *word = word_back(text, &at, &length);
  return HOLDS(LEVELS, word, length);
}

static gboolean labels(const char *before) {
  gsize length = strlen(before);
  for (gsize i = 0; i < G_N_ELEMENTS(LABELS); i++) {
    gsize size = strlen(LABELS[i]);
    if (size > length || g_ascii_strcasecmp(before + length - size, LABELS[i]) != 0)
      continue;
    gboolean whole = size == length || !is_letter(before[length - size - 1]);
    if (whole && label_begins(before, before + length - size))
      return TRUE;
  }
  return FALSE;
}

/* --- paths -------------------------------------------------------------------------------------------- */

gboolean pino_words_api_path(const PinoMention *mention) {
  const char *path = mention->url + mention->path;
  gsize first = *path == '/' ? 1 + strcspn(path + 1, "/?#") : 0;
  return first > 0 && HOLDS(API_PATHS, path, first);
}

static gboolean is_denied_path(const PinoMention *mention) {
  const char *part = mention->url + mention->path, *last = part;
  gsize size = 0;
  while (*part == '/') {
    last = part + 1;
    size = strcspn(last, "/?#");
    if (HOLDS(DENIED_PARTS, last, size))
      return TRUE;
    part = last + size;
  }
  const char *dot = size > 0 ? memrchr(last, '.', size) : NULL;
  return dot != NULL && !HOLDS(PAGES, dot, (gsize)(last + size - dot));
}

int pino_words_rank(const char *before, const PinoMention *mention) {
  gboolean speaks = places(before);
  if (!speaks && mention->kind == PINO_MENTION_URL)
    speaks = invites(before);
  if (!speaks && mention->kind != PINO_MENTION_PORT && mention->has_port)
    speaks = labels(before);
  if (!speaks || is_denied_path(mention) || pino_words_deny(before))
    return 0;
  gboolean api = pino_words_api_path(mention) || any_word(before, OF_API, G_N_ELEMENTS(OF_API));
  return api ? PINO_FOUND_API : PINO_FOUND_WORDS;
}

int pino_words_rank_alone(const PinoMention *mention) {
  if (is_denied_path(mention) || !mention->has_port)
    return 0;
  return pino_words_api_path(mention) ? PINO_FOUND_API : PINO_FOUND_PLAIN;
}
