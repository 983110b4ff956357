#include "environment/tools.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define VERSION_TIMEOUT_US (5 * G_USEC_PER_SEC)
#define VERSION_OUTPUT_LIMIT 65536

static const PinoTool TOOLS[] = {
    {"bash", "--version", "every shell.run", TRUE},
    {"git", "--version", "installing and updating apps", TRUE},
    {"python3", "--version", "virtual environments without uv", TRUE},
    {"uv", "--version", "virtual environments with a Python version of their own, fast installs", FALSE},
    {"hf", "--version", "hf.login, hf.download, hf.upload", FALSE},
    {"conda", "--version", "apps that install through conda (miniforge in HOME/bin)", FALSE},
    {"node", "--version", "apps written for Node", FALSE},
    {"npm", "--version", "apps written for Node", FALSE},
    {"ffmpeg", "-version", "apps that work on audio or video", FALSE},
    {"git-lfs", "--version", "model repositories that keep files in Git LFS", FALSE},
    {"aria2c", "--version", "scripts that download with aria2", FALSE},
    {"cloudflared", "--version", "public addresses through Cloudflare", FALSE},
    {"ngrok", "version", "public addresses through ngrok", FALSE},
    {"ssh", "-V", "public addresses through SSH, git over SSH", FALSE},
};

const PinoTool *pino_tools(gsize *count) {
  *count = G_N_ELEMENTS(TOOLS);
  return TOOLS;
}

/* --- finding ------------------------------------------------------------------------------------------ */

static gboolean is_program(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

char *pino_which(const char *name, const char *path) {
  if (!name || *name == '\0')
    return NULL;
  if (strchr(name, '/'))
    return is_program(name) ? g_canonicalize_filename(name, NULL) : NULL;
  const char *folders = path ? path : g_getenv("PATH");
  g_auto(GStrv) parts = g_strsplit(folders ? folders : "", ":", -1);
  for (char **part = parts; *part; part++) {
    if (**part == '\0')
      continue;
    g_autofree char *file = g_build_filename(*part, name, NULL);
    if (is_program(file))
      return g_canonicalize_filename(file, NULL);
  }
  return NULL;
}

char *pino_tool_folder(void) {
  const char *told = g_getenv("PINOKIOCLOUD_TOOLS");
  if (told && *told) {
    g_autofree char *bin = g_build_filename(told, "bin", NULL);
    return g_canonicalize_filename(g_file_test(bin, G_FILE_TEST_IS_DIR) ? bin : told, NULL);
  }
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  if (!self)
    return NULL;
  /* Where `make install` puts them, beside the program, or at the top of the build folder that it is in. */
  static const char *const PLACES[] = {"../../lib/pinokiocloud/tools/bin",
                                       "../../../lib/pinokiocloud/tools/bin", "../tools/bin",
                                       "../../tools/bin", "../../../tools/bin"};
  for (gsize i = 0; i < G_N_ELEMENTS(PLACES); i++) {
    g_autofree char *folder = g_canonicalize_filename(PLACES[i], self);
    if (g_file_test(folder, G_FILE_TEST_IS_DIR))
      return g_steal_pointer(&folder);
  }
  return NULL;
}

static char *find_managed(const char *home, const char *name) {
  static const char *const PLACES[] = {"", "miniforge/bin", "npm/bin"};
  for (gsize i = 0; i < G_N_ELEMENTS(PLACES); i++) {
    g_autofree char *file = g_build_filename(home, "bin", PLACES[i], name, NULL);
    if (is_program(file))
      return g_canonicalize_filename(file, NULL);
  }
  /* A tool unpacked into a folder of its name. */
  static const char *const WITHIN[] = {"", "bin"};
  for (gsize i = 0; i < G_N_ELEMENTS(WITHIN); i++) {
    g_autofree char *file = g_build_filename(home, "bin", name, WITHIN[i], name, NULL);
    if (is_program(file))
      return g_canonicalize_filename(file, NULL);
  }
  return NULL;
}

char *pino_tool_find(const char *home, const char *name) {
  if (!name || *name == '\0')
    return NULL;
  if (strchr(name, '/'))
    return pino_which(name, NULL);
  char *found = home ? find_managed(home, name) : NULL;
  if (found)
    return found;
  g_autofree char *own = pino_tool_folder();
  found = own ? pino_which(name, own) : NULL;
  return found ? found : pino_which(name, NULL);
}

/* --- asking its version ------------------------------------------------------------------------------- */

/* Its own process group, so that what it starts is killed with it. Only async-signal-safe calls here. */
static void lead_group(gpointer data) {
  setpgid(0, 0);
}

/* Reads until the end, the limit or the deadline; FALSE at the deadline. */
static gboolean read_until(int fd, gint64 deadline, GString *text) {
  char block[4096];
  while (text->len < VERSION_OUTPUT_LIMIT) {
    gint64 left = (deadline - g_get_monotonic_time() + 999) / 1000;
    if (left <= 0)
      return FALSE;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, (int)left);
    if (ready == 0 || (ready < 0 && errno == EINTR))
      continue;
    ssize_t got = read(fd, block, sizeof block);
    if (got <= 0)
      return TRUE;
    g_string_append_len(text, block, got);
  }
  return TRUE;
}

static char *first_line(const char *text) {
  g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
  for (char **line = lines; *line; line++)
    if (*g_strstrip(*line))
      return g_utf8_make_valid(*line, -1);
  return NULL;
}

char *pino_tool_version(const char *path, const char *arguments, GError **error) {
  int ends[2];
  if (!g_unix_open_pipe(ends, FD_CLOEXEC, error))
    return NULL;
  g_autofree char *line = g_strdup_printf("%s %s", "", arguments ? arguments : "");
  g_auto(GStrv) argv = g_strsplit(g_strstrip(line), " ", -1);
  GPtrArray *words = g_ptr_array_new();
  g_ptr_array_add(words, (gpointer)path);
  for (char **word = argv; *word; word++)
    if (**word)
      g_ptr_array_add(words, *word);
  g_ptr_array_add(words, NULL);

  /* Some colour their version even where no terminal is. */
  g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "NO_COLOR", "1", TRUE);
  env = g_environ_setenv(env, "TERM", "dumb", TRUE);
  GPid pid = 0;
  gboolean started = g_spawn_async_with_pipes_and_fds(
      NULL, (const char *const *)words->pdata, (const char *const *)env, G_SPAWN_DO_NOT_REAP_CHILD,
      lead_group, NULL, -1, ends[1], ends[1], NULL, NULL, 0, &pid, NULL, NULL, NULL, error);
  g_ptr_array_free(words, TRUE);
  close(ends[1]);
  if (!started) {
    close(ends[0]);
    return NULL;
  }

  g_autoptr(GString) text = g_string_new(NULL);
  gboolean ended = read_until(ends[0], g_get_monotonic_time() + VERSION_TIMEOUT_US, text);
  close(ends[0]);
  /* Also after its output ended: it, or what it started, might stay. */
  kill(-pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    ;
  char *version = ended ? first_line(text->str) : NULL;
  if (!version)
    g_set_error(error, PINO_ERROR, ended ? PINO_ERROR_FAILED : PINO_ERROR_LIMIT, "'%s %s' %s", path,
                arguments ? arguments : "", ended ? "told no version" : "did not answer in 5 seconds");
  return version;
}
