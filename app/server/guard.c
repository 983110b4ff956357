#include "server/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define TOKEN_BYTES 32
#define TOKEN_DIGITS (2 * TOKEN_BYTES)

struct _PinoGuard {
  char *token;
  guint port;
  char **hosts;
};

static const char *const loopback[] = {"127.0.0.1", "localhost", "[::1]", NULL};

PinoGuard *pino_guard_new(const char *token, guint port, const char *const *hosts) {
  PinoGuard *guard = g_new0(PinoGuard, 1);
  guard->token = g_strdup(token);
  guard->port = port;
  guard->hosts = g_strdupv((char **)hosts);
  return guard;
}

void pino_guard_free(PinoGuard *guard) {
  if (guard == NULL)
    return;
  g_free(guard->token);
  g_strfreev(guard->hosts);
  g_free(guard);
}

static gboolean has_name(const char *const *names, const char *text, gsize length) {
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    if (strlen(names[i]) == length && g_ascii_strncasecmp(names[i], text, length) == 0)
      return TRUE;
  return FALSE;
}

static gboolean parse_port(const char *text, guint *port) {
  guint64 value;
  if (!g_ascii_string_to_unsigned(text, 10, 1, 65535, &value, NULL))
    return FALSE;
  *port = (guint)value;
  return TRUE;
}

/* NAME or NAME:PORT with one of our names; *port is 0 where there is none. */
static gboolean parse_authority(const PinoGuard *guard, const char *text, guint *port) {
  const char *after = text[0] == '[' ? strchr(text, ']') : text;
  const char *colon = after != NULL ? strchr(after, ':') : NULL;
  gsize length = colon != NULL ? (gsize)(colon - text) : strlen(text);
  *port = 0;
  if (colon != NULL && !parse_port(colon + 1, port))
    return FALSE;
  return has_name(loopback, text, length) || has_name((const char *const *)guard->hosts, text, length);
}

gboolean pino_guard_knows_host(const PinoGuard *guard, const char *host) {
  guint port;
  return host != NULL && parse_authority(guard, host, &port);
}

gboolean pino_guard_knows_origin(const PinoGuard *guard, const char *origin, const char *host) {
  static const struct {
    const char *scheme;
    guint port;
  } schemes[] = {{"http://", 80}, {"https://", 443}};
  for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
    if (!g_str_has_prefix(origin, schemes[i].scheme))
      continue;
    const char *authority = origin + strlen(schemes[i].scheme);
    guint port, asked;
    if (!parse_authority(guard, authority, &port))
      return FALSE;
    if ((port != 0 ? port : schemes[i].port) == guard->port)
      return TRUE;
    return host != NULL && parse_authority(guard, host, &asked) && g_ascii_strcasecmp(authority, host) == 0;
  }
  return FALSE;
}

gboolean pino_guard_knows_token(const PinoGuard *guard, const char *token) {
  gsize length = token != NULL ? strlen(token) : 0, own = strlen(guard->token);
  guint different = length != own;
  for (gsize i = 0; i < own; i++) {
    guchar theirs = length > 0 ? (guchar)token[i % length] : 0;
    different |= (guint)(theirs ^ (guchar)guard->token[i]);
  }
  return different == 0;
}

const char *pino_guard_bearer(const char *authorization) {
  if (authorization == NULL || g_ascii_strncasecmp(authorization, "Bearer ", 7) != 0)
    return NULL;
  authorization += 7;
  return authorization + strspn(authorization, " ");
}

/* --- the file ---- */

static gboolean is_token(const char *text) {
  return strlen(text) == TOKEN_DIGITS && strspn(text, "0123456789abcdef") == TOKEN_DIGITS;
}

/* NULL: there is none that can be kept. */
static char *read_token(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return NULL;
  struct stat info;
  char text[TOKEN_DIGITS + 2] = "";
  gboolean own =
      fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() && (info.st_mode & 077) == 0;
  gssize count = own ? read(fd, text, sizeof text - 1) : -1;
  close(fd);
  if (count < 0)
    return NULL;
  text[count] = '\0';
  g_strchomp(text);
  return is_token(text) ? g_strdup(text) : NULL;
}

static gboolean make_token(char *text, GError **error) {
  guchar bytes[TOKEN_BYTES];
  if (getrandom(bytes, sizeof bytes, 0) != (gssize)sizeof bytes) {
    pino_error_set_errno(error, errno, "getrandom", NULL);
    return FALSE;
  }
  for (guint i = 0; i < TOKEN_BYTES; i++)
    g_snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  return TRUE;
}

char *pino_token_take(const char *run_dir, GError **error) {
  g_autofree char *path = g_build_filename(run_dir, "token", NULL);
  char *kept = read_token(path);
  if (kept != NULL)
    return kept;
  char text[TOKEN_DIGITS + 2];
  if (!make_token(text, error))
    return NULL;
  g_autofree char *temporary = g_strconcat(path, ".new", NULL);
  g_unlink(temporary);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  text[TOKEN_DIGITS] = '\n';
  gboolean written = fd >= 0 && write(fd, text, TOKEN_DIGITS + 1) == TOKEN_DIGITS + 1;
  written = fd >= 0 && close(fd) == 0 && written;
  if (!written || g_rename(temporary, path) != 0) {
    pino_error_set_errno(error, errno, "write", path);
    g_prefix_error(error, "cannot write the API's token: ");
    return NULL;
  }
  text[TOKEN_DIGITS] = '\0';
  return g_strdup(text);
}
