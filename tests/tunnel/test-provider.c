/* What the providers make of an agent's lines, and how they start it. The lines are those that the real agents print. */
#include <glib/gstdio.h>
#include <string.h>

#include "../keeper/fixture.h"
#include "tunnel/provider.h"

#define BOX "2026-01-01T00:00:00Z INF |  "
#define LIMIT_LINE                                                                                           \
  "2026-01-01T00:00:00Z ERR Error unmarshaling QuickTunnel response: error code: 1015 "                      \
  "error=\"invalid character 'e' looking for beginning of value\" status_code=\"429 Too Many Requests\""

static const struct {
  const char *provider, *ssh, *line;
  PinoLineMeaning meaning;
  PinoTunnelFailure why;
  const char *text; /* or a part of it, when it begins with '*' */
} LINES[] = {
    /* cloudflared */
    {"cloudflare", NULL, BOX "https://red-blue-green-cat.trycloudflare.com                              |",
     PINO_LINE_ADDRESS, 0, "https://red-blue-green-cat.trycloudflare.com"},
    {"cloudflare", NULL, BOX "Your quick Tunnel has been created! Visit it at (it may take some time):  |",
     PINO_LINE_OTHER, 0, NULL},
    {"cloudflare", NULL, "2026-01-01T00:00:00Z INF Requesting new quick Tunnel on trycloudflare.com...",
     PINO_LINE_OTHER, 0, NULL},
    {"cloudflare", NULL,
     "failed to request quick Tunnel: Post \"https://api.trycloudflare.com/tunnel\": dial tcp: lookup "
     "api.trycloudflare.com: no such host",
     PINO_LINE_TROUBLE, PINO_TUNNEL_ENDED, "*no such host"},
    {"cloudflare", NULL, LIMIT_LINE, PINO_LINE_FATAL, PINO_TUNNEL_LIMITED, "*429 Too Many Requests"},
    {"cloudflare", NULL,
     "2026-01-01T00:00:00Z INF Registered tunnel connection connIndex=0 connection=1-2 event=0 ip=198.41.0.1 "
     "location=fra01 protocol=http2",
     PINO_LINE_CONNECTED, 0, NULL},
    {"cloudflare", NULL, "2026-01-01T00:00:00Z ERR Configuration file /x/y.yml was empty", PINO_LINE_OTHER, 0,
     NULL},
    {"cloudflare", NULL, "2026-01-01T00:00:00Z ERR Serve tunnel error error=\"EOF\" connIndex=0",
     PINO_LINE_TROUBLE, PINO_TUNNEL_ENDED, "Serve tunnel error error=\"EOF\" connIndex=0"},
    {"cloudflare", NULL, "INF | https://x.trycloudflare.com.evil.example |", PINO_LINE_OTHER, 0, NULL},
    {"cloudflare", NULL, "2026-01-01T00:00:00Z INF GOOS: linux, GOVersion: go1.24", PINO_LINE_OTHER, 0, NULL},
    /* ngrok */
    {"ngrok", NULL,
     "{\"t\":\"2026-01-01T00:00:00Z\",\"lvl\":\"info\",\"msg\":\"started "
     "tunnel\",\"obj\":\"tunnels\",\"name\":"
     "\"command_line\",\"addr\":\"http://127.0.0.1:8080\",\"url\":\"https://a-b.ngrok-free.app\"}",
     PINO_LINE_ADDRESS, 0, "https://a-b.ngrok-free.app"},
    {"ngrok", NULL,
     "{\"lvl\":\"info\",\"msg\":\"started "
     "tunnel\",\"addr\":{\"host\":\"x\"},\"url\":\"https://a.ngrok.app\"}",
     PINO_LINE_ADDRESS, 0, "https://a.ngrok.app"},
    {"ngrok", NULL, "{\"lvl\":\"info\",\"msg\":\"started tunnel\",\"url\":\"http://a.ngrok.io\"}",
     PINO_LINE_OTHER, 0, NULL},
    {"ngrok", NULL, "{\"lvl\":\"info\",\"msg\":\"started tunnel\",\"url\":{\"a\":1}}", PINO_LINE_OTHER, 0,
     NULL},
    {"ngrok", NULL, "{\"lvl\":\"info\",\"msg\":\"started tunnel\",\"url\":\"https://\"}", PINO_LINE_OTHER, 0,
     NULL},
    {"ngrok", NULL, "{\"err\":\"<nil>\",\"lvl\":\"info\",\"msg\":\"open config file\",\"path\":\"x.yml\"}",
     PINO_LINE_OTHER, 0, NULL},
    {"ngrok", NULL,
     "{\"err\":\"authentication failed: Usage of ngrok requires a verified account and authtoken.\\r\\n\\r\\n"
     "ERR_NGROK_4018\\r\\n\",\"lvl\":\"eror\",\"msg\":\"failed to reconnect "
     "session\",\"obj\":\"tunnels.session\"}",
     PINO_LINE_FATAL, PINO_TUNNEL_TOKEN,
     "authentication failed: Usage of ngrok requires a verified account and authtoken. ERR_NGROK_4018"},
    {"ngrok", NULL, "{\"err\":\"bad ERR_NGROK_105\",\"lvl\":\"eror\",\"msg\":\"x\"}", PINO_LINE_FATAL,
     PINO_TUNNEL_TOKEN, "bad ERR_NGROK_105"},
    {"ngrok", NULL,
     "{\"err\":\"bad\\u001b[2J\\u0007\\u009b\\u007f ERR_NGROK_105\",\"lvl\":\"eror\",\"msg\":\"x\"}",
     PINO_LINE_FATAL, PINO_TUNNEL_TOKEN, "bad [2J ERR_NGROK_105"},
    {"ngrok", NULL, "{\"err\":\"bad ERR_NGROK_107\",\"lvl\":\"crit\",\"msg\":\"x\"}", PINO_LINE_FATAL,
     PINO_TUNNEL_TOKEN, "bad ERR_NGROK_107"},
    {"ngrok", NULL, "{\"err\":\"limited ERR_NGROK_108\",\"lvl\":\"eror\",\"msg\":\"x\"}", PINO_LINE_FATAL,
     PINO_TUNNEL_LIMITED, "limited ERR_NGROK_108"},
    {"ngrok", NULL, "{\"err\":\"used up ERR_NGROK_725\",\"lvl\":\"eror\",\"msg\":\"x\"}", PINO_LINE_FATAL,
     PINO_TUNNEL_LIMITED, "used up ERR_NGROK_725"},
    {"ngrok", NULL, "{\"err\":\"online ERR_NGROK_334\",\"lvl\":\"eror\",\"msg\":\"x\"}", PINO_LINE_FATAL,
     PINO_TUNNEL_ENDED, "online ERR_NGROK_334"},
    {"ngrok", NULL, "{\"err\":\"gone ERR_NGROK_3200\",\"lvl\":\"eror\",\"msg\":\"x\"}", PINO_LINE_TROUBLE,
     PINO_TUNNEL_ENDED, "gone ERR_NGROK_3200"},
    {"ngrok", NULL, "{\"lvl\":\"crit\",\"msg\":\"command failed\"}", PINO_LINE_TROUBLE, PINO_TUNNEL_ENDED,
     "command failed"},
    {"ngrok", NULL, "ERROR:  authentication failed: no account", PINO_LINE_TROUBLE, PINO_TUNNEL_ENDED,
     "authentication failed: no account"},
    {"ngrok", NULL, "ERROR:  ERR_NGROK_107", PINO_LINE_FATAL, PINO_TUNNEL_TOKEN,
     "the token is invalid or was revoked (ERR_NGROK_107)"},
    {"ngrok", NULL, "ERROR:  ", PINO_LINE_OTHER, 0, NULL},
    {"ngrok", NULL, "not JSON at all https://x.ngrok-free.app", PINO_LINE_OTHER, 0, NULL},
    {"ngrok", NULL, "{\"lvl\":\"eror\",\"msg\":", PINO_LINE_OTHER, 0, NULL},
    {"ngrok", NULL, "{\"lvl\":7,\"msg\":null,\"err\":[]}", PINO_LINE_OTHER, 0, NULL},
    /* LocalTunnel, by this program */
    {"localtunnel", NULL, "your url is: https://brave-fox-7.loca.lt", PINO_LINE_ADDRESS, 0,
     "https://brave-fox-7.loca.lt"},
    {"localtunnel", NULL, "your url is: http://a.tunnel.example:8080", PINO_LINE_ADDRESS, 0,
     "http://a.tunnel.example:8080"},
    {"localtunnel", NULL, "pinokiocloud: gave up after 5 tries", PINO_LINE_TROUBLE, PINO_TUNNEL_ENDED,
     "*gave up after 5 tries"},
    {"localtunnel", NULL, "pinokiocloud: x was asked too often, it refuses for a while (429)",
     PINO_LINE_TROUBLE, PINO_TUNNEL_LIMITED, "*too often"},
    /* localhost.run */
    {"ssh", "nokey@localhost.run", "ab12cd.lhr.life tunneled with tls termination, https://ab12cd.lhr.life",
     PINO_LINE_ADDRESS, 0, "https://ab12cd.lhr.life"},
    {"ssh", "nokey@localhost.run", "my.own.example tunneled with tls termination, https://my.own.example",
     PINO_LINE_ADDRESS, 0, "https://my.own.example"},
    {"ssh", "nokey@localhost.run", "Welcome: https://admin.localhost.run/ and https://localhost.run/docs/",
     PINO_LINE_OTHER, 0, NULL},
    /* serveo */
    {"ssh", "serveo.net", "Forwarding HTTP traffic from https://3f9a-203-0-113-9.serveousercontent.com",
     PINO_LINE_ADDRESS, 0, "https://3f9a-203-0-113-9.serveousercontent.com"},
    {"ssh", "serveo.net", "see https://serveo.net/pricing", PINO_LINE_OTHER, 0, NULL},
    /* pinggy */
    {"ssh", "free@a.pinggy.io", "https://rnabc-203-0-113-9.a.free.pinggy.link", PINO_LINE_ADDRESS, 0,
     "https://rnabc-203-0-113-9.a.free.pinggy.link"},
    {"ssh", "free@free.pinggy.io", "https://abc.run.pinggy-free.link", PINO_LINE_ADDRESS, 0,
     "https://abc.run.pinggy-free.link"},
    {"ssh", "free@a.pinggy.io", "Upgrade at https://dashboard.pinggy.io or https://pinggy.io/#prices",
     PINO_LINE_OTHER, 0, NULL},
    {"ssh", "free@a.pinggy.io", "http://rnabc.a.free.pinggy.link", PINO_LINE_OTHER, 0, NULL},
    /* a server of one's own */
    {"ssh", "me@box.example.org", "Allocated port 40123 for remote forward to 127.0.0.1:9000",
     PINO_LINE_ADDRESS, 0, "http://box.example.org:40123"},
    {"ssh", "me@[2001:db8::1]:2222", "Allocated port 40123 for remote forward to 127.0.0.1:9000",
     PINO_LINE_ADDRESS, 0, "http://[2001:db8::1]:40123"},
    {"ssh", "me@box.example.org", "HTTPS: https://happy.tunnels.example.org", PINO_LINE_ADDRESS, 0,
     "https://happy.tunnels.example.org"},
    {"ssh", "me@box.example.org", " * Documentation:  https://help.ubuntu.com", PINO_LINE_OTHER, 0, NULL},
    {"ssh", "me@box.example.org", "Allocated port 99999 for remote forward to 127.0.0.1:9000",
     PINO_LINE_OTHER, 0, NULL},
    {"ssh", "me@192.0.2.7", "https://x.0.2.7", PINO_LINE_OTHER, 0, NULL},
    {"ssh", "me@h", "me@h: Permission denied (publickey,password).", PINO_LINE_TROUBLE, PINO_TUNNEL_TOKEN,
     "me@h: Permission denied (publickey,password)."},
    {"ssh", "me@h", "ssh: Could not resolve hostname h: Name or service not known", PINO_LINE_TROUBLE,
     PINO_TUNNEL_ENDED, "ssh: Could not resolve hostname h: Name or service not known"},
    {"ssh", "me@h", "ssh: connect to host h port 22: Connection refused", PINO_LINE_TROUBLE,
     PINO_TUNNEL_ENDED, "*Connection refused"},
    {"ssh", "me@h", "Error: remote port forwarding failed for listen port 80", PINO_LINE_TROUBLE,
     PINO_TUNNEL_ENDED, "*port forwarding failed"},
    {"ssh", "me@h", "Warning: Permanently added 'h' (ED25519) to the list of known hosts.", PINO_LINE_OTHER,
     0, NULL},
};

static void test_line(gconstpointer data) {
  gsize i = GPOINTER_TO_SIZE(data);
  const PinoAgentSpec spec = {.ssh = LINES[i].ssh, .gate_port = 9000};
  PinoAgentLine got = {0};
  pino_provider_find(LINES[i].provider)->read(&spec, LINES[i].line, FALSE, &got);
  g_test_message("%s", LINES[i].line);
  g_assert_cmpint(got.meaning, ==, LINES[i].meaning);
  if (got.meaning == PINO_LINE_TROUBLE || got.meaning == PINO_LINE_FATAL)
    g_assert_cmpint(got.why, ==, LINES[i].why);
  if (LINES[i].text != NULL && LINES[i].text[0] == '*')
    g_assert_nonnull(strstr(got.text, LINES[i].text + 1));
  else
    g_assert_cmpstr(got.text, ==, LINES[i].text);
  g_free(got.text);
}

static void test_later_lines(void) {
  const PinoAgentSpec spec = {.ssh = "me@box.example.org", .gate_port = 9000};
  PinoAgentLine got = {0};
  pino_provider_find("ssh")->read(&spec, "panel: https://panel.example.org", TRUE, &got);
  g_assert_cmpint(got.meaning, ==, PINO_LINE_OTHER);
  pino_provider_find("cloudflare")->read(&spec, LIMIT_LINE, TRUE, &got);
  g_assert_cmpint(got.meaning, ==, PINO_LINE_TROUBLE);
  g_assert_cmpint(got.why, ==, PINO_TUNNEL_ENDED);
  g_free(got.text);
}

/* --- commands ------------------------------------------------------------------------------------------- */

typedef struct {
  Place place;
  PinoAgentSpec spec;
} Fixture;

static void setup(Fixture *fixture, gconstpointer data) {
  place_init(&fixture->place);
  fixture->spec = (PinoAgentSpec){.home = fixture->place.dir,
                                  .run_dir = fixture->place.run_dir,
                                  .ngrok_token = "secret-token-1",
                                  .ssh = "nokey@localhost.run",
                                  .gate_port = 9123,
                                  .id = "t1"};
}

static void teardown(Fixture *fixture, gconstpointer data) {
  place_clear(&fixture->place);
}

/* The command line with one blank between its words; env as its own lines after it. */
static char *command_of(Fixture *fixture, const char *provider, char ***env) {
  g_autoptr(GError) error = NULL;
  PinoAgentCommand command = {g_ptr_array_new_with_free_func(g_free),
                              g_strdupv((char *[]){(char *)"A=1", NULL})};
  g_assert_true(pino_provider_find(provider)->command(&fixture->spec, "/bin/agent", &command, &error));
  g_assert_no_error(error);
  g_ptr_array_add(command.argv, NULL);
  char *line = g_strjoinv(" ", (char **)command.argv->pdata);
  g_ptr_array_unref(command.argv);
  if (env != NULL)
    *env = command.env;
  else
    g_strfreev(command.env);
  return line;
}

static void test_ngrok_command(Fixture *fixture, gconstpointer data) {
  g_auto(GStrv) env = NULL;
  g_autofree char *line = command_of(fixture, "ngrok", &env), *content = NULL;
  g_autofree char *config = g_build_filename(fixture->place.run_dir, "tunnels", "ngrok.yml", NULL);
  g_autofree char *wanted = g_strdup_printf(
      "/bin/agent http http://127.0.0.1:9123 --config %s --log stdout --log-format json", config);
  g_assert_cmpstr(line, ==, wanted);
  g_assert_cmpstr(g_environ_getenv(env, "NGROK_AUTHTOKEN"), ==, "secret-token-1");
  g_assert_cmpstr(g_environ_getenv(env, "A"), ==, "1");
  g_assert_true(g_file_get_contents(config, &content, NULL, NULL));
  g_assert_nonnull(strstr(content, "web_addr: false"));
  g_assert_null(strstr(content, "secret"));
}

static void test_cloudflare_command(Fixture *fixture, gconstpointer data) {
  g_autofree char *line = command_of(fixture, "cloudflare", NULL), *content = NULL;
  g_autofree char *config = g_build_filename(fixture->place.run_dir, "tunnels", "cloudflared.yml", NULL);
  g_autofree char *wanted =
      g_strdup_printf("/bin/agent tunnel --no-autoupdate --protocol http2 --metrics 127.0.0.1:0 "
                      "--config %s --url http://127.0.0.1:9123",
                      config);
  g_assert_cmpstr(line, ==, wanted);
  g_assert_true(g_file_get_contents(config, &content, NULL, NULL));
  g_assert_cmpstr(content, ==, "");
}

static void test_localtunnel_command(Fixture *fixture, gconstpointer data) {
  g_autofree char *line = command_of(fixture, "localtunnel", NULL);
  g_assert_cmpstr(line, ==, "/bin/agent localtunnel --port 9123");
}

static void test_ssh_command(Fixture *fixture, gconstpointer data) {
  static const struct {
    const char *ssh, *start, *end;
  } CASES[] = {
      {"nokey@localhost.run", "/bin/agent -T -R 80:127.0.0.1:9123 -o ", " -l nokey localhost.run"},
      {"serveo.net", "/bin/agent -T -R 80:127.0.0.1:9123 -o ", "INFO serveo.net"},
      {"free@a.pinggy.io", "/bin/agent -T -R 0:127.0.0.1:9123 -p 443 -o ", " -l free a.pinggy.io"},
      {"me@Box.Example.org:2222", "/bin/sh -c ssh=$1;", " -l me box.example.org"},
      {"me@[2001:db8::1]:2222", "/bin/sh -c ssh=$1;", " -l me 2001:db8::1"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
    fixture->spec.ssh = CASES[i].ssh;
    g_autofree char *line = command_of(fixture, "ssh", NULL);
    g_assert_true(g_str_has_prefix(line, CASES[i].start));
    g_assert_true(g_str_has_suffix(line, CASES[i].end));
    g_assert_nonnull(strstr(line, "BatchMode=yes"));
    g_assert_nonnull(strstr(line, "ExitOnForwardFailure=yes"));
    g_assert_nonnull(strstr(line, "/run/tunnels/known_hosts\""));
    g_assert_cmpint(strstr(CASES[i].ssh, ":2222") != NULL, ==, strstr(line, " -p 2222 ") != NULL);
  }
}

static void test_bad_servers(Fixture *fixture, gconstpointer data) {
  static const char *const BAD[] = {
      "",
      "-oProxyCommand=touch x",
      "me@-oProxyCommand=x",
      "me@host;ls",
      "me@host:0",
      "me@host:99999",
      "me@host:2x",
      "me@",
      "@host",
      "a b@host",
      "me@ho st",
      "me@[::1",
      "me@$(id)",
      "me@host:22:33",
  };
  PinoAgentLine got = {0};
  for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
    g_autofree char *why_not = NULL;
    fixture->spec.ssh = BAD[i];
    g_assert_false(pino_provider_can(pino_provider_find("ssh"), &fixture->spec, &why_not));
    g_assert_nonnull(strstr(why_not, "tunnel.ssh"));
    pino_provider_find("ssh")->read(&fixture->spec, "Allocated port 1 for remote forward to x", FALSE, &got);
    g_assert_cmpint(got.meaning, ==, PINO_LINE_OTHER);
  }
}

/* --- what is here --------------------------------------------------------------------------------------- */

static void test_can(Fixture *fixture, gconstpointer data) {
  const PinoProvider *cloudflare = pino_provider_find("cloudflare");
  g_autofree char *missing = NULL, *none = NULL, *found = NULL;
  g_assert_false(pino_provider_can(cloudflare, &fixture->spec, &missing));
  g_assert_cmpstr(missing, ==, "the program 'cloudflared' is not on this machine");
  fixture->spec.runner = "/bin/true";
  g_assert_true(pino_provider_can(cloudflare, &fixture->spec, &none));
  g_assert_null(none);
  fixture->spec.runner = NULL;
  g_autofree char *bin = place_file(&fixture->place, "bin"),
                  *path = g_build_filename(bin, "cloudflared", NULL);
  g_assert_cmpint(g_mkdir_with_parents(bin, 0755), ==, 0);
  g_assert_true(g_file_set_contents_full(path, "#!/bin/sh\n", -1, 0, 0755, NULL));
  g_assert_true(pino_provider_can(cloudflare, &fixture->spec, NULL));
  found = pino_provider_program(cloudflare, &fixture->spec);
  g_assert_cmpstr(found, ==, path);
}

static void test_can_without_token(Fixture *fixture, gconstpointer data) {
  static const char *const NONE[] = {NULL, ""};
  for (gsize i = 0; i < G_N_ELEMENTS(NONE); i++) {
    g_autofree char *why_not = NULL;
    fixture->spec.ngrok_token = NONE[i];
    fixture->spec.runner = "/bin/true";
    g_assert_false(pino_provider_can(pino_provider_find("ngrok"), &fixture->spec, &why_not));
    g_assert_nonnull(strstr(why_not, "`pinokiocloud settings tunnel.ngrok_token -`"));
  }
}

static void test_table(void) {
  static const char *const IDS[] = {"ngrok", "cloudflare", "localtunnel", "ssh"};
  const PinoProvider *const *all = pino_providers();
  for (gsize i = 0; i < G_N_ELEMENTS(IDS); i++) {
    g_assert_cmpstr(all[i]->id, ==, IDS[i]);
    g_assert_true(pino_provider_find(IDS[i]) == all[i]);
  }
  g_assert_null(all[G_N_ELEMENTS(IDS)]);
  g_assert_null(pino_provider_find("platform"));
  g_assert_null(pino_provider_find(NULL));
}

static const struct {
  const char *name;
  void (*test)(Fixture *fixture, gconstpointer data);
} tests[] = {
    {"/tunnel/provider/ngrok-command-has-no-token", test_ngrok_command},
    {"/tunnel/provider/cloudflare-command", test_cloudflare_command},
    {"/tunnel/provider/localtunnel-command", test_localtunnel_command},
    {"/tunnel/provider/ssh-commands", test_ssh_command},
    {"/tunnel/provider/ssh-servers-that-are-none", test_bad_servers},
    {"/tunnel/provider/can-with-a-program-or-a-runner", test_can},
    {"/tunnel/provider/cannot-without-a-token", test_can_without_token},
};

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(LINES); i++) {
    g_autofree char *name =
        g_strdup_printf("/tunnel/provider/line/%s/%02" G_GSIZE_FORMAT, LINES[i].provider, i);
    g_test_add_data_func(name, GSIZE_TO_POINTER(i), test_line);
  }
  g_test_add_func("/tunnel/provider/line/after-the-address", test_later_lines);
  g_test_add_func("/tunnel/provider/table", test_table);
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].name, Fixture, NULL, setup, tests[i].test, teardown);
  return g_test_run();
}
