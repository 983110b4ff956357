#include "environment/checkup.h"

#include <sys/utsname.h>

#include "environment/tools.h"

#define NETWORK_LIMIT_MS 3000
#define ASK_AT_ONCE 4
#define EXAMPLE_PORT 7860 /* Gradio's, which most apps have */

#if defined(__aarch64__)
#define ARCH "arm64"
#else
#define ARCH "x64"
#endif

static void clear_tool(gpointer data) {
  PinoToolState *tool = data;
  g_free(tool->path);
  g_free(tool->version);
  g_free(tool->trouble);
}

static void clear_disk(gpointer data) {
  g_clear_pointer(&((PinoDiskState *)data)->fs, pino_filesystem_free);
}

static void clear_advice(gpointer data) {
  g_free(((PinoAdvice *)data)->text);
}

/* --- tools ------------------------------------------------------------------------------------------------------- */

typedef struct {
  const PinoTool *tools;
  PinoToolState *states;
  gint count;
  gint next; /* atomic: the first that nobody has taken yet */
} Questions;

static void ask_version(const PinoTool *tool, PinoToolState *state) {
  g_autoptr(GError) error = NULL;
  if (state->path == NULL)
    return;
  state->version = pino_tool_version(state->path, tool->arguments, &error);
  state->trouble = error != NULL ? g_strdup(error->message) : NULL;
}

static gpointer ask_versions(gpointer data) {
  Questions *questions = data;
  for (gint i = g_atomic_int_add(&questions->next, 1); i < questions->count;
       i = g_atomic_int_add(&questions->next, 1))
    ask_version(&questions->tools[i], &questions->states[i]);
  return NULL;
}

/* Several at once: most of the time of each is the start of its interpreter. */
static void ask_tools(PinoCheckup *checkup, const char *home) {
  gsize count;
  const PinoTool *tools = pino_tools(&count);
  GThread *threads[ASK_AT_ONCE];
  g_array_set_size(checkup->tools, (guint)count);
  Questions questions = {
      .tools = tools, .states = (PinoToolState *)checkup->tools->data, .count = (gint)count};
  for (gsize i = 0; i < count; i++) {
    questions.states[i] =
        (PinoToolState){.name = tools[i].name, .why = tools[i].why, .required = tools[i].required};
    questions.states[i].path = pino_tool_find(home, tools[i].name);
  }
  for (guint i = 0; i < ASK_AT_ONCE; i++)
    threads[i] = g_thread_new("tools", ask_versions, &questions);
  for (guint i = 0; i < ASK_AT_ONCE; i++)
    g_thread_join(threads[i]);
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

static gpointer look_at_network(gpointer data) {
  return pino_network_look(data, NETWORK_LIMIT_MS, NULL);
}

static void add_disk(PinoCheckup *checkup, const char *what, const char *path, gboolean try) {
  PinoDiskState disk = {what, pino_filesystem_look("/", path, try)};
  g_array_append_val(checkup->disks, disk);
}

static void ask_disks(PinoCheckup *checkup) {
  const PinoPlace *place = checkup->facts->place;
  add_disk(checkup, "home", place->home, TRUE);
  if (place->persistent != NULL)
    add_disk(checkup, "persistent", place->persistent, FALSE);
  add_disk(checkup, "temporary", g_get_tmp_dir(), FALSE);
}

static void ask_system(PinoCheckup *checkup) {
  struct utsname about;
  checkup->system = g_get_os_info(G_OS_INFO_KEY_PRETTY_NAME);
  if (checkup->system == NULL)
    checkup->system = g_strdup("unknown");
  checkup->kernel =
      uname(&about) == 0 ? g_strdup_printf("%s %s", about.sysname, about.release) : g_strdup("unknown");
  checkup->arch = ARCH;
}

static PinoCheckup *checkup_alloc(const char *version) {
  PinoCheckup *checkup = g_new0(PinoCheckup, 1);
  checkup->version = g_strdup(version);
  checkup->example_port = EXAMPLE_PORT;
  checkup->disks = g_array_new(FALSE, FALSE, sizeof(PinoDiskState));
  g_array_set_clear_func(checkup->disks, clear_disk);
  checkup->tools = g_array_new(FALSE, TRUE, sizeof(PinoToolState));
  g_array_set_clear_func(checkup->tools, clear_tool);
  checkup->advice = g_array_new(FALSE, FALSE, sizeof(PinoAdvice));
  g_array_set_clear_func(checkup->advice, clear_advice);
  return checkup;
}

PinoCheckup *pino_checkup_new(const PinoCheckupOptions *options, GError **error) {
  /* Said before anything is waited for. */
  g_autoptr(PinoPlatform) platform = pino_platform_detect("/", NULL, options->platform, error);
  if (platform == NULL)
    return NULL;
  const PinoNetworkHost *hosts = options->hosts != NULL ? options->hosts : pino_network_hosts();
  const char *offline = g_getenv("PINOKIO_OFFLINE");
  gboolean quiet = options->no_network || (offline != NULL && *offline != '\0');
  GThread *network = g_thread_new("network", look_at_network, quiet ? NULL : (gpointer)hosts);
  PinoCheckup *checkup = checkup_alloc(options->version);
  checkup->facts = pino_facts_new("/", options->platform, NULL);
  ask_system(checkup);
  ask_tools(checkup, checkup->facts->place->home);
  ask_disks(checkup);
  checkup->addresses = pino_address_find(checkup->facts->platform, checkup->example_port);
  checkup->rules = pino_rules_find(checkup->facts->platform->id, NULL);
  checkup->network = g_thread_join(network);
  pino_checkup_advise(checkup);
  return checkup;
}

void pino_checkup_free(PinoCheckup *checkup) {
  if (checkup == NULL)
    return;
  g_free(checkup->version);
  g_free(checkup->system);
  g_free(checkup->kernel);
  g_clear_pointer(&checkup->facts, pino_facts_free);
  g_clear_pointer(&checkup->network, pino_network_free);
  g_clear_pointer(&checkup->addresses, pino_addresses_free);
  g_clear_pointer(&checkup->rules, g_ptr_array_unref);
  g_array_unref(checkup->disks);
  g_array_unref(checkup->tools);
  g_array_unref(checkup->advice);
  g_free(checkup);
}
