/* What words about an app tell of the machine that it needs. The first argument is data/apps.json, which is not read. */
#include "catalog/needs.h"

#include <string.h>

typedef struct {
  const char *tags[4];
  const char *description;
  const char *gpu;
  gboolean gpu_only;
  double vram, ram;
  const char *platforms; /* joined */
  gboolean platform_only;
} Case;

static const Case cases[] = {
    {{NULL}, NULL, NULL, FALSE, 0, 0, "", FALSE},
    {{"nvidia-only", "6GB-VRAM"}, NULL, "nvidia", TRUE, 6, 0, "", FALSE},
    {{"NVIDIA"}, NULL, "nvidia", FALSE, 0, 0, "", FALSE},
    {{"GPU", "nvidia"}, NULL, "nvidia", FALSE, 0, 0, "", FALSE},
    {{"nvidia", "gpu"}, NULL, "nvidia", FALSE, 0, 0, "", FALSE},
    {{"gpu"}, NULL, "any", FALSE, 0, 0, "", FALSE},
    {{"cpu-only"}, NULL, "none", FALSE, 0, 0, "", FALSE},
    {{"amd"}, NULL, "amd", FALSE, 0, 0, "", FALSE},
    {{"windows", "MLX", "Apple-Silicon"}, NULL, NULL, FALSE, 0, 0, "windows,macos", FALSE},
    {{"windows-only", "linux", "nvidia"}, NULL, "nvidia", FALSE, 0, 0, "windows", TRUE},
    {{"8GB-VRAM", "12GB-VRAM", "32GB-RAM"}, NULL, NULL, FALSE, 8, 32, "", FALSE},
    {{"low-vram", "GPU-cluster", "CPU-friendly"}, NULL, NULL, FALSE, 0, 0, "", FALSE},
    {{NULL}, "Minimum 12GB VRAM / 96GB RAM", NULL, FALSE, 12, 96, "", FALSE},
    {{NULL}, "wants 7.5 GB of GPU VRAM", NULL, FALSE, 7.5, 0, "", FALSE},
    {{NULL}, "It only works on NVIDIA", "nvidia", TRUE, 0, 0, "", FALSE},
    {{NULL}, "requires a CUDA card", "nvidia", TRUE, 0, 0, "", FALSE},
    {{NULL}, "[AMD ONLY] fast", "amd", TRUE, 0, 0, "", FALSE},
    {{NULL}, "Only for Apple Silicon", NULL, FALSE, 0, 0, "macos", TRUE},
    {{NULL}, "Recommended: an NVIDIA card, on Windows", NULL, FALSE, 0, 0, "", FALSE},
    {{NULL}, "NVIDIA Parakeet for streaming", NULL, FALSE, 0, 0, "", FALSE},
    {{NULL}, "\xff nvidia only", NULL, FALSE, 0, 0, "", FALSE},
};

static PinoNeeds read_case(PinoNeedsReader *reader, const Case *one) {
  PinoWriting writings[5];
  gsize count = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(one->tags) && one->tags[i] != NULL; i++)
    writings[count++] = (PinoWriting){one->tags[i], "catalog", TRUE};
  writings[count++] = (PinoWriting){one->description, "description", FALSE};
  return pino_needs_read(reader, writings, count);
}

static void test_words(void) {
  g_autoptr(PinoNeedsReader) reader = pino_needs_reader_new();
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    PinoNeeds needs = read_case(reader, &cases[i]);
    g_autofree char *platforms = g_strjoinv(",", (char **)needs.platforms);
    g_test_message("case %" G_GSIZE_FORMAT, i);
    g_assert_cmpstr(needs.gpu, ==, cases[i].gpu);
    g_assert_cmpint(needs.gpu_only, ==, cases[i].gpu_only);
    g_assert_cmpfloat(needs.vram_gb, ==, cases[i].vram);
    g_assert_cmpfloat(needs.ram_gb, ==, cases[i].ram);
    g_assert_cmpstr(platforms, ==, cases[i].platforms);
    g_assert_cmpint(needs.platform_only, ==, cases[i].platform_only);
    g_assert_true((needs.gpu != NULL) == (needs.gpu_source != NULL));
  }
}

static void test_json(void) {
  static const Case one = {{"nvidia-only", "macos", "6.5GB-VRAM"}, NULL, NULL, FALSE, 0, 0, NULL, FALSE};
  g_autoptr(PinoNeedsReader) reader = pino_needs_reader_new();
  PinoNeeds needs = read_case(reader, &one), none = {0};
  g_autoptr(GString) out = g_string_new(NULL);
  pino_needs_append_json(out, &needs);
  g_assert_cmpstr(
      out->str, ==,
      "{\"gpu\":\"nvidia\",\"strictGpu\":true,\"vram_gb\":6.5,\"ram_gb\":null,\"platform\":[\"macos\"],"
      "\"strictPlatform\":false,\"sources\":{\"gpu\":\"catalog\",\"vram_gb\":\"catalog\",\"platform\":"
      "\"catalog\"}}");
  g_string_truncate(out, 0);
  pino_needs_append_json(out, &none);
  g_assert_cmpstr(out->str, ==,
                  "{\"gpu\":null,\"strictGpu\":false,\"vram_gb\":null,\"ram_gb\":null,\"platform\":[],"
                  "\"strictPlatform\":false,\"sources\":{}}");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/catalog/needs/words", test_words);
  g_test_add_func("/catalog/needs/json", test_json);
  return g_test_run();
}
