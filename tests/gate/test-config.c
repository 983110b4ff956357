/* What the engine writes is what the gate reads, and what makes no sense is named. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "gate/routes.h"

static char *make_path(void) {
  g_autofree char *folder = g_dir_make_tmp("pinokio-gate-XXXXXX", NULL);
  return g_build_filename(folder, "gate.json", NULL);
}

static void remove_path(const char *path) {
  g_autofree char *folder = g_path_get_dirname(path);
  (void)g_unlink(path);
  g_assert_cmpint(g_rmdir(folder), ==, 0);
}

static PinoGateShare *make_share(const char *id, const char *host) {
  PinoGateShare *share = pino_gate_share_new();
  share->id = g_strdup(id);
  share->port = 7860;
  g_strfreev(share->hosts);
  share->hosts = g_new0(char *, 2);
  share->hosts[0] = g_strdup(host);
  return share;
}

static PinoSlice slice(const char *text) {
  return (PinoSlice){text, strlen(text)};
}

static void test_round_trip(void) {
  g_autofree char *path = make_path();
  g_autoptr(PinoGateConfig) config = pino_gate_config_new();
  g_autoptr(GError) error = NULL;
  GStatBuf status;
  config->port = 42100;
  config->every_interface = TRUE;
  PinoGateShare *share = make_share("t1", "quick-fox.example");
  share->title = g_strdup("An \"app\" \303\244\n");
  share->passcode = pino_gate_seal("x");
  share->token = pino_gate_new_token();
  g_ptr_array_add(config->shares, share);
  g_ptr_array_add(config->shares, make_share("t2", "second.example"));
  g_assert_true(pino_gate_config_write(config, path, &error));
  g_assert_no_error(error);
  g_assert_cmpint(g_stat(path, &status), ==, 0);
  g_assert_cmpint(status.st_mode & 0777, ==, 0600);
  g_autoptr(PinoGateConfig) read = pino_gate_config_read(path, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(read->port, ==, 42100);
  g_assert_true(read->every_interface);
  g_assert_cmpstr(read->key, ==, config->key);
  g_assert_cmpuint(read->shares->len, ==, 2);
  const PinoGateShare *first = g_ptr_array_index(read->shares, 0),
                      *second = g_ptr_array_index(read->shares, 1);
  g_assert_cmpstr(first->title, ==, share->title);
  g_assert_cmpstr(first->passcode, ==, share->passcode);
  g_assert_cmpstr(first->token, ==, share->token);
  g_assert_cmpstr(first->address, ==, "127.0.0.1");
  g_assert_cmpuint(first->port, ==, 7860);
  g_assert_cmpstr(second->hosts[0], ==, "second.example");
  g_assert_null(second->passcode);
  g_assert_null(second->token);
  remove_path(path);
}

#define KEY "\"key\":\"00112233445566778899aabbccddeeff\""
#define SHARE "\"id\":\"a\",\"hosts\":[\"h\"],\"address\":\"127.0.0.1\",\"port\":1"

static void test_nonsense(void) {
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"", NULL},
      {"{", NULL},
      {"[]", "no object"},
      {"{\"port\":\"x\"," KEY ",\"shares\":[]}", "port"},
      {"{\"port\":70000," KEY ",\"shares\":[]}", "port"},
      {"{\"port\":1,\"shares\":[]}", "key"},
      {"{\"port\":1,\"key\":\"short\",\"shares\":[]}", "key"},
      {"{\"port\":1," KEY "}", "shares"},
      {"{\"port\":1," KEY ",\"shares\":[1]}", "share 1"},
      {"{\"port\":1," KEY ",\"shares\":[{}]}", "no id"},
      {"{\"port\":1," KEY ",\"shares\":[{\"id\":\"a\",\"hosts\":\"h\"}]}", "share 1 (a): its hosts"},
      {"{\"port\":1," KEY ",\"shares\":[{\"id\":\"a\",\"hosts\":[1]}]}", "its hosts"},
      {"{\"port\":1," KEY ",\"shares\":[{\"id\":\"a\",\"hosts\":[],\"address\":\"app\",\"port\":1}]}",
       "its address"},
      {"{\"port\":1," KEY ",\"shares\":[{\"id\":\"a\",\"hosts\":[],\"port\":0}]}", "its port"},
      {"{\"port\":1," KEY ",\"shares\":[{" SHARE ",\"passcode\":\"plain\"}]}", "not sealed"},
      {"{\"port\":1," KEY ",\"shares\":[{" SHARE ",\"token\":\"\"}]}", "token"},
      {"{\"port\":1," KEY ",\"shares\":[{" SHARE ",\"title\":[]}]}", "title"},
  };
  g_autofree char *path = make_path();
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(path, cases[i].text, -1, NULL));
    g_assert_null(pino_gate_config_read(path, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, path));
    if (cases[i].says != NULL && strstr(error->message, cases[i].says) == NULL)
      g_error("%s says %s", cases[i].text, error->message);
  }
  remove_path(path);
}

static void test_routes(void) {
  PinoGateConfig *config = pino_gate_config_new();
  g_ptr_array_add(config->shares, make_share("t1", "fox.example"));
  g_ptr_array_add(config->shares, make_share("t2", "[::1]"));
  PinoRoutes *routes = pino_routes_new(config);
  g_assert_cmpstr(pino_routes_find(routes, slice("Fox.Example:443"))->id, ==, "t1");
  g_assert_cmpstr(pino_routes_find(routes, slice("fox.example."))->id, ==, "t1");
  g_assert_cmpstr(pino_routes_find(routes, slice("[::1]:80"))->id, ==, "t2");
  g_assert_null(pino_routes_find(routes, slice("")));
  g_assert_null(pino_routes_find(routes, slice(":80")));
  g_assert_null(pino_routes_find(routes, slice("[")));
  g_assert_null(pino_routes_find(routes, slice("fox.example:80x")));
  g_assert_null(pino_routes_find(routes, slice("x.fox.example")));
  g_assert_null(pino_routes_find(routes, (PinoSlice){NULL, 0}));
  g_assert_true(pino_routes_lead_to(routes, "127.0.0.1", 7860));
  g_assert_false(pino_routes_lead_to(routes, "127.0.0.1", 7861));
  pino_routes_unref(routes);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gate/config/round-trip", test_round_trip);
  g_test_add_func("/gate/config/nonsense-is-named", test_nonsense);
  g_test_add_func("/gate/config/hosts-lead-to-shares", test_routes);
  return g_test_run();
}
