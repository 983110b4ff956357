#include "cloud/gpu.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cloud/holder.h"
#include "cloud/nvml.h"
#include "cloud/read.h"

/* What is asked again for each sample. */
typedef struct {
  PinoNvmlDevice *device; /* NULL: not NVIDIA's, or lost */
  guint64 seen;           /* of pino_nvml_processes() */
  char *folder;           /* below root, of an AMD card */
} Card;

struct _PinoGpus {
  char *root;
  gboolean looked;
  PinoNvml *nvml;
  PinoHolders *holders;
  GArray *cards;       /* Card, as in list */
  GArray *list;        /* PinoGpuInfo */
  GArray *processes;   /* PinoGpuProcess */
  GStringChunk *texts; /* what list points to */
  GString *lasting;    /* troubles of the first look */
  GString *trouble;    /* those, and this sample's */
};

static void clear_card(gpointer data) {
  g_free(((Card *)data)->folder);
}

PinoGpus *pino_gpus_new(const char *root) {
  PinoGpus *gpus = g_new0(PinoGpus, 1);
  gpus->root = g_strdup(root);
  gpus->cards = g_array_new(FALSE, FALSE, sizeof(Card));
  g_array_set_clear_func(gpus->cards, clear_card);
  gpus->list = g_array_new(FALSE, FALSE, sizeof(PinoGpuInfo));
  gpus->processes = g_array_new(FALSE, FALSE, sizeof(PinoGpuProcess));
  gpus->texts = g_string_chunk_new(256);
  gpus->lasting = g_string_new(NULL);
  gpus->trouble = g_string_new(NULL);
  return gpus;
}

void pino_gpus_free(PinoGpus *gpus) {
  if (gpus == NULL)
    return;
  g_clear_pointer(&gpus->nvml, pino_nvml_close);
  g_clear_pointer(&gpus->holders, pino_holders_free);
  g_array_unref(gpus->cards);
  g_array_unref(gpus->list);
  g_array_unref(gpus->processes);
  g_string_chunk_free(gpus->texts);
  g_string_free(gpus->lasting, TRUE);
  g_string_free(gpus->trouble, TRUE);
  g_free(gpus->root);
  g_free(gpus);
}

/* Takes text. */
static const char *keep(PinoGpus *gpus, char *text) {
  const char *kept = text != NULL ? g_string_chunk_insert_const(gpus->texts, g_strstrip(text)) : NULL;
  g_free(text);
  return kept != NULL && *kept != '\0' ? kept : NULL;
}

static void add_trouble(GString *trouble, const GError *error) {
  if (strstr(trouble->str, error->message) == NULL)
    g_string_append_printf(trouble, "%s%s", trouble->len > 0 ? "; " : "", error->message);
}

static void add_card(PinoGpus *gpus, Card card, PinoGpuInfo info) {
  info.index = gpus->list->len;
  info.memory_total = info.memory_used = G_MAXUINT64;
  info.utilisation = info.temperature = -1;
  g_array_append_val(gpus->cards, card);
  g_array_append_val(gpus->list, info);
}

static gboolean is_there(const char *root, const char *path) {
  g_autofree char *full = g_build_filename(root, path, NULL);
  return g_file_test(full, G_FILE_TEST_EXISTS);
}

/* A card that does not answer keeps its place, so that the others keep their numbers. */
static void find_nvidia(PinoGpus *gpus, GError **error) {
  const char *library = g_getenv("PINOKIO_NVML_LIBRARY");
  gboolean given = library != NULL && *library != '\0';
  guint count = 0;
  if (!given && !is_there(gpus->root, "dev/nvidiactl") && !is_there(gpus->root, "proc/driver/nvidia"))
    return;
  if ((gpus->nvml = pino_nvml_open(given ? library : NULL, error)) == NULL ||
      !pino_nvml_count(gpus->nvml, &count, error))
    return;
  gpus->holders = pino_holders_new(gpus->root);
  const char *driver = keep(gpus, pino_nvml_driver(gpus->nvml));
  for (guint i = 0; i < count; i++) {
    g_autoptr(GError) lost = NULL;
    Card card = {.device = pino_nvml_device(gpus->nvml, i, &lost)};
    PinoGpuInfo info = {.vendor = "nvidia", .driver = driver};
    if (card.device != NULL) {
      info.name = keep(gpus, pino_nvml_name(gpus->nvml, card.device));
      info.uuid = keep(gpus, pino_nvml_uuid(gpus->nvml, card.device));
      info.capability = keep(gpus, pino_nvml_capability(gpus->nvml, card.device));
    } else {
      add_trouble(gpus->lasting, lost);
    }
    add_card(gpus, card, info);
  }
}

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

static void find_amd(PinoGpus *gpus) {
  g_autofree char *drm = g_build_filename(gpus->root, "sys/class/drm", NULL);
  g_autoptr(GArray) numbers = card_numbers(drm);
  for (guint i = 0; i < numbers->len; i++) {
    g_autofree char *folder = g_strdup_printf("%s/card%u/device", drm, g_array_index(numbers, guint, i));
    g_autofree char *vendor = pino_cloud_read(folder, "vendor");
    if (vendor == NULL || strcmp(g_strstrip(vendor), "0x1002") != 0)
      continue;
    PinoGpuInfo info = {.vendor = "amd"};
    info.name = keep(gpus, pino_cloud_read(folder, "product_name"));
    info.uuid = keep(gpus, pino_cloud_read(folder, "unique_id"));
    Card card = {.folder = g_steal_pointer(&folder)};
    add_card(gpus, card, info);
  }
}

static void look(PinoGpus *gpus) {
  g_autoptr(GError) failed = NULL;
  gpus->looked = TRUE;
  find_nvidia(gpus, &failed);
  if (failed != NULL)
    add_trouble(gpus->lasting, failed);
  find_amd(gpus);
}

/* In thousandths of a degree, in whichever folder the driver got for its sensors. */
static int amd_temperature(const char *folder) {
  g_autofree char *path = g_build_filename(folder, "hwmon", NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  guint64 value;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (pino_cloud_read_number(&value, path, "%s/temp1_input", name) && value != G_MAXUINT64)
      return (int)MIN(value / 1000, 1000);
  }
  return -1;
}

static guint64 amd_number(const char *folder, const char *file) {
  guint64 value;
  return pino_cloud_read_number(&value, folder, "%s", file) ? value : G_MAXUINT64;
}

static void sample_amd(const char *folder, PinoGpuInfo *info) {
  guint64 busy = amd_number(folder, "gpu_busy_percent");
  info->memory_total = amd_number(folder, "mem_info_vram_total");
  info->memory_used = amd_number(folder, "mem_info_vram_used");
  info->utilisation = busy <= 100 ? (int)busy : -1;
  info->temperature = amd_temperature(folder);
}

static void sample_nvidia(PinoGpus *gpus, Card *card, PinoGpuInfo *info) {
  g_autoptr(GArray) processes = NULL;
  g_autoptr(GError) error = NULL;
  pino_nvml_memory(gpus->nvml, card->device, &info->memory_total, &info->memory_used);
  info->utilisation = pino_nvml_utilisation(gpus->nvml, card->device);
  info->temperature = pino_nvml_temperature(gpus->nvml, card->device);
  info->foreign = 0;
  if (!pino_nvml_processes(gpus->nvml, card->device, &card->seen, &processes, &error)) {
    g_prefix_error(&error, "GPU %u: ", info->index);
    add_trouble(gpus->trouble, error);
    return;
  }
  for (guint i = 0; i < processes->len; i++) {
    const PinoNvmlProcess *process = &g_array_index(processes, PinoNvmlProcess, i);
    pid_t pid = pino_holders_find(gpus->holders, process->pid);
    PinoGpuProcess ours = {pid, info->index, process->memory, process->sm};
    if (pid > 0)
      g_array_append_val(gpus->processes, ours);
    else
      info->foreign++;
  }
}

guint pino_gpus_sample(PinoGpus *gpus, GError **error) {
  if (!gpus->looked)
    look(gpus);
  g_string_assign(gpus->trouble, gpus->lasting->str);
  g_array_set_size(gpus->processes, 0);
  if (gpus->holders != NULL)
    pino_holders_forget(gpus->holders);
  for (guint i = 0; i < gpus->list->len; i++) {
    Card *card = &g_array_index(gpus->cards, Card, i);
    PinoGpuInfo *info = &g_array_index(gpus->list, PinoGpuInfo, i);
    if (card->device != NULL)
      sample_nvidia(gpus, card, info);
    else if (card->folder != NULL)
      sample_amd(card->folder, info);
  }
  if (gpus->list->len == 0 && gpus->trouble->len > 0)
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, gpus->trouble->str);
  return gpus->list->len;
}

const GArray *pino_gpus_list(PinoGpus *gpus) {
  return gpus->list;
}

const GArray *pino_gpus_processes(PinoGpus *gpus) {
  return gpus->processes;
}

const char *pino_gpus_trouble(PinoGpus *gpus) {
  return gpus->trouble->len > 0 ? gpus->trouble->str : NULL;
}

static void append_info(const PinoGpuInfo *info, GString *out) {
  g_string_append_c(out, '{');
  pino_cloud_append_number(out, "index", info->index);
  pino_json_append_member(out, "vendor", info->vendor);
  pino_json_append_member(out, "name", info->name);
  pino_json_append_member(out, "uuid", info->uuid);
  pino_json_append_member(out, "driver", info->driver);
  pino_json_append_member(out, "capability", info->capability);
  pino_cloud_append_number(out, "memory_total", info->memory_total);
  pino_cloud_append_number(out, "memory_used", info->memory_used);
  pino_cloud_append_number(out, "utilisation",
                           info->utilisation < 0 ? G_MAXUINT64 : (guint64)info->utilisation);
  pino_cloud_append_number(out, "temperature",
                           info->temperature < 0 ? G_MAXUINT64 : (guint64)info->temperature);
  pino_cloud_append_number(out, "foreign", info->foreign);
  g_string_append_c(out, '}');
}

void pino_gpus_append_json(PinoGpus *gpus, GString *out) {
  g_string_append_c(out, '[');
  for (guint i = 0; i < gpus->list->len; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    append_info(&g_array_index(gpus->list, PinoGpuInfo, i), out);
  }
  g_string_append_c(out, ']');
}
