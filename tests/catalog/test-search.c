/* Searching the catalog: what stands first for what people type, typos included, and what it costs. */
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"

#define QUERY_MS 5.0

static GPtrArray *search(PinoCatalog *catalog, const char *text, guint *total) {
  PinoCatalogQuery query = {.text = text};
  return pino_catalog_search(catalog, &query, total);
}

static const PinoCatalogApp *app_at(const GPtrArray *apps, guint index) {
  return index < apps->len ? apps->pdata[index] : NULL;
}

/* "id id id" of the first ones. */
static char *ids_of(const GPtrArray *apps, guint most) {
  GString *ids = g_string_new(NULL);
  for (guint i = 0; i < MIN(apps->len, most); i++)
    g_string_append_printf(ids, "%s%s", i > 0 ? " " : "", app_at(apps, i)->id);
  return g_string_free(ids, FALSE);
}

static const struct {
  const char *text, *first;
} first_hits[] = {
    /* names, whole and in part */
    {"comfyui", "comfyui"},
    {"ComfyUI", "comfyui"},
    {"comfy", "comfy"},
    {"facefusion", "facefusion-pinokio"},
    {"applio", "applio"},
    {"fooocus", "fooocus"},
    {"kohya", "kohya_pinokio"},
    {"trellis", "trellis"},
    {"janus", "janus"},
    {"bark", "bark"},
    {"xtts", "xtts_pinokio"},
    {"flux kontext", "flux-kontext-dfloat11"},
    {"oobabooga", "oobabooga_pinokio"},
    {"hunyuan", "hunyuan3d-2"},
    {"n8n", "n8n-pinokio"},
    {"sora", "opensora"},
    /* names that people write in another way */
    {"comfy ui", "comfyui"},
    {"silly tavern", "sillytavern"},
    {"auto gpt", "autogpt"},
    {"tripo sr", "triposr"},
    {"invoke ai", "invokeai"},
    {"llama factory", "llamafactory"},
    {"open webui", "open-webui"},
    {"webui open", "open-webui"},
    {"stablediffusion", "stable-diffusion-webui-forge"},
    {"CÓMFYUI", "comfyui"},
    /* what an app does */
    {"face swap", "facefusion-pinokio"},
    {"remove the background", "remove-video-bg"},
    {"background removal", "video-background-removal"},
    {"upscale image", "image-upscale"},
    {"music generation", "songgeneration"},
    {"song lyrics", "songgeneration"},
    {"lip sync", "latentsync-pinokio"},
    {"karaoke", "airaoke-pinokio"},
    {"beat saber", "infernosaber-app"},
    {"virtual try on", "idm-vton"},
    {"text to speech", "higgs-audio-text-to-speech-pinokio"},
    {"train lora", "onetrainerpinokio"},
    {"transcribe audio", "mlx-video-transcription"},
    {"browser automation", "browser-use"},
    {"image to 3d", "ldm3d_pinokio"},
    {"musicgen", "audiocraft_pinokio"},
    {"podcast", "vibevoice-pinokio"},
    /* errors of typing: changed, missing, doubled, exchanged, at the front */
    {"confyui", "comfyui"},
    {"comfuyi", "comfyui"},
    {"omfyui", "comfyui"},
    {"wisper", "whisper-webui"},
    {"whipser webui", "whisper-webui"},
    {"focus", "fooocus"},
    {"trelis", "trellis"},
    {"oobaboga", "oobabooga_pinokio"},
    {"fasefusion", "facefusion-pinokio"},
    {"facefushion", "facefusion-pinokio"},
    {"hunyaun3d", "hunyuan3d-2"},
    {"stabel difusion", "stable-diffusion-webui-forge"},
    {"openvioce", "openvoice"},
    {"imgae upscale", "image-upscale"},
    {"voise changer", "rvc-realtime"},
    {"upscailer", "ilaria-upscaler-zero"},
    {"karoake", "airaoke-pinokio"},
    {"lama factory", "llamafactory"},
    {"trascription mlx", "mlx-video-transcription"},
    /* nothing */
    {"zzzzqq", NULL},
    {"fluks", NULL},
};

static void test_first_hits(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  guint wrong = 0;
  g_assert_cmpuint(G_N_ELEMENTS(first_hits), >=, 40);
  for (guint i = 0; i < G_N_ELEMENTS(first_hits); i++) {
    g_autoptr(GPtrArray) apps = search(catalog, first_hits[i].text, NULL);
    const char *first = apps->len > 0 ? app_at(apps, 0)->id : NULL;
    g_autofree char *ids = ids_of(apps, 4);
    if (g_strcmp0(first, first_hits[i].first) != 0) {
      g_test_message("'%s': %s stands not first: %s", first_hits[i].text, first_hits[i].first, ids);
      wrong++;
    }
  }
  g_assert_cmpuint(wrong, ==, 0);
}

/* Where no entry has all words, those that have most of them. */
static void test_most_words(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  guint total = 0, less = 0;
  g_autoptr(GPtrArray) both = search(catalog, "karaoke quaternion", &total);
  g_autoptr(GPtrArray) one = search(catalog, "karaoke", &less);
  g_assert_cmpuint(total, ==, less);
  g_assert_cmpstr(app_at(both, 0)->id, ==, "airaoke-pinokio");
}

static void test_given_up_stands_last(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  g_autoptr(GPtrArray) applio = search(catalog, "applio", NULL);
  g_autoptr(GPtrArray) kokoro = search(catalog, "kokoro tts", NULL);
  g_assert_cmpstr(app_at(applio, applio->len - 1)->id, ==, "applio-old");
  g_assert_cmpstr(app_at(kokoro, 0)->id, ==, "kokoro-tts-multilingual");
}

static gboolean has_tag(const PinoCatalogApp *app, const char *tag) {
  return g_strv_contains(app->tags, tag);
}

static void test_filters(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  guint total;
  PinoCatalogQuery query = {.text = "voice", .category = "AUDIO", .tag = "tts"};
  g_autoptr(GPtrArray) apps = pino_catalog_search(catalog, &query, &total);
  g_assert_cmpuint(apps->len, >, 5);
  g_assert_cmpuint(apps->len, ==, total);
  for (guint i = 0; i < apps->len; i++) {
    g_assert_cmpstr(app_at(apps, i)->category, ==, "audio");
    g_assert_true(has_tag(app_at(apps, i), "TTS"));
  }
  g_autoptr(GPtrArray) audio = pino_catalog_search(catalog, &(PinoCatalogQuery){.category = "audio"}, &total);
  g_assert_cmpuint(audio->len, ==, 73);
  g_autoptr(GPtrArray) none =
      pino_catalog_search(catalog, &(PinoCatalogQuery){.category = "cooking"}, &total);
  g_assert_cmpuint(none->len + total, ==, 0);
}

/* A word that others have, but none that the filter leaves, is compared with errors allowed. */
static void test_typos_within_the_filter(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  PinoCatalogQuery query = {.text = "applio", .category = "llm"};
  g_autoptr(GPtrArray) apps = pino_catalog_search(catalog, &query, NULL);
  g_assert_cmpuint(apps->len, >, 0);
  g_assert_nonnull(strstr(app_at(apps, 0)->description, "Apple"));
}

static void test_pieces_make_the_whole(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  static const char *const texts[] = {"video", "", NULL};
  for (guint t = 0; t < G_N_ELEMENTS(texts); t++) {
    guint total = 0, at = 0, of_piece;
    g_autoptr(GPtrArray) whole = search(catalog, texts[t], &total);
    g_assert_cmpuint(total, ==, whole->len);
    for (guint piece = 1; at < total; piece = piece * 2 + 1) {
      PinoCatalogQuery query = {.text = texts[t], .offset = at, .limit = piece};
      g_autoptr(GPtrArray) apps = pino_catalog_search(catalog, &query, &of_piece);
      g_assert_cmpuint(of_piece, ==, total);
      g_assert_cmpuint(apps->len, ==, MIN(piece, total - at));
      for (guint i = 0; i < apps->len; i++)
        g_assert_true(app_at(apps, i) == app_at(whole, at + i));
      at += apps->len;
    }
    PinoCatalogQuery beyond = {.text = texts[t], .offset = G_MAXUINT, .limit = G_MAXUINT};
    g_autoptr(GPtrArray) nothing = pino_catalog_search(catalog, &beyond, &of_piece);
    g_assert_cmpuint(nothing->len, ==, 0);
    g_assert_cmpuint(of_piece, ==, total);
  }
}

static void test_all_by_name(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  g_autoptr(GPtrArray) apps = search(catalog, NULL, NULL);
  g_assert_cmpuint(apps->len, ==, 284);
  for (guint i = 1; i < apps->len; i++)
    g_assert_cmpint(g_ascii_strcasecmp(app_at(apps, i - 1)->name, app_at(apps, i)->name), <=, 0);
}

static void test_odd_queries(void) {
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  g_autofree char *longest = g_strnfill(100000, 'a');
  g_autoptr(GString) many = g_string_new(NULL);
  for (guint i = 0; i < 5000; i++)
    g_string_append_printf(many, "word%u ", i);
  const char *texts[] = {" ",   "-",        "%s%n", "\xff\xfe", "\xc3", "日本語", "🙂",   "a",
                         "the", "a an the", "....", "\"'<",     "İ",    longest,  many->str};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    guint total;
    g_autoptr(GPtrArray) apps = search(catalog, texts[i], &total);
    g_autoptr(GPtrArray) near = pino_catalog_suggest(catalog, texts[i], 0);
    g_assert_cmpuint(apps->len, ==, total);
    g_assert_cmpuint(near->len, <=, 3);
  }
}

static void test_suggestions(void) {
  static const struct {
    const char *word, *first;
  } cases[] = {
      {"confyui", "comfyui"},
      {"comfy-ui", "comfyui"},
      {"aplio", "applio"},
      {"whisper-web", "whisper-webui"},
      {"fooocs", "fooocus"},
      {"https://github.com/somebody/confyui.git", "comfyui"},
      {"https://github.com/somebody/aplio/", "applio"},
      {"trelis", "trellis"},
      {"completely-different", NULL},
      {"", NULL},
      {"/", NULL},
  };
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GPtrArray) near = pino_catalog_suggest(catalog, cases[i].word, 0);
    g_test_message("%s", cases[i].word);
    g_assert_cmpstr(near->len > 0 ? app_at(near, 0)->id : NULL, ==, cases[i].first);
  }
  g_autoptr(GPtrArray) one = pino_catalog_suggest(catalog, "fooocus", 1);
  g_assert_cmpuint(one->len, ==, 1);
}

static int compare(gconstpointer a, gconstpointer b) {
  double one = *(const double *)a, other = *(const double *)b;
  return one < other ? -1 : one > other;
}

static void test_speed(void) {
  static const char *const texts[] = {"comfyui",
                                      "voice cloning",
                                      "stabel difusion",
                                      "i want to remove the background of my videos",
                                      "musik generatr",
                                      "upscailer",
                                      "zzzzzzzzzzz qqqqqqqqqqqqq"};
  const char *slow = g_getenv("PINOKIO_TEST_SLOW");
  double limit = QUERY_MS * (slow != NULL ? g_ascii_strtod(slow, NULL) : 1);
  g_autoptr(PinoCatalog) catalog = pino_catalog_new(NULL);
  g_autoptr(GArray) took = g_array_new(FALSE, FALSE, sizeof(double));
  for (guint i = 0; i < 40 * G_N_ELEMENTS(texts); i++) {
    gint64 before = g_get_monotonic_time();
    g_autoptr(GPtrArray) apps = search(catalog, texts[i % G_N_ELEMENTS(texts)], NULL);
    double ms = (double)(g_get_monotonic_time() - before) / 1000;
    g_array_append_val(took, ms);
  }
  g_array_sort(took, compare);
  double median = g_array_index(took, double, took->len / 2);
  g_test_message("median of %u queries: %.3f ms", took->len, median);
  g_assert_cmpfloat(median, <=, limit);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/catalog/search/first-hits", test_first_hits);
  g_test_add_func("/catalog/search/most-of-the-words", test_most_words);
  g_test_add_func("/catalog/search/given-up-stands-last", test_given_up_stands_last);
  g_test_add_func("/catalog/search/filters", test_filters);
  g_test_add_func("/catalog/search/typos-within-the-filter", test_typos_within_the_filter);
  g_test_add_func("/catalog/search/pieces-make-the-whole", test_pieces_make_the_whole);
  g_test_add_func("/catalog/search/without-words-all-by-name", test_all_by_name);
  g_test_add_func("/catalog/search/odd-queries", test_odd_queries);
  g_test_add_func("/catalog/search/suggestions", test_suggestions);
  g_test_add_func("/catalog/search/speed", test_speed);
  return g_test_run();
}
