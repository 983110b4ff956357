#include "detect/listen.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_LISTEN 0x0A

/* A listening socket as the kernel lists it. */
typedef struct {
  PinoListener listener;
  guint64 inode;
} Row;

/* Told of each listening socket; FALSE ends the reading. */
typedef gboolean (*RowSeen)(const Row *row, gpointer data);

/* --- the kernel's lists ------------------------------------------------------------------------------- */

/* The list has an address as 32-bit words in the machine's byte order. Gives the bytes that were read. */
static gsize read_words(const char *text, guint8 *bytes) {
  gsize words = strlen(text) / 8;
  for (gsize i = 0; i < words; i++) {
    char digits[9];
    g_strlcpy(digits, text + 8 * i, sizeof digits);
    guint32 word = (guint32)strtoul(digits, NULL, 16);
    memcpy(bytes + 4 * i, &word, sizeof word);
  }
  return 4 * words;
}

static void set_address4(PinoListener *listener, const guint8 *bytes) {
  static const guint8 every[4] = {0};
  inet_ntop(AF_INET, bytes, listener->address, sizeof listener->address);
  listener->every_interface = memcmp(bytes, every, sizeof every) == 0;
  listener->loopback = bytes[0] == 127;
}

static void set_address6(PinoListener *listener, const guint8 *bytes) {
  struct in6_addr address;
  memcpy(&address, bytes, sizeof address);
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    set_address4(listener, bytes + 12);
    return;
  }
  inet_ntop(AF_INET6, &address, listener->address, sizeof listener->address);
  listener->every_interface = IN6_IS_ADDR_UNSPECIFIED(&address);
  listener->loopback = IN6_IS_ADDR_LOOPBACK(&address);
}

/* FALSE for the list's head and for sockets that do not listen. */
static gboolean parse_row(const char *line, Row *row) {
  char address[33];
  guint8 bytes[16];
  unsigned port, state;
  unsigned long long inode;
  /* number, local end, remote end, state, queues, timer, retransmits, user, timeout, inode */
  if (sscanf(line, "%*d: %32[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %llu", address, &port, &state,
             &inode) != 4)
    return FALSE;
  if (state != STATE_LISTEN || port == 0 || port > G_MAXUINT16)
    return FALSE;
  *row = (Row){.listener.port = (guint16)port, .inode = inode};
  gsize size = read_words(address, bytes);
  if (size == 4)
    set_address4(&row->listener, bytes);
  else if (size == 16)
    set_address6(&row->listener, bytes);
  return size == 4 || size == 16;
}

/* Reads the lists of the namespace in which a process is; proc: "self" or a pid. FALSE when there are none, as of a process
 * that has ended. */
static gboolean read_lists(const char *proc, RowSeen seen, gpointer data) {
  static const char *const LISTS[] = {"tcp", "tcp6"};
  gboolean go_on = TRUE, is_read = FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS(LISTS) && go_on; i++) {
    char path[64], line[512];
    Row row;
    g_snprintf(path, sizeof path, "/proc/%s/net/%s", proc, LISTS[i]);
    FILE *file = fopen(path, "re");
    while (file != NULL && go_on && fgets(line, sizeof line, file) != NULL)
      go_on = !parse_row(line, &row) || seen(&row, data);
    if (file == NULL)
      continue;
    is_read = TRUE;
    fclose(file);
  }
  return is_read;
}

/* --- processes ---------------------------------------------------------------------------------------- */

/* Adds the sockets that a process has open, inode to pid, if no process before it has them. The kernel numbers the sockets
 * of all namespaces in one row. */
static void add_sockets(GHashTable *owners, pid_t pid) {
  char path[32], target[64];
  g_snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  DIR *folder = opendir(path);
  const struct dirent *entry;
  while (folder != NULL && (entry = readdir(folder)) != NULL) {
    gssize length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
    if (length <= 0)
      continue;
    target[length] = '\0';
    if (!g_str_has_prefix(target, "socket:["))
      continue;
    gint64 inode = (gint64)strtoull(target + strlen("socket:["), NULL, 10);
    if (g_hash_table_contains(owners, &inode))
      continue;
    g_hash_table_insert(owners, g_memdup2(&inode, sizeof inode), GINT_TO_POINTER(pid));
  }
  if (folder != NULL)
    closedir(folder);
}

/* Tells network namespaces apart; 0 when the process does not show its own. */
static guint64 namespace_of(pid_t pid) {
  char path[48];
  struct stat status;
  g_snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
  return stat(path, &status) == 0 ? (guint64)status.st_ino : 0;
}

typedef struct {
  GHashTable *owners;
  GArray *found;
} Search;

static gboolean take_row(const Row *row, gpointer data) {
  Search *search = data;
  gint64 inode = (gint64)row->inode;
  gpointer owner = g_hash_table_lookup(search->owners, &inode);
  if (owner == NULL)
    return TRUE;
  PinoListener listener = row->listener;
  listener.pid = GPOINTER_TO_INT(owner);
  g_array_append_val(search->found, listener);
  return TRUE;
}

static int compare(const void *a, const void *b) {
  const PinoListener *left = a, *right = b;
  if (left->port != right->port)
    return left->port < right->port ? -1 : 1;
  return strcmp(left->address, right->address);
}

/* Of those that are the same, the process that was given first stays. */
static void drop_doubles(GArray *found, const pid_t *pids, gsize count) {
  for (guint i = found->len; i-- > 1;) {
    PinoListener *left = &g_array_index(found, PinoListener, i - 1), *right = left + 1;
    if (compare(left, right) != 0)
      continue;
    for (gsize k = 0; k < count && pids[k] != left->pid; k++)
      if (pids[k] == right->pid)
        left->pid = right->pid;
    g_array_remove_index(found, i);
  }
}

/* Reads the lists of each namespace once, by the first of its processes that is still there. */
static void search_spaces(Search *search, const pid_t *pids, const guint64 *spaces, gsize count) {
  g_autofree gboolean *done = g_new0(gboolean, count + 1);
  for (gsize i = 0; i < count; i++) {
    char proc[16];
    if (done[i] || spaces[i] == 0)
      continue;
    g_snprintf(proc, sizeof proc, "%d", (int)pids[i]);
    if (!read_lists(proc, take_row, search))
      continue;
    for (gsize k = i; k < count; k++)
      done[k] |= spaces[k] == spaces[i];
  }
}

GArray *pino_listen_find(const pid_t *pids, gsize count) {
  g_autoptr(GHashTable) owners = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  g_autofree guint64 *spaces = g_new0(guint64, count + 1);
  Search search = {.owners = owners, .found = g_array_new(FALSE, TRUE, sizeof(PinoListener))};
  for (gsize i = 0; i < count; i++) {
    spaces[i] = namespace_of(pids[i]);
    add_sockets(owners, pids[i]);
  }
  if (g_hash_table_size(owners) > 0)
    search_spaces(&search, pids, spaces, count);
  g_array_sort(search.found, compare);
  drop_doubles(search.found, pids, count);
  return search.found;
}

typedef struct {
  guint16 port;
  gboolean found;
} Question;

static gboolean ask_row(const Row *row, gpointer data) {
  Question *question = data;
  question->found = row->listener.port == question->port && row->listener.every_interface;
  return !question->found;
}

gboolean pino_listen_on_all(guint16 port) {
  Question question = {.port = port};
  read_lists("self", ask_row, &question);
  return question.found;
}

typedef struct {
  guint16 port;
  gboolean four, six;
} Loopback;

static gboolean ask_loopback(const Row *row, gpointer data) {
  Loopback *loopback = data;
  const PinoListener *listener = &row->listener;
  if (listener->port != loopback->port)
    return TRUE;
  gboolean only_six = g_str_equal(listener->address, "::1");
  loopback->six |= only_six;
  loopback->four |= !only_six && (listener->loopback || listener->every_interface);
  return TRUE;
}

const char *pino_listen_loopback(guint16 port) {
  Loopback loopback = {.port = port};
  read_lists("self", ask_loopback, &loopback);
  return loopback.six && !loopback.four ? "::1" : "127.0.0.1";
}
