/* What git's words are taken for, and that no password leaves. The words are what git 2.34 to 2.47, ssh and git-lfs print. */
#include "lifecycle/giterror.h"

#include <string.h>

#include "base/error.h"
#include "lifecycle/clone.h"

typedef struct {
  const char *words;
  int status;
  PinoGitKind kind;
} Case;

static const Case cases[] = {
    {"fatal: unable to access 'https://nowhere.example/x.git/': Could not resolve host: nowhere.example", 128,
     PINO_GIT_UNREACHABLE},
    {"fatal: unable to access 'http://127.0.0.1:1/x.git/': Failed to connect to 127.0.0.1 port 1 after 0 ms: "
     "Couldn't "
     "connect to server",
     128, PINO_GIT_UNREACHABLE},
    {"ssh: Could not resolve hostname nowhere.example: Name or service not known\r\nfatal: Could not read "
     "from remote "
     "repository.",
     128, PINO_GIT_UNREACHABLE},
    {"error: RPC failed; curl 18 transfer closed with 4096 bytes remaining to read\nfetch-pack: unexpected "
     "disconnect "
     "while reading sideband packet\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output",
     128, PINO_GIT_CUT},
    {"error: RPC failed; curl 28 Operation too slow. Less than 1000 bytes/sec transferred the last 60 "
     "seconds\nfatal: the "
     "remote end hung up unexpectedly",
     128, PINO_GIT_CUT},
    {"fatal: unable to access 'https://h/x.git/': GnuTLS recv error (-110): The TLS connection was "
     "non-properly "
     "terminated.",
     128, PINO_GIT_CUT},
    {"fatal: could not read Username for 'https://github.com': terminal prompts disabled", 128,
     PINO_GIT_LOGIN},
    {"remote: Invalid username or password.\nfatal: Authentication failed for 'https://github.com/a/b/'", 128,
     PINO_GIT_LOGIN},
    {"git@github.com: Permission denied (publickey).\r\nfatal: Could not read from remote repository.", 128,
     PINO_GIT_LOGIN},
    {"ERROR: Repository not found.\r\nfatal: Could not read from remote repository.", 128, PINO_GIT_LOGIN},
    {"Host key verification failed.\r\nfatal: Could not read from remote repository.", 128,
     PINO_GIT_HOST_KEY},
    {"fatal: repository 'https://gitlab.com/a/b.git/' not found", 128, PINO_GIT_NOT_FOUND},
    {"fatal: repository '/tmp/none' does not exist", 128, PINO_GIT_NOT_FOUND},
    {"fatal: https://example.com/page/info/refs not valid: is this a git repository?", 128,
     PINO_GIT_NOT_FOUND},
    {"fatal: cannot create directory at 'big': No space left on device\nwarning: Clone succeeded, but "
     "checkout failed.",
     128, PINO_GIT_DISK_FULL},
    {"fatal: write error: No space left on device\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack "
     "output",
     128, PINO_GIT_DISK_FULL},
    {"error: index-pack died of signal 25\nfatal: index-pack failed", 128, PINO_GIT_DISK_FULL},
    {"error: unable to write file d/2\nfatal: unable to checkout working tree\nwarning: Clone succeeded, but "
     "checkout "
     "failed.",
     128, PINO_GIT_DISK_FULL},
    {"Cloning into 'x'...\nfatal: fetch-pack: invalid index-pack output", 128, PINO_GIT_STOPPED},
    {"fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate in certificate "
     "chain",
     128, PINO_GIT_TLS},
    {"fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none CRLfile: "
     "none",
     128, PINO_GIT_TLS},
    {"git-lfs filter-process: git-lfs: not found\nfatal: the remote end hung up unexpectedly", 128,
     PINO_GIT_LFS},
    {"batch response: Repository or object not found: http://h/x.git/info/lfs/objects/batch", 2,
     PINO_GIT_LFS},
    {"fatal: unable to access 'https://h/': The requested URL returned error: 429", 128, PINO_GIT_RATE},
    {"error: RPC failed; HTTP 429 curl 22 The requested URL returned error: 429", 128, PINO_GIT_RATE},
    {"fatal: unable to access 'https://h/': Could not resolve proxy: proxy.example", 128, PINO_GIT_PROXY},
    {"fatal: unable to access 'https://h/': Received HTTP code 407 from proxy after CONNECT", 128,
     PINO_GIT_PROXY},
    {"fatal: unable to access 'https://h/': CONNECT tunnel failed, response 403", 128, PINO_GIT_PROXY},
    {"fatal: unable to access 'https://h/': The requested URL returned error: 503", 128, PINO_GIT_SERVER},
    {"warning: Could not find remote branch v9 to clone.\nfatal: Remote branch v9 not found in upstream "
     "origin",
     128, PINO_GIT_BRANCH},
    {"fatal: couldn't find remote ref refs/heads/gone", 128, PINO_GIT_BRANCH},
    {"fatal: dumb http transport does not support shallow capabilities", 128, PINO_GIT_SHALLOW},
    {"fatal: detected dubious ownership in repository at '/x'", 128, PINO_GIT_OWNER},
    {"fatal: Unable to create '/x/.git/index.lock': File exists.", 128, PINO_GIT_LOCKED},
    {"bash: line 1: git: command not found", 127, PINO_GIT_MISSING},
    {"", 127, PINO_GIT_MISSING},
    {NULL, -1, PINO_GIT_UNKNOWN},
    {"Receiving objects:  42% (42/100)\rfatal: something quite new", 128, PINO_GIT_UNKNOWN},
};

static void test_kinds(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    const char *got = pino_git_kind_name(pino_git_kind(cases[i].words, cases[i].status));
    g_test_message("%s", cases[i].words);
    g_assert_cmpstr(got, ==, pino_git_kind_name(cases[i].kind));
  }
}

static void test_every_kind_has_a_name_and_words(void) {
  for (PinoGitKind kind = PINO_GIT_UNKNOWN; kind <= PINO_GIT_MISSING; kind++) {
    g_autoptr(GError) error = NULL;
    g_assert_nonnull(pino_git_kind_name(kind));
    g_assert_false(pino_git_fail(&error, kind, "https://h/x.git", NULL));
    g_assert_nonnull(strstr(error->message, "https://h/x.git"));
    g_assert_null(strstr(error->message, "%"));
  }
}

static void test_only_what_passes_is_tried_again(void) {
  static const PinoGitKind never[] = {PINO_GIT_LOGIN, PINO_GIT_NOT_FOUND, PINO_GIT_DISK_FULL,
                                      PINO_GIT_TLS,   PINO_GIT_BRANCH,    PINO_GIT_UNKNOWN};
  g_assert_nonnull(pino_git_kind_passing(PINO_GIT_CUT));
  g_assert_nonnull(pino_git_kind_passing(PINO_GIT_RATE));
  for (gsize i = 0; i < G_N_ELEMENTS(never); i++)
    g_assert_null(pino_git_kind_passing(never[i]));
}

static void test_urls_without_logins(void) {
  static const char *const urls[][2] = {
      {"https://me:secret@github.com/a/b.git", "https://github.com/a/b.git"},
      {"https://secret@h/a", "https://h/a"},
      {"https://me:p@ss@h/a@b", "https://h/a@b"},
      {"https://h/a.git?token=secret", "https://h/a.git"},
      {"git@github.com:a/b.git", "git@github.com:a/b.git"},
      {"/some/folder?x", "/some/folder?x"},
      {"", ""},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
    g_autofree char *shown = pino_git_url_shown(urls[i][0]);
    g_assert_cmpstr(shown, ==, urls[i][1]);
  }
}

static void test_no_password_in_errors(void) {
  g_autoptr(GError) error = NULL;
  pino_git_fail(&error, PINO_GIT_UNKNOWN, "https://me:secret@h/x.git",
                "fatal: cannot do it with 'https://me:secret@h/x.git'\r\n");
  g_assert_null(strstr(error->message, "secret"));
  g_assert_nonnull(strstr(error->message, "(git: cannot do it with 'https://h/x.git')"));
}

static void test_names(void) {
  static const char *const names[][2] = {
      {"https://github.com/a/hello.git", "hello"},
      {"https://github.com/a/hello/", "hello"},
      {"git@github.com:hello.git", "hello"},
      {"https://u:p@h/hello.git?x=y#z", "hello"},
      {"https://h/a%20b.git", "a b"},
      {"file:///x/hello", "hello"},
      {"https://h/caf\303\251.git", "caf\303\251"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *name = pino_clone_name(names[i][0], &error);
    g_assert_no_error(error);
    g_assert_cmpstr(name, ==, names[i][1]);
  }
}

static void test_names_that_are_none(void) {
  g_autofree char *lengthy = g_strnfill(201, 'x');
  const char *const urls[] = {"https://h/..",
                              "https://h/.git",
                              "",
                              "https://h/.hidden",
                              "https://h/-x",
                              "https://h/a%2Fb",
                              "https://h/a%0Ab",
                              "https://h/..%2f..%2fb.git",
                              "https://h/%2e%2e",
                              "https://h/a\\b",
                              lengthy};
  for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *name = pino_clone_name(urls[i], &error);
    g_test_message("%s", urls[i]);
    g_assert_null(name);
    g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/giterror/kinds", test_kinds);
  g_test_add_func("/giterror/every-kind-has-a-name-and-words", test_every_kind_has_a_name_and_words);
  g_test_add_func("/giterror/only-what-passes-is-tried-again", test_only_what_passes_is_tried_again);
  g_test_add_func("/giterror/urls-without-logins", test_urls_without_logins);
  g_test_add_func("/giterror/no-password-in-errors", test_no_password_in_errors);
  g_test_add_func("/clone/names", test_names);
  g_test_add_func("/clone/names-that-are-none", test_names_that_are_none);
  return g_test_run();
}
