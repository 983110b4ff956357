/* Platforms are told by their markers, laid out below a root: alone, together with misleading ones, and in the places
 * where variables can be. */
#include <glib.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "cloud/platform.h"
#include "fake-root.h"

#define SECRET "not-for-anybodys-eyes"
#define MOST 6

typedef struct {
  const char *what;
  const char *env[MOST];   /* NAME=value */
  const char *paths[MOST]; /* files; with a slash at the end folders */
  const char *id;
} Case;

static const Case CASES[] = {
    {"nothing", {NULL}, {NULL}, "local"},
    {"kaggle-variable", {"KAGGLE_KERNEL_RUN_TYPE=Interactive"}, {NULL}, "kaggle"},
    {"kaggle-folder", {NULL}, {"kaggle/working/"}, "kaggle"},
    {"colab-runtime-address", {"TBE_RUNTIME_ADDR=172.28.0.1:8011"}, {NULL}, "colab"},
    {"colab-backend-version-empty", {"COLAB_BACKEND_VERSION="}, {NULL}, "colab"},
    {"colab-file", {NULL}, {"var/colab/hostname"}, "colab"},
    {"colab-image", {"COLAB_RELEASE_TAG=r1"}, {"content/", "opt/colab/"}, "colab"},
    {"lightning-variable", {"LIGHTNING_CLOUD_SPACE_ID=01abc"}, {NULL}, "lightning"},
    {"lightning-folder", {NULL}, {"teamspace/studios/this_studio/"}, "lightning"},
    {"runpod", {"RUNPOD_POD_ID=abc"}, {NULL}, "runpod"},
    {"vast-label", {"VAST_CONTAINERLABEL=C.1"}, {NULL}, "vast"},
    {"vast-file-of-root", {NULL}, {"root/.vast_containerlabel"}, "vast"},
    {"vast-file-of-image", {NULL}, {"etc/.vast_containerlabel"}, "vast"},
    {"vast-id-and-key", {"CONTAINER_ID=1", "CONTAINER_API_KEY=" SECRET}, {NULL}, "vast"},
    {"vast-id-and-port", {"CONTAINER_ID=1", "VAST_TCP_PORT_22=40001"}, {NULL}, "vast"},
    {"paperspace-id", {"PAPERSPACE_NOTEBOOK_ID=n"}, {NULL}, "paperspace"},
    {"paperspace-address", {"PAPERSPACE_FQDN=x.y"}, {NULL}, "paperspace"},
    {"paperspace-folders", {NULL}, {"notebooks/", "storage/"}, "paperspace"},
    {"studiolab-home", {"HOME=/home/studio-lab-user"}, {"home/studio-lab-user/"}, "studiolab"},
    {"studiolab-user", {"USER=studio-lab-user"}, {"home/studio-lab-user/"}, "studiolab"},
    {"docker", {NULL}, {".dockerenv"}, "container"},
    {"podman", {NULL}, {"run/.containerenv"}, "container"},
    {"systemd-container", {"container=lxc"}, {NULL}, "container"},
    /* What misleads. */
    {"kaggle-on-colabs-image",
     {"KAGGLE_KERNEL_RUN_TYPE=Batch", "COLAB_RELEASE_TAG=r1", "COLAB_BACKEND_VERSION=x"},
     {"content/", "opt/colab/"},
     "kaggle"},
    {"kaggle-folder-on-colabs-image",
     {"COLAB_BACKEND_VERSION=x"},
     {"kaggle/working/", "var/colab/hostname"},
     "kaggle"},
    {"colab-image-at-home", {"COLAB_RELEASE_TAG=r1"}, {".dockerenv", "content/"}, "container"},
    {"colab-image-on-a-pod",
     {"COLAB_RELEASE_TAG=r1", "RUNPOD_POD_ID=a"},
     {"content/", "opt/colab/"},
     "runpod"},
    {"colab-gpu-alone", {"COLAB_GPU="}, {NULL}, "local"},
    {"lightning-sdk-on-a-laptop", {"LIGHTNING_USER_ID=u", "LIGHTNING_API_KEY=" SECRET}, {NULL}, "local"},
    {"workspace-alone", {NULL}, {"workspace/", ".dockerenv"}, "container"},
    {"content-alone", {NULL}, {"content/"}, "local"},
    {"container-id-alone", {"CONTAINER_ID=1"}, {NULL}, "local"},
    {"vast-port-alone", {"VAST_TCP_PORT_22=1"}, {NULL}, "local"},
    {"notebooks-alone", {NULL}, {"notebooks/"}, "local"},
    {"studiolab-folder-alone", {"HOME=/home/me"}, {"home/studio-lab-user/"}, "local"},
    {"kaggle-working-is-a-file", {NULL}, {"kaggle/working"}, "local"},
    {"studio-in-docker", {NULL}, {".dockerenv", "teamspace/studios/this_studio/"}, "lightning"},
};

static void lay_out(const char *root, const char *const *paths) {
  for (; *paths != NULL; paths++) {
    g_autofree char *inside =
        g_str_has_suffix(*paths, "/") ? g_strconcat(*paths, "x", NULL) : g_strdup(*paths);
    fake_put(root, inside, "x");
  }
}

static PinoPlatform *detect(const char *root, const char *const *env) {
  g_autoptr(GError) error = NULL;
  PinoPlatform *platform = pino_platform_detect(root, env, NULL, &error);
  g_assert_no_error(error);
  return platform;
}

static void test_case(gconstpointer data) {
  const Case *about = data;
  char *root = fake_root_new();
  lay_out(root, about->paths);
  g_autoptr(PinoPlatform) platform = detect(root, about->env);
  g_assert_cmpstr(platform->id, ==, about->id);
  g_assert_false(platform->forced);
  gboolean plain = g_str_equal(about->id, "local");
  g_assert_cmpint(platform->rented, ==, !plain && !g_str_equal(about->id, "container"));
  g_assert_cmpint(platform->markers[0] == NULL, ==, plain);
  g_autofree char *told = g_strjoinv("; ", platform->markers);
  g_assert_null(strstr(told, SECRET));
  g_assert_null(strstr(told, root));
  fake_root_free(root);
}

static void test_both_signals_are_told(void) {
  const char *env[] = {"CONTAINER_ID=1", "VAST_TCP_PORT_8080=40001", "VAST_TCP_PORT_22=40002", NULL};
  char *root = fake_root_new();
  g_autoptr(PinoPlatform) platform = detect(root, env);
  g_autofree char *told = g_strjoinv("; ", platform->markers);
  g_assert_cmpstr(told, ==, "variable CONTAINER_ID; variable VAST_TCP_PORT_22");
  fake_root_free(root);
}

/* --- where variables come from ---- */

static void put_block(const char *root, const char *block, gsize length) {
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(root, "proc/1/environ", NULL);
  fake_put(root, "proc/1/environ", "");
  g_file_set_contents(path, block, (gssize)length, &error);
  g_assert_no_error(error);
}

static void test_first_process(void) {
  static const char block[] = "PATH=/bin\0RUNPOD_POD_ID=pod1\0EMPTY=\0nonsense\0=x\0LAST=unterminated";
  const char *env[] = {"HOME=/home/me", NULL};
  char *root = fake_root_new();
  put_block(root, block, sizeof block - 1);
  g_autoptr(PinoPlatform) platform = detect(root, env);
  g_assert_cmpstr(platform->id, ==, "runpod");
  g_assert_cmpstr(platform->markers[0], ==, "variable RUNPOD_POD_ID (of /proc/1/environ)");
  g_assert_cmpstr(pino_platform_env(platform, "RUNPOD_POD_ID"), ==, "pod1");
  g_assert_cmpstr(pino_platform_env(platform, "EMPTY"), ==, "");
  g_assert_cmpstr(pino_platform_env(platform, "LAST"), ==, "unterminated");
  g_assert_null(pino_platform_env(platform, "nonsense"));
  g_assert_null(pino_platform_env(platform, ""));
  fake_root_free(root);
}

static void test_order_of_sources(void) {
  static const char block[] =
      "A=first process\0B=first process\0C=first process\0D=first process\0HOME=/of/root";
  const char *env[] = {"A=own", "HOME=/home/me", NULL};
  char *root = fake_root_new();
  fake_put(root, "etc/environment", "A=etc\nB=\"etc\"\n# C=comment\n\nnonsense\n");
  fake_put(root, "etc/rp_environment",
           "export A=\"rp\"\nexport B=\"rp\"\nexport C=\"say \\\"rp\\\" \\$1\"\nexport E='one'\n");
  put_block(root, block, sizeof block - 1);
  g_autoptr(PinoPlatform) platform = detect(root, env);
  g_assert_cmpstr(pino_platform_env(platform, "A"), ==, "own");
  g_assert_cmpstr(pino_platform_env(platform, "B"), ==, "etc");
  g_assert_cmpstr(pino_platform_env(platform, "C"), ==, "say \"rp\" $1");
  g_assert_cmpstr(pino_platform_env(platform, "D"), ==, "first process");
  g_assert_cmpstr(pino_platform_env(platform, "E"), ==, "one");
  g_assert_cmpstr(platform->user_home, ==, "/home/me");
  g_auto(GStrv) names = pino_platform_env_names(platform, "");
  g_autofree char *all = g_strjoinv(" ", names);
  g_assert_cmpstr(all, ==, "A B C D E HOME");
  fake_root_free(root);
}

/* Studio Lab's user is who runs this, not who runs the first process. */
static void test_user_is_ones_own(void) {
  static const char block[] = "HOME=/home/studio-lab-user\0USER=studio-lab-user";
  const char *env[] = {"PATH=/bin", NULL};
  char *root = fake_root_new();
  fake_put(root, "home/studio-lab-user/x", "");
  put_block(root, block, sizeof block - 1);
  g_autoptr(PinoPlatform) platform = detect(root, env);
  g_assert_cmpstr(platform->id, ==, "local");
  g_assert_cmpstr(platform->user_home, !=, "/home/studio-lab-user");
  g_assert_true(g_path_is_absolute(platform->user_home));
  fake_root_free(root);
}

static void test_sources_that_are_no_files(void) {
  const char *env[] = {NULL};
  char *root = fake_root_new();
  fake_put(root, "etc/environment/a-folder", "x");
  fake_link(root, "etc/rp_environment", "/dev/zero");
  fake_link(root, "proc/1/environ", "environ");
  g_autoptr(PinoPlatform) platform = detect(root, env);
  g_assert_cmpstr(platform->id, ==, "local");
  fake_root_free(root);
}

static void test_endless_source(void) {
  const char *env[] = {NULL};
  char *root = fake_root_new();
  g_autofree char *big = g_strnfill(3 * 1024 * 1024, 'x');
  memcpy(big, "RUNPOD_POD_ID=a\n", 16);
  fake_put(root, "etc/environment", big);
  g_autoptr(PinoPlatform) platform = detect(root, env);
  g_assert_cmpstr(platform->id, ==, "runpod");
  fake_root_free(root);
}

/* --- by name ---- */

static void test_forced(void) {
  const char *env[] = {"RUNPOD_POD_ID=a", NULL};
  char *root = fake_root_new();
  for (const char *const *id = pino_platform_ids(); *id != NULL; id++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(PinoPlatform) platform = pino_platform_detect(root, env, *id, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(platform->id, ==, *id);
    g_assert_true(platform->forced);
    g_assert_cmpstr(pino_platform_env(platform, "RUNPOD_POD_ID"), ==, "a");
  }
  g_autoptr(PinoPlatform) empty = pino_platform_detect(root, env, "", NULL);
  g_assert_cmpstr(empty->id, ==, "runpod");
  fake_root_free(root);
}

static void test_forced_unknown(void) {
  const char *env[] = {NULL};
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_platform_detect("/", env, "Colab", &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  for (const char *const *id = pino_platform_ids(); *id != NULL; id++)
    g_assert_nonnull(strstr(error->message, *id));
}

static void test_json(void) {
  const char *env[] = {"CONTAINER_ID=1", "CONTAINER_API_KEY=" SECRET, NULL};
  char *root = fake_root_new();
  g_autoptr(PinoPlatform) platform = detect(root, env);
  g_autoptr(GString) text = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  pino_platform_append_json(platform, text);
  g_assert_null(strstr(text->str, SECRET));
  g_autoptr(JsonNode) node = json_from_string(text->str, &error);
  g_assert_no_error(error);
  JsonObject *object = json_node_get_object(node);
  g_assert_cmpstr(json_object_get_string_member(object, "id"), ==, "vast");
  g_assert_true(json_object_get_boolean_member(object, "rented"));
  g_assert_false(json_object_get_boolean_member(object, "forced"));
  g_assert_cmpuint(json_array_get_length(json_object_get_array_member(object, "markers")), ==, 2);
  fake_root_free(root);
}

/* Every command begins with it. */
static void test_quick(void) {
  enum { ROUNDS = 200 };
  g_autoptr(PinoPlatform) once = detect("/", NULL);
  gint64 start = g_get_monotonic_time();
  for (int i = 0; i < ROUNDS; i++) {
    g_autoptr(PinoPlatform) platform = detect("/", NULL);
    g_assert_cmpstr(platform->id, ==, once->id);
  }
  double us = (double)(g_get_monotonic_time() - start) / ROUNDS;
  g_test_minimized_result(us, "detection: %.0f us", us);
  if (g_test_perf())
    g_assert_cmpfloat(us, <, 1000);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autofree char *path = g_strconcat("/cloud/platform/", CASES[i].what, NULL);
    g_test_add_data_func(path, &CASES[i], test_case);
  }
  g_test_add_func("/cloud/platform/both-signals-are-told", test_both_signals_are_told);
  g_test_add_func("/cloud/platform/variables-of-the-first-process", test_first_process);
  g_test_add_func("/cloud/platform/order-of-sources", test_order_of_sources);
  g_test_add_func("/cloud/platform/user-is-ones-own", test_user_is_ones_own);
  g_test_add_func("/cloud/platform/sources-that-are-no-files", test_sources_that_are_no_files);
  g_test_add_func("/cloud/platform/endless-source", test_endless_source);
  g_test_add_func("/cloud/platform/forced", test_forced);
  g_test_add_func("/cloud/platform/forced-unknown", test_forced_unknown);
  g_test_add_func("/cloud/platform/json-without-values", test_json);
  g_test_add_func("/cloud/platform/quick", test_quick);
  return g_test_run();
}
