/* What doctor advises: a table of checks, each of which has a line to say or nothing. */
#include <string.h>

#include "environment/checkup.h"

#define GIB (1024.0 * 1024 * 1024)
#define LOW_DISK (10 * GIB)
#define LOW_RAM (4 * GIB)
#define FEW_FILES 100000

static const PinoFilesystem *home_of(const PinoCheckup *checkup) {
  return g_array_index(checkup->disks, PinoDiskState, 0).fs;
}

char *pino_checkup_size(guint64 bytes) {
  g_autofree char *size = g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_auto(GStrv) parts =
      g_strsplit(size, "\302\240", -1); /* GLib's blank does not break, and is not found by who searches */
  return g_strjoinv(" ", parts);
}

/* --- what must be ------------------------------------------------------------------------------------------------ */

static char *tools_missing(const PinoCheckup *checkup) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < checkup->tools->len; i++) {
    const PinoToolState *tool = &g_array_index(checkup->tools, PinoToolState, i);
    if (tool->required && tool->path == NULL)
      g_ptr_array_add(names, (gpointer)tool->name);
  }
  g_ptr_array_add(names, NULL);
  g_autofree char *all = g_strjoinv(", ", (char **)names->pdata);
  return *all != '\0' ? g_strdup_printf(
                            "%s %s missing: run setup/install.sh, or install %s with the system's packages",
                            all, names->len > 2 ? "are" : "is", names->len > 2 ? "them" : "it")
                      : NULL;
}

static char *home_unwritable(const PinoCheckup *checkup) {
  const PinoFilesystem *home = home_of(checkup);
  if (home->error == 0 && home->writable != PINO_NO)
    return NULL;
  return g_strdup_printf("%s cannot be written%s: name another folder in PINOKIO_HOME", home->path,
                         home->read_only ? " (mounted read-only)" : "");
}

static char *home_no_exec(const PinoCheckup *checkup) {
  const PinoFilesystem *home = home_of(checkup);
  return home->no_exec
             ? g_strdup_printf("%s is mounted noexec, so no app can start its programs there: mount it "
                               "anew without, or name another folder in PINOKIO_HOME",
                               home->mount != NULL ? home->mount : home->path)
             : NULL;
}

static char *no_port(const PinoCheckup *checkup) {
  return checkup->network->can_bind
             ? NULL
             : g_strdup("no port can be listened on, so no app can show its page: does a "
                        "sandbox forbid it?");
}

/* --- GPU --------------------------------------------------------------------------------------------------------- */

static char *gpu_driver(const PinoCheckup *checkup) {
  const PinoFacts *facts = checkup->facts;
  return facts->gpus->len == 0 && facts->gpu_trouble != NULL
             ? g_strdup_printf("no GPU can be used: %s", facts->gpu_trouble)
             : NULL;
}

static char *gpu_partly(const PinoCheckup *checkup) {
  const PinoFacts *facts = checkup->facts;
  return facts->gpus->len > 0 && facts->gpu_trouble != NULL
             ? g_strdup_printf("the GPU can be used, but: %s", facts->gpu_trouble)
             : NULL;
}

/* Where a GPU is asked for, by each platform's own pages. */
static const struct {
  const char *platform, *how;
} accelerators[] = {
    {PINO_PLATFORM_COLAB, "choose one in the notebook's menu Runtime, Change runtime type"},
    {PINO_PLATFORM_KAGGLE, "choose one in the notebook's settings, Accelerator"},
    {PINO_PLATFORM_LIGHTNING, "switch the studio to a machine with one"},
    {PINO_PLATFORM_PAPERSPACE, "start the notebook on a machine with one"},
    {PINO_PLATFORM_STUDIOLAB, "start a GPU runtime on the project's page"},
    {PINO_PLATFORM_RUNPOD, "rent a pod with one"},
    {PINO_PLATFORM_VAST, "rent an instance with one"},
};

static char *gpu_none(const PinoCheckup *checkup) {
  if (checkup->facts->gpus->len > 0 || checkup->facts->gpu_trouble != NULL)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS(accelerators); i++)
    if (pino_platform_is(checkup->facts->platform, accelerators[i].platform))
      return g_strdup_printf("no GPU: apps that need one will refuse, others are slow; %s",
                             accelerators[i].how);
  return g_strdup("no GPU: apps that need one will refuse, others are slow");
}

/* --- places ------------------------------------------------------------------------------------------------------ */

static char *disk_low(const PinoCheckup *checkup) {
  const PinoFilesystem *home = home_of(checkup);
  if (home->error != 0 || home->total == 0 || (double)home->free >= LOW_DISK)
    return NULL;
  g_autofree char *left = pino_checkup_size(home->free);
  return g_strdup_printf(
      "only %s are free for %s%s, and one app with its models often takes more than 10 GiB: free some, "
      "or name another folder in PINOKIO_HOME",
      left, home->path, home->quota ? " by your quota" : "");
}

static char *files_low(const PinoCheckup *checkup) {
  const PinoFilesystem *home = home_of(checkup);
  if (home->error != 0 || home->files_free >= FEW_FILES)
    return NULL;
  return g_strdup_printf("only %" G_GUINT64_FORMAT
                         " more files can be made on the file system of %s; one app's Python "
                         "packages are tens of thousands",
                         home->files_free, home->path);
}

static char *home_in_memory(const PinoCheckup *checkup) {
  const PinoFilesystem *home = home_of(checkup);
  return g_str_equal(home->kind, "memory")
             ? g_strdup_printf(
                   "%s is in memory (%s): it takes RAM from the apps and is gone with the machine; name a "
                   "folder on a disk in PINOKIO_HOME",
                   home->path, home->type)
             : NULL;
}

static char *home_passing(const PinoCheckup *checkup) {
  const PinoPlace *place = checkup->facts->place;
  if (!place->ephemeral || place->persistent != NULL)
    return NULL;
  return g_strdup_printf("what is in %s does not stay (lost: %s); %s", place->home, place->lost,
                         place->persistent_why);
}

static char *hard_links(const PinoCheckup *checkup) {
  const PinoFilesystem *home = home_of(checkup);
  return home->hard_links == PINO_NO
             ? g_strdup_printf(
                   "%s has no hard links (%s): what two apps share is stored twice, and installs copy "
                   "instead of linking; a home on a local disk has none of that",
                   home->path, home->type != NULL ? home->type : "unknown")
             : NULL;
}

static char *symlinks(const PinoCheckup *checkup) {
  const PinoFilesystem *home = home_of(checkup);
  return home->symlinks == PINO_NO
             ? g_strdup_printf("%s has no symbolic links, so shared drives and virtual "
                               "environments fail there: name another folder in PINOKIO_HOME",
                               home->path)
             : NULL;
}

static char *case_insensitive(const PinoCheckup *checkup) {
  const PinoFilesystem *home = home_of(checkup);
  return home->case_insensitive == PINO_YES
             ? g_strdup_printf("%s takes 'A' and 'a' for the same file, which some apps cannot stand",
                               home->path)
             : NULL;
}

/* --- RAM, network, tools ----------------------------------------------------------------------------------------- */

static char *ram_low(const PinoCheckup *checkup) {
  const PinoFacts *facts = checkup->facts;
  if (facts->ram == 0 || (double)facts->ram >= LOW_RAM)
    return NULL;
  g_autofree char *all = pino_checkup_size(facts->ram);
  return g_strdup_printf("only %s of RAM%s: loading a model will often be killed; %s", all,
                         facts->ram_limited ? " are allowed to this container" : "",
                         facts->ram_limited ? "raise its memory limit" : "take a larger machine");
}

static char *offline(const PinoCheckup *checkup) {
  const PinoNetwork *network = checkup->network;
  if (!network->tried || network->online)
    return NULL;
  return g_strdup(
      network->proxies[0] != NULL
          ? "nothing outside is reached, nor the proxy that the environment names: check both"
          : "nothing outside is reached, so apps cannot be installed: check the network, or set https_proxy "
            "where there is a proxy (on Kaggle: turn Internet on in the notebook's settings)");
}

static char *no_names(const PinoCheckup *checkup) {
  const PinoNetwork *network = checkup->network;
  return network->tried && network->online && !network->names
             ? g_strdup("addresses are reached, but no host's name is found: check /etc/resolv.conf")
             : NULL;
}

static char *hosts_missed(const PinoCheckup *checkup) {
  const PinoNetwork *network = checkup->network;
  if (!network->tried || !network->online || !network->names || network->proxies[0] != NULL)
    return NULL;
  for (guint i = 0; i < network->reached->len; i++) {
    const PinoReach *reach = &g_array_index(network->reached, PinoReach, i);
    if (!reach->reached && !g_hostname_is_ip_address(reach->host))
      return g_strdup_printf("%s is not reached (%s): %s will fail", reach->host, reach->trouble,
                             reach->what);
  }
  return NULL;
}

static char *no_uv(const PinoCheckup *checkup) {
  for (guint i = 0; i < checkup->tools->len; i++) {
    const PinoToolState *tool = &g_array_index(checkup->tools, PinoToolState, i);
    if (g_str_equal(tool->name, "uv") && tool->path == NULL)
      return g_strdup("uv is not here: installs are slow, and apps that call it fail; run setup/install.sh");
  }
  return NULL;
}

static char *tools_broken(const PinoCheckup *checkup) {
  for (guint i = 0; i < checkup->tools->len; i++) {
    const PinoToolState *tool = &g_array_index(checkup->tools, PinoToolState, i);
    if (tool->path != NULL && tool->version == NULL)
      return g_strdup_printf("%s does not work: %s", tool->name, tool->trouble);
  }
  return NULL;
}

/* --- the table --------------------------------------------------------------------------------------------------- */

static const struct {
  const char *id;
  PinoAdviceWeight weight;
  char *(*check)(const PinoCheckup *checkup); /* NULL: all is well */
} checks[] = {
    {"tools-missing", PINO_ADVICE_MUST, tools_missing},
    {"home-unwritable", PINO_ADVICE_MUST, home_unwritable},
    {"home-noexec", PINO_ADVICE_MUST, home_no_exec},
    {"no-port", PINO_ADVICE_MUST, no_port},
    {"gpu-driver", PINO_ADVICE_WARNING, gpu_driver},
    {"gpu-partly", PINO_ADVICE_WARNING, gpu_partly},
    {"disk-low", PINO_ADVICE_WARNING, disk_low},
    {"files-low", PINO_ADVICE_WARNING, files_low},
    {"ram-low", PINO_ADVICE_WARNING, ram_low},
    {"home-in-memory", PINO_ADVICE_WARNING, home_in_memory},
    {"home-passing", PINO_ADVICE_WARNING, home_passing},
    {"no-symlinks", PINO_ADVICE_WARNING, symlinks},
    {"case-insensitive", PINO_ADVICE_WARNING, case_insensitive},
    {"offline", PINO_ADVICE_WARNING, offline},
    {"no-names", PINO_ADVICE_WARNING, no_names},
    {"host-missed", PINO_ADVICE_WARNING, hosts_missed},
    {"tool-broken", PINO_ADVICE_WARNING, tools_broken},
    {"gpu-none", PINO_ADVICE_NOTE, gpu_none},
    {"no-hard-links", PINO_ADVICE_NOTE, hard_links},
    {"no-uv", PINO_ADVICE_NOTE, no_uv},
};

const char *pino_advice_weight_name(PinoAdviceWeight weight) {
  static const char *const names[] = {"must", "warning", "note"};
  return names[weight];
}

void pino_checkup_advise(PinoCheckup *checkup) {
  g_array_set_size(checkup->advice, 0);
  checkup->complete = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(checks); i++) {
    PinoAdvice advice = {checks[i].id, checks[i].weight, checks[i].check(checkup)};
    if (advice.text == NULL)
      continue;
    checkup->complete = checkup->complete && advice.weight != PINO_ADVICE_MUST;
    g_array_append_val(checkup->advice, advice);
  }
}
