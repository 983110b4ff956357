#include "storage/debian.h"

#include <string.h>

#include "base/error.h"

/* --- versions ------------------------------------------------------------------------------------------------------ */

/* The end and "~" come before letters, letters before the rest; "~" comes before the end. */
static int weight(const char *at, const char *end) {
  if (at == end || g_ascii_isdigit(*at))
    return 0;
  if (*at == '~')
    return -1;
  return g_ascii_isalpha(*at) ? (guchar)*at : (guchar)*at + 256;
}

/* Numbers may be longer than any integer. */
static int compare_digits(const char **a, const char *a_end, const char **b, const char *b_end) {
  int first = 0;
  while (*a < a_end && **a == '0')
    (*a)++;
  while (*b < b_end && **b == '0')
    (*b)++;
  for (;; (*a)++, (*b)++) {
    gboolean more_a = *a < a_end && g_ascii_isdigit(**a), more_b = *b < b_end && g_ascii_isdigit(**b);
    if (!more_a || !more_b)
      return more_a != more_b ? more_a - more_b : first;
    if (first == 0)
      first = **a - **b;
  }
}

static int compare_part(const char *a, const char *a_end, const char *b, const char *b_end) {
  while (a < a_end || b < b_end) {
    while ((a < a_end && !g_ascii_isdigit(*a)) || (b < b_end && !g_ascii_isdigit(*b))) {
      int difference = weight(a, a_end) - weight(b, b_end);
      if (difference != 0)
        return difference;
      a++;
      b++;
    }
    int difference = compare_digits(&a, a_end, &b, b_end);
    if (difference != 0)
      return difference;
  }
  return 0;
}

int pino_debian_compare(const char *a, const char *b) {
  const char *a_colon = strchr(a, ':'), *b_colon = strchr(b, ':');
  int epoch = compare_part(a, a_colon != NULL ? a_colon : a, b, b_colon != NULL ? b_colon : b);
  if (epoch != 0)
    return epoch;
  a = a_colon != NULL ? a_colon + 1 : a;
  b = b_colon != NULL ? b_colon + 1 : b;
  const char *a_end = a + strlen(a), *b_end = b + strlen(b);
  const char *a_dash = strrchr(a, '-'), *b_dash = strrchr(b, '-');
  int upstream = compare_part(a, a_dash != NULL ? a_dash : a_end, b, b_dash != NULL ? b_dash : b_end);
  if (upstream != 0)
    return upstream;
  return compare_part(a_dash != NULL ? a_dash + 1 : a_end, a_end, b_dash != NULL ? b_dash + 1 : b_end, b_end);
}

/* --- the index ----------------------------------------------------------------------------------------------------- */

void pino_debian_package_free(PinoDebianPackage *package) {
  if (package == NULL)
    return;
  g_free(package->version);
  g_free(package->filename);
  g_free(package->sha256);
  g_free(package);
}

/* The value of a field of a paragraph; NULL: not there. Free. */
static char *field(char **lines, const char *name) {
  gsize length = strlen(name);
  for (guint i = 0; lines[i] != NULL; i++)
    if (g_ascii_strncasecmp(lines[i], name, length) == 0 && lines[i][length] == ':')
      return g_strstrip(g_strdup(lines[i] + length + 1));
  return NULL;
}

static gboolean has(char **lines, const char *name, const char *wanted) {
  g_autofree char *value = field(lines, name);
  return g_strcmp0(value, wanted) == 0;
}

static gboolean is_sha256(const char *text) {
  return text != NULL && strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

static gboolean is_plain(const char *text) {
  for (const char *at = text; *at != '\0'; at++) {
    if (!g_ascii_isgraph(*at))
      return FALSE;
  }
  return text[0] != '\0';
}

/* It is put behind the repository's address. */
static gboolean is_below(const char *name) {
  if (name == NULL || *name == '/' || *name == '\0' || !is_plain(name) || strpbrk(name, "?#\\") != NULL ||
      strstr(name, "://") != NULL)
    return FALSE;
  g_auto(GStrv) parts = g_strsplit(name, "/", -1);
  return !g_strv_contains((const char *const *)parts, "..");
}

static PinoDebianPackage *read_paragraph(const char *paragraph, const char *package,
                                         const char *architecture) {
  g_auto(GStrv) lines = g_strsplit(paragraph, "\n", -1);
  if (!has(lines, "Package", package) ||
      !(has(lines, "Architecture", architecture) || has(lines, "Architecture", "all")))
    return NULL;
  g_autoptr(PinoDebianPackage) found = g_new0(PinoDebianPackage, 1);
  g_autofree char *sha256 = field(lines, "SHA256"), *size = field(lines, "Size");
  found->version = field(lines, "Version");
  found->filename = field(lines, "Filename");
  if (found->version == NULL || !is_plain(found->version) || !is_sha256(sha256) || !is_below(found->filename))
    return NULL;
  found->sha256 = g_ascii_strdown(sha256, -1);
  if (size != NULL)
    (void)g_ascii_string_to_unsigned(size, 10, 0, G_MAXINT64, &found->size, NULL);
  return g_steal_pointer(&found);
}

PinoDebianPackage *pino_debian_choose(const char *index, gsize length, const char *package,
                                      const char *architecture, GError **error) {
  g_autoptr(PinoDebianPackage) best = NULL;
  g_autofree char *text = g_strndup(index, length);
  g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
  g_autofree char *plain = g_strjoinv("\n", lines);
  g_auto(GStrv) paragraphs = g_strsplit(plain, "\n\n", -1);
  for (guint i = 0; paragraphs[i] != NULL; i++) {
    g_autoptr(PinoDebianPackage) next = read_paragraph(g_strchug(paragraphs[i]), package, architecture);
    if (next == NULL || (best != NULL && pino_debian_compare(next->version, best->version) <= 0))
      continue;
    g_clear_pointer(&best, pino_debian_package_free);
    best = g_steal_pointer(&next);
  }
  if (best == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "the index has no %s for %s", package, architecture);
    return NULL;
  }
  return g_steal_pointer(&best);
}
