/* nvidia-smi, rocm-smi and amd-smi: stand-ins in a PATH of their own print what the real ones print, or misbehave. */
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "cloud/ask.h"
#include "cloud/smi.h"
#include "fake-root.h"

#define GIB (1024ull * 1024 * 1024)
#define MIB (1024ull * 1024)
#define ENOUGH_MS 5000

#define HEAD                                                                                                 \
  "name, uuid, driver_version, memory.total [MiB], memory.used [MiB], utilization.gpu [%], "                 \
  "temperature.gpu, "                                                                                        \
  "compute_cap, mig.mode.current\n"
#define OLD_HEAD                                                                                             \
  "name, uuid, driver_version, memory.total [MiB], memory.used [MiB], utilization.gpu [%], "                 \
  "temperature.gpu\n"

/* Programs are looked for in root's bin alone. */
static char *begin(void) {
  char *root = fake_root_new();
  g_autofree char *bin = g_build_filename(root, "bin", NULL);
  g_assert_cmpint(g_mkdir(bin, 0755), ==, 0);
  g_setenv("PATH", bin, TRUE);
  return root;
}

static void put_program(const char *root, const char *path, const char *text) {
  g_autofree char *full = g_build_filename(root, path, NULL);
  g_autofree char *script = g_strdup_printf("#!/bin/sh\n%s\n", text);
  fake_put(root, path, script);
  g_assert_cmpint(g_chmod(full, 0755), ==, 0);
}

/* One that prints text and leaves with status. */
static void put_printer(const char *root, const char *path, const char *text, int status) {
  g_autofree char *script = g_strdup_printf(
      "while IFS= read -r line; do echo \"$line\"; done <<'END'\n%sEND\nexit %d", text, status);
  put_program(root, path, script);
}

static const PinoSmiGpu *at(const GPtrArray *list, guint index) {
  g_assert_cmpuint(index, <, list->len);
  return list->pdata[index];
}

static GPtrArray *ask_nvidia(const char *root) {
  g_autoptr(GError) error = NULL;
  GPtrArray *list = pino_smi_nvidia(root, ENOUGH_MS, &error);
  g_assert_no_error(error);
  return list;
}

static void test_one(void) {
  char *root = begin();
  put_printer(root, "bin/nvidia-smi",
              HEAD "NVIDIA H100 80GB HBM3, GPU-1a2b, 550.54.15, 81559, 1024, 37, 41, 9.0, Disabled\n", 0);
  g_autoptr(GPtrArray) list = ask_nvidia(root);
  const PinoSmiGpu *gpu = at(list, 0);
  g_assert_cmpuint(list->len, ==, 1);
  g_assert_cmpstr(gpu->name, ==, "NVIDIA H100 80GB HBM3");
  g_assert_cmpstr(gpu->uuid, ==, "GPU-1a2b");
  g_assert_cmpstr(gpu->driver, ==, "550.54.15");
  g_assert_cmpstr(gpu->capability, ==, "9.0");
  g_assert_cmpuint(gpu->total, ==, 81559 * MIB);
  g_assert_cmpuint(gpu->used, ==, 1024 * MIB);
  g_assert_cmpint(gpu->utilisation, ==, 37);
  g_assert_cmpint(gpu->temperature, ==, 41);
  g_assert_false(gpu->mig);
  fake_root_free(root);
}

static void test_eight(void) {
  char *root = begin();
  g_autoptr(GString) text = g_string_new("Mon Jan  1 a warning before the table\n" HEAD);
  for (int i = 0; i < 8; i++)
    g_string_append_printf(text, "NVIDIA A100-SXM4-80GB, GPU-%d, 535.1, 81920, %d, [N/A], 3%d, 8.0, [N/A]\n",
                           i, i, i);
  put_printer(root, "bin/nvidia-smi", text->str, 0);
  g_autoptr(GPtrArray) list = ask_nvidia(root);
  g_assert_cmpuint(list->len, ==, 8);
  g_assert_cmpstr(at(list, 7)->uuid, ==, "GPU-7");
  g_assert_cmpuint(at(list, 7)->used, ==, 7 * MIB);
  g_assert_cmpint(at(list, 7)->utilisation, ==, -1);
  g_assert_cmpint(at(list, 7)->temperature, ==, 37);
  fake_root_free(root);
}

/* It refuses the whole question for one column that it does not know. */
static void test_old(void) {
  char *root = begin();
  put_program(
      root, "bin/nvidia-smi",
      "case $1 in *mig.mode*) echo 'Field \"mig.mode.current\" is not a valid field to query.'; exit 2;;\n"
      "*compute_cap*) echo 'Field \"compute_cap\" is not a valid field to query.'; exit 2;; esac\n"
      "echo 'name, uuid, driver_version, memory.total [MiB], memory.used [MiB], utilization.gpu [%], "
      "temperature.gpu'\n"
      "echo 'Tesla K80, GPU-k, 418.67, 11441, 0, 0, [Not Supported]'");
  g_autoptr(GPtrArray) list = ask_nvidia(root);
  g_assert_cmpstr(at(list, 0)->name, ==, "Tesla K80");
  g_assert_null(at(list, 0)->capability);
  g_assert_cmpuint(at(list, 0)->total, ==, 11441 * MIB);
  g_assert_cmpint(at(list, 0)->temperature, ==, -1);
  fake_root_free(root);
}

static void test_mig(void) {
  char *root = begin();
  put_program(root, "bin/nvidia-smi",
              "if [ \"$1\" = -L ]; then while IFS= read -r line; do echo \"$line\"; done <<'END'\n"
              "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-a)\n"
              "  MIG 3g.20gb     Device  0: (UUID: MIG-1)\n"
              "  MIG 1g.5gb      Device  1: (UUID: MIG-2)\n"
              "GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-b)\n"
              "GPU 2: NVIDIA A100-SXM4-40GB (UUID: GPU-c)\n"
              "END\nexit 0; fi\nwhile IFS= read -r line; do echo \"$line\"; done <<'END'\n" HEAD
              "NVIDIA A100-SXM4-40GB, GPU-a, 535.1, 40960, 36, [N/A], 30, 8.0, Enabled\n"
              "NVIDIA A100-SXM4-40GB, GPU-b, 535.1, 40960, 36, 0, 31, 8.0, Disabled\n"
              "NVIDIA A100-SXM4-40GB, GPU-c, 535.1, 40960, 36, [N/A], 32, 8.0, Enabled\nEND");
  g_autoptr(GPtrArray) list = ask_nvidia(root);
  g_assert_cmpuint(list->len, ==, 4);
  g_assert_cmpstr(at(list, 0)->name, ==, "NVIDIA A100-SXM4-40GB MIG 3g.20gb");
  g_assert_cmpstr(at(list, 0)->uuid, ==, "MIG-1");
  g_assert_cmpuint(at(list, 0)->total, ==, 20 * GIB);
  g_assert_cmpuint(at(list, 1)->total, ==, 5 * GIB);
  g_assert_cmpstr(at(list, 1)->capability, ==, "8.0");
  g_assert_true(at(list, 1)->mig);
  g_assert_cmpstr(at(list, 2)->uuid, ==, "GPU-b");
  g_assert_false(at(list, 2)->mig);
  g_assert_cmpstr(at(list, 3)->uuid, ==, "GPU-c"); /* cut up, but nothing of it is ours: as it is */
  g_assert_cmpuint(at(list, 3)->total, ==, 40960 * MIB);
  fake_root_free(root);
}

static void fails(const char *root, int code, const char *words) {
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_smi_nvidia(root, ENOUGH_MS, &error));
  g_assert_error(error, PINO_ERROR, code);
  if (strstr(error->message, words) == NULL)
    g_error("no '%s' in: %s", words, error->message);
}

static void test_broken(void) {
  char *root = begin();
  fails(root, PINO_ERROR_NOT_FOUND, "nvidia-smi");
  put_printer(root, "bin/nvidia-smi",
              "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that "
              "the latest "
              "NVIDIA driver is installed and running.\n\n",
              9);
  fails(root, PINO_ERROR_UNAVAILABLE, "couldn't communicate with the NVIDIA driver");
  put_printer(root, "bin/nvidia-smi",
              "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.54\n",
              18);
  fails(root, PINO_ERROR_UNAVAILABLE, "version mismatch (exit status 18)");
  put_program(root, "bin/nvidia-smi", "exit 0");
  fails(root, PINO_ERROR_UNAVAILABLE, "nothing");
  put_program(root, "bin/nvidia-smi", "printf '\\377\\376\\001garbage'; kill -SEGV $$");
  fails(root, PINO_ERROR_UNAVAILABLE, "exit status 139");
  put_program(root, "bin/nvidia-smi", "exec /bin/nonexistent-interpreter");
  fails(root, PINO_ERROR_UNAVAILABLE, "exit status 127");
  put_printer(root, "bin/nvidia-smi", OLD_HEAD "half, a, row\n", 0);
  g_autoptr(GPtrArray) half = ask_nvidia(root);
  g_assert_cmpuint(half->len, ==, 0);
  put_printer(root, "bin/nvidia-smi", "No devices were found\n", 6);
  g_autoptr(GPtrArray) none = ask_nvidia(root);
  g_assert_cmpuint(none->len, ==, 0);
  fake_root_free(root);
}

static gboolean is_gone(pid_t pid) {
  return kill(pid, 0) != 0;
}

/* The child that it waits for is in its group and goes with it. */
static void test_hangs(void) {
  char *root = begin();
  g_autofree char *note = g_build_filename(root, "pid", NULL), *text = NULL;
  g_autofree char *script = g_strdup_printf("/bin/sleep 100 & echo $! > '%s'; echo 'name, uuid'; wait", note);
  g_autoptr(GError) error = NULL;
  put_program(root, "bin/nvidia-smi", script);
  gint64 began = g_get_monotonic_time();
  g_assert_null(pino_smi_nvidia(root, 400, &error));
  gint64 took = g_get_monotonic_time() - began;
  g_assert_error(error, PINO_ERROR, PINO_ERROR_LIMIT);
  g_assert_nonnull(strstr(error->message, "0.4 seconds"));
  g_assert_cmpint(took, >=, 400 * 1000);
  g_assert_cmpint(took, <, 3 * G_USEC_PER_SEC);
  g_assert_true(g_file_get_contents(note, &text, NULL, NULL));
  pid_t child = (pid_t)g_ascii_strtoll(text, NULL, 10);
  g_assert_cmpint(child, >, 1);
  for (int i = 0; i < 200 && !is_gone(child); i++) {
    g_autofree char *stat = g_strdup_printf("/proc/%d/stat", (int)child), *state = NULL;
    if (!g_file_get_contents(stat, &state, NULL, NULL) || strstr(state, ") Z ") != NULL)
      break; /* gone, or waiting for a parent that reaps it */
    g_assert_cmpint(i, <, 199);
    g_usleep(10000);
  }
  fake_root_free(root);
}

/* A program that never stops talking, and one that closes its output but stays. */
static void test_talks_for_ever(void) {
  static const char *const scripts[] = {"while :; do echo nonsense; done", "exec >&- 2>&-; /bin/sleep 100"};
  for (guint i = 0; i < G_N_ELEMENTS(scripts); i++) {
    char *root = begin();
    g_autoptr(GError) error = NULL;
    put_program(root, "bin/nvidia-smi", scripts[i]);
    g_assert_null(pino_smi_nvidia(root, 300, &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_LIMIT);
    fake_root_free(root);
  }
}

static void test_output_is_bounded(void) {
  char *root = begin();
  g_autofree char *output = NULL;
  g_autoptr(GError) error = NULL;
  const char *const argv[] = {"/bin/sh", "-c", "/usr/bin/head -c 3000000 /dev/zero; exit 3", NULL};
  int status = 0;
  g_assert_true(pino_cloud_ask(argv, ENOUGH_MS, &output, &status, &error));
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, 3);
  fake_root_free(root);
}

#define ROCM_HEAD                                                                                            \
  "device,Unique ID,Temperature (Sensor edge) (C),GPU use (%),VRAM Total Memory (B),VRAM Total Used Memory " \
  "(B),Card Series,Card Model,Card Vendor,Card SKU,Subsystem ID,Device Rev,Node ID,GUID,GFX Version\n"

static void test_rocm(void) {
  char *root = begin();
  g_autoptr(GError) error = NULL;
  put_printer(root, "opt/rocm/bin/rocm-smi",
              "WARNING: AMD GPU device(s) is/are in a low-power state. Check power "
              "control/runtime_status\n\n" ROCM_HEAD
              "card0,0x9246aa,54.0,2,17163091968,692142080,Navi 21 [Radeon RX 6800/6800 XT / 6900 "
              "XT],0x73bf,\"Advanced Micro Devices, Inc. [AMD/ATI]\",001,0x2406,0xc1,1,45534,gfx1030\n"
              "card1,N/A,N/A,0,67108864,26079232,Raphael,0x164e,Advanced Micro Devices Inc. "
              "[AMD/ATI],RAPHAEL,0x364e,0xc6,2,52156,gfx1036\n",
              0);
  g_autoptr(GPtrArray) list = pino_smi_amd(root, ENOUGH_MS, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(list->len, ==, 2);
  g_assert_cmpstr(at(list, 0)->name, ==, "Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]");
  g_assert_cmpstr(at(list, 0)->uuid, ==, "0x9246aa");
  g_assert_cmpstr(at(list, 0)->target, ==, "gfx1030");
  g_assert_cmpuint(at(list, 0)->total, ==, 17163091968ull);
  g_assert_cmpuint(at(list, 0)->used, ==, 692142080ull);
  g_assert_cmpint(at(list, 0)->utilisation, ==, 2);
  g_assert_cmpint(at(list, 0)->temperature, ==, 54);
  g_assert_null(at(list, 1)->uuid);
  g_assert_cmpint(at(list, 1)->temperature, ==, -1);
  fake_root_free(root);
}

static void test_amd(void) {
  char *root = begin();
  g_autoptr(GError) error = NULL;
  put_program(
      root, "bin/amd-smi",
      "case $1 in\n"
      "static) echo 'gpu,market_name,vendor_id,vendor_name,device_id,asic_serial,target_graphics_version'\n"
      "echo '0,AMD Instinct MI300X,0x1002,\"Advanced Micro Devices, Inc.\",0x74a1,0xAB,gfx942'\n"
      "echo '1,AMD Instinct MI300X,0x1002,\"Advanced Micro Devices, Inc.\",0x74a1,0xCD,gfx942';;\n"
      "metric) echo 'gpu,total_vram,used_vram,free_vram'; echo '1,196592,2048,194544'; echo "
      "'0,196592,283,196309';; esac");
  g_autoptr(GPtrArray) list = pino_smi_amd(root, ENOUGH_MS, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(list->len, ==, 2);
  g_assert_cmpstr(at(list, 0)->name, ==, "AMD Instinct MI300X");
  g_assert_cmpstr(at(list, 1)->target, ==, "gfx942");
  g_assert_cmpuint(at(list, 0)->used, ==, 283 * MIB);
  g_assert_cmpuint(at(list, 1)->used, ==, 2048 * MIB);
  g_assert_cmpuint(at(list, 1)->total, ==, 196592 * MIB);
  fake_root_free(root);
}

/* A broken amd-smi does not hide a rocm-smi that works; with both broken the first one's words are told. */
static void test_amd_falls_back(void) {
  char *root = begin();
  g_autoptr(GError) none = NULL, broken = NULL, error = NULL;
  g_assert_null(pino_smi_amd(root, ENOUGH_MS, &none));
  g_assert_error(none, PINO_ERROR, PINO_ERROR_NOT_FOUND);
  put_program(root, "bin/amd-smi", "echo 'AMDSMI_STATUS_NOT_INIT - Device not initialized' >&2; exit 32");
  g_assert_null(pino_smi_amd(root, ENOUGH_MS, &broken));
  g_assert_error(broken, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  g_assert_nonnull(strstr(broken->message, "Device not initialized"));
  put_printer(
      root, "bin/rocm-smi",
      "device,VRAM Total Memory (B),VRAM Total Used Memory (B),Card series,Card model,Card vendor,Card SKU\n"
      "card0,68702699520,10960896,Instinct MI210,0x0c34,Advanced Micro Devices Inc. [AMD/ATI],D67301\n",
      0);
  g_autoptr(GPtrArray) list = pino_smi_amd(root, ENOUGH_MS, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(at(list, 0)->name, ==, "Instinct MI210");
  g_assert_null(at(list, 0)->target);
  fake_root_free(root);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cloud/smi/nvidia/one-card", test_one);
  g_test_add_func("/cloud/smi/nvidia/eight-cards", test_eight);
  g_test_add_func("/cloud/smi/nvidia/an-old-driver", test_old);
  g_test_add_func("/cloud/smi/nvidia/cut-up-cards", test_mig);
  g_test_add_func("/cloud/smi/nvidia/broken", test_broken);
  g_test_add_func("/cloud/smi/nvidia/hangs", test_hangs);
  g_test_add_func("/cloud/smi/nvidia/never-comes-to-an-end", test_talks_for_ever);
  g_test_add_func("/cloud/smi/output-is-bounded", test_output_is_bounded);
  g_test_add_func("/cloud/smi/amd/rocm-smi", test_rocm);
  g_test_add_func("/cloud/smi/amd/amd-smi", test_amd);
  g_test_add_func("/cloud/smi/amd/one-behind-the-other", test_amd_falls_back);
  return g_test_run();
}
