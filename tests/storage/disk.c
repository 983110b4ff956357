#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IMAGE_BYTES ((off_t)160 << 20)

static gboolean own_mounts(void) {
  return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

gboolean test_disk_memory(const TestDir *dir, const char *name, const char *size) {
  g_autofree char *path = test_path(dir, name);
  g_autofree char *options = g_strconcat("size=", size, NULL);
  return own_mounts() && mount("none", path, "tmpfs", 0, options) == 0;
}

static gboolean make_image(const char *path) {
  const char *const argv[] = {"mkfs.btrfs", "-q", path, NULL};
  int status = 1;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(ftruncate(fd, IMAGE_BYTES), ==, 0);
  close(fd);
  gboolean ran = g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
                              NULL, NULL, NULL, NULL, &status, NULL);
  g_assert_true(ran || g_strcmp0(g_getenv("CI"), "true") != 0);
  return ran && status == 0;
}

/* Gives the path of a loop device that has the image until it is unmounted. */
static char *attach(const char *image) {
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  int number = control >= 0 ? ioctl(control, LOOP_CTL_GET_FREE) : -1;
  g_autofree char *device = number >= 0 ? g_strdup_printf("/dev/loop%d", number) : NULL;
  int loop = device != NULL ? open(device, O_RDWR | O_CLOEXEC) : -1;
  int file = open(image, O_RDWR | O_CLOEXEC);
  struct loop_config config = {.fd = (guint32)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
  gboolean attached = loop >= 0 && file >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0;
  if (file >= 0)
    close(file);
  if (control >= 0)
    close(control);
  /* The device stays open, else it would be cleared before it is mounted; it goes with this child. */
  return attached ? g_steal_pointer(&device) : NULL;
}

gboolean test_disk_reflink(const TestDir *dir, const char *name) {
  g_autofree char *path = test_path(dir, name);
  g_autofree char *image = g_strconcat(path, ".image", NULL);
  g_autofree char *device = own_mounts() && make_image(image) ? attach(image) : NULL;
  if (device == NULL || mount(device, path, "btrfs", 0, NULL) != 0) {
    g_test_message("no disk with reflinks here: %s", g_strerror(errno));
    return FALSE;
  }
  return TRUE;
}

static void filter(struct sock_filter *code, unsigned short count) {
  struct sock_fprog program = {count, code};
  g_assert_cmpint(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
  g_assert_cmpint(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), ==, 0);
}

void test_disk_without_links(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_link
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_link, 1, 0),
#else
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_linkat, 1, 0),
#endif
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_linkat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  filter(code, G_N_ELEMENTS(code));
}

void test_disk_without_exchange(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[4])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  filter(code, G_N_ELEMENTS(code));
}
