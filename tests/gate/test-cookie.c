/* A cookie opens the share that it was made for, until it ends or the passcode changes, and nothing else. */
#include <string.h>

#include "gate/cookie.h"

#define KEY "00112233445566778899aabbccddeeff"
enum { NOW = 1800000000 };

static PinoSlice slice(const char *text) {
  return (PinoSlice){text, strlen(text)};
}

static PinoGateShare *make_share(void) {
  PinoGateShare *share = pino_gate_share_new();
  share->id = g_strdup("t1");
  share->passcode = pino_gate_seal("open sesame");
  return share;
}

static char *cookies_with(const char *value) {
  return g_strdup_printf("a=b; %s=%s; c=d", PINO_COOKIE_NAME, value);
}

static gboolean allows(const PinoGateShare *share, const char *value, gint64 now) {
  g_autofree char *cookies = cookies_with(value);
  return pino_cookie_allows(KEY, share, slice(cookies), now);
}

static void test_life(void) {
  g_autoptr(PinoGateShare) share = make_share();
  g_autofree char *value = pino_cookie_make(KEY, share, NOW);
  g_assert_true(allows(share, value, NOW));
  g_assert_true(allows(share, value, NOW + PINO_COOKIE_SECONDS - 1));
  g_assert_false(allows(share, value, NOW + PINO_COOKIE_SECONDS));
  g_autofree char *cookies = cookies_with(value);
  g_assert_false(pino_cookie_allows("another key of at least 32 digits", share, slice(cookies), NOW));
}

static void test_bound(void) {
  g_autoptr(PinoGateShare) share = make_share();
  g_autoptr(PinoGateShare) other = make_share();
  g_autofree char *value = pino_cookie_make(KEY, share, NOW);
  g_assert_false(allows(other, value, NOW)); /* the same passcode, sealed again */
  g_free(other->passcode);
  other->passcode = g_strdup(share->passcode);
  g_assert_true(allows(other, value, NOW));
  g_free(other->id);
  other->id = g_strdup("t2");
  g_assert_false(allows(other, value, NOW));
  g_clear_pointer(&share->passcode, g_free);
  g_assert_false(allows(share, value, NOW));
}

static void test_forged(void) {
  g_autoptr(PinoGateShare) share = make_share();
  g_autofree char *value = pino_cookie_make(KEY, share, NOW);
  for (gsize i = 0; i < strlen(value); i++) {
    g_autofree char *forged = g_strdup(value);
    forged[i] = forged[i] == '1' ? '2' : '1';
    g_assert_false(allows(share, forged, NOW));
  }
  const char *const bad[] = {"",      ".",  "9999999999.", strchr(value, '.'), "99999999999999999999999.aa",
                             "-1.aa", "a.b"};
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_false(allows(share, bad[i], NOW));
  g_autofree char *longer = g_strconcat(value, "0", NULL);
  g_assert_false(allows(share, longer, NOW));
}

/* Another program of the same domain may have set one of that name; but not so many that checking them costs. */
static void test_among_bad_ones(void) {
  g_autoptr(PinoGateShare) share = make_share();
  g_autofree char *value = pino_cookie_make(KEY, share, NOW);
  g_autofree char *second = g_strdup_printf("1.a; %s=%s", PINO_COOKIE_NAME, value);
  g_assert_true(allows(share, second, NOW));
  g_autoptr(GString) many = g_string_new("1.a");
  for (guint i = 0; i < 10; i++)
    g_string_append_printf(many, "; %s=1.a", PINO_COOKIE_NAME);
  g_string_append_printf(many, "; %s=%s", PINO_COOKIE_NAME, value);
  g_assert_false(allows(share, many->str, NOW));
}

static void test_taken_out(void) {
  static const struct {
    const char *cookies, *others;
  } cases[] = {
      {"a=b", "a=b"},
      {PINO_COOKIE_NAME "=1", ""},
      {"a=b; " PINO_COOKIE_NAME "=1; c=\"d\"", "a=b; c=\"d\""},
      {PINO_COOKIE_NAME "=1;a=b", "a=b"},
      {"x" PINO_COOKIE_NAME "=1; a=" PINO_COOKIE_NAME "=2",
       "x" PINO_COOKIE_NAME "=1; a=" PINO_COOKIE_NAME "=2"},
      {" ; ;" PINO_COOKIE_NAME "=", ""},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GString) out = g_string_new("");
    gboolean any = pino_cookie_append_others(out, slice(cases[i].cookies));
    g_assert_cmpstr(out->str, ==, cases[i].others);
    g_assert_cmpint(any, ==, cases[i].others[0] != '\0');
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gate/cookie/good-for-seven-days", test_life);
  g_test_add_func("/gate/cookie/good-for-one-share-and-passcode", test_bound);
  g_test_add_func("/gate/cookie/forged-ones-open-nothing", test_forged);
  g_test_add_func("/gate/cookie/found-among-bad-ones", test_among_bad_ones);
  g_test_add_func("/gate/cookie/taken-out-for-the-app", test_taken_out);
  return g_test_run();
}
