/* Structured messages: what a real program gets from a real bash. */
#include "shell/message.h"

#include <string.h>

/* Runs the line in bash and gives the arguments that the program, named last, was given. */
static char **arguments_of(const char *line) {
  const char *argv[] = {"bash", "--noprofile", "--norc", "-c", line, NULL};
  g_autofree char *out = NULL;
  g_autoptr(GError) error = NULL;
  int status = 0;
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, &status, &error);
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, 0);
  /* Each argument in hex, so that none can be taken for two. */
  g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
  GPtrArray *arguments = g_ptr_array_new();
  for (char **hex = lines; *hex && **hex; hex++) {
    GString *text = g_string_new(NULL);
    for (char *at = *hex + 1; *at; at += 2)
      g_string_append_c(text, (char)(g_ascii_xdigit_value(at[0]) * 16 + g_ascii_xdigit_value(at[1])));
    g_ptr_array_add(arguments, g_string_free(text, FALSE));
  }
  g_ptr_array_add(arguments, NULL);
  return (char **)g_ptr_array_free(arguments, FALSE);
}

#define SHOW "import os,sys\nfor a in sys.argv[1:]: print('.' + os.fsencode(a).hex())"

static const char *const NASTY[] = {
    "it's $HOME & \"q\"",
    "",
    " ",
    "a b",
    "$(id)",
    "`id`",
    "\\",
    "\\n",
    "!x",
    "*",
    "?",
    "~",
    "~root",
    "#c",
    "-n",
    "--",
    "a=b",
    ";",
    "|",
    "&&",
    "(",
    "{a,b}",
    "[x]",
    "<f",
    ">f",
    "if",
    "done",
    "[[",
    "$'x'",
    "'",
    "\"",
    "''",
    "a\nb",
    "\t",
    "\x01",
    "\x1b[31m",
    "\x7f",
    "\r",
    "%s%n",
    "é你好🎉",
    "\xff\xfe",
    "\n1",
    "'\n\\",
    "x\x03y9",
    "^a^b",
    "{{1+1}}",
    "$((1))",
    "${x",
    "a\\'b\n",
};

static void test_arguments(void) {
  GPtrArray *words = g_ptr_array_new();
  const char *first[] = {"python3", "-c", SHOW};
  for (gsize i = 0; i < G_N_ELEMENTS(first); i++)
    g_ptr_array_add(words, (gpointer)first[i]);
  for (gsize i = 0; i < G_N_ELEMENTS(NASTY); i++)
    g_ptr_array_add(words, (gpointer)NASTY[i]);
  g_ptr_array_add(words, NULL);
  g_autofree char *line = pino_message_structured((const char *const *)words->pdata, NULL, 0);
  for (const char *at = line; *at; at++)
    g_assert_false(g_ascii_iscntrl(*at));
  g_auto(GStrv) got = arguments_of(line);
  g_assert_cmpuint(g_strv_length(got), ==, G_N_ELEMENTS(NASTY));
  for (gsize i = 0; i < G_N_ELEMENTS(NASTY); i++)
    g_assert_cmpstr(got[i], ==, NASTY[i]);
  g_ptr_array_free(words, TRUE);
}

static void test_random_arguments(void) {
  char texts[200][12];
  GPtrArray *words = g_ptr_array_new();
  const char *first[] = {"python3", "-c", SHOW};
  for (gsize i = 0; i < G_N_ELEMENTS(first); i++)
    g_ptr_array_add(words, (gpointer)first[i]);
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    gsize len = (gsize)g_test_rand_int_range(0, 12);
    for (gsize k = 0; k < len; k++)
      texts[i][k] = (char)g_test_rand_int_range(1, 256);
    texts[i][len] = '\0';
    g_ptr_array_add(words, texts[i]);
  }
  g_ptr_array_add(words, NULL);
  g_autofree char *line = pino_message_structured((const char *const *)words->pdata, NULL, 0);
  g_auto(GStrv) got = arguments_of(line);
  g_assert_cmpuint(g_strv_length(got), ==, G_N_ELEMENTS(texts));
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
    g_assert_cmpstr(got[i], ==, texts[i]);
  g_ptr_array_free(words, TRUE);
}

static void test_flags(void) {
  const char *words[] = {"python3", "w.py", "a b", NULL};
  PinoMessageFlag flags[] = {{"flag", "v w"}, {"on", NULL},  {"p", "7"}, {"v", NULL},
                             {"", "x"},       {"neg", "-1"}, {"e", ""}};
  g_autofree char *line = pino_message_structured(words, flags, G_N_ELEMENTS(flags));
  g_assert_cmpstr(line, ==, "python3 w.py 'a b' --flag 'v w' --on -p 7 -v --neg -1 -e ''");
  g_autofree char *none = pino_message_structured(NULL, NULL, 0);
  g_assert_cmpstr(none, ==, "");
}

/* A program whose name bash would take for its own grammar. */
static void test_reserved(void) {
  const char *words[] = {"time", "done", "coproc"};
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    g_autofree char *line = pino_message_structured((const char *[]){words[i], NULL}, NULL, 0);
    g_autofree char *quoted = g_strdup_printf("'%s'", words[i]);
    g_assert_cmpstr(line, ==, quoted);
  }
}

static void test_chain(void) {
  const char *commands[] = {"cd x", "", "  \n", "A=1", NULL}, *blank[] = {" ", NULL};
  struct {
    char chain;
    const char *line;
  } cases[] = {{'&', "cd x && A=1"}, {'|', "cd x || A=1"}, {'*', "cd x ; A=1"}, {'\0', "cd x && A=1"}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *line = pino_message_chain(commands, cases[i].chain);
    g_assert_cmpstr(line, ==, cases[i].line);
  }
  g_autofree char *none = pino_message_chain(blank, '&');
  g_assert_cmpstr(none, ==, "");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/message/arguments-unchanged", test_arguments);
  g_test_add_func("/message/random-arguments-unchanged", test_random_arguments);
  g_test_add_func("/message/flags", test_flags);
  g_test_add_func("/message/reserved-words", test_reserved);
  g_test_add_func("/message/chain", test_chain);
  return g_test_run();
}
