#include "keeper/tree.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PID_LIMIT (4u * 1024 * 1024) /* PID_MAX_LIMIT of 64-bit kernels */

static void pids_add(struct pids *pids, pid_t pid) {
  if (pids->count == pids->room) {
    size_t room = pids->room == 0 ? 64 : pids->room * 2;
    pid_t *list = realloc(pids->list, room * sizeof *list);
    if (list == NULL)
      return; /* what does not fit now is seen by the next look */
    pids->list = list;
    pids->room = room;
  }
  pids->list[pids->count++] = pid;
}

void pids_clear(struct pids *pids) {
  free(pids->list);
  *pids = (struct pids){0};
}

/* Reads a list of numbers of any length; a number may be cut by the end of a buffer. */
static void add_numbers(int fd, struct pids *pids) {
  char buffer[4096];
  ssize_t got;
  pid_t pid = 0;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < got; i++) {
      if (isdigit((unsigned char)buffer[i])) {
        pid = pid * 10 + (buffer[i] - '0');
      } else if (pid > 0) {
        pids_add(pids, pid);
        pid = 0;
      }
    }
  }
}

static void add_children(pid_t parent, struct pids *pids) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", (int)parent);
  DIR *tasks = opendir(path);
  if (tasks == NULL)
    return;
  struct dirent *task;
  while ((task = readdir(tasks)) != NULL) {
    if (!isdigit((unsigned char)task->d_name[0]))
      continue;
    char children[300];
    snprintf(children, sizeof children, "%s/children", task->d_name);
    int fd = openat(dirfd(tasks), children, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
      continue;
    add_numbers(fd, pids);
    close(fd);
  }
  closedir(tasks);
}

void tree_collect_by_children(pid_t root, struct pids *pids) {
  size_t next = pids->count;
  add_children(root, pids);
  for (; next < pids->count; next++)
    add_children(pids->list[next], pids);
}

static pid_t parent_of(pid_t pid) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0)
    return -1;
  text[got] = '\0';
  const char *after_name = strrchr(text, ')'); /* the name itself may hold anything */
  int parent;
  return after_name != NULL && sscanf(after_name + 1, " %*c %d", &parent) == 1 ? parent : -1;
}

void tree_collect_by_parents(pid_t root, struct pids *pids) {
  struct pids all = {0}, parents = {0};
  DIR *proc = opendir("/proc");
  if (proc == NULL)
    return;
  struct dirent *entry;
  while ((entry = readdir(proc)) != NULL) {
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    pid_t parent = pid > 0 ? parent_of(pid) : -1;
    if (parent <= 0)
      continue;
    pids_add(&all, pid);
    pids_add(&parents, parent);
  }
  closedir(proc);
  size_t known = all.count < parents.count ? all.count : parents.count;
  size_t next = pids->count;
  for (pid_t parent = root;; parent = pids->list[next++]) {
    for (size_t i = 0; i < known; i++) {
      if (parents.list[i] == parent)
        pids_add(pids, all.list[i]);
    }
    if (next == pids->count)
      break;
  }
  pids_clear(&all);
  pids_clear(&parents);
}

void tree_collect(pid_t root, struct pids *pids) {
  if (access("/proc/thread-self/children", R_OK) == 0)
    tree_collect_by_children(root, pids);
  else
    tree_collect_by_parents(root, pids);
}

static bool ignores_term(pid_t pid) {
  char path[64], line[256];
  unsigned long long ignored = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  FILE *file = fopen(path, "re");
  if (file == NULL)
    return false;
  while (fgets(line, sizeof line, file) != NULL && sscanf(line, "SigIgn: %llx", &ignored) != 1)
    continue;
  fclose(file);
  return (ignored >> (SIGTERM - 1) & 1) != 0;
}

static bool mark(struct tree_asked *asked, pid_t pid) {
  if (asked->bits == NULL)
    asked->bits = calloc(PID_LIMIT / 8, 1); /* only the pages that are touched take memory */
  if (asked->bits == NULL || pid <= 0 || (unsigned)pid >= PID_LIMIT)
    return true;
  unsigned char bit = (unsigned char)(1u << (pid % 8));
  bool fresh = (asked->bits[pid / 8] & bit) == 0;
  asked->bits[pid / 8] |= bit;
  return fresh;
}

void tree_forget(struct tree_asked *asked, pid_t pid) {
  if (asked->bits != NULL && pid > 0 && (unsigned)pid < PID_LIMIT)
    asked->bits[pid / 8] &= (unsigned char)~(1u << (pid % 8));
}

void tree_asked_clear(struct tree_asked *asked) {
  free(asked->bits);
  asked->bits = NULL;
}

static size_t ask_once(struct tree_asked *asked) {
  struct pids pids = {0};
  tree_collect(getpid(), &pids);
  size_t fresh = 0;
  for (size_t i = 0; i < pids.count; i++) {
    pid_t pid = pids.list[i];
    if (!mark(asked, pid))
      continue;
    fresh++;
    bool stubborn = ignores_term(pid);
    (void)kill(pid, SIGTERM);
    if (stubborn)
      (void)kill(pid, SIGHUP);
    (void)kill(pid, SIGCONT);
  }
  pids_clear(&pids);
  return fresh;
}

void tree_ask(struct tree_asked *asked) {
  enum { LOOKS = 4 }; /* who forks faster than that is left to SIGKILL */
  for (int look = 0; look < LOOKS && ask_once(asked) > 0; look++)
    continue;
}

void tree_urge(void) {
  struct pids pids = {0};
  tree_collect(getpid(), &pids);
  for (size_t i = 0; i < pids.count; i++) {
    if (ignores_term(pids.list[i]))
      (void)kill(pids.list[i], SIGHUP);
  }
  pids_clear(&pids);
}

void tree_kill(void) {
  struct pids pids = {0};
  tree_collect(getpid(), &pids);
  for (size_t i = 0; i < pids.count; i++)
    (void)kill(pids.list[i], SIGKILL);
  pids_clear(&pids);
}
