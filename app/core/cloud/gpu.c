#include "cloud/gpu.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cloud/amd.h"
#include "cloud/holder.h"
#include "cloud/nvml.h"
#include "cloud/pci.h"
#include "cloud/read.h"
#include "cloud/smi.h"

#define SMI_LIMIT_MS 5000

/* The drivers' programs. */
typedef enum { SMI_NVIDIA, SMI_AMD, SMI_COUNT, SMI_NONE = SMI_COUNT } Smi;

static const struct {
  const char *vendor, *source;
  GPtrArray *(*ask)(const char *root, guint limit_ms, GError **error);
} programs[SMI_COUNT] = {
    [SMI_NVIDIA] = {"nvidia", "nvidia-smi", pino_smi_nvidia},
    [SMI_AMD] = {"amd", "amd", pino_smi_amd},
};

/* What is asked again for each sample. */
typedef struct {
  PinoNvmlDevice *device; /* NULL: not through NVML, or lost */
  PinoNvmlDevice *whole;  /* the card that device is a part of, or itself */
  guint64 seen;           /* of pino_nvml_processes() */
  char *folder;           /* of an AMD card in /sys */
  Smi smi;
  guint row; /* in what that program lists */
} Card;

struct _PinoGpus {
  char *root;
  gboolean looked;
  PinoNvml *nvml;
  PinoHolders *holders;
  GPtrArray *told[SMI_COUNT]; /* PinoSmiGpu that no sample has used yet */
  gboolean hangs[SMI_COUNT];
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
  for (Smi smi = 0; smi < SMI_COUNT; smi++)
    g_clear_pointer(&gpus->told[smi], g_ptr_array_unref);
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

/* --- the first look ---------------------------------------------------------------------------------------------- */

/* The cards of a driver's program; FALSE with error when it does not work. */
static gboolean find_by_program(PinoGpus *gpus, Smi smi, GError **error) {
  g_autoptr(GPtrArray) told = programs[smi].ask(gpus->root, SMI_LIMIT_MS, error);
  if (told == NULL)
    return FALSE;
  for (guint i = 0; i < told->len; i++) {
    const PinoSmiGpu *from = told->pdata[i];
    Card card = {.smi = smi, .row = i};
    PinoGpuInfo info = {.vendor = programs[smi].vendor, .source = programs[smi].source, .mig = from->mig};
    info.name = keep(gpus, g_strdup(from->name));
    info.uuid = keep(gpus, g_strdup(from->uuid));
    info.driver = keep(gpus, g_strdup(from->driver));
    info.capability = keep(gpus, g_strdup(from->capability));
    info.target = keep(gpus, g_strdup(from->target));
    add_card(gpus, card, info);
  }
  g_clear_pointer(&gpus->told[smi], g_ptr_array_unref);
  gpus->told[smi] = g_steal_pointer(&told);
  return TRUE;
}

/* A card that does not answer keeps its place, so that the others keep their numbers. */
static void add_nvml(PinoGpus *gpus, PinoNvmlDevice *device, PinoNvmlDevice *whole, const char *driver) {
  Card card = {.device = device, .whole = whole, .smi = SMI_NONE};
  PinoGpuInfo info = {.vendor = "nvidia", .source = "nvml", .driver = driver, .mig = device != whole};
  if (device != NULL) {
    info.name = keep(gpus, pino_nvml_name(gpus->nvml, device));
    info.uuid = keep(gpus, pino_nvml_uuid(gpus->nvml, device));
    info.capability = keep(gpus, pino_nvml_capability(gpus->nvml, whole));
  }
  add_card(gpus, card, info);
}

/* The parts that are ours to see of a card that is cut up; FALSE when there are none. */
static gboolean add_parts(PinoGpus *gpus, PinoNvmlDevice *whole, const char *driver) {
  guint before = gpus->list->len, most = pino_nvml_mig_count(gpus->nvml, whole);
  for (guint i = 0; i < most; i++) {
    PinoNvmlDevice *part = pino_nvml_mig_device(gpus->nvml, whole, i);
    if (part != NULL)
      add_nvml(gpus, part, whole, driver);
  }
  return gpus->list->len > before;
}

static gboolean find_by_nvml(PinoGpus *gpus, const char *library, GError **error) {
  guint count = 0;
  if ((gpus->nvml = pino_nvml_open(library, error)) == NULL || !pino_nvml_count(gpus->nvml, &count, error))
    return FALSE;
  gpus->holders = pino_holders_new(gpus->root);
  const char *driver = keep(gpus, pino_nvml_driver(gpus->nvml));
  for (guint i = 0; i < count; i++) {
    g_autoptr(GError) lost = NULL;
    PinoNvmlDevice *device = pino_nvml_device(gpus->nvml, i, &lost);
    if (device == NULL)
      add_trouble(gpus->lasting, lost);
    if (device == NULL || !add_parts(gpus, device, driver))
      add_nvml(gpus, device, device, driver);
  }
  return TRUE;
}

static void find_nvidia(PinoGpus *gpus) {
  const char *library = g_getenv("PINOKIO_NVML_LIBRARY");
  gboolean given = library != NULL && *library != '\0';
  g_autoptr(GError) failed = NULL, also = NULL;
  if (!given && !is_there(gpus->root, "dev/nvidiactl") && !is_there(gpus->root, "proc/driver/nvidia")) {
    g_autofree char *idle = pino_pci_idle_nvidia(gpus->root);
    if (idle != NULL)
      g_string_append(gpus->lasting, idle);
    return;
  }
  if (find_by_nvml(gpus, given ? library : NULL, &failed))
    return;
  add_trouble(gpus->lasting, failed);
  if (!find_by_program(gpus, SMI_NVIDIA, &also) && !g_error_matches(also, PINO_ERROR, PINO_ERROR_NOT_FOUND))
    add_trouble(gpus->lasting, also);
}

/* What cards are compiled for is told by their CUDA capability: "9.0" is sm_90. */
static void name_targets(PinoGpus *gpus) {
  for (guint i = 0; i < gpus->list->len; i++) {
    PinoGpuInfo *info = &g_array_index(gpus->list, PinoGpuInfo, i);
    g_auto(GStrv) parts = g_strsplit(info->capability != NULL ? info->capability : "", ".", 2);
    if (info->target == NULL && g_strv_length(parts) == 2)
      info->target = keep(gpus, g_strdup_printf("sm_%s%s", parts[0], parts[1]));
  }
}

static gboolean tell_memory(const GPtrArray *folders) {
  for (guint i = 0; i < folders->len; i++)
    if (pino_amd_memory_total(folders->pdata[i]) != G_MAXUINT64)
      return TRUE;
  return FALSE;
}

static void find_amd(PinoGpus *gpus) {
  g_autoptr(GPtrArray) folders = pino_amd_cards(gpus->root);
  g_autoptr(GError) error = NULL;
  guint before = gpus->list->len;
  if (!tell_memory(folders) && is_there(gpus->root, "dev/kfd")) {
    if (!find_by_program(gpus, SMI_AMD, &error) && !g_error_matches(error, PINO_ERROR, PINO_ERROR_NOT_FOUND))
      add_trouble(gpus->lasting, error);
    if (gpus->list->len > before)
      return;
  }
  const char *driver = folders->len > 0 ? keep(gpus, pino_amd_driver(gpus->root)) : NULL;
  for (guint i = 0; i < folders->len; i++) {
    PinoGpuInfo info = {.vendor = "amd", .source = "sysfs", .driver = driver};
    Card card = {.folder = g_strdup(folders->pdata[i]), .smi = SMI_NONE};
    info.name = keep(gpus, pino_amd_name(card.folder));
    info.uuid = keep(gpus, pino_amd_serial(card.folder));
    info.target = keep(gpus, pino_amd_target(gpus->root, card.folder));
    add_card(gpus, card, info);
  }
}

static void look(PinoGpus *gpus) {
  gpus->looked = TRUE;
  find_nvidia(gpus);
  find_amd(gpus);
  name_targets(gpus);
}

/* --- samples ----------------------------------------------------------------------------------------------------- */

static void sample_amd(const char *folder, PinoGpuInfo *info) {
  info->memory_total = pino_amd_memory_total(folder);
  info->memory_used = pino_amd_memory_used(folder);
  info->utilisation = pino_amd_utilisation(folder);
  info->temperature = pino_amd_temperature(folder);
}

/* What the look did not ask just now. A program that hung once is left alone. */
static void ask_programs(PinoGpus *gpus) {
  gboolean wanted[SMI_COUNT + 1] = {FALSE};
  for (guint i = 0; i < gpus->cards->len; i++)
    wanted[g_array_index(gpus->cards, Card, i).smi] = TRUE;
  for (Smi smi = 0; smi < SMI_COUNT; smi++) {
    g_autoptr(GError) error = NULL;
    if (!wanted[smi] || gpus->told[smi] != NULL || gpus->hangs[smi])
      continue;
    gpus->told[smi] = programs[smi].ask(gpus->root, SMI_LIMIT_MS, &error);
    if (error == NULL)
      continue;
    gpus->hangs[smi] = g_error_matches(error, PINO_ERROR, PINO_ERROR_LIMIT);
    add_trouble(gpus->hangs[smi] ? gpus->lasting : gpus->trouble, error);
    if (gpus->hangs[smi])
      add_trouble(gpus->trouble, error);
  }
}

static void sample_program(const GPtrArray *told, guint row, PinoGpuInfo *info) {
  const PinoSmiGpu *now = told != NULL && row < told->len ? told->pdata[row] : NULL;
  if (now == NULL) { /* what was is not what is, but a card's size does not change */
    info->memory_used = G_MAXUINT64;
    info->utilisation = info->temperature = -1;
    return;
  }
  info->memory_total = now->total;
  info->memory_used = now->used;
  info->utilisation = now->utilisation;
  info->temperature = now->temperature;
}

static void sample_nvidia(PinoGpus *gpus, Card *card, PinoGpuInfo *info) {
  g_autoptr(GArray) processes = NULL;
  g_autoptr(GError) error = NULL;
  pino_nvml_memory(gpus->nvml, card->device, &info->memory_total, &info->memory_used);
  info->utilisation = pino_nvml_utilisation(gpus->nvml, card->device);
  info->temperature = pino_nvml_temperature(gpus->nvml, card->whole);
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
  ask_programs(gpus);
  for (guint i = 0; i < gpus->list->len; i++) {
    Card *card = &g_array_index(gpus->cards, Card, i);
    PinoGpuInfo *info = &g_array_index(gpus->list, PinoGpuInfo, i);
    if (card->device != NULL)
      sample_nvidia(gpus, card, info);
    else if (card->folder != NULL)
      sample_amd(card->folder, info);
    else if (card->smi != SMI_NONE)
      sample_program(gpus->told[card->smi], card->row, info);
  }
  for (Smi smi = 0; smi < SMI_COUNT; smi++)
    g_clear_pointer(&gpus->told[smi], g_ptr_array_unref);
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
  pino_json_append_member(out, "target", info->target);
  pino_json_append_member(out, "source", info->source);
  g_string_append_printf(out, ",\"mig\":%s", info->mig ? "true" : "false");
  pino_cloud_append_number(out, "memory_total", info->memory_total);
  pino_cloud_append_number(out, "memory_used", info->memory_used);
  pino_cloud_append_number(out, "utilisation",
                           info->utilisation < 0 ? G_MAXUINT64 : (guint64)info->utilisation);
  pino_cloud_append_number(out, "temperature",
                           info->temperature < 0 ? G_MAXUINT64 : (guint64)info->temperature);
  pino_cloud_append_number(out, "foreign", info->foreign);
  g_string_append_c(out, '}');
}

void pino_gpu_list_append_json(const GArray *list, GString *out) {
  g_string_append_c(out, '[');
  for (guint i = 0; i < list->len; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    append_info(&g_array_index(list, PinoGpuInfo, i), out);
  }
  g_string_append_c(out, ']');
}

void pino_gpus_append_json(PinoGpus *gpus, GString *out) {
  pino_gpu_list_append_json(gpus->list, out);
}
