#include "detect/mention.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_MAX 255

/* Hosts below these names are tunnels. Those below api., www. and the like are the services' own. */
static const struct {
  const char *suffix, *service;
} TUNNELS[] = {
    {".gradio.live", "Gradio"},
    {".trycloudflare.com", "Cloudflare"},
    {".ngrok.io", "ngrok"},
    {".ngrok.app", "ngrok"},
    {".ngrok.dev", "ngrok"},
    {".ngrok-free.app", "ngrok"},
    {".ngrok-free.dev", "ngrok"},
    {".ngrok-free.pizza", "ngrok"},
    {".loca.lt", "LocalTunnel"},
    {".localtunnel.me", "LocalTunnel"},
    {".lhr.life", "localhost.run"},
    {".lhr.rocks", "localhost.run"},
    {".lhrtunnel.link", "localhost.run"},
    {".localhost.run", "localhost.run"},
    {".serveo.net", "Serveo"},
    {".serveousercontent.com", "Serveo"},
    {".pinggy.link", "Pinggy"},
    {".pinggy.online", "Pinggy"},
    {".pinggy-free.link", "Pinggy"},
    {".free.pinggy.net", "Pinggy"},
    {".share.zrok.io", "zrok"},
    {".devtunnels.ms", "Dev tunnels"},
    {".tunnelmole.net", "Tunnelmole"},
    {".telebit.io", "Telebit"},
};

static const char *const SERVICES_OWN[] = {"admin",     "api",    "app",      "blog", "cdn",
                                           "dashboard", "docs",   "download", "help", "status",
                                           "support",   "update", "www",      NULL};

/* --- hosts -------------------------------------------------------------------------------------------- */

char *pino_mention_canonical(const char *host) {
  struct in6_addr address;
  char text[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, host, &address) == 1 && inet_ntop(AF_INET6, &address, text, sizeof text) != NULL)
    return g_strdup(text);
  return g_ascii_strdown(host, -1);
}

static const char *tunnel_of(const char *host) {
  for (gsize i = 0; i < G_N_ELEMENTS(TUNNELS); i++) {
    if (!g_str_has_suffix(host, TUNNELS[i].suffix))
      continue;
    g_autofree char *name = g_strndup(host, strcspn(host, "."));
    gboolean own = *name == '\0' || g_strv_contains(SERVICES_OWN, name);
    return own ? NULL : TUNNELS[i].service;
  }
  return NULL;
}

/* An IPv4 address in network order. Gives what it is written as, or NULL when it is not of this machine's loopback. */
static const char *loopback4(const guint8 *bytes, const char *host) {
  static const guint8 every[4] = {0};
  if (memcmp(bytes, every, sizeof every) == 0)
    return "127.0.0.1";
  return bytes[0] == 127 ? host : NULL;
}

static const char *loopback6(const struct in6_addr *address, const char *host) {
  if (IN6_IS_ADDR_UNSPECIFIED(address))
    return "127.0.0.1";
  if (IN6_IS_ADDR_V4MAPPED(address))
    return loopback4(address->s6_addr + 12, host) != NULL ? "127.0.0.1" : NULL;
  return IN6_IS_ADDR_LOOPBACK(address) ? "[::1]" : NULL;
}

/* Gives what a host of this machine's loopback is written as, NULL when it is not. */
static const char *loopback(const char *host) {
  struct in_addr address4;
  struct in6_addr address6;
  if (*host == '\0' || g_str_equal(host, "localhost"))
    return "localhost";
  if (g_str_equal(host, "0") || g_str_equal(host, "*") || g_str_equal(host, "+"))
    return "127.0.0.1";
  if (inet_pton(AF_INET, host, &address4) == 1)
    return loopback4((const guint8 *)&address4, host);
  return inet_pton(AF_INET6, host, &address6) == 1 ? loopback6(&address6, host) : NULL;
}

/* Sets host, tunnel and the beginning of url, up to the host. */
static void set_host(PinoMention *mention, const char *scheme, const char *host, const char *const *own) {
  const char *written = loopback(host);
  gboolean is_own = written == NULL && own != NULL && g_strv_contains(own, host);
  mention->tunnel = written == NULL && !is_own ? tunnel_of(host) : NULL;
  mention->host = written != NULL           ? PINO_HOST_LOOPBACK
                  : is_own                  ? PINO_HOST_OWN
                  : mention->tunnel != NULL ? PINO_HOST_TUNNEL
                                            : PINO_HOST_OTHER;
  gboolean bare6 = written == NULL && strchr(host, ':') != NULL;
  g_snprintf(mention->url, sizeof mention->url, bare6 ? "%s://[%s]" : "%s://%s", scheme,
             written != NULL ? written : host);
}

/* --- characters --------------------------------------------------------------------------------------- */

static gboolean is_host_character(char c) {
  return g_ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
}

/* In a path or what follows it; brackets are counted elsewhere. */
static gboolean is_path_character(char c) {
  return c > 0x20 && c < 0x7f && strchr("\"'<>\\^`{}|", c) == NULL;
}

/* Whether an address may end before this. */
static gboolean ends_address(const char *at) {
  if (g_ascii_isalnum(*at) || (*at != '\0' && strchr("@$%&+-=~", *at) != NULL))
    return FALSE;
  return (*at != ':' && *at != '.' && *at != '_') || !g_ascii_isalnum(at[1]);
}

/* Reads digits; gives 0 when they are no port. */
static guint16 read_port(const char **at) {
  guint value = 0;
  const char *digit = *at;
  while (g_ascii_isdigit(*digit) && value <= G_MAXUINT16)
    value = value * 10 + (guint)(*digit++ - '0');
  *at = digit;
  return value <= G_MAXUINT16 ? (guint16)value : 0;
}

/* --- URLs --------------------------------------------------------------------------------------------- */

/* Copies a host in lower case. */
static gboolean take_host(char *host, const char *from, gsize length) {
  if (length > HOST_MAX)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    host[i] = g_ascii_tolower(from[i]);
  host[length] = '\0';
  return TRUE;
}

/* Reads a host, without its brackets. FALSE when there is none. */
static gboolean read_host(const char **at, char *host) {
  const char *from = *at;
  if (*from == '[') {
    gsize inside = strspn(from + 1, "0123456789abcdefABCDEF:.");
    *at = from + inside + 2;
    if (from[inside + 1] != ']' || !take_host(host, from + 1, inside))
      return FALSE;
    g_autofree char *canonical = pino_mention_canonical(host);
    return inside > 0 && g_strlcpy(host, canonical, HOST_MAX + 1) <= HOST_MAX;
  }
  gsize length = 0;
  if (g_str_has_prefix(from, ":::")) /* what Node makes of an address "::" and a port */
    length = 2;
  else if (*from == '*' || *from == '+')
    length = 1;
  else
    while (is_host_character(from[length]))
      length++;
  *at = from + length;
  if (length > 1 && from[length - 1] == '.')
    length--;
  return (length > 0 || (*from == ':' && g_ascii_isdigit(from[1]))) && take_host(host, from, length);
}

/* The end of what begins with '/', '?' or '#'. */
static const char *path_end(const char *at) {
  int open = 0;
  for (; is_path_character(*at); at++) {
    if (*at == '(' || *at == '[')
      open++;
    else if ((*at == ')' || *at == ']') && open-- == 0)
      break;
    else if (*at == ',' && g_ascii_strncasecmp(at + 1, "http", 4) == 0)
      break;
  }
  return at;
}

static const char *trim_end(const char *from, const char *end) {
  while (end > from && strchr(".,;:!?*", end[-1]) != NULL)
    end--;
  return end;
}

/* from: right behind "://". */
static gboolean read_url(const char *line, const char *from, const char *scheme, const char *const *own,
                         PinoMention *mention) {
  char host[HOST_MAX + 1];
  const char *at = from;
  if (!read_host(&at, host))
    return FALSE;
  mention->has_port = *at == ':' && g_ascii_isdigit(at[1]);
  mention->port = g_str_equal(scheme, "https") ? 443 : 80;
  if (mention->has_port) {
    at++;
    mention->port = read_port(&at);
  } else if (*at == ':' && at[1] != '\0' && strchr(" \t\"'", at[1]) == NULL) {
    return FALSE; /* a port that is yet to be filled in: ":$PORT" */
  }
  if (mention->port == 0 || !ends_address(at))
    return FALSE;
  const char *path = at;
  const char *end = strchr("/?#", *at) != NULL ? path_end(at) : at;
  mention->touched = (gsize)(end - line) + (*end == ':' || *end == '.' ? 1 : 0);
  end = trim_end(path, end);
  if (end - path == 1 && *path == '/')
    path = end;
  mention->end = (gsize)(end - line);
  if (end - path > PINO_DETECT_URL - HOST_MAX - 32)
    return FALSE;
  set_host(mention, scheme, host, own);
  gsize length = strlen(mention->url);
  if (mention->has_port)
    length += (gsize)g_snprintf(mention->url + length, sizeof mention->url - length, ":%u", mention->port);
  mention->path = length;
  g_strlcpy(mention->url + length, path, MIN(sizeof mention->url - length, (gsize)(end - path) + 1));
  return TRUE;
}

static gboolean next_url(const char *line, gsize length, gsize *at, const char *const *own,
                         PinoMention *mention) {
  const char *mark;
  for (const char *from = line + *at; (mark = strstr(from, "://")) != NULL; from = mark + 3) {
    gboolean secure = mark - line >= 5 && g_ascii_strncasecmp(mark - 5, "https", 5) == 0;
    gboolean plain = !secure && mark - line >= 4 && g_ascii_strncasecmp(mark - 4, "http", 4) == 0;
    if (!secure && !plain)
      continue;
    const char *start = mark - (secure ? 5 : 4);
    if (start > line && (g_ascii_isalnum(start[-1]) || start[-1] == '+'))
      continue; /* git+https: */
    mention->start = (gsize)(start - line);
    if (!read_url(line, mark + 3, secure ? "https" : "http", own, mention))
      continue;
    *at = mention->end;
    return TRUE;
  }
  *at = length;
  return FALSE;
}

/* --- without a scheme --------------------------------------------------------------------------------- */

static gboolean begins_address(const char *line, const char *at) {
  const char *before = *at == ':' && at[1] != ':' ? " \t(" : " \t\"'`(<,=>|"; /* not "pid":123 */
  return at == line || strchr(before, at[-1]) != NULL;
}

/* Where the host before a colon begins; NULL when none can. */
static const char *host_before(const char *line, const char *colon) {
  const char *at = colon;
  if (at > line && at[-1] == ']') {
    while (at > line && *at != '[')
      at--;
    return *at == '[' ? at : NULL;
  }
  if (at - line >= 2 && at[-1] == ':' && at[-2] == ':')
    return at - 2;
  if (at > line && at[-1] == '*')
    return at - 1;
  while (at > line && is_host_character(at[-1]))
    at--;
  return at;
}

static gboolean read_address(const char *line, const char *colon, const char *const *own,
                             PinoMention *mention) {
  char host[HOST_MAX + 1];
  const char *start = host_before(line, colon), *at = start, *end = colon + 1;
  mention->port = read_port(&end);
  if (start == NULL || mention->port == 0 || !begins_address(line, start) || !ends_address(end) ||
      *end == '/')
    return FALSE;
  if (!read_host(&at, host) || at != colon)
    return FALSE;
  set_host(mention, "http", host, own);
  if (mention->host == PINO_HOST_OTHER || mention->host == PINO_HOST_TUNNEL)
    return FALSE;
  mention->path = strlen(mention->url);
  mention->path += (gsize)g_snprintf(mention->url + mention->path, sizeof mention->url - mention->path, ":%u",
                                     mention->port);
  mention->start = (gsize)(start - line);
  mention->end = (gsize)(end - line);
  mention->touched = mention->end + 1;
  mention->has_port = TRUE;
  return TRUE;
}

static gboolean next_address(const char *line, gsize length, gsize *at, const char *const *own,
                             PinoMention *mention) {
  const char *colon;
  for (const char *from = line + *at; (colon = strchr(from, ':')) != NULL; from = colon + 1) {
    if (!g_ascii_isdigit(colon[1]) || !read_address(line, colon, own, mention))
      continue;
    *at = mention->end;
    return TRUE;
  }
  *at = length;
  return FALSE;
}

/* Behind "port": "(s)", "s", "number", a colon or a sign between it and its digits. */
static const char *skip_to_digits(const char *at) {
  if (g_str_has_prefix(at, "(s)"))
    at += 3;
  else if (*at == 's' || *at == 'S')
    at++;
  gsize blanks = strspn(at, " ");
  if (blanks > 0 && g_ascii_strncasecmp(at + blanks, "number", 6) == 0)
    at += blanks + 6;
  at += strspn(at, " \t:=#");
  return at;
}

static gboolean next_port(const char *line, gsize length, gsize *at, PinoMention *mention) {
  for (const char *from = line + *at; *from != '\0'; from++) {
    if ((*from != 'p' && *from != 'P') || g_ascii_strncasecmp(from, "port", 4) != 0)
      continue;
    const char *end = skip_to_digits(from + 4);
    gboolean whole =
        (from == line || !is_host_character(from[-1])) && end > from + 4 && g_ascii_isdigit(*end);
    mention->port = whole ? read_port(&end) : 0;
    if (mention->port == 0 || !ends_address(end) || *end == '/')
      continue;
    mention->start = (gsize)(from - line);
    mention->end = *at = (gsize)(end - line);
    mention->touched = mention->end + 1;
    mention->has_port = TRUE;
    mention->host = PINO_HOST_LOOPBACK;
    mention->tunnel = NULL;
    mention->path =
        (gsize)g_snprintf(mention->url, sizeof mention->url, "http://localhost:%u", mention->port);
    return TRUE;
  }
  *at = length;
  return FALSE;
}

gboolean pino_mention_next(const char *line, gsize length, gsize *at, PinoMentionKind kind,
                           const char *const *own, PinoMention *mention) {
  mention->kind = kind;
  if (kind == PINO_MENTION_URL)
    return next_url(line, length, at, own, mention);
  if (kind == PINO_MENTION_ADDRESS)
    return next_address(line, length, at, own, mention);
  return next_port(line, length, at, mention);
}
