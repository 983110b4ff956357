#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "storage/debian.h"

#define SUM "e51aa234283bcf20a777e21a624b2a3501b058b3d5a1faec59106311dbe30395"

/* Each is older than the next one. */
static void test_order(void) {
  static const char *const ordered[] = {
      "~~",
      "~",
      "~1",
      "",
      "0.1~rc1",
      "0.1",
      "0.1a",
      "0.1+b",
      "0.2",
      "0.10",
      "1.0~beta1",
      "1.0~beta1-1",
      "1.0~beta2",
      "1.0",
      "1.0-1",
      "1.0-1.1",
      "1.0-2",
      "1.0-10",
      "1.0a",
      "1.0+git1",
      "1.0.1",
      "2.3.40-0",
      "3.9.0-0",
      "3.39.8-0",
      "3.39.11-0",
      "2024.12.2",
      "2025.4.2",
      "2026.9.1",
      "2026.10.0",
      "20260901.1",
      "99999999999999999999998",
      "99999999999999999999999",
      "1:0.1",
      "2:0.0~a",
      "10:0",
  };
  for (guint i = 0; i < G_N_ELEMENTS(ordered); i++)
    for (guint j = 0; j < G_N_ELEMENTS(ordered); j++) {
      int got = pino_debian_compare(ordered[i], ordered[j]);
      if ((got > 0) - (got < 0) != (i > j) - (i < j))
        g_error("'%s' against '%s' gives %d", ordered[i], ordered[j], got);
    }
}

static void test_equal(void) {
  static const char *const pairs[][2] = {
      {"1.0", "0:1.0"},     {"1.0", "1.0-0"}, {"1.0", "01.000"},
      {"1.2.3-0", "1.2.3"}, {"0", ""},        {"a-b-1", "a-b-01"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
    g_assert_cmpint(pino_debian_compare(pairs[i][0], pairs[i][1]), ==, 0);
    g_assert_cmpint(pino_debian_compare(pairs[i][1], pairs[i][0]), ==, 0);
  }
}

/* dpkg itself is asked about versions made by chance. */
static void test_against_dpkg(void) {
  g_autofree char *dpkg = g_find_program_in_path("dpkg");
  if (dpkg == NULL) {
    g_test_skip("no dpkg here");
    return;
  }
  guint compared = 0;
  static const char letters[] = "0011239ab~+.~z-";
  for (guint i = 0; i < 150; i++) {
    char text[2][12] = {"1", "1"};
    for (guint side = 0; side < 2; side++)
      for (guint at = 1, length = (guint)g_test_rand_int_range(1, 10); at <= length; at++)
        text[side][at] = letters[g_test_rand_int_range(0, (gint32)strlen(letters))];
    const char *relation = g_test_rand_bit() ? "lt" : "eq";
    const char *const argv[] = {dpkg, "--compare-versions", text[0], relation, text[1], NULL};
    int status = 0;
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                               &status, NULL));
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
      continue; /* no version at all, to dpkg */
    int got = pino_debian_compare(text[0], text[1]);
    compared++;
    gboolean ours = g_str_equal(relation, "lt") ? got < 0 : got == 0;
    if (ours != (status == 0))
      g_error("dpkg says otherwise of %s %s %s", text[0], relation, text[1]);
  }
  g_assert_cmpuint(compared, >, 50);
}

static PinoDebianPackage *choose(const char *index, GError **error) {
  return pino_debian_choose(index, strlen(index), "ngrok", "amd64", error);
}

static void test_newest(void) {
  static const char index[] =
      "Package: ngrok\nArchitecture: amd64\nVersion: 3.9.0-0\nFilename: pool/a.deb\nSHA256: " SUM
      "\nSize: 12\n\n"
      "Package: ngrok\r\nVersion: 3.39.11-0\r\nArchitecture: amd64\r\nDescription: one\r\n two\r\n"
      " Version: 9\r\nfilename:  pool/b.deb\r\nsize: 4096\r\nSha256: " SUM "\r\n\r\n"
      "Package: ngrok\nVersion: 4.0-0\nArchitecture: arm64\nFilename: pool/c.deb\nSHA256: " SUM
      "\n\nPackage: ngrok-extra\nVersion: 5.0\nArchitecture: amd64\nFilename: d\nSHA256: " SUM
      "\n\nPackage: ngrok\nVersion: 6.0\nArchitecture: amd64\nFilename: pool/e.deb\nSHA256: 12\n"
      "\nPackage: ngrok\nVersion: 7.0\nArchitecture: amd64\nFilename: ../f.deb\nSHA256: " SUM
      "\n\nPackage: ngrok\nVersion: 8.0\nArchitecture: amd64\nFilename: /g.deb\nSHA256: " SUM
      "\n\nPackage: ngrok\nVersion: 9.0\nArchitecture: amd64\nFilename: http://h\nSHA256: " SUM
      "\n\nPackage: ngrok\nVersion: 9.1\nArchitecture: amd64\nFilename: pool/\033[2J.deb\nSHA256: " SUM
      "\n\nPackage: ngrok\nVersion: 9.2\033[2J\nArchitecture: amd64\nFilename: pool/j.deb\nSHA256: " SUM
      "\n\n\n\nPackage: ngrok\nArchitecture: amd64\nFilename: pool/i.deb\nSHA256: " SUM;
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoDebianPackage) package = choose(index, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(package->version, ==, "3.39.11-0");
  g_assert_cmpstr(package->filename, ==, "pool/b.deb");
  g_assert_cmpstr(package->sha256, ==, SUM);
  g_assert_cmpuint(package->size, ==, 4096);
}

static void test_none(void) {
  static const char *const indexes[] = {"", "\n\n\n", "<html>nothing</html>", "Package: ngrok",
                                        "Package: ngrok\nVersion: 1\nArchitecture: s390x\n"};
  for (guint i = 0; i < G_N_ELEMENTS(indexes); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(choose(indexes[i], &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, "no ngrok for amd64"));
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/debian/versions-in-order", test_order);
  g_test_add_func("/storage/debian/versions-that-are-equal", test_equal);
  g_test_add_func("/storage/debian/versions-against-dpkg", test_against_dpkg);
  g_test_add_func("/storage/debian/newest-of-an-index", test_newest);
  g_test_add_func("/storage/debian/an-index-without-it", test_none);
  return g_test_run();
}
