#include "cloud/facts.h"

#include <unistd.h>

#include "cloud/filesystem.h"
#include "cloud/machine.h"

/* The strings of a list that outlives the object which asked. */
static void clear_info(gpointer data) {
  PinoGpuInfo *info = data;
  g_free((char *)info->name);
  g_free((char *)info->uuid);
  g_free((char *)info->driver);
  g_free((char *)info->capability);
  g_free((char *)info->target);
}

/* A card that only draws (no amdgpu driver, so no memory told) computes nothing. */
static gboolean can_compute(const PinoGpuInfo *info) {
  return !g_str_equal(info->vendor, "amd") || info->memory_total != G_MAXUINT64;
}

static GArray *copy_list(const GArray *list) {
  GArray *copy = g_array_new(FALSE, FALSE, sizeof(PinoGpuInfo));
  g_array_set_clear_func(copy, clear_info);
  for (guint i = 0; i < list->len; i++) {
    PinoGpuInfo info = g_array_index(list, PinoGpuInfo, i);
    if (!can_compute(&info))
      continue;
    info.index = copy->len;
    info.name = g_strdup(info.name);
    info.uuid = g_strdup(info.uuid);
    info.driver = g_strdup(info.driver);
    info.capability = g_strdup(info.capability);
    info.target = g_strdup(info.target);
    g_array_append_val(copy, info);
  }
  return copy;
}

/* NVML is let go of at once: it would keep the card awake and map some MB. */
static void ask_gpus(PinoFacts *facts, const char *root) {
  g_autoptr(PinoGpus) gpus = pino_gpus_new(root);
  g_autoptr(GError) error = NULL;
  pino_gpus_sample(gpus, &error);
  facts->gpu_trouble = g_strdup(error != NULL ? error->message : pino_gpus_trouble(gpus));
  facts->gpus = copy_list(pino_gpus_list(gpus));
  facts->gpu = "none";
  if (facts->gpus->len == 0)
    return;
  const PinoGpuInfo *first = &g_array_index(facts->gpus, PinoGpuInfo, 0);
  facts->gpu = first->vendor;
  facts->gpu_model = first->name;
  facts->gpu_driver = first->driver;
  facts->gpu_capability = first->capability;
  facts->gpu_target = first->target;
  facts->vram_total = first->memory_total != G_MAXUINT64 ? first->memory_total : 0;
  if (first->memory_used != G_MAXUINT64 && first->memory_used <= facts->vram_total)
    facts->vram_free = facts->vram_total - first->memory_used;
}

static void ask_machine(PinoFacts *facts, const char *root) {
  PinoMachine *machine = pino_machine_new(root);
  PinoMachineInfo info;
  if (pino_machine_sample(machine, NULL, &info, NULL)) {
    facts->cpus = info.cpus;
    facts->ram = info.memory_total;
    facts->ram_available = info.memory_available;
    facts->ram_limited = info.memory_limited;
    pino_machine_info_clear(&info);
  } else {
    facts->cpus = g_get_num_processors();
    facts->ram = (guint64)sysconf(_SC_PHYS_PAGES) * (guint64)sysconf(_SC_PAGESIZE);
  }
  pino_machine_free(machine);
}

PinoFacts *pino_facts_new(const char *root, const char *forced, GError **error) {
  g_autoptr(PinoPlatform) platform = pino_platform_detect(root, NULL, forced, error);
  if (platform == NULL)
    return NULL;
  PinoFacts *facts = g_new0(PinoFacts, 1);
  facts->platform = g_steal_pointer(&platform);
  facts->place = pino_place_find(facts->platform);
  ask_gpus(facts, root);
  ask_machine(facts, root);
  pino_filesystem_space(facts->place->home, &facts->disk_total, &facts->disk_free);
  return facts;
}

void pino_facts_free(PinoFacts *facts) {
  if (facts == NULL)
    return;
  g_clear_pointer(&facts->platform, pino_platform_free);
  g_clear_pointer(&facts->place, pino_place_free);
  g_clear_pointer(&facts->gpus, g_array_unref);
  g_free(facts->gpu_trouble);
  g_free(facts);
}

static gpointer gather(gpointer data) {
  PinoFacts *facts = pino_facts_new("/", g_getenv("PINOKIO_PLATFORM"), NULL);
  return facts != NULL ? facts : pino_facts_new("/", NULL, NULL);
}

const PinoFacts *pino_facts_here(void) {
  static GOnce once = G_ONCE_INIT;
  return g_once(&once, gather, NULL);
}

guint64 pino_facts_vram_of_all(const PinoFacts *facts) {
  guint64 sum = 0;
  for (guint i = 0; i < facts->gpus->len; i++) {
    guint64 total = g_array_index(facts->gpus, PinoGpuInfo, i).memory_total;
    sum += total != G_MAXUINT64 ? total : 0;
  }
  return sum;
}

guint pino_facts_gib(guint64 bytes) {
  const guint64 gib = 1024 * 1024 * 1024;
  return (guint)((bytes + gib / 2) / gib);
}
