/* Real bash on a real keeper. */
#include <glib/gstdio.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wait.h"
#include "js/value.h"
#include "shell/prompt.h"
#include "shell/shell.h"

typedef struct {
  PinoJs *js;
  char *folder;
  PinoShell *shell;
  GString *raw;  /* bytes that came */
  GString *text; /* the same, decoded */
  GString *told; /* triggers and notifications */
  gsize bytes;
  gboolean ended;
  int ended_code;
  const char *awaited; /* text that sets `seen` */
  gboolean seen;
} Scene;

static void on_output(const guint8 *bytes, gsize len, const char *text, gsize text_len, gpointer data) {
  Scene *scene = data;
  scene->bytes += len;
  if (scene->raw->len < 1 << 20) {
    g_string_append_len(scene->raw, (const char *)bytes, (gssize)len);
    g_string_append_len(scene->text, text, (gssize)text_len);
  }
  g_assert_true(g_utf8_validate_len(text, text_len, NULL));
  if (scene->awaited != NULL && strstr(scene->text->str, scene->awaited) != NULL)
    scene->seen = TRUE;
}

static void on_trigger(const char *action, JSValueRef event, gpointer data) {
  Scene *scene = data;
  g_autofree char *json = pino_js_to_json(scene->js, event, 0, NULL);
  g_string_append_printf(scene->told, "trigger:%s:%s ", action, json);
}

static void on_notify(JSValueRef notification, JSValueRef event, gpointer data) {
  Scene *scene = data;
  g_autofree char *what = pino_js_to_json(scene->js, notification, 0, NULL);
  g_autofree char *json = pino_js_to_json(scene->js, event, 0, NULL);
  g_string_append_printf(scene->told, "notify:%s:%s ", what, json);
}

static void on_ended(int exit_code, int signum, gpointer data) {
  Scene *scene = data;
  g_assert_false(scene->ended);
  scene->ended = TRUE;
  scene->ended_code = exit_code;
}

static void scene_open(Scene *scene) {
  g_autoptr(GError) error = NULL;
  *scene = (Scene){.js = pino_js_new(NULL),
                   .folder = g_dir_make_tmp("pino-shell-XXXXXX", &error),
                   .raw = g_string_new(NULL),
                   .text = g_string_new(NULL),
                   .told = g_string_new(NULL)};
  g_assert_no_error(error);
}

static void remove_folder(const char *folder) {
  const char *argv[] = {"rm", "-rf", folder, NULL};
  g_assert_true(
      g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
}

static void scene_close(Scene *scene) {
  g_clear_pointer(&scene->shell, pino_shell_free);
  pino_js_free(scene->js);
  remove_folder(scene->folder);
  g_free(scene->folder);
  g_string_free(scene->raw, TRUE);
  g_string_free(scene->text, TRUE);
  g_string_free(scene->told, TRUE);
}

static JSValueRef value(Scene *scene, const char *source) {
  g_autoptr(GError) error = NULL;
  g_autofree char *whole = g_strdup_printf("(%s)", source);
  JSValueRef result = pino_js_eval(scene->js, whole, NULL, &error);
  g_assert_no_error(error);
  return result;
}

static const PinoShellEvents shell_events = {
    .output = on_output, .trigger = on_trigger, .notify = on_notify, .ended = on_ended};

enum { INTERACTIVE = 1, INPUT = 2, DASH = 4 };

static void start(Scene *scene, const char *command, const char *on, int how) {
  g_autoptr(GError) error = NULL;
  g_autofree char *log = g_build_filename(scene->folder, "log", NULL);
  PinoShellSpec spec = {
      .js = scene->js,
      .shell = how & DASH ? "dash" : NULL,
      .command = command,
      .cwd = scene->folder,
      .log_path = log,
      .id = "test",
      .grace_ms = 2000,
      .interactive = (how & INTERACTIVE) != 0,
      .input = (how & INPUT) != 0,
      .default_handlers = TRUE,
      .on = on != NULL ? value(scene, on) : NULL,
  };
  scene->shell = pino_shell_start(&spec, &shell_events, scene, &error);
  g_assert_no_error(error);
}

static gboolean on_late(gpointer data) {
  g_error("waited too long");
  return G_SOURCE_REMOVE;
}

static void finish(Scene *scene, PinoShellResult *result) {
  g_autoptr(GError) error = NULL;
  guint limit = g_timeout_add_seconds(60, on_late, NULL);
  pino_shell_wait(scene->shell, NULL, result, &error);
  g_assert_no_error(error);
  g_source_remove(limit);
}

static char *event_json(Scene *scene, const PinoShellResult *result) {
  return result->event != NULL ? pino_js_to_json(scene->js, result->event, 0, NULL) : g_strdup("none");
}

static gboolean exists(Scene *scene, const char *name) {
  g_autofree char *path = g_build_filename(scene->folder, name, NULL);
  return g_file_test(path, G_FILE_TEST_EXISTS);
}

static gint64 read_number(Scene *scene, const char *name) {
  g_autofree char *path = g_build_filename(scene->folder, name, NULL);
  g_autofree char *text = NULL;
  gint64 until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
  while (!g_file_get_contents(path, &text, NULL, NULL) || strchr(text, '\n') == NULL) {
    g_assert_cmpint(g_get_monotonic_time(), <, until);
    g_clear_pointer(&text, g_free);
    g_assert_true(pino_wait_ms(5, NULL, NULL));
  }
  return g_ascii_strtoll(text, NULL, 10);
}

/* Waits until text has come. */
static void await(Scene *scene, const char *text) {
  guint limit = g_timeout_add_seconds(20, on_late, NULL);
  scene->awaited = text;
  scene->seen = strstr(scene->text->str, text) != NULL;
  g_assert_true(pino_wait(&scene->seen, NULL, NULL));
  g_source_remove(limit);
}

static gboolean is_alive(gint64 pid) {
  return kill((pid_t)pid, 0) == 0;
}

/* --- one command ----------------------------------------------------------------------------------------- */

static void command_ends_exactly(void) {
  Scene scene;
  scene_open(&scene);
  gint64 began = g_get_monotonic_time();
  start(&scene, "echo out-$((1+1)); exit 7", NULL, 0);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_test_message("%.1f ms", (double)(g_get_monotonic_time() - began) / 1e3);
  g_assert_true(result.ended);
  g_assert_cmpint(result.exit_code, ==, 7);
  g_assert_cmpint(result.signal, ==, 0);
  g_assert_cmpstr(result.output, ==, "out-2\n");
  g_assert_null(result.event);
  g_assert_null(result.break_errors);
  g_assert_true(scene.ended);
  g_assert_cmpint(scene.ended_code, ==, 7);
  g_assert_cmpstr(scene.raw->str, ==, "out-2\r\n");
  scene_close(&scene);
}

static void done_leaves_it_running(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "echo $$ > pid; echo at http://127.0.0.1:7861/; sleep 60",
        "[{event: '/http:\\\\/\\\\/[0-9.:]+/', done: true}]", 0);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_autofree char *event = event_json(&scene, &result);
  g_assert_cmpstr(event, ==, "[\"http://127.0.0.1:7861\"]");
  g_assert_false(result.ended);
  g_assert_cmpint(result.exit_code, ==, -1);
  gint64 pid = read_number(&scene, "pid");
  g_assert_true(is_alive(pid));
  g_assert_true(pino_shell_is_running(scene.shell));
  g_assert_true(pino_shell_stop(scene.shell, NULL, NULL));
  g_assert_false(is_alive(pid));
  scene_close(&scene);
}

static void kill_ends_all_of_it(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene,
        "setsid sh -c 'setsid sh -c \"echo \\$\\$ > grandchild; sleep 60\" & sleep 60' & "
        "while ! test -s grandchild; do :; done; echo MARK-$((40+2)); sleep 60; echo late > late",
        "[{event: '/MARK-[0-9]+/', kill: true}]", 0);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_autofree char *event = event_json(&scene, &result);
  g_assert_cmpstr(event, ==, "[\"MARK-42\"]");
  g_assert_true(result.ended);
  g_assert_null(result.break_errors);
  g_assert_cmpint(result.exit_code, ==, -1);
  g_assert_false(is_alive(read_number(&scene, "grandchild")));
  g_assert_false(exists(&scene, "late"));
  scene_close(&scene);
}

static void break_fails_the_step(void) {
  static const struct {
    const char *command, *on, *error;
  } cases[] = {
      {"printf 'Err'; echo 'or: bad thing'; sleep 60", NULL, "Error:"},
      {"printf 'Err'; echo 'or: bad thing'", NULL, "Error:"},
      {"printf 'Err'; echo 'or: harmless'", "[{event: '/error: harmless/i', break: false}]", NULL},
      {"printf 'Exc'; echo 'eption raised'; sleep 60", "[{event: '/exception raised/i', break: true}]",
       "Exception raised"},
      {"printf '\\033[31mError\\033[0m\\033[1m:\\033[0m x\\n'", NULL, "Error:"},
      {"echo 'Error: no triton'; echo x", NULL, NULL},
      {"echo out of memory; sleep 60", "[{event: /out of \\w+/, fail: true}]", "out of memory"},
      {"false", NULL, NULL},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    Scene scene;
    scene_open(&scene);
    start(&scene, cases[i].command, cases[i].on, 0);
    g_auto(PinoShellResult) result = {0};
    finish(&scene, &result);
    g_assert_true(result.ended);
    g_autofree char *errors = result.break_errors != NULL ? g_strjoinv("|", result.break_errors) : NULL;
    g_assert_cmpstr(errors, ==, cases[i].error);
    g_assert_cmpint(result.failed, ==, i == 6);
    scene_close(&scene);
  }
}

static void side_handlers_tell(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "echo step 1; echo step 2; echo done",
        "[{event: '/step (\\\\d)/', trigger: 'act'}, "
        "{event: '/step/', notify: true, once: true}]",
        0);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_assert_nonnull(strstr(scene.told->str, "trigger:act:[\"step 1\",\"1\"] "));
  g_assert_nonnull(strstr(scene.told->str, "trigger:act:[\"step 2\",\"2\"] "));
  g_assert_nonnull(strstr(scene.told->str, "notify:true:[\"step\"] "));
  g_assert_null(strstr(strstr(scene.told->str, "notify:") + 1, "notify:"));
  scene_close(&scene);
}

static void other_encodings_are_decoded(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "printf '\\xe4\\xbd\\xa0\\xe5\\xa5\\xbd ready \\xff\\xfe\\n'; printf 'caf\\xe9\\n'; sleep 60",
        "[{event: '/(\u4f60\u597d) ready/'}, {event: '/caf\u00e9/', done: true}]", 0);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_assert_false(result.ended);
  g_assert_nonnull(memchr(scene.raw->str, 0xe9, scene.raw->len));
  scene_close(&scene);
}

static void killed_from_outside_has_ended(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "echo $$ > pid; sleep 60; echo late", NULL, 0);
  kill((pid_t)read_number(&scene, "pid"), SIGKILL);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_assert_true(result.ended);
  g_assert_cmpint(result.signal, ==, SIGKILL);
  g_assert_cmpint(result.exit_code, ==, 128 + SIGKILL);
  scene_close(&scene);
}

static void lost_keeper_is_an_error(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "echo $PPID > keeper; sleep 60", NULL, 0);
  kill((pid_t)read_number(&scene, "keeper"), SIGKILL);
  g_autoptr(GError) error = NULL;
  g_auto(PinoShellResult) result = {0};
  g_assert_false(pino_shell_wait(scene.shell, NULL, &result, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_FAILED);
  g_assert_nonnull(strstr(error->message, "keeper"));
  scene_close(&scene);
}

static void cancelled_wait_leaves_it(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "sleep 60", NULL, 0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_cancellable_cancel(cancellable);
  g_autoptr(GError) error = NULL;
  g_auto(PinoShellResult) result = {0};
  g_assert_false(pino_shell_wait(scene.shell, cancellable, &result, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  g_assert_true(pino_shell_is_running(scene.shell));
  scene_close(&scene);
}

static void cursor_question_is_answered(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene,
        "stty raw -echo; printf '\\033[6n'; IFS= read -r -d R answer; stty sane; printf '%s' \"$answer\" | "
        "od -c",
        NULL, 0);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_assert_nonnull(strstr(result.output, "033   [   1   ;   1"));
  scene_close(&scene);
}

static void flood_is_bounded(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo THE-END",
        "[{event: '/never seen here/', done: true}]", 0);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_assert_cmpuint(scene.bytes, ==, 100000000 + 2 + 9);
  g_assert_cmpuint(strlen(result.output), <=, 1 << 20);
  g_assert_true(g_str_has_suffix(result.output, "x\nTHE-END\n"));
  scene_close(&scene);
}

static void wrong_handlers_are_told(void) {
  Scene scene;
  scene_open(&scene);
  g_autofree char *log = g_build_filename(scene.folder, "log", NULL);
  PinoShellSpec spec = {.js = scene.js,
                        .command = "true",
                        .log_path = log,
                        .id = "test",
                        .on = value(&scene, "[{event: '/[/'}]")};
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_shell_start(&spec, NULL, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_SCRIPT);
  g_clear_error(&error);
  spec.on = NULL;
  spec.interactive = TRUE;
  spec.shell = "python3";
  g_assert_null(pino_shell_start(&spec, NULL, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  scene_close(&scene);
}

/* --- interactive ----------------------------------------------------------------------------------------- */

static void input_command_ends_with_its_prompt(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "read -p na'me? ' name; echo \"hello $name!x\"; (exit 5)", NULL, INTERACTIVE | INPUT);
  await(&scene, "name? ");
  g_assert_true(pino_shell_write_input(scene.shell, "you\r", 4, NULL));
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_assert_true(result.ended);
  g_assert_cmpint(result.exit_code, ==, 5);
  g_assert_nonnull(strstr(result.output, "hello you!x\n"));
  g_assert_null(strstr(result.output, "echo"));
  scene_close(&scene);
}

static void echo_of_the_typed_line_does_not_match(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "X=MAR; echo ${X}K2; : MARK1 error:", "[{event: '/MARK\\\\d/'}]", INTERACTIVE | INPUT);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_autofree char *event = event_json(&scene, &result);
  g_assert_cmpstr(event, ==, "[\"MARK2\"]");
  g_assert_null(result.break_errors);
  g_assert_cmpint(result.exit_code, ==, 0);
  scene_close(&scene);
}

static void input_errors_fail_at_the_end(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "echo error: x; echo still here", NULL, INTERACTIVE | INPUT);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_assert_nonnull(strstr(result.output, "still here"));
  g_assert_cmpstr(result.break_errors[0], ==, "error:");
  scene_close(&scene);
}

static void ctrl_c_brings_the_prompt_back(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "sh -c 'echo go; exec sleep 60'; echo late", NULL, INTERACTIVE | INPUT);
  /* A program that prints has the terminal; between two programs bash may miss the key. */
  await(&scene, "go\r\n");
  g_assert_true(pino_shell_write_input(scene.shell, "\003", 1, NULL));
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_assert_cmpint(result.exit_code, ==, 130);
  g_assert_null(strstr(result.output, "late"));
  scene_close(&scene);
}

static void shell_that_exits_has_ended(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "exit 9", NULL, INTERACTIVE | INPUT);
  g_auto(PinoShellResult) result = {0};
  finish(&scene, &result);
  g_assert_true(result.ended);
  g_assert_cmpint(result.exit_code, ==, 9);
  scene_close(&scene);
}

/* Enters a message; what came back in reply. */
static void enter(Scene *scene, const char *message, gboolean enter_key, const char *on,
                  PinoShellReply *reply) {
  g_autoptr(GError) error = NULL;
  guint limit = g_timeout_add_seconds(20, on_late, NULL);
  pino_shell_reply_clear(reply);
  pino_shell_enter(scene->shell, message, enter_key, on != NULL ? value(scene, on) : NULL, NULL, reply,
                   &error);
  g_assert_no_error(error);
  g_source_remove(limit);
}

static void session_keeps_its_state(int how) {
  Scene scene;
  scene_open(&scene);
  start(&scene, "export A=1", NULL, INTERACTIVE | how);
  g_auto(PinoShellReply) reply = {0};
  enter(&scene, "export X=5", TRUE, "[{event: null, return: true}]", &reply);
  g_assert_cmpint(reply.handler, ==, 0);
  g_assert_true(reply.prompt);
  g_assert_cmpstr(reply.cleaned, ==, "");
  enter(&scene, "cd /; echo val-$A-$X-$PWD; false", TRUE, NULL, &reply);
  g_assert_cmpint(reply.handler, ==, -1);
  g_assert_true(reply.prompt);
  g_assert_cmpint(reply.exit_code, ==, 1);
  g_assert_cmpstr(reply.cleaned, ==, "val-1-5-/\n");
  enter(&scene, "for i in 1 2; do\n  echo \"it's $i\t\u4f60 50% \\\\ !x\"\ndone\nexport Y=6\n", TRUE, NULL,
        &reply);
  g_assert_cmpstr(reply.cleaned, ==, "it's 1\t\u4f60 50% \\ !x\nit's 2\t\u4f60 50% \\ !x\n");
  enter(&scene, "", TRUE, NULL, &reply);
  g_assert_true(reply.prompt);
  enter(&scene, "echo $Y )", TRUE, NULL, &reply);
  g_assert_cmpint(reply.exit_code, ==, 2);
  enter(&scene, "echo $Y", TRUE, "[{event: '/(6)/', return: 'x'}]", &reply);
  g_assert_cmpint(reply.handler, ==, 0);
  g_autofree char *json = pino_js_to_json(scene.js, reply.matches, 0, NULL);
  g_assert_cmpstr(json, ==, "[[\"6\",\"6\"]]");
  g_assert_cmpint(scene.ended, ==, FALSE);
  g_assert_true(pino_shell_stop(scene.shell, NULL, NULL));
  scene_close(&scene);
}

static void bash_session_keeps_its_state(void) {
  session_keeps_its_state(0);
}

static void dash_session_keeps_its_state(void) {
  session_keeps_its_state(DASH);
}

static void reply_comes_while_the_command_runs(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, NULL, NULL, INTERACTIVE);
  g_auto(PinoShellReply) reply = {0};
  enter(&scene, "echo Running on http://127.0.0.1:$((7000+860)); cat", TRUE,
        "[{event: '/(http:\\\\/\\\\/[0-9.]+:7860)/', return: '{{event.matches[0][1]}}'}]", &reply);
  g_autofree char *json = pino_js_to_json(scene.js, reply.matches, 0, NULL);
  g_assert_cmpstr(json, ==, "[[\"http://127.0.0.1:7860\",\"http://127.0.0.1:7860\"]]");
  g_assert_false(reply.prompt);
  g_assert_cmpint(reply.exit_code, ==, -1);
  /* What is typed now is the input of the program. */
  enter(&scene, "to the program", TRUE, "[{event: '/to the program\\\\s+to the program/'}]", &reply);
  g_assert_cmpint(reply.handler, ==, 0);
  enter(&scene, "\004", FALSE, "[{event: null}]", &reply);
  g_assert_true(reply.prompt);
  g_assert_cmpint(reply.exit_code, ==, 0);
  scene_close(&scene);
}

static void failed_command_ends_the_wait(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, NULL, NULL, INTERACTIVE);
  g_auto(PinoShellReply) reply = {0};
  enter(&scene, "echo no such; false", TRUE, "[{event: '/http/', return: 1}]", &reply);
  g_assert_cmpint(reply.handler, ==, -1);
  g_assert_true(reply.prompt);
  enter(&scene, "sh -c 'echo no good; exec sleep 60'", TRUE, "[{event: '/no good/', break: true}]", &reply);
  g_assert_cmpstr(reply.break_errors[0], ==, "no good");
  g_assert_true(pino_shell_write_input(scene.shell, "\003", 1, NULL));
  enter(&scene, "", FALSE, "[{event: null}]", &reply);
  /* With something left in the background there is still hope. */
  enter(&scene, "(sleep 0.3; echo http) &", TRUE, "[{event: '/http/', return: 1}]", &reply);
  g_assert_cmpint(reply.handler, ==, 0);
  scene_close(&scene);
}

static void written_text_waits_for_enter(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, NULL, NULL, INTERACTIVE);
  g_auto(PinoShellReply) reply = {0};
  enter(&scene, "echo on", FALSE, NULL, &reply);
  g_assert_false(reply.prompt);
  enter(&scene, "", FALSE, "[{event: null}]", &reply);
  g_assert_true(reply.prompt);
  enter(&scene, "e two", TRUE, NULL, &reply);
  g_assert_cmpstr(reply.cleaned, ==, "one two\n");
  enter(&scene, "cat <<END", TRUE, NULL, &reply);
  enter(&scene, "$((6*7))", TRUE, NULL, &reply);
  enter(&scene, "END", TRUE, NULL, &reply);
  g_assert_cmpstr(reply.cleaned, ==, "42\n");
  enter(&scene, "bash --norc -i", FALSE, NULL, &reply);
  enter(&scene, "\r", FALSE, "[{event: '/bash-/'}]", &reply);
  enter(&scene, "exit 4\r", FALSE, "[{event: null}]", &reply);
  g_assert_cmpint(reply.exit_code, ==, 4);
  scene_close(&scene);
}

static void redrawn_prompt_is_no_end(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, NULL, NULL, INTERACTIVE);
  g_auto(PinoShellReply) reply = {0};
  enter(&scene, "true", TRUE, NULL, &reply);
  enter(&scene, "\014\014echo a", FALSE, NULL, &reply);
  pino_shell_resize(scene.shell, 50, 20);
  enter(&scene, "; echo b; stty size", TRUE, NULL, &reply);
  g_assert_cmpstr(reply.cleaned, ==, "a\nb\n20 50\n");
  scene_close(&scene);
}

static void program_that_talks(void) {
  g_autofree char *python = g_find_program_in_path("python3");
  if (python == NULL) {
    g_test_skip("python3 is not installed");
    return;
  }
  Scene scene;
  scene_open(&scene);
  start(&scene, NULL, NULL, INTERACTIVE);
  g_auto(PinoShellReply) reply = {0};
  enter(&scene, "python3 -q -i", TRUE, "[{event: '/>>> /'}]", &reply);
  g_assert_cmpint(reply.handler, ==, 0);
  enter(&scene, "print('x' + str(6*7))", TRUE, "[{event: '/x(42)/'}]", &reply);
  g_assert_cmpint(reply.handler, ==, 0);
  enter(&scene, "raise SystemExit(3)", TRUE, NULL, &reply);
  g_assert_true(reply.prompt);
  g_assert_cmpint(reply.exit_code, ==, 3);
  scene_close(&scene);
}

static void ended_session_is_told(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, NULL, NULL, INTERACTIVE);
  g_auto(PinoShellReply) reply = {0};
  enter(&scene, "exit 6", TRUE, NULL, &reply);
  g_assert_true(reply.ended);
  g_assert_cmpint(reply.exit_code, ==, 6);
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_shell_enter(scene.shell, "true", TRUE, NULL, NULL, &reply, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
  scene_close(&scene);
}

static void stop_at_the_prompt_is_quick(void) {
  Scene scene;
  scene_open(&scene);
  start(&scene, NULL, NULL, INTERACTIVE);
  g_auto(PinoShellReply) reply = {0};
  enter(&scene, "setsid sh -c 'echo $$ > pid; sleep 60' & :", TRUE, NULL, &reply);
  gint64 pid = read_number(&scene, "pid");
  gint64 began = g_get_monotonic_time();
  g_assert_true(pino_shell_stop(scene.shell, NULL, NULL));
  g_assert_false(is_alive(pid));
  g_assert_cmpint(g_get_monotonic_time() - began, <, 1500 * 1000);
  scene_close(&scene);
}

int main(int argc, char *argv[]) {
  setlocale(LC_ALL, "C.UTF-8");
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/shell/command-ends-exactly", command_ends_exactly);
  g_test_add_func("/shell/done-leaves-it-running", done_leaves_it_running);
  g_test_add_func("/shell/kill-ends-all-of-it", kill_ends_all_of_it);
  g_test_add_func("/shell/break-fails-the-step", break_fails_the_step);
  g_test_add_func("/shell/side-handlers-tell", side_handlers_tell);
  g_test_add_func("/shell/other-encodings-are-decoded", other_encodings_are_decoded);
  g_test_add_func("/shell/killed-from-outside-has-ended", killed_from_outside_has_ended);
  g_test_add_func("/shell/lost-keeper-is-an-error", lost_keeper_is_an_error);
  g_test_add_func("/shell/cancelled-wait-leaves-it", cancelled_wait_leaves_it);
  g_test_add_func("/shell/cursor-question-is-answered", cursor_question_is_answered);
  g_test_add_func("/shell/flood-is-bounded", flood_is_bounded);
  g_test_add_func("/shell/wrong-handlers-are-told", wrong_handlers_are_told);
  g_test_add_func("/shell/input-command-ends-with-its-prompt", input_command_ends_with_its_prompt);
  g_test_add_func("/shell/echo-of-the-typed-line-does-not-match", echo_of_the_typed_line_does_not_match);
  g_test_add_func("/shell/input-errors-fail-at-the-end", input_errors_fail_at_the_end);
  g_test_add_func("/shell/ctrl-c-brings-the-prompt-back", ctrl_c_brings_the_prompt_back);
  g_test_add_func("/shell/shell-that-exits-has-ended", shell_that_exits_has_ended);
  g_test_add_func("/shell/bash-session-keeps-its-state", bash_session_keeps_its_state);
  g_test_add_func("/shell/dash-session-keeps-its-state", dash_session_keeps_its_state);
  g_test_add_func("/shell/reply-comes-while-the-command-runs", reply_comes_while_the_command_runs);
  g_test_add_func("/shell/failed-command-ends-the-wait", failed_command_ends_the_wait);
  g_test_add_func("/shell/written-text-waits-for-enter", written_text_waits_for_enter);
  g_test_add_func("/shell/redrawn-prompt-is-no-end", redrawn_prompt_is_no_end);
  g_test_add_func("/shell/program-that-talks", program_that_talks);
  g_test_add_func("/shell/ended-session-is-told", ended_session_is_told);
  g_test_add_func("/shell/stop-at-the-prompt-is-quick", stop_at_the_prompt_is_quick);
  return g_test_run();
}
