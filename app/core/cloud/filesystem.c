#include "cloud/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "cloud/read.h"

#define QUOTA_UNIT 1024ull /* what limits of struct dqblk are counted in */
#define PROJECT_QUOTA 2    /* PRJQUOTA of linux/quota.h, which does not go together with sys/quota.h */

/* --- where ------------------------------------------------------------------------------------------------------- */

static char *nearest_folder(const char *path) {
  g_autofree char *at = g_canonicalize_filename(path, NULL);
  while (!g_file_test(at, G_FILE_TEST_IS_DIR) && strcmp(at, "/") != 0) {
    char *above = g_path_get_dirname(at);
    g_free(at);
    at = above;
  }
  char *real = realpath(at, NULL);
  char *folder = g_strdup(real != NULL ? real : at);
  free(real);
  return folder;
}

static gboolean is_below(const char *path, const char *top) {
  gsize length = strcmp(top, "/") == 0 ? 0 : strlen(top);
  return strncmp(path, top, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* The deepest mount that the folder is in; of two at one place the later one, which hides the other. */
static void find_mount(const char *proc, PinoFilesystem *fs) {
  enum { MOUNT_POINT = 4, AFTER_DASH = 3 };
  g_autofree char *text = pino_cloud_read(proc, "proc/self/mountinfo");
  g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_auto(GStrv) fields = g_strsplit(*line, " ", -1);
    guint count = g_strv_length(fields), dash = 0;
    while (dash < count && strcmp(fields[dash], "-") != 0)
      dash++;
    if (dash <= MOUNT_POINT || dash + AFTER_DASH > count)
      continue;
    g_autofree char *point = g_strcompress(fields[MOUNT_POINT]); /* blanks are \040 */
    if (!is_below(fs->folder, point) || (fs->mount != NULL && strlen(point) < strlen(fs->mount)))
      continue;
    g_free(fs->mount);
    g_free(fs->type);
    g_free(fs->source);
    fs->mount = g_steal_pointer(&point);
    fs->type = g_strdup(fields[dash + 1]);
    fs->source = g_strcompress(fields[dash + 2]);
  }
}

/* Types by the first words of their names. A disk is what none of these is. */
static const struct {
  const char *prefix, *kind;
} kinds[] = {
    {"tmpfs", "memory"},   {"ramfs", "memory"},         {"overlay", "layer"},
    {"aufs", "layer"},     {"fuse-overlayfs", "layer"}, {"fuse.fuse-overlayfs", "layer"},
    {"nfs", "network"},    {"cifs", "network"},         {"smb", "network"},
    {"9p", "network"},     {"virtiofs", "network"},     {"ceph", "network"},
    {"lustre", "network"}, {"glusterfs", "network"},    {"beegfs", "network"},
    {"afs", "network"},    {"fuse", "network"},
};

static const char *kind_of(const char *type) {
  /* A disk's file system that happens to be served by a program. */
  static const char *const disks[] = {"fuseblk", NULL};
  if (type == NULL || g_strv_contains(disks, type))
    return "disk";
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (g_str_has_prefix(type, kinds[i].prefix))
      return kinds[i].kind;
  return "disk";
}

/* --- how much ---------------------------------------------------------------------------------------------------- */

static void cut_down(PinoFilesystem *fs, int type, int id) {
  struct dqblk limits;
  int question = (int)((guint)Q_GETQUOTA << SUBCMDSHIFT | (guint)type); /* QCMD() shifts into the sign */
  if (quotactl(question, fs->source, id, (caddr_t)&limits) != 0)
    return;
  guint64 blocks = limits.dqb_bhardlimit != 0 ? limits.dqb_bhardlimit : limits.dqb_bsoftlimit;
  guint64 limit = blocks * QUOTA_UNIT;
  if (blocks == 0 || limit >= fs->total)
    return;
  fs->quota = TRUE;
  fs->total = limit;
  fs->free = MIN(fs->free, limit > limits.dqb_curspace ? limit - limits.dqb_curspace : 0);
}

/* The user's own quota, and that of the folder's project. Often neither may be asked; then statvfs stands. */
static void ask_quotas(PinoFilesystem *fs) {
  struct fsxattr about;
  if (fs->source == NULL || *fs->source != '/')
    return;
  cut_down(fs, USRQUOTA, (int)getuid());
  int fd = open(fs->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  if (ioctl(fd, FS_IOC_FSGETXATTR, &about) == 0 && about.fsx_projid != 0)
    cut_down(fs, PROJECT_QUOTA, (int)about.fsx_projid);
  close(fd);
}

static gboolean ask_space(PinoFilesystem *fs) {
  struct statvfs about;
  int failed;
  do
    failed = statvfs(fs->folder, &about);
  while (failed != 0 && errno == EINTR);
  if (failed != 0) {
    fs->error = errno;
    return FALSE;
  }
  guint64 unit = about.f_frsize != 0 ? about.f_frsize : about.f_bsize;
  fs->total = about.f_blocks * unit;
  fs->free = about.f_bavail * unit;
  fs->files_free = about.f_files != 0 ? about.f_favail : G_MAXUINT64;
  fs->read_only = (about.f_flag & ST_RDONLY) != 0;
  fs->no_exec = (about.f_flag & ST_NOEXEC) != 0;
  return TRUE;
}

/* --- what works -------------------------------------------------------------------------------------------------- */

static PinoAnswer answer(gboolean yes) {
  return yes ? PINO_YES : PINO_NO;
}

static int make_file(int folder, const char *name) {
  return openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* An empty file is cloned even where nothing can be, so there is a byte in it. */
static PinoAnswer try_clone(int folder, int from) {
  if (write(from, "x", 1) != 1)
    return PINO_UNKNOWN;
  int to = make_file(folder, "clone");
  if (to < 0)
    return PINO_UNKNOWN;
  PinoAnswer works = answer(ioctl(to, FICLONE, from) == 0);
  close(to);
  return works;
}

static void try_inside(PinoFilesystem *fs, int folder) {
  static const char *const names[] = {"file", "link", "symlink", "clone"};
  struct stat about;
  int file = make_file(folder, "file");
  fs->writable = answer(file >= 0);
  if (file >= 0) {
    fs->case_insensitive = answer(fstatat(folder, "FILE", &about, 0) == 0);
    fs->hard_links = answer(linkat(folder, "file", folder, "link", 0) == 0);
    fs->symlinks = answer(symlinkat("file", folder, "symlink") == 0);
    fs->reflinks = try_clone(folder, file);
    close(file);
  }
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    (void)unlinkat(folder, names[i], 0);
}

static void try_out(PinoFilesystem *fs) {
  g_autofree char *place = g_build_filename(fs->folder, ".pinokio-XXXXXX", NULL);
  fs->tried = TRUE;
  fs->writable = PINO_NO;
  if (g_mkdtemp_full(place, 0700) == NULL)
    return;
  int folder = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    try_inside(fs, folder);
    close(folder);
  }
  (void)rmdir(place);
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

PinoFilesystem *pino_filesystem_look(const char *proc, const char *path, gboolean try) {
  PinoFilesystem *fs = g_new0(PinoFilesystem, 1);
  fs->path = g_strdup(path);
  fs->folder = nearest_folder(path);
  fs->files_free = G_MAXUINT64;
  fs->writable = fs->hard_links = fs->symlinks = fs->reflinks = fs->case_insensitive = PINO_UNKNOWN;
  find_mount(proc, fs);
  fs->kind = kind_of(fs->type);
  if (ask_space(fs)) {
    ask_quotas(fs);
    if (try)
      try_out(fs);
  }
  return fs;
}

void pino_filesystem_free(PinoFilesystem *fs) {
  if (fs == NULL)
    return;
  g_free(fs->path);
  g_free(fs->folder);
  g_free(fs->mount);
  g_free(fs->type);
  g_free(fs->source);
  g_free(fs);
}

gboolean pino_filesystem_space(const char *path, guint64 *total, guint64 *left) {
  g_autoptr(PinoFilesystem) fs = pino_filesystem_look("/", path, FALSE);
  *total = fs->total;
  *left = fs->free;
  return fs->error == 0;
}

gboolean pino_filesystem_is_passing(const PinoFilesystem *fs) {
  return g_str_equal(fs->kind, "memory") || g_str_equal(fs->kind, "layer");
}

static void append_answer(GString *out, const char *name, PinoAnswer how) {
  static const char *const words[] = {"null", "false", "true"};
  g_string_append_printf(out, ",\"%s\":%s", name, words[how + 1]);
}

void pino_filesystem_append_json(const PinoFilesystem *fs, GString *out) {
  g_string_append_c(out, '{');
  pino_json_append_member(out, "path", fs->path);
  if (fs->error != 0) {
    pino_json_append_member(out, "error", pino_errno_name(fs->error));
    g_string_append_c(out, '}');
    return;
  }
  pino_json_append_nullable(out, "mount", fs->mount);
  pino_json_append_nullable(out, "type", fs->type);
  pino_json_append_nullable(out, "source", fs->source);
  pino_json_append_nullable(out, "kind", fs->kind);
  pino_cloud_append_number(out, "total", fs->total);
  pino_cloud_append_number(out, "free", fs->free);
  pino_cloud_append_number(out, "files_free", fs->files_free);
  append_answer(out, "quota", answer(fs->quota));
  append_answer(out, "read_only", answer(fs->read_only));
  append_answer(out, "no_exec", answer(fs->no_exec));
  append_answer(out, "writable", fs->writable);
  append_answer(out, "hard_links", fs->hard_links);
  append_answer(out, "symlinks", fs->symlinks);
  append_answer(out, "reflinks", fs->reflinks);
  append_answer(out, "case_insensitive", fs->case_insensitive);
  g_string_append_c(out, '}');
}
