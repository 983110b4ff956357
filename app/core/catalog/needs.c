#include "catalog/needs.h"

#include <string.h>

#include "base/json.h"

typedef enum { WORD_GPU, WORD_PLATFORM, WORD_VRAM, WORD_RAM } WordKind;

/* Only what holds the needle (in small letters) is looked at closely. A number is the expression's first group. */
typedef struct {
  WordKind kind;
  const char *value;
  const char *needle;
  const char *pattern;
} Phrase;

static const Phrase phrases[] = {
    {WORD_GPU, "nvidia", "only", "\\bnvidia[- ]only\\b|\\bonly (for |on |works? (on|with) )?nvidia\\b"},
    {WORD_GPU, "nvidia", "require", "\\brequires? (an? |the )?(nvidia|cuda)\\b"},
    {WORD_GPU, "amd", "only", "\\bamd[- ]only\\b"},
    {WORD_PLATFORM, "windows", "only", "\\bwindows[- ]only\\b|\\bonly (for|on) windows\\b"},
    {WORD_PLATFORM, "macos", "only",
     "\\b(mac|macos|apple|apple silicon|mac m\\d)[- ]only\\b|\\bonly (for|on) (mac|macos|apple silicon)\\b"},
    {WORD_VRAM, NULL, "ram", "(\\d+(?:\\.\\d+)?)\\s*\\+?\\s*GB?[\\s-]*(?:of\\s+)?(?:GPU\\s+)?V[\\s-]?RAM"},
    {WORD_RAM, NULL, "ram", "(\\d+(?:\\.\\d+)?)\\s*\\+?\\s*GB[\\s-]*(?:of\\s+)?(?:system\\s+)?RAM"},
};

static const struct {
  WordKind kind;
  const char *tag, *value;
} tags[] = {
    {WORD_PLATFORM, "windows", "windows"},
    {WORD_PLATFORM, "macos", "macos"},
    {WORD_PLATFORM, "apple-silicon", "macos"},
    {WORD_PLATFORM, "mlx", "macos"},
    {WORD_PLATFORM, "linux", "linux"},
    {WORD_GPU, "nvidia", "nvidia"},
    {WORD_GPU, "amd", "amd"},
    {WORD_GPU, "gpu", "any"},
    {WORD_GPU, "cpu-only", "none"},
};

struct _PinoNeedsReader {
  GRegex *regexes[G_N_ELEMENTS(phrases)];
};

PinoNeedsReader *pino_needs_reader_new(void) {
  PinoNeedsReader *reader = g_new0(PinoNeedsReader, 1);
  for (gsize i = 0; i < G_N_ELEMENTS(phrases); i++)
    reader->regexes[i] = g_regex_new(phrases[i].pattern, G_REGEX_CASELESS, 0, NULL);
  return reader;
}

void pino_needs_reader_free(PinoNeedsReader *reader) {
  if (reader == NULL)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS(phrases); i++)
    g_regex_unref(reader->regexes[i]);
  g_free(reader);
}

static double first_group(const GMatchInfo *match) {
  g_autofree char *number = g_match_info_fetch(match, 1);
  return number != NULL ? g_ascii_strtod(number, NULL) : 0;
}

static void take_amount(double *amount, const char **source, double found, const char *from) {
  if (*source != NULL || found <= 0)
    return;
  *amount = found;
  *source = from;
}

static void take_phrase(PinoNeeds *needs, const Phrase *phrase, const GMatchInfo *match, const char *source) {
  switch (phrase->kind) {
  case WORD_GPU:
    needs->gpu = phrase->value;
    needs->gpu_only = TRUE;
    needs->gpu_source = source;
    break;
  case WORD_PLATFORM:
    needs->platforms[0] = phrase->value;
    needs->platform_only = TRUE;
    needs->platform_source = source;
    break;
  case WORD_VRAM:
    take_amount(&needs->vram_gb, &needs->vram_source, first_group(match), source);
    break;
  case WORD_RAM:
    take_amount(&needs->ram_gb, &needs->ram_source, first_group(match), source);
    break;
  }
}

static void read_text(PinoNeedsReader *reader, PinoNeeds *needs, const PinoWriting *writing) {
  g_autofree char *small = g_ascii_strdown(writing->text, -1);
  for (gsize i = 0; i < G_N_ELEMENTS(phrases); i++) {
    g_autoptr(GMatchInfo) match = NULL;
    if (strstr(small, phrases[i].needle) != NULL &&
        g_regex_match(reader->regexes[i], writing->text, 0, &match))
      take_phrase(needs, &phrases[i], match, writing->source);
  }
}

static void add_platform(PinoNeeds *needs, const char *platform, const char *source) {
  guint count = 0;
  while (needs->platforms[count] != NULL)
    if (strcmp(needs->platforms[count++], platform) == 0)
      return;
  needs->platforms[count] = platform; /* the table has no more different ones */
  needs->platform_source = source;
}

/* Tags that only name something: nothing to go by where something was said for certain. The first GPU is taken, but a
 * vendor goes before any. */
static void read_tag(PinoNeeds *needs, const PinoWriting *writing) {
  for (gsize i = 0; i < G_N_ELEMENTS(tags); i++) {
    if (g_ascii_strcasecmp(tags[i].tag, writing->text) != 0)
      continue;
    if (tags[i].kind == WORD_PLATFORM && !needs->platform_only)
      add_platform(needs, tags[i].value, writing->source);
    if (tags[i].kind != WORD_GPU || needs->gpu_only ||
        (needs->gpu != NULL && !g_str_equal(needs->gpu, "any")))
      continue;
    needs->gpu = tags[i].value;
    needs->gpu_source = writing->source;
  }
}

PinoNeeds pino_needs_read(PinoNeedsReader *reader, const PinoWriting *writings, gsize count) {
  PinoNeeds needs = {0};
  for (gsize i = 0; i < count; i++)
    if (writings[i].text != NULL && g_utf8_validate(writings[i].text, -1, NULL))
      read_text(reader, &needs, &writings[i]);
  for (gsize i = 0; i < count; i++)
    if (writings[i].text != NULL && writings[i].is_tag)
      read_tag(&needs, &writings[i]);
  return needs;
}

void pino_needs_append_amount(GString *out, double amount) {
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  g_string_append(out, amount > 0 ? g_ascii_formatd(number, sizeof number, "%.10g", amount) : "null");
}

void pino_needs_append_json(GString *out, const PinoNeeds *needs) {
  g_string_append_c(out, '{');
  pino_json_append_nullable(out, "gpu", needs->gpu);
  g_string_append_printf(out, ",\"strictGpu\":%s,\"vram_gb\":", needs->gpu_only ? "true" : "false");
  pino_needs_append_amount(out, needs->vram_gb);
  g_string_append(out, ",\"ram_gb\":");
  pino_needs_append_amount(out, needs->ram_gb);
  g_string_append(out, ",\"platform\":[");
  for (guint i = 0; needs->platforms[i] != NULL; i++)
    g_string_append_printf(out, "%s\"%s\"", i > 0 ? "," : "", needs->platforms[i]);
  g_string_append_printf(out, "],\"strictPlatform\":%s,\"sources\":{",
                         needs->platform_only ? "true" : "false");
  pino_json_append_member(out, "gpu", needs->gpu_source);
  pino_json_append_member(out, "vram_gb", needs->vram_source);
  pino_json_append_member(out, "ram_gb", needs->ram_source);
  pino_json_append_member(out, "platform", needs->platform_source);
  g_string_append(out, "}}");
}
