/* A library that answers as NVIDIA's does, by what environment variables ask for:
 *   FAKE_NVML_INIT      what nvmlInit answers
 *   FAKE_NVML_COUNT     how many GPUs (1)
 *   FAKE_NVML_LOST      index of one that is lost
 *   FAKE_NVML_DENY      comma-separated: memory, use, temperature, samples, list: answered as not supported;
 *                       forbidden: lists are not permitted
 *   FAKE_NVML_PROCESSES "LIST PID MEMORY" (LIST c or g; MEMORY ? for not told), separated by commas; GPU 0 only
 *   FAKE_NVML_SAMPLES   "PID TIME SM", separated by commas
 *   FAKE_NVML_MIG       GPU 0 is cut up into so many parts, the second of them not to be seen
 *   FAKE_NVML_LOG       file that gets a line for init and shutdown
 * Built with OLD it is a driver of long ago: no version in any name, no lists with instances, no samples.
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>

enum { NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, IS_LOST = 15 };

typedef struct {
  unsigned int pid;
  unsigned long long memory;
} Old;

typedef struct {
  unsigned int pid;
  unsigned long long memory;
  unsigned int gpu_instance, compute_instance;
} New;

typedef struct {
  unsigned int pid;
  unsigned long long time;
  unsigned int sm, memory, encoder, decoder;
} Sample;

#ifdef OLD
#define INIT nvmlInit
#define COUNT nvmlDeviceGetCount
#define HANDLE nvmlDeviceGetHandleByIndex
#define COMPUTE nvmlDeviceGetComputeRunningProcesses
#define GRAPHICS nvmlDeviceGetGraphicsRunningProcesses
typedef Old Process;
#else
#define INIT nvmlInit_v2
#define COUNT nvmlDeviceGetCount_v2
#define HANDLE nvmlDeviceGetHandleByIndex_v2
#define COMPUTE nvmlDeviceGetComputeRunningProcesses_v3
#define GRAPHICS nvmlDeviceGetGraphicsRunningProcesses_v3
typedef New Process;
#endif

int INIT(void);
int nvmlShutdown(void);
int COUNT(unsigned int *count);
int HANDLE(unsigned int index, void **device);
int COMPUTE(void *device, unsigned int *count, Process *list);
int GRAPHICS(void *device, unsigned int *count, Process *list);
const char *nvmlErrorString(int code);
int nvmlSystemGetDriverVersion(char *text, unsigned int size);
int nvmlDeviceGetName(void *device, char *text, unsigned int size);
int nvmlDeviceGetUUID(void *device, char *text, unsigned int size);
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory);
int nvmlDeviceGetUtilizationRates(void *device, unsigned int *rates);
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *degrees);
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor);
int nvmlDeviceGetProcessUtilization(void *device, Sample *samples, unsigned int *count,
                                    unsigned long long since);
int nvmlDeviceGetMigMode(void *device, unsigned int *now, unsigned int *pending);
int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned int *count);
int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned int index, void **part);

static long number_of(const char *name, long otherwise) {
  const char *text = g_getenv(name);
  return text != NULL ? strtol(text, NULL, 10) : otherwise;
}

static int denied(const char *word) {
  g_auto(GStrv) words =
      g_strsplit(g_getenv("FAKE_NVML_DENY") != NULL ? g_getenv("FAKE_NVML_DENY") : "", ",", -1);
  return g_strv_contains((const char *const *)words, word);
}

static void note(const char *line) {
  FILE *log = g_getenv("FAKE_NVML_LOG") != NULL ? fopen(g_getenv("FAKE_NVML_LOG"), "ae") : NULL;
  if (log == NULL)
    return;
  fprintf(log, "%s\n", line);
  fclose(log);
}

int INIT(void) {
  note("init");
  return (int)number_of("FAKE_NVML_INIT", 0);
}

int nvmlShutdown(void) {
  note("shutdown");
  return 0;
}

const char *nvmlErrorString(int code) {
  return code == 999 ? "Unknown Error" : "some error";
}

int COUNT(unsigned int *count) {
  *count = (unsigned int)number_of("FAKE_NVML_COUNT", 1);
  return 0;
}

/* A device's handle is its index and one. */
int HANDLE(unsigned int index, void **device) {
  if (number_of("FAKE_NVML_LOST", -1) == (long)index)
    return IS_LOST;
  *device = GUINT_TO_POINTER(index + 1);
  return 0;
}

static int put_text(const char *from, char *text, unsigned int size) {
  if (strlen(from) >= size)
    return INSUFFICIENT_SIZE;
  strcpy(text, from);
  return 0;
}

/* Handles of parts begin here. */
enum { FIRST_PART = 1000 };

int nvmlDeviceGetName(void *device, char *text, unsigned int size) {
  if (GPOINTER_TO_UINT(device) >= FIRST_PART)
    return put_text("Fake \"F100\" 80GB MIG 1g.10gb", text, size);
  return put_text("Fake \"F100\" 80GB", text, size);
}

int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory) {
  if (denied("memory"))
    return NOT_SUPPORTED;
  if (GPOINTER_TO_UINT(device) >= FIRST_PART) {
    memory[0] = 10ull << 30;
    memory[1] = memory[0] - (1ull << 20);
    memory[2] = 1ull << 20;
    return 0;
  }
  memory[0] = 80ull << 30;
  memory[2] = (unsigned long long)GPOINTER_TO_UINT(device) << 30;
  memory[1] = memory[0] - memory[2];
  return 0;
}

#ifndef OLD
int nvmlDeviceGetMigMode(void *device, unsigned int *now, unsigned int *pending) {
  *now = *pending = device == GUINT_TO_POINTER(1) && number_of("FAKE_NVML_MIG", -1) >= 0;
  return 0;
}

int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned int *count) {
  *count = 7;
  return 0;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned int index, void **part) {
  if (index == 1 || (long)index >= number_of("FAKE_NVML_MIG", 0))
    return NOT_FOUND;
  *part = GUINT_TO_POINTER(FIRST_PART + index);
  return 0;
}

int nvmlSystemGetDriverVersion(char *text, unsigned int size) {
  return put_text("550.54.15", text, size);
}

int nvmlDeviceGetUUID(void *device, char *text, unsigned int size) {
  unsigned int handle = GPOINTER_TO_UINT(device);
  g_autofree char *uuid = handle >= FIRST_PART ? g_strdup_printf("MIG-%u", handle - FIRST_PART)
                                               : g_strdup_printf("GPU-%u", handle - 1);
  return put_text(uuid, text, size);
}

int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
  *major = 9;
  *minor = 0;
  return 0;
}

int nvmlDeviceGetUtilizationRates(void *device, unsigned int *rates) {
  rates[0] = 42;
  rates[1] = 7;
  return denied("use") ? NOT_SUPPORTED : 0;
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *degrees) {
  *degrees = 55;
  return denied("temperature") || sensor != 0 ? NOT_SUPPORTED : 0;
}

int nvmlDeviceGetProcessUtilization(void *device, Sample *samples, unsigned int *count,
                                    unsigned long long since) {
  if (denied("samples"))
    return NOT_SUPPORTED;
  const char *text = g_getenv("FAKE_NVML_SAMPLES");
  g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", ",", -1);
  unsigned int room = samples != NULL ? *count : 0, fresh = 0;
  for (char **line = lines; *line != NULL; line++) {
    Sample sample = {0};
    g_assert_cmpint(sscanf(*line, "%u %llu %u", &sample.pid, &sample.time, &sample.sm), ==, 3);
    if (sample.time <= since)
      continue;
    if (fresh < room)
      samples[fresh] = sample;
    fresh++;
  }
  *count = fresh;
  return fresh == 0 ? NOT_FOUND : fresh > room ? INSUFFICIENT_SIZE : 0;
}
#endif

static int list(void *device, char kind, unsigned int *count, Process *processes) {
  if (denied("list"))
    return NOT_SUPPORTED;
  if (denied("forbidden"))
    return NO_PERMISSION;
  const char *text = g_getenv("FAKE_NVML_PROCESSES");
  g_auto(GStrv) lines = g_strsplit(text != NULL && device == GUINT_TO_POINTER(1) ? text : "", ",", -1);
  unsigned int room = *count;
  *count = 0;
  for (char **line = lines; *line != NULL; line++) {
    Process process = {0};
    char in, memory[32];
    g_assert_cmpint(sscanf(*line, " %c %u %31s", &in, &process.pid, memory), ==, 3);
    if (in != kind)
      continue;
    process.memory = *memory == '?' ? ~0ull : g_ascii_strtoull(memory, NULL, 10);
    if (*count < room)
      processes[*count] = process;
    ++*count;
  }
  return *count > room ? INSUFFICIENT_SIZE : 0;
}

int COMPUTE(void *device, unsigned int *count, Process *processes) {
  return list(device, 'c', count, processes);
}

int GRAPHICS(void *device, unsigned int *count, Process *processes) {
  return list(device, 'g', count, processes);
}
