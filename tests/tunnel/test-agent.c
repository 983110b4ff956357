/* Agents under real keepers. The agents are small shell scripts that print what the real ones print, on the same streams,
 * and misbehave. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "watch.h"

#define INF "2026-01-01T00:00:00Z \033[32mINF\033[0m "
#define ADDRESS(name) "echo '" INF "|  https://" name ".trycloudflare.com                 |' >&2\n"
#define REGISTERED "echo '" INF "Registered tunnel connection connIndex=0' >&2\n"
#define STAY "while :; do sleep 0.1; done" /* a shell that is about to wait heeds a signal only after that */
#define QUICK_MS 300

static void set_up(Watch *watch, gconstpointer data) {
  watch_init(watch);
}

static void tear_down(Watch *watch, gconstpointer data) {
  watch_clear(watch);
}

static gboolean has_file(Watch *watch, const char *name, const char *words) {
  g_autofree char *content = watch_read(watch, name);
  return content != NULL && strstr(content, words) != NULL;
}

/* --- addresses ------------------------------------------------------------------------------------------ */

static void test_address(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared",
                "echo '" INF "Requesting new quick Tunnel on trycloudflare.com...' >&2\n" ADDRESS("red-cat")
                    ADDRESS("red-cat") REGISTERED STAY);
  watch_start(watch, "cloudflare");
  g_assert_cmpint(pino_agent_pid(watch->agent), >, 0);
  g_assert_cmpstr(watch_address(watch, 1), ==, "https://red-cat.trycloudflare.com");
  wait_for(pino_agent_connected(watch->agent));
  g_assert_cmpuint(watch->addresses->len, ==, 1);
  g_assert_true(watch_said(watch, "Requesting new quick Tunnel"));
  g_autofree char *log = watch_read(watch, "logs/tunnels/t1.log");
  g_assert_nonnull(strstr(log, "red-cat"));
  g_assert_true(g_str_has_suffix(pino_agent_log(watch->agent), "/logs/tunnels/t1.log"));
}

static void test_another_address(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared",
                ADDRESS("one") "until [ -e go ]; do sleep 0.02; done\n" ADDRESS("two") ADDRESS("two") STAY);
  watch_start(watch, "cloudflare");
  watch_address(watch, 1);
  g_autofree char *go = place_file(&watch->place, "go");
  g_assert_true(g_file_set_contents(go, "", 0, NULL));
  g_assert_cmpstr(watch_address(watch, 2), ==, "https://two.trycloudflare.com");
}

static void test_cut_line(Watch *watch, gconstpointer data) {
  watch_program(
      watch, "cloudflared",
      "printf '|  https://red-c'\nuntil [ -e go ]; do sleep 0.02; done\nprintf 'at\\033[1m.tryclou'\n"
      "sleep 0.1\nprintf 'dflare.com |\\r\\n'\n" STAY);
  watch_start(watch, "cloudflare");
  wait_for(has_file(watch, "logs/tunnels/t1.log", "red-c"));
  g_autofree char *go = place_file(&watch->place, "go");
  g_assert_true(g_file_set_contents(go, "", 0, NULL));
  g_assert_cmpstr(watch_address(watch, 1), ==, "https://red-cat.trycloudflare.com");
}

static void test_endless_line(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared",
                "head -c 3000000 /dev/zero | tr '\\0' x\nprintf '\\377\\n'\n" ADDRESS("red-cat") STAY);
  watch_start(watch, "cloudflare");
  g_assert_cmpstr(watch_address(watch, 1), ==, "https://red-cat.trycloudflare.com");
  for (guint i = 0; i < watch->lines->len; i++)
    g_assert_cmpuint(strlen(g_ptr_array_index(watch->lines, i)), <, 512 * 1024);
}

static void test_localtunnel(Watch *watch, gconstpointer data) {
  g_autofree char *self = g_build_filename(watch->place.dir, "bin", "self", NULL);
  watch_program(watch, "self", "echo \"$*\" >arguments\necho 'your url is: https://x.loca.lt'\n" STAY);
  watch->spec.self = self;
  watch_start(watch, "localtunnel");
  g_assert_cmpstr(watch_address(watch, 1), ==, "https://x.loca.lt");
  g_autofree char *arguments = watch_read(watch, "arguments");
  g_assert_cmpstr(arguments, ==, "localtunnel --port 9123\n");
}

/* --- ngrok and its token -------------------------------------------------------------------------------- */

static void test_ngrok(Watch *watch, gconstpointer data) {
  g_setenv("NGROK_API_KEY", "not-for-the-agent", TRUE);
  watch_program(watch, "ngrok",
                "env >environment\ntr '\\0' ' ' </proc/$$/cmdline >arguments\n"
                "echo 'no JSON'\necho '{\"broken\":'\necho '[1]'\n"
                "echo '{\"lvl\":\"info\",\"msg\":\"started "
                "tunnel\",\"err\":\"<nil>\",\"url\":\"https://a.ngrok-free.app\"}'\n" STAY);
  watch_start(watch, "ngrok");
  g_assert_cmpstr(watch_address(watch, 1), ==, "https://a.ngrok-free.app");
  g_unsetenv("NGROK_API_KEY");
  g_autofree char *environment = watch_read(watch, "environment"),
                  *arguments = watch_read(watch, "arguments");
  g_assert_nonnull(strstr(environment, "NGROK_AUTHTOKEN=2abcdefghijklmnop_TOKEN\n"));
  g_assert_null(strstr(environment, "not-for-the-agent"));
  g_assert_null(strstr(arguments, "TOKEN"));
}

static void test_token_refused(Watch *watch, gconstpointer data) {
  watch_program(watch, "ngrok",
                "echo '{\"lvl\":\"eror\",\"msg\":\"failed to reconnect session\",\"err\":\"authentication "
                "failed: it is "
                "invalid.\\r\\nYour authtoken: '$NGROK_AUTHTOKEN'\\r\\n\\r\\nERR_NGROK_107\\r\\n\"}'\n" STAY);
  watch_start(watch, "ngrok");
  pid_t pid = pino_agent_pid(watch->agent);
  watch_failure(watch, PINO_TUNNEL_TOKEN, "Your authtoken: *** ERR_NGROK_107");
  g_autofree char *log = watch_read(watch, "logs/tunnels/t1.log");
  g_assert_nonnull(strstr(log, "Your authtoken: ****"));
  g_assert_null(strstr(log, "2abcdefghijklmnop_TOKEN"));
  g_assert_false(watch_said(watch, "2abcdefghijklmnop_TOKEN"));
  wait_for(!process_lives(pid)); /* it would have lived on */
}

static void test_no_token(Watch *watch, gconstpointer data) {
  watch->spec.ngrok_token = NULL;
  watch_program(watch, "ngrok", STAY);
  watch_start(watch, "ngrok");
  g_assert_cmpint(pino_agent_pid(watch->agent), ==, 0);
  watch_failure(watch, PINO_TUNNEL_TOKEN, "there is no token");
}

static void test_others_get_no_token(Watch *watch, gconstpointer data) {
  g_setenv("NGROK_AUTHTOKEN", "of-the-engine", TRUE);
  g_setenv("TUNNEL_TOKEN", "of-another-tunnel", TRUE);
  watch_program(watch, "cloudflared", "env >environment\n" ADDRESS("red-cat") STAY);
  watch_start(watch, "cloudflare");
  watch_address(watch, 1);
  g_unsetenv("NGROK_AUTHTOKEN");
  g_unsetenv("TUNNEL_TOKEN");
  g_autofree char *environment = watch_read(watch, "environment");
  g_assert_null(strstr(environment, "of-the-engine"));
  g_assert_null(strstr(environment, "of-another-tunnel"));
  g_assert_nonnull(strstr(environment, "PATH="));
}

/* --- failures ------------------------------------------------------------------------------------------- */

static void test_ends_at_once(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", "echo 'flag provided but not defined: -url'\nexit 3");
  watch_start(watch, "cloudflare");
  watch_failure(watch, PINO_TUNNEL_ENDED,
                "Cloudflare ended with exit status 3: flag provided but not defined: -url");
  g_assert_cmpint(pino_agent_pid(watch->agent), ==, 0);
}

static void test_ends_silently(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", "exit 0");
  watch_start(watch, "cloudflare");
  watch_failure(watch, PINO_TUNNEL_ENDED, "Cloudflare ended with exit status 0");
}

static void test_last_trouble(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared",
                ADDRESS("red-cat") "until [ -e go ]; do sleep 0.02; done\n"
                                   "echo '2026-01-01T00:00:00Z ERR Serve tunnel error error=\"EOF\"' >&2\n"
                                   "echo '" INF "Metrics server stopped' >&2\nexit 1");
  watch_start(watch, "cloudflare");
  watch_address(watch, 1);
  g_autofree char *go = place_file(&watch->place, "go");
  g_assert_true(g_file_set_contents(go, "", 0, NULL));
  watch_failure(watch, PINO_TUNNEL_ENDED, "Serve tunnel error error=\"EOF\"");
}

static void test_silent(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", "echo 'INF thinking'\n" STAY);
  watch->spec.silent_ms = QUICK_MS;
  watch_start(watch, "cloudflare");
  pid_t pid = pino_agent_pid(watch->agent);
  watch_failure(watch, PINO_TUNNEL_SILENT, "told no address within 1 seconds; its last words: INF thinking");
  wait_for(!process_lives(pid));
}

static void test_not_silent(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", ADDRESS("red-cat") STAY);
  watch->spec.silent_ms = QUICK_MS;
  watch_start(watch, "cloudflare");
  watch_address(watch, 1);
  gint64 until = g_get_monotonic_time() + 2 * QUICK_MS * 1000;
  while (g_get_monotonic_time() < until)
    turn(G_MAXINT64, "a turn");
  g_assert_false(watch->failed);
}

static void test_limited(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared",
                "echo '2026-01-01T00:00:00Z ERR Error unmarshaling QuickTunnel response: error code: 1015 "
                "error=\"x\" status_code=\"429 Too Many Requests\"' >&2\n"
                "echo 'failed to unmarshal quick Tunnel: invalid character' >&2\nexit 1");
  watch_start(watch, "cloudflare");
  watch_failure(watch, PINO_TUNNEL_LIMITED, "429 Too Many Requests");
}

static void test_killed(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", ADDRESS("red-cat") STAY);
  watch_start(watch, "cloudflare");
  watch_address(watch, 1);
  gint64 killed_at = g_get_monotonic_time();
  g_assert_cmpint(kill(pino_agent_pid(watch->agent), SIGKILL), ==, 0);
  watch_failure(watch, PINO_TUNNEL_ENDED, "was ended by signal 9");
  gint64 noticed_ms = (watch->failed_at - killed_at) / 1000;
  g_test_message("noticed after %" G_GINT64_FORMAT " ms", noticed_ms);
  g_assert_cmpint(noticed_ms, <, 2000);
}

static pid_t parent_of(pid_t pid) {
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid), *text = NULL;
  int parent = 0;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_assert_cmpint(sscanf(strrchr(text, ')') + 1, " %*c %d", &parent), ==, 1);
  return (pid_t)parent;
}

static void test_keeper_killed(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", ADDRESS("red-cat") STAY);
  watch_start(watch, "cloudflare");
  watch_address(watch, 1);
  pid_t pid = pino_agent_pid(watch->agent);
  g_assert_cmpint(kill(parent_of(pid), SIGKILL), ==, 0);
  watch_failure(watch, PINO_TUNNEL_ENDED, "is gone");
  wait_for(!process_lives(pid));
  g_clear_pointer(&watch->agent, pino_agent_free);
  g_autofree char *socket = place_file(&watch->place, "run/tunnels/t1.sock");
  (void)unlink(socket); /* nobody was left to take it away */
}

static void test_no_keeper(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", STAY);
  watch->spec.keeper = "/nonexistent/keeper";
  watch_start(watch, "cloudflare");
  watch_failure(watch, PINO_TUNNEL_ENDED, "/nonexistent/keeper");
}

static void test_bad_spec(Watch *watch, gconstpointer data) {
  static const char *const IDS[] = {NULL, "", "a/b", "../x"};
  static const PinoAgentEvents DEAF = {0};
  for (gsize i = 0; i < G_N_ELEMENTS(IDS); i++) {
    g_autoptr(GError) error = NULL;
    watch->spec.id = IDS[i];
    g_assert_null(pino_agent_start(pino_provider_find("ssh"), &watch->spec, &DEAF, NULL, &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  }
}

/* --- ending --------------------------------------------------------------------------------------------- */

static void test_stop(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", "trap 'echo bye >ended; exit 0' TERM\n" ADDRESS("red-cat") STAY);
  watch_start(watch, "cloudflare");
  watch_address(watch, 1);
  pid_t pid = pino_agent_pid(watch->agent);
  pino_agent_stop(watch->agent);
  g_clear_pointer(&watch->agent, pino_agent_free);
  wait_for(!process_lives(pid));
  g_autofree char *ended = watch_read(watch, "ended");
  g_assert_cmpstr(ended, ==, "bye\n");
  g_assert_false(watch->failed);
}

static void test_hangs(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", "trap '' TERM HUP INT\n" ADDRESS("red-cat") STAY);
  watch->spec.grace_ms = QUICK_MS;
  watch_start(watch, "cloudflare");
  watch_address(watch, 1);
  pid_t pid = pino_agent_pid(watch->agent);
  gint64 stopped_at = g_get_monotonic_time();
  pino_agent_stop(watch->agent);
  g_assert_cmpint(g_get_monotonic_time() - stopped_at, <, 100 * 1000);
  g_clear_pointer(&watch->agent, pino_agent_free);
  wait_for(!process_lives(pid));
  g_assert_cmpint(g_get_monotonic_time() - stopped_at, >=, QUICK_MS * 1000 / 2);
  g_assert_false(watch->failed);
}

/* The next one must not wait for a person, nor mix its lines with those of the one before. */
static void test_starts_while_other_ends(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", "trap 'echo late words' TERM\n" ADDRESS("old") STAY);
  watch->spec.grace_ms = QUICK_MS;
  watch_start(watch, "cloudflare");
  watch_address(watch, 1);
  pino_agent_stop(watch->agent);
  g_clear_pointer(&watch->agent, pino_agent_free);
  g_ptr_array_set_size(watch->addresses, 0);
  watch_program(watch, "cloudflared", ADDRESS("new") STAY);
  watch_start(watch, "cloudflare");
  g_assert_cmpstr(watch_address(watch, 1), ==, "https://new.trycloudflare.com");
  g_autofree char *log = watch_read(watch, "logs/tunnels/t1.log");
  g_assert_null(strstr(log, "old"));
  g_assert_null(strstr(log, "late words"));
}

static void test_replaces_a_running_one(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared", ADDRESS("old") STAY);
  watch_start(watch, "cloudflare");
  watch_address(watch, 1);
  pid_t pid = pino_agent_pid(watch->agent);
  g_clear_pointer(&watch->agent, pino_agent_free); /* goes on */
  g_assert_true(process_lives(pid));
  g_ptr_array_set_size(watch->addresses, 0);
  watch_program(watch, "cloudflared", ADDRESS("new") STAY);
  watch_start(watch, "cloudflare");
  g_assert_cmpstr(watch_address(watch, 1), ==, "https://new.trycloudflare.com");
  g_assert_false(process_lives(pid));
}

static void test_freed_in_events(Watch *watch, gconstpointer data) {
  static const char *const SCRIPT = ADDRESS("red-cat") ADDRESS("blue-cat") "exit 1";
  gboolean *const switches[] = {&watch->free_at_line, &watch->free_at_address, &watch->free_at_failure};
  watch_program(watch, "cloudflared", SCRIPT);
  for (gsize i = 0; i < G_N_ELEMENTS(switches); i++) {
    *switches[i] = TRUE;
    watch_start(watch, "cloudflare");
    wait_for(watch->agent == NULL);
    *switches[i] = FALSE;
    g_ptr_array_set_size(watch->addresses, 0);
    g_assert_cmpint(watch->failed, ==, i == 2);
  }
}

/* --- another engine --------------------------------------------------------------------------------------- */

/* What the engine is that gets killed: starts the agent of that home and says its pid once the address is there. */
static void hold(const char *home) {
  Watch watch = {0};
  g_autofree char *run_dir = g_build_filename(home, "run", NULL);
  watch_init(&watch);
  watch.spec.home = home;
  watch.spec.run_dir = run_dir;
  watch_start(&watch, "cloudflare");
  watch_address(&watch, 1);
  place_clear(&watch.place);
  printf("%d\n", (int)pino_agent_pid(watch.agent));
  fflush(stdout);
  for (;;)
    pause();
}

/* Gives the agent's pid. */
static pid_t be_killed(Watch *watch) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  char *argv[] = {self, (char *)"--hold", watch->place.dir, NULL};
  char line[16] = "";
  GPid pid;
  int out;
  g_assert_true(g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL,
                                         &out, NULL, NULL));
  g_assert_cmpint(read(out, line, sizeof line - 1), >, 0);
  g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
  g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
  close(out);
  return (pid_t)g_ascii_strtoll(line, NULL, 10);
}

static void test_attach(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared",
                ADDRESS("red-cat") REGISTERED "until [ -e go ]; do sleep 0.02; done\n" ADDRESS("new-cat")
                    STAY);
  pid_t pid = be_killed(watch);
  g_assert_true(process_lives(pid));
  watch_attach(watch, "cloudflare");
  g_assert_cmpint(pino_agent_pid(watch->agent), ==, pid);
  g_assert_cmpuint(watch->addresses->len, ==, 0);
  g_assert_cmpstr(watch_address(watch, 1), ==, "https://red-cat.trycloudflare.com");
  wait_for(pino_agent_connected(watch->agent));
  g_autofree char *go = place_file(&watch->place, "go");
  g_assert_true(g_file_set_contents(go, "", 0, NULL));
  g_assert_cmpstr(watch_address(watch, 2), ==, "https://new-cat.trycloudflare.com");
}

static void test_attach_ended(Watch *watch, gconstpointer data) {
  watch_program(watch, "cloudflared",
                ADDRESS("red-cat") "until [ -e go ]; do sleep 0.02; done\n"
                                   "echo '2026-01-01T00:00:00Z ERR Serve tunnel error' >&2\nexit 7");
  pid_t pid = be_killed(watch);
  g_autofree char *go = place_file(&watch->place, "go");
  g_assert_true(g_file_set_contents(go, "", 0, NULL));
  wait_for(!process_lives(pid));
  watch_attach(watch, "cloudflare");
  watch_failure(watch, PINO_TUNNEL_ENDED, "Serve tunnel error");
  g_assert_cmpuint(watch->addresses->len, ==, 1);
}

static void test_attach_unknown(Watch *watch, gconstpointer data) {
  static const PinoAgentEvents DEAF = {0};
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_agent_attach(pino_provider_find("ssh"), &watch->spec, &DEAF, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
}

/* --- fetching ------------------------------------------------------------------------------------------- */

#define INSTALL                                                                                              \
  "echo \"$*\" >fetched\necho 'downloading'\nprintf '#!/bin/sh\\necho https://red-cat.trycloudflare.com;"    \
  " read x\\n' >bin/cloudflared\nchmod +x bin/cloudflared"

static void fetch_with(Watch *watch, const char *script) {
  g_autofree char *runner = g_build_filename(watch->place.dir, "bin", "runner", NULL);
  watch_program(watch, "runner", script);
  watch->spec.runner = runner;
  watch_start(watch, "cloudflare");
  watch->spec.runner = NULL; /* the agent has its own copy */
  g_assert_cmpint(pino_agent_pid(watch->agent), ==, 0);
}

static void test_fetch(Watch *watch, gconstpointer data) {
  fetch_with(watch, INSTALL);
  g_assert_cmpstr(watch_address(watch, 1), ==, "https://red-cat.trycloudflare.com");
  g_assert_cmpint(pino_agent_pid(watch->agent), >, 0);
  g_assert_true(watch_said(watch, "downloading"));
  g_autofree char *fetched = watch_read(watch, "fetched");
  g_autofree char *wanted = g_strdup_printf("fetch-agent cloudflared %s\n", watch->place.dir);
  g_assert_cmpstr(fetched, ==, wanted);
}

static void test_fetch_fails(Watch *watch, gconstpointer data) {
  fetch_with(watch, "echo 'downloading'; echo 'cannot resolve the host' >&2; exit 1");
  watch_failure(watch, PINO_TUNNEL_MISSING, "could not be fetched: cannot resolve the host");
}

static void test_fetch_brings_nothing(Watch *watch, gconstpointer data) {
  fetch_with(watch, "exit 0");
  watch_failure(watch, PINO_TUNNEL_MISSING, "not where it should be");
}

static void test_fetch_stopped(Watch *watch, gconstpointer data) {
  fetch_with(watch, "echo $$ >pid\n" STAY);
  g_autofree char *pid = NULL;
  wait_for(has_file(watch, "pid", "\n"));
  pid = watch_read(watch, "pid");
  pino_agent_stop(watch->agent);
  g_clear_pointer(&watch->agent, pino_agent_free);
  wait_for(!process_lives((pid_t)g_ascii_strtoll(pid, NULL, 10)));
  g_assert_false(watch->failed);
}

static void test_nothing_to_fetch(Watch *watch, gconstpointer data) {
  watch_start(watch, "cloudflare");
  watch_failure(watch, PINO_TUNNEL_MISSING, "the program 'cloudflared' is not on this machine");
}

static const struct {
  const char *name;
  void (*test)(Watch *watch, gconstpointer data);
} tests[] = {
    {"/tunnel/agent/address-is-told-once", test_address},
    {"/tunnel/agent/another-address-is-told-again", test_another_address},
    {"/tunnel/agent/lines-may-be-cut-anywhere", test_cut_line},
    {"/tunnel/agent/a-line-without-end-does-no-harm", test_endless_line},
    {"/tunnel/agent/localtunnel-is-this-program", test_localtunnel},
    {"/tunnel/agent/ngrok-gets-its-token-by-environment", test_ngrok},
    {"/tunnel/agent/a-refused-token-is-in-no-log", test_token_refused},
    {"/tunnel/agent/no-token-no-start", test_no_token},
    {"/tunnel/agent/other-agents-get-no-token", test_others_get_no_token},
    {"/tunnel/agent/ends-at-once", test_ends_at_once},
    {"/tunnel/agent/ends-without-a-word", test_ends_silently},
    {"/tunnel/agent/the-last-trouble-is-the-reason", test_last_trouble},
    {"/tunnel/agent/silent-ones-are-ended", test_silent},
    {"/tunnel/agent/an-address-in-time-is-not-silence", test_not_silent},
    {"/tunnel/agent/rate-limited", test_limited},
    {"/tunnel/agent/a-killed-one-is-noticed", test_killed},
    {"/tunnel/agent/a-killed-keeper-is-noticed", test_keeper_killed},
    {"/tunnel/agent/without-a-keeper", test_no_keeper},
    {"/tunnel/agent/specs-that-make-no-sense", test_bad_spec},
    {"/tunnel/agent/stop-asks-first", test_stop},
    {"/tunnel/agent/stop-kills-what-hangs", test_hangs},
    {"/tunnel/agent/starts-while-the-one-before-ends", test_starts_while_other_ends},
    {"/tunnel/agent/replaces-one-that-runs", test_replaces_a_running_one},
    {"/tunnel/agent/may-be-freed-in-events", test_freed_in_events},
    {"/tunnel/agent/outlives-a-killed-engine", test_attach},
    {"/tunnel/agent/an-unwatched-end-is-told", test_attach_ended},
    {"/tunnel/agent/attach-to-nothing", test_attach_unknown},
    {"/tunnel/agent/a-missing-program-is-fetched", test_fetch},
    {"/tunnel/agent/a-fetch-that-fails", test_fetch_fails},
    {"/tunnel/agent/a-fetch-that-brings-nothing", test_fetch_brings_nothing},
    {"/tunnel/agent/a-fetch-is-stopped", test_fetch_stopped},
    {"/tunnel/agent/nothing-to-fetch-with", test_nothing_to_fetch},
};

int main(int argc, char **argv) {
  if (argc == 3 && g_str_equal(argv[1], "--hold"))
    hold(argv[2]);
  g_test_init(&argc, &argv, NULL);
  g_setenv("PATH", "/usr/bin:/bin", TRUE);
  /* Detached keepers come back to this process, so that it can see that they are gone. */
  g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].name, Watch, NULL, set_up, tests[i].test, tear_down);
  return g_test_run();
}
