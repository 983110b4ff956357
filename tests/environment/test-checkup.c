/* What doctor advises: a look at this machine, in which one thing after the other is put wrong. */
#include <glib.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "environment/checkup.h"

static PinoCheckup *look(const char *platform) {
  g_autoptr(GError) error = NULL;
  PinoCheckupOptions options = {.version = "1.2.3", .platform = platform, .no_network = TRUE};
  PinoCheckup *checkup = pino_checkup_new(&options, &error);
  g_assert_no_error(error);
  return checkup;
}

static PinoFilesystem *home_of(PinoCheckup *checkup) {
  return g_array_index(checkup->disks, PinoDiskState, 0).fs;
}

/* A machine on which all is well, whatever this one is. */
static PinoCheckup *well(void) {
  PinoCheckup *checkup = look("local");
  PinoFilesystem *home = home_of(checkup);
  PinoFacts *facts = checkup->facts;
  static const PinoGpuInfo card = {.vendor = "nvidia"};
  home->kind = "disk";
  home->error = 0;
  home->read_only = home->no_exec = home->quota = FALSE;
  home->total = home->free = G_GUINT64_CONSTANT(1) << 40;
  home->files_free = G_MAXUINT64;
  home->writable = home->hard_links = home->symlinks = home->reflinks = PINO_YES;
  home->case_insensitive = PINO_NO;
  g_clear_pointer(&facts->gpus, g_array_unref);
  facts->gpus = g_array_new(FALSE, FALSE, sizeof(PinoGpuInfo));
  g_array_append_val(facts->gpus, card);
  g_clear_pointer(&facts->gpu_trouble, g_free);
  facts->place->ephemeral = FALSE;
  facts->ram = G_GUINT64_CONSTANT(1) << 36;
  facts->ram_limited = FALSE;
  checkup->network->can_bind = TRUE;
  g_clear_pointer(&checkup->network->proxies, g_strfreev);
  checkup->network->proxies = g_new0(char *, 1);
  for (guint i = 0; i < checkup->tools->len; i++) {
    PinoToolState *tool = &g_array_index(checkup->tools, PinoToolState, i);
    g_free(tool->path);
    g_free(tool->version);
    tool->path = g_strdup("/bin/x");
    tool->version = g_strdup("1.0");
  }
  return checkup;
}

/* The one advice that there is. */
static void advises(PinoCheckup *checkup, const char *id, PinoAdviceWeight weight, const char *words) {
  pino_checkup_advise(checkup);
  g_assert_cmpuint(checkup->advice->len, ==, 1);
  const PinoAdvice *advice = &g_array_index(checkup->advice, PinoAdvice, 0);
  g_assert_cmpstr(advice->id, ==, id);
  g_assert_cmpint(advice->weight, ==, weight);
  if (strstr(advice->text, words) == NULL)
    g_error("no '%s' in: %s", words, advice->text);
  g_assert_cmpint(checkup->complete, ==, weight != PINO_ADVICE_MUST);
  pino_checkup_free(checkup);
}

static void test_well(void) {
  g_autoptr(PinoCheckup) checkup = well();
  pino_checkup_advise(checkup);
  g_assert_cmpuint(checkup->advice->len, ==, 0);
  g_assert_true(checkup->complete);
}

static void test_gpu(void) {
  PinoCheckup *checkup = well();
  checkup->facts->gpu_trouble = g_strdup("versions differ");
  advises(checkup, "gpu-partly", PINO_ADVICE_WARNING, "but: versions differ");
  checkup = well();
  g_array_set_size(checkup->facts->gpus, 0);
  checkup->facts->gpu_trouble = g_strdup("the NVIDIA GPU at 0000:65:00.0 has no driver: install it");
  advises(checkup, "gpu-driver", PINO_ADVICE_WARNING, "no driver: install it");
  checkup = well();
  g_array_set_size(checkup->facts->gpus, 0);
  advises(checkup, "gpu-none", PINO_ADVICE_NOTE, "no GPU");
}

static void test_home(void) {
  PinoCheckup *checkup = well();
  home_of(checkup)->writable = PINO_NO;
  home_of(checkup)->read_only = TRUE;
  advises(checkup, "home-unwritable", PINO_ADVICE_MUST, "mounted read-only");
  checkup = well();
  home_of(checkup)->no_exec = TRUE;
  advises(checkup, "home-noexec", PINO_ADVICE_MUST, "noexec");
  checkup = well();
  home_of(checkup)->hard_links = PINO_NO;
  advises(checkup, "no-hard-links", PINO_ADVICE_NOTE, "stored twice");
  checkup = well();
  home_of(checkup)->symlinks = PINO_NO;
  advises(checkup, "no-symlinks", PINO_ADVICE_WARNING, "symbolic links");
  checkup = well();
  home_of(checkup)->case_insensitive = PINO_YES;
  advises(checkup, "case-insensitive", PINO_ADVICE_WARNING, "the same file");
  checkup = well();
  home_of(checkup)->kind = "memory";
  advises(checkup, "home-in-memory", PINO_ADVICE_WARNING, "takes RAM");
  checkup = well();
  checkup->facts->place->ephemeral = TRUE;
  g_clear_pointer(&checkup->facts->place->persistent, g_free);
  g_free(checkup->facts->place->persistent_why);
  checkup->facts->place->persistent_why = g_strdup("Google Drive is not mounted: mount it");
  advises(checkup, "home-passing", PINO_ADVICE_WARNING, "Google Drive is not mounted: mount it");
}

static void test_little_is_left(void) {
  PinoCheckup *checkup = well();
  home_of(checkup)->free = G_GUINT64_CONSTANT(10) << 30;
  pino_checkup_advise(checkup);
  g_assert_cmpuint(checkup->advice->len, ==, 0); /* just enough */
  home_of(checkup)->free -= 1;
  home_of(checkup)->quota = TRUE;
  advises(checkup, "disk-low", PINO_ADVICE_WARNING, "only 10.0 GiB are free");
  checkup = well();
  home_of(checkup)->files_free = 5;
  advises(checkup, "files-low", PINO_ADVICE_WARNING, "only 5 more files");
  checkup = well();
  checkup->facts->ram = G_GUINT64_CONSTANT(2) << 30;
  checkup->facts->ram_limited = TRUE;
  advises(checkup, "ram-low", PINO_ADVICE_WARNING, "raise its memory limit");
}

static void add_reach(PinoCheckup *checkup, const char *host, gboolean reached) {
  PinoReach reach = {g_strdup(host),
                     443,
                     g_strdup("downloading models"),
                     reached,
                     reached ? 5 : -1,
                     reached ? NULL : g_strdup("no answer in time")};
  g_array_append_val(checkup->network->reached, reach);
  checkup->network->tried = TRUE;
  checkup->network->online = checkup->network->online || reached;
}

static void test_network(void) {
  PinoCheckup *checkup = well();
  add_reach(checkup, "a.example", FALSE);
  advises(checkup, "offline", PINO_ADVICE_WARNING, "nothing outside is reached");
  checkup = well();
  add_reach(checkup, "a.example", FALSE);
  add_reach(checkup, "b.example", TRUE);
  advises(checkup, "host-missed", PINO_ADVICE_WARNING,
          "a.example is not reached (no answer in time): downloading models");
  checkup = well();
  add_reach(checkup, "192.0.2.1", TRUE);
  checkup->network->names = FALSE;
  advises(checkup, "no-names", PINO_ADVICE_WARNING, "/etc/resolv.conf");
  checkup = well();
  checkup->network->can_bind = FALSE;
  advises(checkup, "no-port", PINO_ADVICE_MUST, "no port");
}

static void test_tools(void) {
  PinoCheckup *checkup = well();
  g_clear_pointer(&g_array_index(checkup->tools, PinoToolState, 1).path, g_free);
  advises(checkup, "tools-missing", PINO_ADVICE_MUST, "git is missing: run setup/install.sh");
  checkup = well();
  g_clear_pointer(&g_array_index(checkup->tools, PinoToolState, 3).path, g_free);
  advises(checkup, "no-uv", PINO_ADVICE_NOTE, "uv is not here");
  checkup = well();
  g_clear_pointer(&g_array_index(checkup->tools, PinoToolState, 6).version, g_free);
  g_free(g_array_index(checkup->tools, PinoToolState, 6).trouble);
  g_array_index(checkup->tools, PinoToolState, 6).trouble = g_strdup("it told no version");
  advises(checkup, "tool-broken", PINO_ADVICE_WARNING, "node does not work: it told no version");
}

static void test_json(void) {
  g_autoptr(PinoCheckup) checkup = look("vast");
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GError) error = NULL;
  pino_checkup_append_json(checkup, out);
  json_parser_load_from_data(parser, out->str, -1, &error);
  g_assert_no_error(error);
  JsonObject *object = json_node_get_object(json_parser_get_root(parser));
  g_assert_cmpstr(json_object_get_string_member(object, "engine"), ==, "1.2.3");
  g_assert_cmpstr(json_object_get_string_member(json_object_get_object_member(object, "platform"), "id"), ==,
                  "vast");
  g_assert_cmpuint(json_array_get_length(json_object_get_array_member(object, "rules")), ==,
                   checkup->rules->len);
  g_assert_true(json_object_has_member(json_object_get_object_member(object, "disks"), "home"));
}

static void test_no_platform(void) {
  g_autoptr(GError) error = NULL;
  PinoCheckupOptions options = {.version = "1", .platform = "mars", .no_network = TRUE};
  g_assert_null(pino_checkup_new(&options, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_autofree char *home = g_build_filename(g_get_tmp_dir(), "pinokio-not-made", NULL);
  g_setenv("PINOKIO_HOME", home, TRUE);
  g_test_add_func("/environment/checkup/nothing-to-say", test_well);
  g_test_add_func("/environment/checkup/gpu", test_gpu);
  g_test_add_func("/environment/checkup/home", test_home);
  g_test_add_func("/environment/checkup/little-is-left", test_little_is_left);
  g_test_add_func("/environment/checkup/network", test_network);
  g_test_add_func("/environment/checkup/tools", test_tools);
  g_test_add_func("/environment/checkup/json", test_json);
  g_test_add_func("/environment/checkup/a-platform-that-is-none", test_no_platform);
  return g_test_run();
}
