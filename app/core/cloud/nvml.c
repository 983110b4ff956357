#include "cloud/nvml.h"

#include <dlfcn.h>
#include <string.h>

#include "base/error.h"

/* Answers of every function. */
enum {
  SUCCESS = 0,
  NOT_SUPPORTED = 3,
  NO_PERMISSION = 4,
  NOT_FOUND = 6,
  INSUFFICIENT_SIZE = 7,
  DRIVER_NOT_LOADED = 9,
  LIBRARY_NOT_FOUND = 12,
  FUNCTION_NOT_FOUND = 13,
  GPU_IS_LOST = 15,
  RESET_REQUIRED = 16,
  OPERATING_SYSTEM = 17,
  VERSION_MISMATCH = 18,
};

enum { TEXT_SIZE = 96 };         /* the longest of names, UUIDs (96) and versions (80) */
enum { TEMPERATURE_OF_GPU = 0 }; /* the sensor on the die */

typedef struct {
  unsigned long long total, free, used;
} Memory;

typedef struct {
  unsigned int gpu, memory;
} Utilisation;

/* As the functions without a version fill it. */
typedef struct {
  unsigned int pid;
  unsigned long long memory; /* all ones: not told */
} ProcessV1;

/* As _v2 and _v3 fill it. */
typedef struct {
  unsigned int pid;
  unsigned long long memory;
  unsigned int gpu_instance, compute_instance;
} ProcessV2;

G_STATIC_ASSERT(sizeof(ProcessV1) == 16 && sizeof(ProcessV2) == 24);

typedef struct {
  unsigned int pid;
  unsigned long long time; /* microseconds */
  unsigned int sm, memory, encoder, decoder;
} Sample;

G_STATIC_ASSERT(sizeof(Sample) == 32);

typedef PinoNvmlDevice *Device;
typedef int (*ListProcesses)(Device, unsigned int *count, void *processes);

struct _PinoNvml {
  void *library;
  int (*init)(void);
  int (*shutdown)(void);
  const char *(*error_string)(int);
  int (*driver_version)(char *, unsigned int);
  int (*count)(unsigned int *);
  int (*handle)(unsigned int, Device *);
  int (*name)(Device, char *, unsigned int);
  int (*uuid)(Device, char *, unsigned int);
  int (*capability)(Device, int *major, int *minor);
  int (*memory)(Device, Memory *);
  int (*utilisation)(Device, Utilisation *);
  int (*temperature)(Device, int sensor, unsigned int *);
  int (*samples)(Device, Sample *, unsigned int *count, unsigned long long since);
  int (*mig_mode)(Device, unsigned int *now, unsigned int *pending);
  int (*mig_count)(Device, unsigned int *);
  int (*mig_handle)(Device, unsigned int, Device *);
  ListProcesses computing, drawing;       /* ProcessV2 */
  ListProcesses computing_v1, drawing_v1; /* ProcessV1; used where the ones above are missing */
};

typedef struct {
  gsize offset;
  gboolean needed;
  const char *names[3]; /* the first that the library has is taken */
} Symbol;

#define MEMBER(name) G_STRUCT_OFFSET(struct _PinoNvml, name)

static const Symbol symbols[] = {
    {MEMBER(init), TRUE, {"nvmlInit_v2", "nvmlInit"}},
    {MEMBER(shutdown), TRUE, {"nvmlShutdown"}},
    {MEMBER(count), TRUE, {"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"}},
    {MEMBER(handle), TRUE, {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"}},
    {MEMBER(error_string), FALSE, {"nvmlErrorString"}},
    {MEMBER(driver_version), FALSE, {"nvmlSystemGetDriverVersion"}},
    {MEMBER(name), FALSE, {"nvmlDeviceGetName"}},
    {MEMBER(uuid), FALSE, {"nvmlDeviceGetUUID"}},
    {MEMBER(capability), FALSE, {"nvmlDeviceGetCudaComputeCapability"}},
    {MEMBER(memory), FALSE, {"nvmlDeviceGetMemoryInfo"}},
    {MEMBER(utilisation), FALSE, {"nvmlDeviceGetUtilizationRates"}},
    {MEMBER(temperature), FALSE, {"nvmlDeviceGetTemperature"}},
    {MEMBER(samples), FALSE, {"nvmlDeviceGetProcessUtilization"}},
    {MEMBER(mig_mode), FALSE, {"nvmlDeviceGetMigMode"}},
    {MEMBER(mig_count), FALSE, {"nvmlDeviceGetMaxMigDeviceCount"}},
    {MEMBER(mig_handle), FALSE, {"nvmlDeviceGetMigDeviceHandleByIndex"}},
    {MEMBER(computing),
     FALSE,
     {"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"}},
    {MEMBER(drawing),
     FALSE,
     {"nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2"}},
    {MEMBER(computing_v1), FALSE, {"nvmlDeviceGetComputeRunningProcesses"}},
    {MEMBER(drawing_v1), FALSE, {"nvmlDeviceGetGraphicsRunningProcesses"}},
};

static const struct {
  int code;
  const char *text;
} advice[] = {
    {NO_PERMISSION, "no permission to use the GPU; is /dev/nvidiactl open to this user?"},
    {DRIVER_NOT_LOADED, "the NVIDIA driver is not loaded; load it, or start the container with its GPU"},
    {LIBRARY_NOT_FOUND, "a library of the NVIDIA driver is missing; install the driver's libraries"},
    {FUNCTION_NOT_FOUND, "the NVIDIA driver's libraries do not fit each other; install them again"},
    {GPU_IS_LOST, "the GPU has fallen off the bus; restart the machine"},
    {RESET_REQUIRED, "the GPU needs a reset; restart the machine"},
    {OPERATING_SYSTEM,
     "the system refused access to the GPU; was the container cut off from its devices? restart it"},
    {VERSION_MISMATCH,
     "the NVIDIA driver and its library differ in version; restart the machine or the container"},
};

static const char *text_of(const PinoNvml *nvml, int code) {
  for (guint i = 0; i < G_N_ELEMENTS(advice); i++) {
    if (advice[i].code == code)
      return advice[i].text;
  }
  const char *text = nvml->error_string != NULL ? nvml->error_string(code) : NULL;
  return text != NULL ? text : "unknown error";
}

static gboolean succeeded(const PinoNvml *nvml, int code, const char *what, GError **error) {
  if (code == SUCCESS)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "%s: %s (NVML error %d)", what, text_of(nvml, code),
              code);
  return FALSE;
}

static gboolean find_symbols(PinoNvml *nvml, GError **error) {
  for (guint i = 0; i < G_N_ELEMENTS(symbols); i++) {
    const Symbol *symbol = &symbols[i];
    void *found = NULL;
    for (guint name = 0; found == NULL && name < G_N_ELEMENTS(symbol->names) && symbol->names[name] != NULL;
         name++)
      found = dlsym(nvml->library, symbol->names[name]);
    if (found == NULL && symbol->needed) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                  "the NVIDIA library has no function %s; is it the driver's own?", symbol->names[0]);
      return FALSE;
    }
    memcpy((char *)nvml + symbol->offset, &found, sizeof found);
  }
  return TRUE;
}

static void *load(const char *path, GError **error) {
  const char *const names[] = {path != NULL ? path : "libnvidia-ml.so.1",
                               path != NULL ? NULL : "libnvidia-ml.so"};
  g_autofree char *why = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(names) && names[i] != NULL; i++) {
    void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (library != NULL)
      return library;
    if (why == NULL)
      why = g_strdup(dlerror());
  }
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
              "the NVIDIA driver's library cannot be loaded (%s); install it, or give the container its GPU",
              why);
  return NULL;
}

PinoNvml *pino_nvml_open(const char *path, GError **error) {
  void *library = load(path, error);
  if (library == NULL)
    return NULL;
  PinoNvml *nvml = g_new0(PinoNvml, 1);
  nvml->library = library;
  if (find_symbols(nvml, error) && succeeded(nvml, nvml->init(), "NVIDIA GPUs cannot be asked", error))
    return nvml;
  dlclose(nvml->library);
  g_free(nvml);
  return NULL;
}

void pino_nvml_close(PinoNvml *nvml) {
  if (nvml == NULL)
    return;
  (void)nvml->shutdown();
  dlclose(nvml->library);
  g_free(nvml);
}

char *pino_nvml_driver(PinoNvml *nvml) {
  char text[TEXT_SIZE] = "";
  if (nvml->driver_version == NULL || nvml->driver_version(text, sizeof text) != SUCCESS)
    return NULL;
  return g_strndup(text, sizeof text);
}

gboolean pino_nvml_count(PinoNvml *nvml, guint *count, GError **error) {
  return succeeded(nvml, nvml->count(count), "NVIDIA GPUs cannot be counted", error);
}

PinoNvmlDevice *pino_nvml_device(PinoNvml *nvml, guint index, GError **error) {
  Device device = NULL;
  g_autofree char *what = g_strdup_printf("GPU %u", index);
  return succeeded(nvml, nvml->handle(index, &device), what, error) ? device : NULL;
}

guint pino_nvml_mig_count(PinoNvml *nvml, PinoNvmlDevice *device) {
  unsigned int now = 0, pending = 0, count = 0;
  if (nvml->mig_mode == NULL || nvml->mig_count == NULL || nvml->mig_handle == NULL ||
      nvml->mig_mode(device, &now, &pending) != SUCCESS || now == 0 ||
      nvml->mig_count(device, &count) != SUCCESS)
    return 0;
  return count;
}

PinoNvmlDevice *pino_nvml_mig_device(PinoNvml *nvml, PinoNvmlDevice *device, guint number) {
  Device part = NULL;
  return nvml->mig_handle(device, number, &part) == SUCCESS ? part : NULL;
}

static char *device_text(int (*ask)(Device, char *, unsigned int), Device device) {
  char text[TEXT_SIZE] = "";
  if (ask == NULL || ask(device, text, sizeof text) != SUCCESS || *text == '\0')
    return NULL;
  return g_strndup(text, sizeof text);
}

char *pino_nvml_name(PinoNvml *nvml, PinoNvmlDevice *device) {
  return device_text(nvml->name, device);
}

char *pino_nvml_uuid(PinoNvml *nvml, PinoNvmlDevice *device) {
  return device_text(nvml->uuid, device);
}

char *pino_nvml_capability(PinoNvml *nvml, PinoNvmlDevice *device) {
  int major, minor;
  if (nvml->capability == NULL || nvml->capability(device, &major, &minor) != SUCCESS)
    return NULL;
  return g_strdup_printf("%d.%d", major, minor);
}

void pino_nvml_memory(PinoNvml *nvml, PinoNvmlDevice *device, guint64 *total, guint64 *used) {
  Memory memory;
  gboolean told = nvml->memory != NULL && nvml->memory(device, &memory) == SUCCESS;
  *total = told ? memory.total : G_MAXUINT64;
  *used = told ? memory.used : G_MAXUINT64;
}

int pino_nvml_utilisation(PinoNvml *nvml, PinoNvmlDevice *device) {
  Utilisation now;
  if (nvml->utilisation == NULL || nvml->utilisation(device, &now) != SUCCESS || now.gpu > 100)
    return -1;
  return (int)now.gpu;
}

int pino_nvml_temperature(PinoNvml *nvml, PinoNvmlDevice *device) {
  unsigned int degrees;
  if (nvml->temperature == NULL || nvml->temperature(device, TEMPERATURE_OF_GPU, &degrees) != SUCCESS)
    return -1;
  return degrees < 1000 ? (int)degrees : -1;
}

static PinoNvmlProcess *find_process(GArray *processes, guint pid) {
  for (guint i = 0; i < processes->len; i++) {
    PinoNvmlProcess *process = &g_array_index(processes, PinoNvmlProcess, i);
    if (process->pid == pid)
      return process;
  }
  return NULL;
}

static void add_process(GArray *processes, guint pid, guint64 memory) {
  PinoNvmlProcess *known = find_process(processes, pid);
  PinoNvmlProcess process = {.pid = pid, .memory = memory, .sm = -1};
  if (known == NULL)
    g_array_append_val(processes, process);
  else if (known->memory == G_MAXUINT64)
    known->memory = memory;
  else if (memory != G_MAXUINT64)
    known->memory += memory; /* of another instance of a card that is cut up */
}

/* Fills list with what ask gives, however many there are. What is not supported is an empty list. */
static gboolean ask_list(PinoNvml *nvml, Device device, ListProcesses ask, gsize size, GByteArray *list,
                         guint *count, GError **error) {
  enum { TRIES = 5, SPARE = 32 };
  int answer = INSUFFICIENT_SIZE;
  guint room = SPARE;
  for (int i = 0; i < TRIES && answer == INSUFFICIENT_SIZE; i++) {
    g_byte_array_set_size(list, (guint)(room * size));
    *count = room;
    answer = ask(device, count, list->data);
    if (answer == INSUFFICIENT_SIZE)
      room = MAX(room, MIN(*count, 1u << 20)) + SPARE;
  }
  *count = answer == SUCCESS ? MIN(*count, room) : 0;
  return answer == NOT_SUPPORTED || succeeded(nvml, answer, "the GPU's processes cannot be listed", error);
}

static gboolean list_processes(PinoNvml *nvml, Device device, ListProcesses v2, ListProcesses v1,
                               GArray *processes, GError **error) {
  gsize size = v2 != NULL ? sizeof(ProcessV2) : sizeof(ProcessV1);
  g_autoptr(GByteArray) list = g_byte_array_new();
  guint count;
  if (v2 == NULL && v1 == NULL)
    return TRUE;
  if (!ask_list(nvml, device, v2 != NULL ? v2 : v1, size, list, &count, error))
    return FALSE;
  for (guint i = 0; i < count; i++) {
    ProcessV1 process; /* how a ProcessV2 begins too */
    memcpy(&process, list->data + i * size, sizeof process);
    add_process(processes, process.pid, process.memory);
  }
  return TRUE;
}

/* A process that computes and draws is in both lists with the same memory. */
static void merge(GArray *processes, const GArray *more) {
  for (guint i = 0; i < more->len; i++) {
    const PinoNvmlProcess *process = &g_array_index(more, PinoNvmlProcess, i);
    PinoNvmlProcess *known = find_process(processes, process->pid);
    if (known == NULL)
      g_array_append_val(processes, *process);
    else if (known->memory == G_MAXUINT64 ||
             (process->memory != G_MAXUINT64 && process->memory > known->memory))
      known->memory = process->memory;
  }
}

/* Gives samples that are younger than since; NULL when there are none or none are to be had (*supported FALSE). */
static GArray *ask_samples(PinoNvml *nvml, Device device, guint64 since, gboolean *supported) {
  enum { SPARE = 16 };
  unsigned int count = 0;
  int answer = nvml->samples != NULL ? nvml->samples(device, NULL, &count, since) : NOT_SUPPORTED;
  g_autoptr(GArray) samples = g_array_new(FALSE, TRUE, sizeof(Sample));
  if (answer == INSUFFICIENT_SIZE && count > 0 && count < 1u << 20) {
    count += SPARE; /* for those that begin meanwhile */
    g_array_set_size(samples, count);
    answer = nvml->samples(device, (Sample *)(void *)samples->data, &count, since);
    g_array_set_size(samples, answer == SUCCESS ? MIN(count, samples->len) : 0);
  }
  *supported = answer == SUCCESS || answer == NOT_FOUND;
  return *supported ? g_steal_pointer(&samples) : NULL;
}

/* Each process's youngest sample counts, when it is of the second before the device's youngest; who has none that young
 * did nothing. Ages are told by the driver's stamps alone, since the machine's clock may be set. */
static void add_use(PinoNvml *nvml, Device device, guint64 *seen, GArray *processes) {
  gboolean supported;
  guint64 since = *seen > G_USEC_PER_SEC ? *seen - G_USEC_PER_SEC : 0;
  g_autoptr(GArray) samples = ask_samples(nvml, device, since, &supported);
  if (!supported)
    return;
  guint64 newest = *seen;
  for (guint i = 0; i < samples->len; i++)
    newest = MAX(newest, g_array_index(samples, Sample, i).time);
  *seen = newest;
  for (guint p = 0; p < processes->len; p++) {
    PinoNvmlProcess *process = &g_array_index(processes, PinoNvmlProcess, p);
    guint64 youngest = newest > G_USEC_PER_SEC ? newest - G_USEC_PER_SEC : 0;
    process->sm = 0;
    for (guint i = 0; i < samples->len; i++) {
      const Sample *sample = &g_array_index(samples, Sample, i);
      if (sample->pid != process->pid || sample->time < youngest || sample->sm > 100)
        continue;
      youngest = sample->time;
      process->sm = (int)sample->sm;
    }
  }
}

gboolean pino_nvml_processes(PinoNvml *nvml, PinoNvmlDevice *device, guint64 *seen, GArray **processes,
                             GError **error) {
  g_autoptr(GArray) computing = g_array_new(FALSE, FALSE, sizeof(PinoNvmlProcess));
  g_autoptr(GArray) drawing = g_array_new(FALSE, FALSE, sizeof(PinoNvmlProcess));
  if (!list_processes(nvml, device, nvml->computing, nvml->computing_v1, computing, error) ||
      !list_processes(nvml, device, nvml->drawing, nvml->drawing_v1, drawing, error))
    return FALSE;
  merge(computing, drawing);
  add_use(nvml, device, seen, computing);
  *processes = g_steal_pointer(&computing);
  return TRUE;
}
