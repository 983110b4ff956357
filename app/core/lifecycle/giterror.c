#include "lifecycle/giterror.h"

#include <string.h>

#include "base/error.h"

typedef struct {
  PinoGitKind kind;
  const char *words; /* of one line, any case */
  const char *then;  /* later on the same line; NULL: nothing more */
} Pattern;

/* The first that is found counts: what says more stands before what follows from it ("early EOF" follows from all). Words of
 * git 2.34 to 2.47, of the file named, after ": " what libcurl, ssh or the system adds. */
static const Pattern patterns[] = {
    /* the C library's strerror(), git's wrapper.c and builtin/index-pack.c; entry.c says no more when a file cannot be filled
     * (what may not be made is "unable to create file"); 25 is SIGXFSZ, from RLIMIT_FSIZE */
    {PINO_GIT_DISK_FULL, "No space left on device", NULL},
    {PINO_GIT_DISK_FULL, "Disk quota exceeded", NULL},
    {PINO_GIT_DISK_FULL, "File too large", NULL},
    {PINO_GIT_DISK_FULL, "unable to write file", NULL},
    {PINO_GIT_DISK_FULL, "died of signal 25", NULL},
    /* setup.c; "unsafe repository" before 2.37 */
    {PINO_GIT_OWNER, "detected dubious ownership", NULL},
    {PINO_GIT_OWNER, "unsafe repository", NULL},
    /* lockfile.c */
    {PINO_GIT_LOCKED, "Unable to create '", ".lock': File exists"},
    {PINO_GIT_LOCKED, "Another git process seems to be running", NULL},
    /* convert.c; the shell; git-lfs: lfs/gitfilter_smudge.go, tq/api.go */
    {PINO_GIT_LFS, "smudge filter lfs failed", NULL},
    {PINO_GIT_LFS, "git-lfs: not found", NULL},
    {PINO_GIT_LFS, "git-lfs: command not found", NULL},
    {PINO_GIT_LFS, "'lfs' is not a git command", NULL},
    {PINO_GIT_LFS, "batch response:", NULL},
    /* libcurl: lib/http_proxy.c, lib/cf-h1-proxy.c, strerror.c */
    {PINO_GIT_PROXY, "Could not resolve proxy", NULL},
    {PINO_GIT_PROXY, "from proxy after CONNECT", NULL},
    {PINO_GIT_PROXY, "CONNECT tunnel failed", NULL},
    {PINO_GIT_PROXY, "Proxy CONNECT aborted", NULL},
    {PINO_GIT_PROXY, "returned error: 407", NULL},
    /* http.c, remote-curl.c; what GitHub and GitLab say in words */
    {PINO_GIT_RATE, "returned error: 429", NULL},
    {PINO_GIT_RATE, "HTTP 429", NULL},
    {PINO_GIT_RATE, "Too Many Requests", NULL},
    {PINO_GIT_RATE, "rate limit", NULL},
    /* builtin/clone.c, remote.c */
    {PINO_GIT_BRANCH, "Remote branch ", " not found in upstream"},
    {PINO_GIT_BRANCH, "couldn't find remote ref", NULL},
    /* fetch-pack.c, remote-curl.c, upload-pack.c */
    {PINO_GIT_SHALLOW, "dumb http transport does not support shallow", NULL},
    {PINO_GIT_SHALLOW, "does not support shallow", NULL},
    {PINO_GIT_SHALLOW, "does not support --depth", NULL},
    {PINO_GIT_SHALLOW, "does not allow request for unadvertised object", NULL},
    /* OpenSSH: sshconnect.c, sshconnect2.c */
    {PINO_GIT_HOST_KEY, "Host key verification failed", NULL},
    {PINO_GIT_LOGIN, "Permission denied (", NULL},
    /* credential.c, prompt.c, remote-curl.c; the last two are what GitHub and GitLab answer over ssh */
    {PINO_GIT_LOGIN, "could not read Username for", NULL},
    {PINO_GIT_LOGIN, "could not read Password for", NULL},
    {PINO_GIT_LOGIN, "Authentication failed for", NULL},
    {PINO_GIT_LOGIN, "returned error: 401", NULL},
    {PINO_GIT_LOGIN, "returned error: 403", NULL},
    {PINO_GIT_LOGIN, "ERROR: Repository not found", NULL},
    {PINO_GIT_LOGIN, "project you were looking for could not be found", NULL},
    /* remote-curl.c, builtin/clone.c, upload-pack.c, connect.c; a web page where a repository should be */
    {PINO_GIT_NOT_FOUND, "repository '", "' not found"},
    {PINO_GIT_NOT_FOUND, "repository '", "' does not exist"},
    {PINO_GIT_NOT_FOUND, "does not appear to be a git repository", NULL},
    {PINO_GIT_NOT_FOUND, "not valid: is this a git repository?", NULL},
    {PINO_GIT_NOT_FOUND, "returned error: 404", NULL},
    {PINO_GIT_NOT_FOUND, "returned error: 410", NULL},
    /* http.c with libcurl's strerror.c */
    {PINO_GIT_SERVER, "returned error: 5", NULL},
    {PINO_GIT_SERVER, "RPC failed; HTTP 5", NULL},
    /* libcurl: lib/vtls/gtls.c, openssl.c; ahead of TLS, as a cut connection also ends a handshake */
    {PINO_GIT_CUT, "non-properly terminated", NULL},
    {PINO_GIT_CUT, "SSL_ERROR_SYSCALL", NULL},
    {PINO_GIT_CUT, "GnuTLS recv error", NULL},
    {PINO_GIT_CUT, "SSL_read:", NULL},
    {PINO_GIT_TLS, "certificate", NULL},
    {PINO_GIT_TLS, "gnutls_handshake() failed", NULL},
    {PINO_GIT_TLS, "SSL_connect", NULL},
    {PINO_GIT_TLS, "SSL routines", NULL},
    {PINO_GIT_TLS, "SSL connect error", NULL},
    /* libcurl's strerror.c and connect.c; OpenSSH: misc.c; git's connect.c; getaddrinfo(3) */
    {PINO_GIT_UNREACHABLE, "Could not resolve host", NULL},
    {PINO_GIT_UNREACHABLE, "unable to look up", NULL},
    {PINO_GIT_UNREACHABLE, "Name or service not known", NULL},
    {PINO_GIT_UNREACHABLE, "Temporary failure in name resolution", NULL},
    {PINO_GIT_UNREACHABLE, "Failed to connect to", NULL},
    {PINO_GIT_UNREACHABLE, "Couldn't connect to server", NULL},
    {PINO_GIT_UNREACHABLE, "Could not connect to server", NULL},
    {PINO_GIT_UNREACHABLE, "Connection refused", NULL},
    {PINO_GIT_UNREACHABLE, "No route to host", NULL},
    {PINO_GIT_UNREACHABLE, "Network is unreachable", NULL},
    {PINO_GIT_UNREACHABLE, "Connection timed out", NULL},
    /* fetch-pack.c, pkt-line.c, builtin/index-pack.c, remote-curl.c, http.c (dumb servers); libcurl's transfer.c */
    {PINO_GIT_CUT, "early EOF", NULL},
    {PINO_GIT_CUT, "hung up", NULL},
    {PINO_GIT_CUT, "unexpected disconnect", NULL},
    {PINO_GIT_CUT, "unexpected EOF", NULL},
    {PINO_GIT_CUT, "RPC failed; curl", NULL},
    {PINO_GIT_CUT, "transfer closed with", NULL},
    {PINO_GIT_CUT, "bytes remaining to read", NULL},
    {PINO_GIT_CUT, "Connection reset by peer", NULL},
    {PINO_GIT_CUT, "Connection was reset", NULL},
    {PINO_GIT_CUT, "Recv failure", NULL},
    {PINO_GIT_CUT, "Send failure", NULL},
    {PINO_GIT_CUT, "Operation too slow", NULL},
    {PINO_GIT_CUT, "Empty reply from server", NULL},
    {PINO_GIT_CUT, "bad line length", NULL},
    {PINO_GIT_CUT, "expected flush after", NULL},
    {PINO_GIT_CUT, "invalid server response", NULL},
    {PINO_GIT_CUT, "Unable to find ", " under "},
    /* run-command.c, fetch-pack.c: its helper is gone and no cut was seen. SIGKILL for want of memory, or SIGXFSZ */
    {PINO_GIT_STOPPED, "died of signal", NULL},
    {PINO_GIT_STOPPED, "invalid index-pack output", NULL},
    {PINO_GIT_STOPPED, "index-pack failed", NULL},
    /* bash */
    {PINO_GIT_MISSING, "git: command not found", NULL},
    {PINO_GIT_MISSING, "git: not found", NULL},
};

typedef struct {
  const char *name;
  PinoError code;
  const char *passing; /* what happened, when it may pass; NULL: it does not */
  const char *text;    /* %s: the URL or folder */
} Meaning;

static const Meaning meanings[] = {
    [PINO_GIT_UNKNOWN] = {"unknown", PINO_ERROR_FAILED, NULL,
                          "git failed on %s; what it printed above says why"},
    [PINO_GIT_UNREACHABLE] = {"unreachable", PINO_ERROR_NETWORK, "the host cannot be reached",
                              "the host of %s cannot be reached; check the address, and whether this machine "
                              "reaches the internet (`pinokiocloud doctor` shows it)"},
    [PINO_GIT_CUT] = {"cut", PINO_ERROR_NETWORK, "the connection was cut",
                      "the connection to %s ended before all was there; try again"},
    [PINO_GIT_LOGIN] = {"login", PINO_ERROR_NOT_FOUND, NULL,
                        "%s asks for a login: the repository is private, or it is not there (hosts answer "
                        "alike); check the address, or set up git's credentials for this host "
                        "(`git config --global credential.helper store`, then clone it once by hand)"},
    [PINO_GIT_NOT_FOUND] = {"not-found", PINO_ERROR_NOT_FOUND, NULL,
                            "there is no git repository at %s; check the address"},
    [PINO_GIT_EMPTY] = {"empty", PINO_ERROR_NOT_FOUND, NULL,
                        "the repository %s is empty: it has no commit yet, so there is nothing to install"},
    [PINO_GIT_NO_LAUNCHER] = {"no-launcher", PINO_ERROR_NOT_FOUND, NULL,
                              "%s is no Pinokio app: it holds no pinokio.js; is there another repository "
                              "with its launcher?"},
    [PINO_GIT_DISK_FULL] =
        {"disk-full", PINO_ERROR_LIMIT, NULL,
         "the disk is full (or a quota or size limit is reached), so %s is not complete; make "
         "room and try again (`pinokiocloud drive` shows what takes it)"},
    [PINO_GIT_TLS] = {"tls", PINO_ERROR_NETWORK, NULL,
                      "the certificate of %s is not trusted here; check this machine's clock and its "
                      "ca-certificates package, and whether a proxy answers in the host's place"},
    [PINO_GIT_LFS] = {"lfs", PINO_ERROR_NETWORK, NULL,
                      "the large files (Git LFS) of %s could not be fetched"},
    [PINO_GIT_RATE] = {"rate-limited", PINO_ERROR_NETWORK, "the host asks for fewer requests",
                       "the host of %s asks for fewer requests (429); wait some minutes and try again"},
    [PINO_GIT_PROXY] =
        {"proxy", PINO_ERROR_NETWORK, NULL,
         "the proxy on the way to %s refused or cannot be reached; check http_proxy, https_proxy "
         "and git's http.proxy"},
    [PINO_GIT_SERVER] = {"server", PINO_ERROR_NETWORK, "the server is in trouble",
                         "the server of %s is in trouble (it answered 5xx); try again later"},
    [PINO_GIT_BRANCH] = {"branch", PINO_ERROR_NOT_FOUND, NULL,
                         "%s has no such branch or tag; `git ls-remote` on it shows those that it has"},
    [PINO_GIT_HOST_KEY] = {"host-key", PINO_ERROR_NETWORK, NULL,
                           "ssh does not know the host of %s; connect to it once by hand, or use its https "
                           "address"},
    [PINO_GIT_SHALLOW] = {"shallow", PINO_ERROR_FAILED, NULL, "the server of %s gives only whole histories"},
    [PINO_GIT_OWNER] = {"owner", PINO_ERROR_FAILED, NULL,
                        "git does not work in %s, as its files belong to another user; "
                        "`git config --global --add safe.directory FOLDER` allows it"},
    [PINO_GIT_LOCKED] =
        {"locked", PINO_ERROR_FAILED, NULL,
         "another git works in %s just now, or was killed there; wait for it, or remove the .lock "
         "file that it names"},
    [PINO_GIT_STOPPED] =
        {"stopped", PINO_ERROR_LIMIT, NULL,
         "the system ended git's work on %s midway: memory ran out, or files may not be that large here "
         "(`ulimit -f`); more memory or another disk helps"},
    [PINO_GIT_MISSING] = {"missing", PINO_ERROR_UNAVAILABLE, NULL,
                          "git is not installed, so %s cannot be fetched; `apt-get install git`"},
};

const char *pino_git_kind_name(PinoGitKind kind) {
  return meanings[kind].name;
}

const char *pino_git_kind_passing(PinoGitKind kind) {
  return meanings[kind].passing;
}

static gboolean line_matches(const char *line, const Pattern *pattern) {
  g_autofree char *small = g_ascii_strdown(line, -1);
  g_autofree char *words = g_ascii_strdown(pattern->words, -1);
  const char *found = strstr(small, words);
  if (found == NULL || pattern->then == NULL)
    return found != NULL;
  g_autofree char *then = g_ascii_strdown(pattern->then, -1);
  return strstr(found + strlen(words), then) != NULL;
}

/* git's progress ends its lines with a carriage return alone. */
static char **lines_of(const char *tail) {
  g_autofree char *text = g_strdelimit(g_strdup(tail != NULL ? tail : ""), "\r", '\n');
  return g_strsplit(text, "\n", -1);
}

/* The pattern that says what failed and the line that it is in; NULL: none. */
static const Pattern *recognise(char **lines, const char **line) {
  for (guint p = 0; p < G_N_ELEMENTS(patterns); p++) {
    for (guint i = 0; lines[i] != NULL; i++) {
      if (line_matches(lines[i], &patterns[p])) {
        *line = lines[i];
        return &patterns[p];
      }
    }
  }
  return NULL;
}

PinoGitKind pino_git_kind(const char *tail, int status) {
  g_auto(GStrv) lines = lines_of(tail);
  const char *line = NULL;
  const Pattern *found = recognise(lines, &line);
  return found != NULL ? found->kind : status == 127 ? PINO_GIT_MISSING : PINO_GIT_UNKNOWN;
}

/* Takes USER:PASSWORD@ out of every URL in text. */
static char *without_logins(const char *text) {
  GString *out = g_string_new(NULL);
  const char *at = text;
  for (const char *mark; (mark = strstr(at, "://")) != NULL;) {
    const char *host = mark + strlen("://");
    gsize authority = strcspn(host, "/ \t\r\n'\"<>?#");
    const char *end = g_strrstr_len(host, (gssize)authority, "@");
    g_string_append_len(out, at, host - at);
    at = end != NULL ? end + 1 : host;
  }
  g_string_append(out, at);
  return g_string_free(out, FALSE);
}

char *pino_git_url_shown(const char *url) {
  g_autofree char *bare = strstr(url, "://") != NULL ? g_strndup(url, strcspn(url, "?#")) : g_strdup(url);
  return without_logins(bare);
}

/* Of a line as git wrote it: without its mark, valid, short, and without logins. Free with g_free(). */
static char *quotable(const char *line) {
  static const char *const marks[] = {"fatal: ", "error: "};
  for (guint m = 0; m < G_N_ELEMENTS(marks); m++)
    line += g_str_has_prefix(line, marks[m]) ? strlen(marks[m]) : 0;
  g_autofree char *valid = g_utf8_make_valid(line, -1);
  g_autofree char *safe = without_logins(valid);
  g_strstrip(safe);
  return g_utf8_strlen(safe, -1) > 200 ? g_utf8_substring(safe, 0, 200) : g_steal_pointer(&safe);
}

/* The line that told the kind, else the last that says something: "fatal: ..." before "error: ..." before any other. */
static char *git_words(const char *tail) {
  static const char *const marks[] = {"fatal: ", "error: ", ""};
  g_auto(GStrv) lines = lines_of(tail);
  const char *line = NULL;
  if (recognise(lines, &line) != NULL)
    return quotable(line);
  for (guint m = 0; m < G_N_ELEMENTS(marks); m++) {
    for (guint i = g_strv_length(lines); i > 0; i--) {
      if (*g_strstrip(lines[i - 1]) != '\0' && g_str_has_prefix(lines[i - 1], marks[m]))
        return quotable(lines[i - 1]);
    }
  }
  return NULL;
}

gboolean pino_git_fail(GError **error, PinoGitKind kind, const char *url, const char *tail) {
  g_autofree char *shown = pino_git_url_shown(url);
  g_autofree char *words = git_words(tail);
  g_auto(GStrv) around = g_strsplit(meanings[kind].text, "%s", 2);
  g_autofree char *quoted = words != NULL ? g_strdup_printf(" (git: %s)", words) : g_strdup("");
  g_set_error(error, PINO_ERROR, (gint)meanings[kind].code, "%s%s%s%s", around[0], shown, around[1], quoted);
  return FALSE;
}
