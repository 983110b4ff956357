#include "cloud/amd.h"

#include <string.h>

#include "cloud/read.h"

#define VENDOR "0x1002"

static int compare_numbers(const void *a, const void *b) {
  guint left = *(const guint *)a, right = *(const guint *)b;
  return (left > right) - (left < right);
}

/* The numbers N of the cardN below folder; connectors are called cardN-NAME. */
static GArray *card_numbers(const char *folder) {
  GArray *numbers = g_array_new(FALSE, FALSE, sizeof(guint));
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    guint64 number;
    if (g_str_has_prefix(name, "card") &&
        g_ascii_string_to_unsigned(name + 4, 10, 0, G_MAXUINT, &number, NULL)) {
      guint found = (guint)number;
      g_array_append_val(numbers, found);
    }
  }
  g_array_sort(numbers, compare_numbers);
  return numbers;
}

GPtrArray *pino_amd_cards(const char *root) {
  GPtrArray *cards = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *drm = g_build_filename(root, "sys/class/drm", NULL);
  g_autoptr(GArray) numbers = card_numbers(drm);
  for (guint i = 0; i < numbers->len; i++) {
    g_autofree char *folder = g_strdup_printf("%s/card%u/device", drm, g_array_index(numbers, guint, i));
    g_autofree char *vendor = pino_cloud_read(folder, "vendor");
    if (vendor != NULL && strcmp(g_strstrip(vendor), VENDOR) == 0)
      g_ptr_array_add(cards, g_steal_pointer(&folder));
  }
  return cards;
}

char *pino_amd_name(const char *card) {
  return pino_cloud_read(card, "product_name");
}

char *pino_amd_serial(const char *card) {
  return pino_cloud_read(card, "unique_id");
}

char *pino_amd_driver(const char *root) {
  return pino_cloud_read(root, "sys/module/amdgpu/version");
}

/* 110000 is gfx1100, 90010 is gfx90a: major, and in two digits each minor and step; the step is written in base 16. */
static char *target_name(guint64 version) {
  guint major = (guint)(version / 10000), minor = (guint)(version / 100 % 100), step = (guint)(version % 100);
  return version > 0 && version < 1000000 ? g_strdup_printf("gfx%u%u%x", major, minor, step) : NULL;
}

/* A node of the topology and a card are the same when they have the same render device. */
char *pino_amd_target(const char *root, const char *card) {
  g_autofree char *nodes = g_build_filename(root, "sys/class/kfd/kfd/topology/nodes", NULL);
  g_autoptr(GDir) dir = g_dir_open(nodes, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    guint64 minor, version;
    g_autofree char *about = pino_cloud_read(nodes, "%s/properties", name);
    if (about == NULL || !pino_cloud_keyed_number(about, "drm_render_minor", &minor) ||
        !pino_cloud_keyed_number(about, "gfx_target_version", &version))
      continue;
    g_autofree char *device = g_strdup_printf("%s/drm/renderD%" G_GUINT64_FORMAT, card, minor);
    if (g_file_test(device, G_FILE_TEST_EXISTS))
      return target_name(version);
  }
  return NULL;
}

static guint64 number_of(const char *card, const char *file) {
  guint64 value;
  return pino_cloud_read_number(&value, card, "%s", file) ? value : G_MAXUINT64;
}

guint64 pino_amd_memory_total(const char *card) {
  return number_of(card, "mem_info_vram_total");
}

guint64 pino_amd_memory_used(const char *card) {
  return number_of(card, "mem_info_vram_used");
}

int pino_amd_utilisation(const char *card) {
  guint64 busy = number_of(card, "gpu_busy_percent");
  return busy <= 100 ? (int)busy : -1;
}

/* In thousandths of a degree, in whichever folder the driver got for its sensors. */
int pino_amd_temperature(const char *card) {
  g_autofree char *path = g_build_filename(card, "hwmon", NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  guint64 value;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (pino_cloud_read_number(&value, path, "%s/temp1_input", name) && value != G_MAXUINT64)
      return (int)MIN(value / 1000, 1000);
  }
  return -1;
}
