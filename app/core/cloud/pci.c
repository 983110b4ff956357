#include "cloud/pci.h"

#include <string.h>

#include "cloud/read.h"

/* Vendor, and the first byte of the class: display controllers (VGA 0300, 3D 0302, other 0380). */
#define NVIDIA "0x10de"
#define DISPLAY "0x03"

static const struct {
  const char *driver; /* NULL: none */
  const char *text;
} reasons[] = {
    {NULL,
     "has no driver: install the NVIDIA driver, or start the container with its GPU (docker: --gpus all)"},
    {"nouveau",
     "runs the nouveau driver, which cannot compute: install the NVIDIA driver and restart the machine"},
    {"vfio-pci",
     "is set aside for a virtual machine (vfio-pci): give it back to the host, or work in that machine"},
    {"nvidia",
     "belongs to the machine outside and is not given to this container: start it with its GPU (docker: "
     "--gpus all)"},
};

static gboolean is_nvidia(const char *devices, const char *name) {
  g_autofree char *vendor = pino_cloud_read(devices, "%s/vendor", name);
  g_autofree char *kind = pino_cloud_read(devices, "%s/class", name);
  return vendor != NULL && kind != NULL && strcmp(g_strstrip(vendor), NVIDIA) == 0 &&
         g_str_has_prefix(kind, DISPLAY);
}

static char *describe(const char *devices, const char *name) {
  g_autofree char *link = g_build_filename(devices, name, "driver", NULL);
  g_autofree char *target = g_file_read_link(link, NULL);
  g_autofree char *driver = target != NULL ? g_path_get_basename(target) : NULL;
  for (guint i = 0; i < G_N_ELEMENTS(reasons); i++)
    if (g_strcmp0(reasons[i].driver, driver) == 0)
      return g_strdup_printf("the NVIDIA GPU at %s %s", name, reasons[i].text);
  return g_strdup_printf("the NVIDIA GPU at %s runs the driver %s: install the NVIDIA driver", name, driver);
}

char *pino_pci_idle_nvidia(const char *root) {
  g_autofree char *devices = g_build_filename(root, "sys/bus/pci/devices", NULL);
  g_autoptr(GDir) dir = g_dir_open(devices, 0, NULL);
  g_autofree char *first = NULL;
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if ((first == NULL || strcmp(name, first) < 0) && is_nvidia(devices, name)) {
      g_free(first);
      first = g_strdup(name);
    }
  }
  return first != NULL ? describe(devices, first) : NULL;
}
