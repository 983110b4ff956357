/* What templates may ask of the machine: gpu, vram, ram... Sources: nvidia-smi's query (its --help-query-gpu), the
 * kernel's amdgpu files under /sys/class/drm. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "script/internal.h"

typedef struct {
  const char *vendor; /* as Pinokio names it: nvidia, amd, none */
  char *model;        /* lower case */
  char *driver;
  char *target; /* sm_90, gfx... */
  double vram_mb;
} Gpu;

static void gpu_clear(Gpu *gpu) {
  g_free(gpu->model);
  g_free(gpu->driver);
  g_free(gpu->target);
}

/* "NVIDIA H100 80GB HBM3, 81559, 550.54.15, 9.0" */
static gboolean parse_nvidia(const char *line, Gpu *gpu) {
  g_auto(GStrv) fields = g_strsplit(line, ",", -1);
  if (g_strv_length(fields) < 4)
    return FALSE;
  for (guint i = 0; i < 4; i++)
    g_strstrip(fields[i]);
  g_auto(GStrv) capability = g_strsplit(fields[3], ".", 2);
  gpu->vendor = "nvidia";
  gpu->model = g_ascii_strdown(fields[0], -1);
  gpu->vram_mb = g_ascii_strtod(fields[1], NULL);
  gpu->driver = g_strdup(fields[2]);
  gpu->target =
      g_strv_length(capability) == 2 ? g_strdup_printf("sm_%s%s", capability[0], capability[1]) : NULL;
  return TRUE;
}

static void find_nvidia(GArray *gpus) {
  if (!g_file_test("/proc/driver/nvidia", G_FILE_TEST_EXISTS) &&
      !g_file_test("/dev/nvidiactl", G_FILE_TEST_EXISTS))
    return;
  const char *const argv[] = {"timeout",
                              "5",
                              "nvidia-smi",
                              "--query-gpu=name,memory.total,driver_version,compute_cap",
                              "--format=csv,noheader,nounits",
                              NULL};
  g_autofree char *out = NULL;
  if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                    &out, NULL, NULL, NULL))
    return;
  g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    Gpu gpu = {0};
    if (parse_nvidia(lines[i], &gpu))
      g_array_append_val(gpus, gpu);
  }
}

static char *read_line(const char *folder, const char *name) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  char *text = NULL;
  return g_file_get_contents(path, &text, NULL, NULL) ? g_strchomp(text) : NULL;
}

static void find_amd(GArray *gpus) {
  g_autoptr(GDir) dir = g_dir_open("/sys/class/drm", 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (!g_str_has_prefix(name, "card") || strchr(name, '-') != NULL)
      continue;
    g_autofree char *device = g_build_filename("/sys/class/drm", name, "device", NULL);
    g_autofree char *vendor = read_line(device, "vendor");
    g_autofree char *memory = read_line(device, "mem_info_vram_total");
    g_autofree char *product = read_line(device, "product_name");
    if (g_strcmp0(vendor, "0x1002") != 0 || memory == NULL)
      continue;
    Gpu gpu = {.vendor = "amd", .vram_mb = g_ascii_strtod(memory, NULL) / (1024 * 1024)};
    gpu.model = g_ascii_strdown(product != NULL ? product : "", -1);
    g_array_append_val(gpus, gpu);
  }
}

static double ram_gb(void) {
  return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1024.0 * 1024 * 1024);
}

static JSValueRef gpu_value(PinoJs *js, const Gpu *gpu) {
  JSObjectRef value = pino_js_object(js);
  pino_js_set(js, value, "name", pino_js_string(js, gpu->vendor));
  pino_js_set(js, value, "model", pino_js_string(js, gpu->model));
  pino_js_set(js, value, "driver", pino_js_string(js, gpu->driver));
  return value;
}

static JSValueRef graphics_value(PinoJs *js, const GArray *gpus) {
  JSObjectRef list = pino_js_array(js, 0, NULL);
  for (guint i = 0; i < gpus->len; i++) {
    const Gpu *gpu = &g_array_index(gpus, Gpu, i);
    JSObjectRef controller = pino_js_object(js);
    pino_js_set(js, controller, "vendor", pino_js_string(js, gpu->vendor));
    pino_js_set(js, controller, "model", pino_js_string(js, gpu->model));
    pino_js_set(js, controller, "vram", pino_js_number(js, round(gpu->vram_mb)));
    pino_js_set(js, controller, "driverVersion", pino_js_string(js, gpu->driver));
    JSObjectSetPropertyAtIndex(pino_js_context(js), list, i, controller, NULL);
  }
  JSObjectRef graphics = pino_js_object(js);
  pino_js_set(js, graphics, "controllers", list);
  pino_js_set(js, graphics, "displays", pino_js_array(js, 0, NULL));
  return graphics;
}

JSValueRef pino_machine_facts(PinoJs *js) {
  g_autoptr(GArray) gpus = g_array_new(FALSE, TRUE, sizeof(Gpu));
  g_array_set_clear_func(gpus, (GDestroyNotify)gpu_clear);
  find_nvidia(gpus);
  find_amd(gpus);
  const Gpu none = {.vendor = "none"};
  const Gpu *first = gpus->len > 0 ? &g_array_index(gpus, Gpu, 0) : &none;
  JSObjectRef facts = pino_js_object(js);
  JSObjectRef list = pino_js_array(js, 0, NULL);
  for (guint i = 0; i < gpus->len; i++)
    JSObjectSetPropertyAtIndex(pino_js_context(js), list, i, gpu_value(js, &g_array_index(gpus, Gpu, i)),
                               NULL);
  pino_js_set(js, facts, "gpu", pino_js_string(js, first->vendor));
  pino_js_set(js, facts, "gpus", list);
  pino_js_set(js, facts, "gpu_model",
              first->model != NULL ? pino_js_string(js, first->model) : pino_js_undefined(js));
  pino_js_set(js, facts, "gpu_driver", pino_js_string(js, first->driver));
  pino_js_set(js, facts, "gpu_target", pino_js_string(js, first->target));
  pino_js_set(js, facts, "vram", pino_js_number(js, round(first->vram_mb / 1024)));
  pino_js_set(js, facts, "ram", pino_js_number(js, round(ram_gb())));
  pino_js_set(js, facts, "graphics", graphics_value(js, gpus));
  return facts;
}
