/* CPUs, memory and disks out of laid-out proc and sys trees, and once of the real machine. */
#include <errno.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "cloud/machine.h"
#include "fake-root.h"

#define MIB (1024ull * 1024)

static const char meminfo[] =
    "MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:    8388608 kB\n"
    "Buffers:          1024 kB\nCached:          2048 kB\n";

static const char stat_text[] =
    "cpu  400 0 0 400 0 0 0 0 0 0\ncpu0 100 0 0 100 0 0 0 0 0 0\ncpu1 100 0 0 100 0 0 0 0 0 0\n"
    "cpu2 100 0 0 100 0 0 0 0 0 0\ncpu3 100 0 0 100 0 0 0 0 0 0\nintr 12345\nbtime 1700000000\n";

/* A machine of 4 CPUs and 16 GiB, half of it in use, without control groups. */
static char *plain_machine(void) {
  char *root = fake_root_new();
  fake_put(root, "proc/meminfo", meminfo);
  fake_put(root, "proc/stat", stat_text);
  fake_put(root, "proc/loadavg", "0.50 1.25 2.00 1/100 4242\n");
  fake_put(root, "proc/uptime", "12345.67 23456.78\n");
  fake_put(root, "proc/self/status", "Name:\tx\nCpus_allowed:\tf\nCpus_allowed_list:\t0-3\n");
  return root;
}

static void sample(PinoMachine *machine, PinoMachineInfo *info) {
  g_autoptr(GError) error = NULL;
  pino_machine_sample(machine, NULL, info, &error);
  g_assert_no_error(error);
}

static void sample_once(const char *root, PinoMachineInfo *info) {
  g_autoptr(PinoMachine) machine = pino_machine_new(root);
  sample(machine, info);
  pino_machine_info_clear(info);
}

static void test_plain(void) {
  char *root = plain_machine();
  PinoMachineInfo info;
  sample_once(root, &info);
  g_assert_cmpfloat(info.cpus, ==, 4);
  g_assert_cmpuint(info.cpus_machine, ==, 4);
  g_assert_cmpfloat(info.cpu_percent, ==, -1);
  g_assert_cmpfloat(info.load[0], ==, 0.5);
  g_assert_cmpfloat(info.load[2], ==, 2);
  g_assert_cmpfloat(info.uptime, ==, 12345.67);
  g_assert_cmpuint(info.memory_total, ==, 16384 * MIB);
  g_assert_cmpuint(info.memory_available, ==, 8192 * MIB);
  g_assert_cmpuint(info.memory_used, ==, 8192 * MIB);
  g_assert_false(info.memory_limited);
  fake_root_free(root);
}

static void test_old_kernel(void) {
  char *root = plain_machine();
  PinoMachineInfo info;
  fake_put(root, "proc/meminfo", "MemTotal: 4096 kB\nMemFree: 1024 kB\nBuffers: 512 kB\nCached: 512 kB\n");
  sample_once(root, &info);
  g_assert_cmpuint(info.memory_available, ==, 2 * MIB);
  fake_root_free(root);
}

/* Ours is /user/app below the mounted top. */
static char *machine_v2(void) {
  char *root = plain_machine();
  fake_put(root, "proc/self/cgroup", "0::/user/app\n");
  fake_put(root, "proc/self/mountinfo",
           "25 1 0:22 / /proc rw - proc proc rw\n"
           "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
  fake_put(root, "sys/fs/cgroup/user/app/cpu.max", "max 100000\n");
  fake_put(root, "sys/fs/cgroup/user/app/memory.max", "max\n");
  fake_put(root, "sys/fs/cgroup/user/app/memory.current", "999\n");
  return root;
}

#define APP_V2 "sys/fs/cgroup/user/app/"
#define USER_V2 "sys/fs/cgroup/user/"

static void test_v2(void) {
  char *root = machine_v2();
  PinoMachineInfo info;
  fake_put(root, APP_V2 "cpu.max", "150000 100000\n");
  fake_put(root, APP_V2 "memory.max", "2147483648\n");
  fake_put(root, APP_V2 "memory.current", "1073741824\n");
  fake_put(root, APP_V2 "memory.stat", "anon 5\nfile 6\ninactive_file 536870912\nactive_file 7\n");
  sample_once(root, &info);
  g_assert_cmpfloat(info.cpus, ==, 1.5);
  g_assert_cmpuint(info.cpus_machine, ==, 4);
  g_assert_true(info.memory_limited);
  g_assert_cmpuint(info.memory_total, ==, 2048 * MIB);
  g_assert_cmpuint(info.memory_used, ==, 512 * MIB);
  g_assert_cmpuint(info.memory_available, ==, 1536 * MIB);
  fake_root_free(root);
}

static void test_v2_max(void) {
  char *root = machine_v2();
  PinoMachineInfo info;
  sample_once(root, &info);
  g_assert_cmpfloat(info.cpus, ==, 4);
  g_assert_false(info.memory_limited);
  g_assert_cmpuint(info.memory_total, ==, 16384 * MIB);
  g_assert_cmpuint(info.memory_used, ==, 8192 * MIB);
  fake_root_free(root);
}

/* The group above has the tighter memory limit, ours the tighter CPU limit; the siblings' use counts for the former. */
static void test_v2_parent(void) {
  char *root = machine_v2();
  PinoMachineInfo info;
  fake_put(root, APP_V2 "cpu.max", "50000 100000\n");
  fake_put(root, USER_V2 "cpu.max", "300000 100000\n");
  fake_put(root, APP_V2 "memory.max", "4294967296\n");
  fake_put(root, USER_V2 "memory.max", "3221225472\n");
  fake_put(root, USER_V2 "memory.current", "3221225472\n");
  sample_once(root, &info);
  g_assert_cmpfloat(info.cpus, ==, 0.5);
  g_assert_cmpuint(info.memory_total, ==, 3072 * MIB);
  g_assert_cmpuint(info.memory_used, ==, 3072 * MIB);
  g_assert_cmpuint(info.memory_available, ==, 0);
  fake_put(root, USER_V2 "cpu.max", "25000 100000\n");
  sample_once(root, &info);
  g_assert_cmpfloat(info.cpus, ==, 0.25);
  fake_root_free(root);
}

/* A container without a namespace of its own for groups: the path is the one outside, the mount only its own part. */
static void test_v2_bind(void) {
  char *root = plain_machine();
  PinoMachineInfo info;
  fake_put(root, "proc/self/cgroup", "0::/docker/abc/init\n");
  fake_put(root, "proc/self/mountinfo",
           "30 25 0:26 /docker/abc /sys/fs/my\\040groups rw - cgroup2 cgroup rw\n");
  fake_put(root, "sys/fs/my groups/memory.max", "1073741824\n");
  fake_put(root, "sys/fs/my groups/init/memory.max", "2147483648\n");
  sample_once(root, &info);
  g_assert_cmpuint(info.memory_total, ==, 1024 * MIB);
  fake_put(root, "proc/self/cgroup", "0::/../other\n");
  sample_once(root, &info);
  g_assert_cmpuint(info.memory_total, ==, 1024 * MIB);
  fake_root_free(root);
}

#define MOUNTS_V1                                                                                            \
  "31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"                                                        \
  "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"                    \
  "33 31 0:30 /docker/abc /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"                              \
  "34 31 0:31 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"                              \
  "35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

static char *machine_v1(void) {
  char *root = plain_machine();
  fake_put(
      root, "proc/self/cgroup",
      "12:memory:/docker/abc\n5:cpuset:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n0::/\n");
  fake_put(root, "proc/self/mountinfo", MOUNTS_V1);
  fake_put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  fake_put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  fake_put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  fake_put(root, "sys/fs/cgroup/memory/memory.usage_in_bytes", "4096\n");
  return root;
}

static void test_v1(void) {
  char *root = machine_v1();
  PinoMachineInfo info;
  sample_once(root, &info);
  g_assert_cmpfloat(info.cpus, ==, 4);
  g_assert_false(info.memory_limited);
  fake_put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
  fake_put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
  fake_put(root, "sys/fs/cgroup/memory/memory.usage_in_bytes", "805306368\n");
  fake_put(root, "sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 268435456\n");
  sample_once(root, &info);
  g_assert_cmpfloat(info.cpus, ==, 2.5);
  g_assert_true(info.memory_limited);
  g_assert_cmpuint(info.memory_total, ==, 1024 * MIB);
  g_assert_cmpuint(info.memory_used, ==, 512 * MIB);
  fake_put(root, "sys/fs/cgroup/cpuset/cpuset.cpus", "1,3\n");
  sample_once(root, &info);
  g_assert_cmpfloat(info.cpus, ==, 2);
  fake_root_free(root);
}

static void test_cpu_lists(void) {
  static const struct {
    const char *allowed, *cpuset;
    double cpus;
  } cases[] = {
      {"0-3", "0-3", 4}, {"0-3", "2", 1},       {"0,2-3", "0-2", 2},
      {"0-255", "", 4},  {"64-65", "64-65", 2}, {"0", "1", 1},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    char *root = machine_v2();
    PinoMachineInfo info;
    g_autofree char *status = g_strdup_printf("Name:\tx\nCpus_allowed_list:\t%s\n", cases[i].allowed);
    fake_put(root, "proc/self/status", status);
    fake_put(root, "sys/fs/cgroup/cpuset.cpus.effective", cases[i].cpuset);
    sample_once(root, &info);
    g_assert_cmpfloat(info.cpus, ==, cases[i].cpus);
    fake_root_free(root);
  }
}

static void sample_after_a_while(PinoMachine *machine, PinoMachineInfo *info) {
  g_usleep(G_USEC_PER_SEC / 8); /* shorter windows are not reckoned with */
  sample(machine, info);
  pino_machine_info_clear(info);
}

static void test_percent_of_cpus(void) {
  char *root = machine_v2();
  PinoMachineInfo info;
  fake_put(root, "sys/fs/cgroup/cpuset.cpus.effective", "1-2");
  g_autoptr(PinoMachine) machine = pino_machine_new(root);
  sample(machine, &info);
  pino_machine_info_clear(&info);
  fake_put(root, "proc/stat",
           "cpu0 900 0 0 100 0 0 0 0\ncpu1 150 25 25 100 100 0 0 0\ncpu2 100 0 0 200 0 0 0 0\n"
           "cpu3 900 0 0 100 0 0 0 0\n");
  sample(machine, &info); /* too early to tell */
  g_assert_cmpfloat(info.cpu_percent, ==, -1);
  pino_machine_info_clear(&info);
  sample_after_a_while(machine, &info);
  g_assert_cmpfloat_with_epsilon(info.cpu_percent, 100.0 * 100 / 300, 0.01); /* of cpu1 and cpu2 alone */
  fake_root_free(root);
}

static void test_percent_of_quota(void) {
  char *root = machine_v2();
  PinoMachineInfo info;
  fake_put(root, APP_V2 "cpu.max", "200000 100000\n");
  fake_put(root, APP_V2 "cpu.stat", "usage_usec 1000000\nuser_usec 5\n");
  g_autoptr(PinoMachine) machine = pino_machine_new(root);
  sample(machine, &info);
  pino_machine_info_clear(&info);
  gint64 before = g_get_monotonic_time();
  g_usleep(G_USEC_PER_SEC / 5);
  double took = (double)(g_get_monotonic_time() - before);
  g_autofree char *text = g_strdup_printf("usage_usec %.0f\n", 1000000 + took); /* one of two CPUs */
  fake_put(root, APP_V2 "cpu.stat", text);
  sample(machine, &info);
  pino_machine_info_clear(&info);
  g_assert_cmpfloat(info.cpu_percent, <=, 50.5);
  g_assert_cmpfloat(info.cpu_percent, >, 20);

  /* Resized: the old mark says nothing about the new quota. */
  fake_put(root, APP_V2 "cpu.max", "300000 100000\n");
  sample_after_a_while(machine, &info);
  g_assert_cmpfloat(info.cpus, ==, 3);
  g_assert_cmpfloat(info.cpu_percent, >, 20);
  sample_after_a_while(machine, &info);
  g_assert_cmpfloat(info.cpu_percent, ==, 0);
  fake_root_free(root);
}

static void test_no_proc(void) {
  char *root = fake_root_new();
  g_autoptr(PinoMachine) machine = pino_machine_new(root);
  g_autoptr(GError) error = NULL;
  PinoMachineInfo info;
  g_assert_false(pino_machine_sample(machine, NULL, &info, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  pino_machine_info_clear(&info);
  fake_root_free(root);
}

static void test_disks_and_json(void) {
  char *root = plain_machine();
  const char *const paths[] = {"/", "/proc", "/not/there", NULL};
  g_autoptr(PinoMachine) machine = pino_machine_new(root);
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  PinoMachineInfo info;
  struct statvfs about;
  g_assert_true(pino_machine_sample(machine, paths, &info, &error));
  pino_machine_append_json(&info, out);
  pino_machine_info_clear(&info);
  json_parser_load_from_data(parser, out->str, (gssize)out->len, &error);
  g_assert_no_error(error);
  JsonObject *object = json_node_get_object(json_parser_get_root(parser));
  g_assert_true(json_object_get_null_member(object, "cpu_percent"));
  g_assert_cmpfloat(json_array_get_double_element(json_object_get_array_member(object, "load"), 1), ==, 1.25);
  JsonObject *memory = json_object_get_object_member(object, "memory");
  g_assert_cmpint(json_object_get_int_member(memory, "total"), ==, 16384 * MIB);
  g_assert_false(json_object_get_boolean_member(memory, "limited"));
  JsonArray *disks = json_object_get_array_member(object, "disks");
  g_assert_cmpuint(json_array_get_length(disks), ==, 3);
  g_assert_cmpint(statvfs(root, &about), ==, 0);
  JsonObject *disk = json_array_get_object_element(disks, 1);
  g_assert_cmpstr(json_object_get_string_member(disk, "path"), ==, "/proc");
  g_assert_cmpint(json_object_get_int_member(disk, "total"), ==, about.f_blocks * about.f_frsize);
  g_assert_cmpint(json_object_get_int_member(disk, "free"), >, 0);
  disk = json_array_get_object_element(disks, 2);
  g_assert_cmpstr(json_object_get_string_member(disk, "error"), ==, "ENOENT");
  fake_root_free(root);
}

static void test_this_machine(void) {
  const char *const paths[] = {"/", NULL};
  g_autoptr(PinoMachine) machine = pino_machine_new("/");
  PinoMachineInfo info;
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_machine_sample(machine, paths, &info, &error));
  g_assert_no_error(error);
  g_autoptr(GString) out = g_string_new(NULL);
  pino_machine_append_json(&info, out);
  g_test_message("%s", out->str);
  g_assert_cmpfloat(info.cpus, >, 0);
  g_assert_cmpfloat(info.cpus, <=, info.cpus_machine);
  g_assert_cmpuint(info.memory_used, >, 0);
  g_assert_cmpuint(info.memory_used, <=, info.memory_total);
  g_assert_cmpuint(info.memory_available, <=, info.memory_total);
  g_assert_cmpfloat(info.uptime, >, 0);
  g_assert_cmpuint(g_array_index(info.disks, PinoDisk, 0).total, >, 0);
  pino_machine_info_clear(&info);
  sample_after_a_while(machine, &info);
  g_assert_cmpfloat(info.cpu_percent, >=, 0);
  g_assert_cmpfloat(info.cpu_percent, <=, 100);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cloud/machine/no-control-groups", test_plain);
  g_test_add_func("/cloud/machine/no-MemAvailable", test_old_kernel);
  g_test_add_func("/cloud/machine/v2-limits", test_v2);
  g_test_add_func("/cloud/machine/v2-max-is-no-limit", test_v2_max);
  g_test_add_func("/cloud/machine/v2-the-tightest-level-counts", test_v2_parent);
  g_test_add_func("/cloud/machine/v2-mount-of-our-part-only", test_v2_bind);
  g_test_add_func("/cloud/machine/v1-limits", test_v1);
  g_test_add_func("/cloud/machine/cpu-lists", test_cpu_lists);
  g_test_add_func("/cloud/machine/percent-of-the-cpus-we-may-use", test_percent_of_cpus);
  g_test_add_func("/cloud/machine/percent-of-the-quota", test_percent_of_quota);
  g_test_add_func("/cloud/machine/no-proc-is-an-error", test_no_proc);
  g_test_add_func("/cloud/machine/disks-and-json", test_disks_and_json);
  g_test_add_func("/cloud/machine/this-machine", test_this_machine);
  return g_test_run();
}
