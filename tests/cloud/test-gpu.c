/* GPUs as a fake of NVIDIA's library (fake-nvml.c) and a laid-out /sys tell of them. */
#include <glib.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "cloud/gpu.h"
#include "fake-root.h"

#define GIB (1024ull * 1024 * 1024)

static const char *const knobs[] = {"PINOKIO_NVML_LIBRARY", "FAKE_NVML_INIT", "FAKE_NVML_COUNT",
                                    "FAKE_NVML_LOST",       "FAKE_NVML_DENY", "FAKE_NVML_PROCESSES",
                                    "FAKE_NVML_SAMPLES",    "FAKE_NVML_LOG",  "FAKE_NVML_MIG"};

/* A folder for "/" outside of any container, the library of today's drivers, and no program of theirs. */
static char *begin(void) {
  char *root = fake_root_new();
  for (guint i = 0; i < G_N_ELEMENTS(knobs); i++)
    g_unsetenv(knobs[i]);
  g_setenv("PINOKIO_NVML_LIBRARY", g_getenv("FAKE_NVML"), TRUE);
  g_autofree char *bin = g_build_filename(root, "bin", NULL);
  g_setenv("PATH", bin, TRUE);
  fake_link(root, "proc/self/ns/pid", "pid:[4026531836]");
  return root;
}

static void end(char *root) {
  fake_root_free(root);
}

static guint sample(PinoGpus *gpus) {
  g_autoptr(GError) error = NULL;
  guint count = pino_gpus_sample(gpus, &error);
  g_assert_no_error(error);
  return count;
}

static const PinoGpuInfo *info_at(PinoGpus *gpus, guint index) {
  return &g_array_index(pino_gpus_list(gpus), PinoGpuInfo, index);
}

static const PinoGpuProcess *process_of(PinoGpus *gpus, pid_t pid) {
  const GArray *processes = pino_gpus_processes(gpus);
  for (guint i = 0; i < processes->len; i++) {
    if (g_array_index(processes, PinoGpuProcess, i).pid == pid)
      return &g_array_index(processes, PinoGpuProcess, i);
  }
  return NULL;
}

static gboolean is_mapped(const char *name) {
  g_autofree char *maps = NULL;
  g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
  return strstr(maps, name) != NULL;
}

static void test_one(void) {
  char *root = begin();
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_false(is_mapped("fake-nvml"));
  g_assert_cmpuint(pino_gpus_list(gpus)->len, ==, 0);
  g_assert_cmpuint(sample(gpus), ==, 1);
  const PinoGpuInfo *info = info_at(gpus, 0);
  g_assert_cmpuint(info->index, ==, 0);
  g_assert_cmpstr(info->vendor, ==, "nvidia");
  g_assert_cmpstr(info->name, ==, "Fake \"F100\" 80GB");
  g_assert_cmpstr(info->uuid, ==, "GPU-0");
  g_assert_cmpstr(info->driver, ==, "550.54.15");
  g_assert_cmpstr(info->capability, ==, "9.0");
  g_assert_cmpstr(info->target, ==, "sm_90");
  g_assert_cmpstr(info->source, ==, "nvml");
  g_assert_cmpuint(info->memory_total, ==, 80 * GIB);
  g_assert_cmpuint(info->memory_used, ==, GIB);
  g_assert_cmpint(info->utilisation, ==, 42);
  g_assert_cmpint(info->temperature, ==, 55);
  g_assert_null(pino_gpus_trouble(gpus));
  end(root);
}

static void test_none_and_eight(void) {
  char *root = begin();
  g_setenv("FAKE_NVML_COUNT", "0", TRUE);
  g_autoptr(PinoGpus) none = pino_gpus_new(root);
  g_assert_cmpuint(sample(none), ==, 0);
  g_assert_null(pino_gpus_trouble(none));
  g_setenv("FAKE_NVML_COUNT", "8", TRUE);
  g_autoptr(PinoGpus) eight = pino_gpus_new(root);
  g_assert_cmpuint(sample(eight), ==, 8);
  g_assert_cmpstr(info_at(eight, 7)->uuid, ==, "GPU-7");
  g_assert_cmpuint(info_at(eight, 7)->memory_used, ==, 8 * GIB);
  end(root);
}

/* Without a device file nothing is loaded, even where the library lies about. */
static void test_not_loaded(void) {
  char *root = begin();
  g_unsetenv("PINOKIO_NVML_LIBRARY");
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 0);
  g_assert_false(is_mapped("nvidia-ml"));
  g_assert_null(pino_gpus_trouble(gpus));
  end(root);
}

static void test_loaded_once(void) {
  char *root = begin();
  g_autofree char *log = g_build_filename(root, "log", NULL), *text = NULL;
  g_setenv("FAKE_NVML_LOG", log, TRUE);
  PinoGpus *gpus = pino_gpus_new(root);
  for (int i = 0; i < 3; i++)
    g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_true(is_mapped("fake-nvml"));
  pino_gpus_free(gpus);
  g_assert_true(g_file_get_contents(log, &text, NULL, NULL));
  g_assert_cmpstr(text, ==, "init\nshutdown\n");
  pino_gpus_free(pino_gpus_new(root)); /* one that never sampled */
  end(root);
}

static void expect_error(const char *root, const char *words) {
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  for (int i = 0; i < 2; i++) {
    g_autoptr(GError) error = NULL;
    g_assert_cmpuint(pino_gpus_sample(gpus, &error), ==, 0);
    g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, words));
    g_assert_nonnull(strstr(pino_gpus_trouble(gpus), words));
  }
}

static void test_errors(void) {
  static const char *const cases[][2] = {{"9", "driver is not loaded"}, {"18", "differ in version"},
                                         {"4", "/dev/nvidiactl"},       {"12", "is missing"},
                                         {"999", "Unknown Error"},      {"77", "some error (NVML error 77)"}};
  char *root = begin();
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_setenv("FAKE_NVML_INIT", cases[i][0], TRUE);
    expect_error(root, cases[i][1]);
  }
  g_setenv("PINOKIO_NVML_LIBRARY", "/not/there.so", TRUE);
  expect_error(root, "/not/there.so");
  g_setenv("PINOKIO_NVML_LIBRARY", g_getenv("FAKE_NOT_NVML"), TRUE);
  expect_error(root, "nvmlInit_v2");
  g_assert_false(is_mapped("fake-nvml"));
  end(root);
}

/* A card that is lost keeps its number; a broken NVIDIA driver does not hide AMD's cards. */
static void test_lost(void) {
  char *root = begin();
  g_setenv("FAKE_NVML_COUNT", "3", TRUE);
  g_setenv("FAKE_NVML_LOST", "1", TRUE);
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 3);
  g_assert_null(info_at(gpus, 1)->name);
  g_assert_cmpuint(info_at(gpus, 1)->memory_total, ==, G_MAXUINT64);
  g_assert_cmpstr(info_at(gpus, 2)->uuid, ==, "GPU-2");
  g_assert_nonnull(strstr(pino_gpus_trouble(gpus), "GPU 1: "));

  g_setenv("FAKE_NVML_INIT", "9", TRUE);
  fake_put(root, "sys/class/drm/card0/device/vendor", "0x1002\n");
  g_autoptr(PinoGpus) mixed = pino_gpus_new(root);
  g_assert_cmpuint(sample(mixed), ==, 1);
  g_assert_cmpstr(info_at(mixed, 0)->vendor, ==, "amd");
  g_assert_nonnull(strstr(pino_gpus_trouble(mixed), "not loaded"));
  end(root);
}

static void test_not_supported(void) {
  char *root = begin();
  fake_put(root, "proc/100/stat", "");
  g_setenv("FAKE_NVML_PROCESSES", "c 100 ?", TRUE);
  g_setenv("FAKE_NVML_DENY", "memory,use,temperature,samples", TRUE);
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpuint(info_at(gpus, 0)->memory_total, ==, G_MAXUINT64);
  g_assert_cmpuint(info_at(gpus, 0)->memory_used, ==, G_MAXUINT64);
  g_assert_cmpint(info_at(gpus, 0)->utilisation, ==, -1);
  g_assert_cmpint(info_at(gpus, 0)->temperature, ==, -1);
  g_assert_cmpuint(process_of(gpus, 100)->memory, ==, G_MAXUINT64);
  g_assert_cmpint(process_of(gpus, 100)->sm, ==, -1);
  g_setenv("FAKE_NVML_DENY", "list", TRUE);
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpuint(pino_gpus_processes(gpus)->len, ==, 0);
  g_assert_null(pino_gpus_trouble(gpus));
  g_setenv("FAKE_NVML_DENY", "forbidden", TRUE);
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_nonnull(
      strstr(pino_gpus_trouble(gpus), "GPU 0: the GPU's processes cannot be listed: no permission"));
  end(root);
}

static void test_old_driver(void) {
  char *root = begin();
  fake_put(root, "proc/100/stat", "");
  fake_put(root, "proc/101/stat", "");
  fake_put(root, "proc/102/stat", "");
  g_setenv("PINOKIO_NVML_LIBRARY", g_getenv("FAKE_NVML_OLD"), TRUE);
  g_setenv("FAKE_NVML_PROCESSES", "c 100 1000,c 101 2000,g 102 3000", TRUE);
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpstr(info_at(gpus, 0)->name, ==, "Fake \"F100\" 80GB");
  g_assert_null(info_at(gpus, 0)->uuid);
  g_assert_null(info_at(gpus, 0)->driver);
  g_assert_null(info_at(gpus, 0)->capability);
  g_assert_cmpint(info_at(gpus, 0)->utilisation, ==, -1);
  g_assert_cmpuint(process_of(gpus, 100)->memory, ==, 1000);
  g_assert_cmpuint(process_of(gpus, 101)->memory, ==, 2000);
  g_assert_cmpuint(process_of(gpus, 102)->memory, ==, 3000);
  g_assert_cmpint(process_of(gpus, 102)->sm, ==, -1);
  end(root);
}

/* 100 computes and draws: the same memory in both lists. 101 computes on two instances of one card. */
static void test_processes(void) {
  char *root = begin();
  fake_put(root, "proc/100/stat", "");
  fake_put(root, "proc/101/stat", "");
  fake_put(root, "proc/102/stat", "");
  fake_put(root, "proc/103/stat", "");
  g_setenv("FAKE_NVML_COUNT", "2", TRUE);
  g_setenv("FAKE_NVML_PROCESSES",
           "c 100 5000,c 101 100,c 101 200,c 102 100,c 103 ?,g 100 5000,g 102 400,g 103 50,g 999 1", TRUE);
  g_setenv("FAKE_NVML_SAMPLES",
           "100 1700000000000000 80,100 1700000000500000 30,101 1600000000000000 99,"
           "999 1700000000400000 50,100 1700000000100000 70,0 1700000000500000 4294967295,"
           "102 1700000000300000 20,102 1700000000450000 4294967295",
           TRUE);
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 2);
  g_assert_cmpuint(pino_gpus_processes(gpus)->len, ==, 4);
  g_assert_cmpuint(process_of(gpus, 100)->memory, ==, 5000);
  g_assert_cmpuint(process_of(gpus, 100)->gpu, ==, 0);
  g_assert_cmpint(process_of(gpus, 100)->sm, ==, 30); /* the youngest, wherever it stands */
  g_assert_cmpuint(process_of(gpus, 101)->memory, ==, 300);
  g_assert_cmpint(process_of(gpus, 101)->sm, ==, 0); /* long ago */
  g_assert_cmpuint(process_of(gpus, 102)->memory, ==, 400);
  g_assert_cmpint(process_of(gpus, 102)->sm, ==, 20); /* the other is no percentage */
  g_assert_cmpuint(process_of(gpus, 103)->memory, ==, 50);
  g_assert_cmpuint(info_at(gpus, 0)->foreign, ==, 1);
  g_assert_cmpuint(info_at(gpus, 1)->foreign, ==, 0);
  g_setenv("FAKE_NVML_SAMPLES", "", TRUE); /* all quiet */
  g_assert_cmpuint(sample(gpus), ==, 2);
  g_assert_cmpint(process_of(gpus, 100)->sm, ==, 0);
  g_setenv("FAKE_NVML_PROCESSES", "", TRUE);
  g_assert_cmpuint(sample(gpus), ==, 2);
  g_assert_cmpuint(pino_gpus_processes(gpus)->len, ==, 0);
  g_assert_cmpuint(info_at(gpus, 0)->foreign, ==, 0);
  end(root);
}

static void test_many_processes(void) {
  enum { COUNT = 500 };
  char *root = begin();
  g_autoptr(GString) processes = g_string_new("g 1 1"), samples = g_string_new("1 1000 1");
  for (int i = 0; i < COUNT; i++) {
    g_autofree char *path = g_strdup_printf("proc/%d/stat", 1000 + i);
    fake_put(root, path, "");
    g_string_append_printf(processes, ",c %d %d", 1000 + i, i);
    g_string_append_printf(samples, ",%d 1000 %d", 1000 + i, i % 100);
  }
  g_setenv("FAKE_NVML_PROCESSES", processes->str, TRUE);
  g_setenv("FAKE_NVML_SAMPLES", samples->str, TRUE);
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpuint(pino_gpus_processes(gpus)->len, ==, COUNT);
  g_assert_cmpuint(process_of(gpus, 1499)->memory, ==, 499);
  g_assert_cmpint(process_of(gpus, 1499)->sm, ==, 99);
  end(root);
}

/* In a container: pid 100 is here too, but is it the one that the driver means? Only a held device tells. */
static void test_container(void) {
  char *root = begin();
  fake_remove(root, "proc/self/ns/pid");
  fake_link(root, "proc/self/ns/pid", "pid:[4026539999]");
  fake_put(root, "proc/self/status", "Name:\tx\nNSpid:\t5\n");
  fake_put(root, "proc/100/status", "Name:\ty\nNSpid:\t100\n");
  fake_link(root, "proc/100/fd/3", "/dev/null");
  g_setenv("FAKE_NVML_PROCESSES", "c 100 1000", TRUE);
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpuint(pino_gpus_processes(gpus)->len, ==, 0);
  g_assert_cmpuint(info_at(gpus, 0)->foreign, ==, 1);
  fake_link(root, "proc/100/fd/4", "/dev/nvidia0");
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpuint(process_of(gpus, 100)->memory, ==, 1000);
  g_assert_cmpuint(info_at(gpus, 0)->foreign, ==, 0);
  end(root);
}

/* /proc is of a namespace around ours: it names 900 what the driver and we call 7. */
static void test_outer_proc(void) {
  char *root = begin();
  fake_remove(root, "proc/self/ns/pid");
  fake_link(root, "proc/self/ns/pid", "pid:[4026539999]");
  fake_put(root, "proc/self/status", "Name:\tx\nNSpid:\t890\t5\n");
  fake_put(root, "proc/900/status", "Name:\ty\nNSpid:\t900\t7\n");
  fake_link(root, "proc/900/fd/4", "/dev/nvidia-uvm");
  fake_put(root, "proc/7/status", "Name:\tz\nNSpid:\t7\n");
  g_setenv("FAKE_NVML_PROCESSES", "c 7 1000", TRUE);
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpuint(process_of(gpus, 900)->memory, ==, 1000);
  fake_link(root, "proc/7/fd/4", "/dev/nvidia0"); /* now two could be meant */
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpuint(pino_gpus_processes(gpus)->len, ==, 0);
  g_assert_cmpuint(info_at(gpus, 0)->foreign, ==, 1);
  end(root);
}

static void put_amd(const char *root, guint card, const char *vendor, const char *used) {
  const char *const files[][2] = {{"vendor", vendor},
                                  {"mem_info_vram_total", "17163091968\n"},
                                  {"mem_info_vram_used", used},
                                  {"gpu_busy_percent", "37\n"},
                                  {"hwmon/hwmon3/temp1_input", "48000\n"}};
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree char *path = g_strdup_printf("sys/class/drm/card%u/device/%s", card, files[i][0]);
    fake_put(root, path, files[i][1]);
  }
}

static void test_amd(void) {
  char *root = begin();
  put_amd(root, 10, "0x1002\n", "2000\n");
  put_amd(root, 2, "0x1002\n", "1000\n");
  put_amd(root, 1, "0x8086\n", "5\n"); /* not AMD's */
  fake_put(root, "sys/class/drm/card2/device/product_name", "AMD Instinct MI210\n");
  fake_put(root, "sys/class/drm/card2-DP-1/device/vendor", "0x1002\n"); /* a connector */
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 3); /* behind NVIDIA's */
  const PinoGpuInfo *info = info_at(gpus, 1);
  g_assert_cmpuint(info->index, ==, 1);
  g_assert_cmpstr(info->vendor, ==, "amd");
  g_assert_cmpstr(info->name, ==, "AMD Instinct MI210");
  g_assert_cmpuint(info->memory_total, ==, 17163091968ull);
  g_assert_cmpuint(info->memory_used, ==, 1000);
  g_assert_cmpint(info->utilisation, ==, 37);
  g_assert_cmpint(info->temperature, ==, 48);
  g_assert_null(info_at(gpus, 2)->name);
  g_assert_cmpuint(info_at(gpus, 2)->memory_used, ==, 2000);
  fake_put(root, "sys/class/drm/card2/device/mem_info_vram_used", "1234\n");
  fake_remove(root, "sys/class/drm/card2/device/gpu_busy_percent");
  g_assert_cmpuint(sample(gpus), ==, 3);
  g_assert_cmpuint(info_at(gpus, 1)->memory_used, ==, 1234);
  g_assert_cmpint(info_at(gpus, 1)->utilisation, ==, -1);
  end(root);
}

static void test_json(void) {
  char *root = begin();
  g_setenv("FAKE_NVML_COUNT", "2", TRUE);
  g_setenv("FAKE_NVML_LOST", "1", TRUE);
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GError) error = NULL;
  g_assert_cmpuint(sample(gpus), ==, 2);
  pino_gpus_append_json(gpus, out);
  json_parser_load_from_data(parser, out->str, (gssize)out->len, &error);
  g_assert_no_error(error);
  JsonArray *list = json_node_get_array(json_parser_get_root(parser));
  JsonObject *first = json_array_get_object_element(list, 0), *lost = json_array_get_object_element(list, 1);
  g_assert_cmpstr(json_object_get_string_member(first, "name"), ==, "Fake \"F100\" 80GB");
  g_assert_cmpint(json_object_get_int_member(first, "memory_total"), ==, 80 * GIB);
  g_assert_cmpint(json_object_get_int_member(first, "utilisation"), ==, 42);
  g_assert_false(json_object_has_member(lost, "name"));
  g_assert_true(json_object_get_null_member(lost, "memory_total"));
  g_assert_true(json_object_get_null_member(lost, "temperature"));
  end(root);
}

/* --- what stands behind NVML and /sys ---- */

static void put_program(const char *root, const char *name, const char *text) {
  g_autofree char *path = g_build_filename("bin", name, NULL), *full = g_build_filename(root, path, NULL);
  g_autofree char *script = g_strdup_printf("#!/bin/sh\n%s\n", text);
  fake_put(root, path, script);
  g_assert_cmpint(g_chmod(full, 0755), ==, 0);
}

/* NVML does not fit the driver; nvidia-smi works, and is asked anew for each sample. */
static void test_smi_behind_nvml(void) {
  char *root = begin();
  g_autofree char *log = g_build_filename(root, "log", NULL), *text = NULL;
  g_autofree char *script = g_strdup_printf(
      "echo x >> '%s'\n"
      "echo 'name, uuid, driver_version, memory.total [MiB], memory.used [MiB], utilization.gpu "
      "[%%], temperature.gpu, compute_cap, mig.mode.current'\n"
      "read used < '%s.used'\n"
      "echo \"Tesla T4, GPU-t, 550.54.15, 15360, $used, 5, 40, 7.5, [N/A]\"",
      log, log);
  g_setenv("FAKE_NVML_INIT", "18", TRUE);
  fake_put(root, "log.used", "100\n");
  put_program(root, "nvidia-smi", script);
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpstr(info_at(gpus, 0)->name, ==, "Tesla T4");
  g_assert_cmpstr(info_at(gpus, 0)->target, ==, "sm_75");
  g_assert_cmpstr(info_at(gpus, 0)->source, ==, "nvidia-smi");
  g_assert_cmpuint(info_at(gpus, 0)->memory_total, ==, 15 * GIB);
  g_assert_cmpuint(info_at(gpus, 0)->memory_used, ==, 100ull << 20);
  g_assert_nonnull(strstr(pino_gpus_trouble(gpus), "differ in version"));
  g_assert_true(g_file_get_contents(log, &text, NULL, NULL));
  g_assert_cmpstr(text, ==, "x\n");
  fake_put(root, "log.used", "200\n");
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpuint(info_at(gpus, 0)->memory_used, ==, 200ull << 20);
  put_program(root, "nvidia-smi", "echo broken by now; exit 9");
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpuint(info_at(gpus, 0)->memory_total, ==, 15 * GIB);
  g_assert_cmpuint(info_at(gpus, 0)->memory_used, ==, G_MAXUINT64);
  g_assert_nonnull(strstr(pino_gpus_trouble(gpus), "broken by now"));
  end(root);
}

/* A hanging nvidia-smi is killed after 5 s, and not asked again. */
static void test_smi_hangs(void) {
  char *root = begin();
  g_setenv("FAKE_NVML_INIT", "9", TRUE);
  put_program(root, "nvidia-smi", "exec /bin/sleep 1000");
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  gint64 began = g_get_monotonic_time();
  for (int i = 0; i < 3; i++) {
    g_autoptr(GError) error = NULL;
    g_assert_cmpuint(pino_gpus_sample(gpus, &error), ==, 0);
    g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, "driver is not loaded"));
    g_assert_nonnull(strstr(error->message, "did not answer in 5.0 seconds"));
  }
  gint64 took = g_get_monotonic_time() - began;
  g_assert_cmpint(took, >=, 5 * G_USEC_PER_SEC);
  g_assert_cmpint(took, <, 9 * G_USEC_PER_SEC);
  end(root);
}

static void test_cut_up(void) {
  char *root = begin();
  g_setenv("FAKE_NVML_COUNT", "2", TRUE);
  g_setenv("FAKE_NVML_MIG", "3", TRUE);
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 3); /* two parts of the first that may be seen, and the second card */
  g_assert_true(info_at(gpus, 0)->mig);
  g_assert_cmpstr(info_at(gpus, 0)->name, ==, "Fake \"F100\" 80GB MIG 1g.10gb");
  g_assert_cmpstr(info_at(gpus, 1)->uuid, ==, "MIG-2");
  g_assert_cmpuint(info_at(gpus, 1)->memory_total, ==, 10 * GIB);
  g_assert_cmpstr(info_at(gpus, 1)->target, ==, "sm_90");
  g_assert_cmpint(info_at(gpus, 1)->temperature, ==, 55);
  g_assert_false(info_at(gpus, 2)->mig);
  g_assert_cmpuint(info_at(gpus, 2)->memory_total, ==, 80 * GIB);
  g_setenv("FAKE_NVML_MIG", "0", TRUE); /* cut up, and nothing made of it yet */
  g_autoptr(PinoGpus) bare = pino_gpus_new(root);
  g_assert_cmpuint(sample(bare), ==, 2);
  g_assert_false(info_at(bare, 0)->mig);
  end(root);
}

static void test_without_driver(void) {
  static const char *const cases[][2] = {
      {NULL, "has no driver: install the NVIDIA driver"},
      {"../../../bus/pci/drivers/nouveau", "nouveau driver, which cannot compute"},
      {"../../../bus/pci/drivers/vfio-pci", "virtual machine"},
      {"../../../bus/pci/drivers/nvidia", "not given to this container"},
      {"../../../bus/pci/drivers/strange", "runs the driver strange"}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    char *root = begin();
    g_unsetenv("PINOKIO_NVML_LIBRARY");
    fake_put(root, "sys/bus/pci/devices/0000:00:1f.0/vendor", "0x8086\n");
    fake_put(root, "sys/bus/pci/devices/0000:00:1f.0/class", "0x030000\n");
    fake_put(root, "sys/bus/pci/devices/0000:65:00.0/vendor", "0x10de\n");
    fake_put(root, "sys/bus/pci/devices/0000:65:00.0/class", "0x030200\n");
    fake_put(root, "sys/bus/pci/devices/0000:65:00.1/vendor", "0x10de\n"); /* its sound */
    fake_put(root, "sys/bus/pci/devices/0000:65:00.1/class", "0x040300\n");
    if (cases[i][0] != NULL)
      fake_link(root, "sys/bus/pci/devices/0000:65:00.0/driver", cases[i][0]);
    expect_error(root, cases[i][1]);
    expect_error(root, "0000:65:00.0");
    end(root);
  }
}

static void test_amd_by_program(void) {
  char *root = begin();
  g_setenv("FAKE_NVML_COUNT", "0", TRUE);
  fake_put(root, "sys/class/drm/card0/device/vendor", "0x1002\n");
  put_program(root, "rocm-smi",
              "echo 'device,VRAM Total Memory (B),VRAM Total Used Memory (B),Card Series,GFX Version'\n"
              "echo 'card0,21458059264,27856896,Radeon RX 7900 XT,gfx1100'");
  g_autoptr(PinoGpus) without = pino_gpus_new(root); /* no /dev/kfd: nothing to compute with, nobody asked */
  g_assert_cmpuint(sample(without), ==, 1);
  g_assert_cmpstr(info_at(without, 0)->source, ==, "sysfs");
  fake_put(root, "dev/kfd", "");
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_assert_cmpuint(sample(gpus), ==, 1);
  g_assert_cmpstr(info_at(gpus, 0)->name, ==, "Radeon RX 7900 XT");
  g_assert_cmpstr(info_at(gpus, 0)->target, ==, "gfx1100");
  g_assert_cmpuint(info_at(gpus, 0)->memory_total, ==, 21458059264ull);
  end(root);
}

static void test_amd_target(void) {
  static const char *const cases[][2] = {
      {"110000", "gfx1100"}, {"90010", "gfx90a"}, {"90402", "gfx942"}, {"90006", "gfx906"}, {"0", NULL}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    char *root = begin();
    g_setenv("FAKE_NVML_COUNT", "0", TRUE);
    put_amd(root, 1, "0x1002\n", "5\n");
    fake_put(root, "sys/class/drm/card1/device/drm/renderD129/dev", "");
    fake_put(root, "sys/module/amdgpu/version", "6.8.5\n");
    fake_put(root, "sys/class/kfd/kfd/topology/nodes/0/properties",
             "drm_render_minor 0\ngfx_target_version 0\n");
    g_autofree char *node = g_strdup_printf("drm_render_minor 129\ngfx_target_version %s\n", cases[i][0]);
    fake_put(root, "sys/class/kfd/kfd/topology/nodes/1/properties", node);
    g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
    g_assert_cmpuint(sample(gpus), ==, 1);
    g_assert_cmpstr(info_at(gpus, 0)->target, ==, cases[i][1]);
    g_assert_cmpstr(info_at(gpus, 0)->driver, ==, "6.8.5");
    end(root);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cloud/gpu/one-card", test_one);
  g_test_add_func("/cloud/gpu/none-and-eight", test_none_and_eight);
  g_test_add_func("/cloud/gpu/nothing-is-loaded-without-a-device", test_not_loaded);
  g_test_add_func("/cloud/gpu/loaded-once-and-let-go", test_loaded_once);
  g_test_add_func("/cloud/gpu/broken-driver-or-library", test_errors);
  g_test_add_func("/cloud/gpu/a-lost-card-keeps-its-number", test_lost);
  g_test_add_func("/cloud/gpu/not-supported", test_not_supported);
  g_test_add_func("/cloud/gpu/an-old-driver", test_old_driver);
  g_test_add_func("/cloud/gpu/processes", test_processes);
  g_test_add_func("/cloud/gpu/more-processes-than-room", test_many_processes);
  g_test_add_func("/cloud/gpu/pids-in-a-container", test_container);
  g_test_add_func("/cloud/gpu/proc-of-an-outer-namespace", test_outer_proc);
  g_test_add_func("/cloud/gpu/amd", test_amd);
  g_test_add_func("/cloud/gpu/json", test_json);
  g_test_add_func("/cloud/gpu/nvidia-smi-behind-nvml", test_smi_behind_nvml);
  g_test_add_func("/cloud/gpu/a-hanging-nvidia-smi", test_smi_hangs);
  g_test_add_func("/cloud/gpu/a-card-that-is-cut-up", test_cut_up);
  g_test_add_func("/cloud/gpu/a-card-without-a-driver", test_without_driver);
  g_test_add_func("/cloud/gpu/amd-by-its-programs", test_amd_by_program);
  g_test_add_func("/cloud/gpu/amd-targets", test_amd_target);
  return g_test_run();
}
