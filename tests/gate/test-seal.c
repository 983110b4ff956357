/* Passcodes of all kinds, and what is no seal. */
#include <string.h>

#include "gate/config.h"

static void test_kinds(void) {
  g_autofree char *long_one = g_strnfill(1024, 'p');
  g_autofree char *longer = g_strnfill(1025, 'p');
  const char *const kinds[] = {
      "x",  "open sesame",   " blanks ", "\"'`$\\&=+%", "p\303\244ssw\303\266rt", "\360\237\224\221 key",
      "\t", "\xff no UTF-8", long_one};
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *sealed = pino_gate_seal(kinds[i]);
    g_autofree char *other = g_strconcat(kinds[i], "!", NULL);
    g_assert_true(pino_gate_sealed_ok(sealed));
    g_assert_null(strstr(sealed, "sesame"));
    g_assert_true(pino_gate_unseal_check(sealed, kinds[i]));
    g_assert_false(pino_gate_unseal_check(sealed, other));
    g_assert_false(pino_gate_unseal_check(sealed, ""));
    g_assert_false(pino_gate_unseal_check(sealed, longer));
  }
}

static void test_normal_form(void) {
  g_autofree char *sealed = pino_gate_seal("caf\303\251");
  g_assert_true(pino_gate_unseal_check(sealed, "cafe\314\201"));
}

static void test_salted(void) {
  g_autofree char *one = pino_gate_seal("same"), *two = pino_gate_seal("same");
  g_assert_cmpstr(one, !=, two);
}

static void test_no_seals(void) {
  g_autofree char *good = pino_gate_seal("x");
  g_autofree char *short_one = g_strndup(good, strlen(good) - 1);
  g_autofree char *longer = g_strconcat(good, "0", NULL);
  const char *const bad[] = {"",
                             "x",
                             "pbkdf2-sha256$$$",
                             "pbkdf2-sha256$0$00$00",
                             "pbkdf2-sha256$999999999$00$00",
                             "md5$1$00$00",
                             short_one,
                             longer};
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_assert_false(pino_gate_sealed_ok(bad[i]));
    g_assert_false(pino_gate_unseal_check(bad[i], "x"));
  }
}

static void test_secrets(void) {
  g_autofree char *token = pino_gate_new_token(), *other = pino_gate_new_token(), *key = pino_gate_new_key();
  g_assert_cmpuint(strlen(token), ==, 43);
  g_assert_cmpuint(strspn(token, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_"), ==, 43);
  g_assert_cmpstr(token, !=, other);
  g_assert_cmpuint(strlen(key), ==, 64);
  g_assert_cmpuint(strspn(key, "0123456789abcdef"), ==, 64);
}

static void test_proofs(void) {
  g_autofree char *one = pino_gate_proof("key", "abc"), *same = pino_gate_proof("key", "abc");
  g_autofree char *nonce = pino_gate_proof("key", "abd"), *key = pino_gate_proof("kez", "abc");
  char digest[PINO_GATE_DIGEST + 1];
  pino_gate_sign("key", "cookie", "abc", digest);
  g_assert_cmpstr(one, ==, same);
  g_assert_cmpstr(one, !=, nonce);
  g_assert_cmpstr(one, !=, key);
  g_assert_cmpstr(one, !=, digest);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gate/seal/every-kind-of-passcode", test_kinds);
  g_test_add_func("/gate/seal/what-looks-the-same-is-the-same", test_normal_form);
  g_test_add_func("/gate/seal/salted", test_salted);
  g_test_add_func("/gate/seal/no-seal-opens-nothing", test_no_seals);
  g_test_add_func("/gate/seal/secrets-are-random", test_secrets);
  g_test_add_func("/gate/seal/proofs-are-for-one-key-purpose-and-nonce", test_proofs);
  return g_test_run();
}
