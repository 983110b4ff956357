#include "base/json.h"
#include "cloud/read.h"
#include "environment/checkup.h"

static const char *word(gboolean yes) {
  return yes ? "true" : "false";
}

static void append_gpu(const PinoFacts *facts, GString *out) {
  g_string_append(out, ",\"gpu\":{");
  pino_json_append_member(out, "vendor", facts->gpu);
  pino_json_append_nullable(out, "trouble", facts->gpu_trouble);
  g_string_append(out, ",\"cards\":");
  pino_gpu_list_append_json(facts->gpus, out);
  g_string_append_c(out, '}');
}

static void append_ram(const PinoFacts *facts, GString *out) {
  pino_cloud_append_double(out, "cpus", facts->cpus, 2);
  g_string_append(out, ",\"ram\":{");
  pino_cloud_append_number(out, "total", facts->ram);
  pino_cloud_append_number(out, "available", facts->ram_available);
  g_string_append_printf(out, ",\"limited\":%s}", word(facts->ram_limited));
}

static void append_disks(const GArray *disks, GString *out) {
  g_string_append(out, ",\"disks\":{");
  for (guint i = 0; i < disks->len; i++) {
    const PinoDiskState *disk = &g_array_index(disks, PinoDiskState, i);
    g_string_append_printf(out, "%s\"%s\":", i > 0 ? "," : "", disk->what);
    pino_filesystem_append_json(disk->fs, out);
  }
  g_string_append_c(out, '}');
}

static void append_tools(const GArray *tools, GString *out) {
  g_string_append(out, ",\"tools\":[");
  for (guint i = 0; i < tools->len; i++) {
    const PinoToolState *tool = &g_array_index(tools, PinoToolState, i);
    g_string_append(out, i > 0 ? ",{" : "{");
    pino_json_append_member(out, "name", tool->name);
    pino_json_append_member(out, "why", tool->why);
    g_string_append_printf(out, ",\"required\":%s", word(tool->required));
    pino_json_append_nullable(out, "path", tool->path);
    pino_json_append_nullable(out, "version", tool->version);
    pino_json_append_nullable(out, "trouble", tool->trouble);
    g_string_append_c(out, '}');
  }
  g_string_append_c(out, ']');
}

static void append_advice(const GArray *list, GString *out) {
  g_string_append(out, ",\"advice\":[");
  for (guint i = 0; i < list->len; i++) {
    const PinoAdvice *advice = &g_array_index(list, PinoAdvice, i);
    g_string_append(out, i > 0 ? ",{" : "{");
    pino_json_append_member(out, "id", advice->id);
    pino_json_append_member(out, "weight", pino_advice_weight_name(advice->weight));
    pino_json_append_member(out, "text", advice->text);
    g_string_append_c(out, '}');
  }
  g_string_append_c(out, ']');
}

void pino_checkup_append_json(const PinoCheckup *checkup, GString *out) {
  const PinoFacts *facts = checkup->facts;
  g_string_append_c(out, '{');
  pino_json_append_member(out, "engine", checkup->version);
  pino_json_append_member(out, "system", checkup->system);
  pino_json_append_member(out, "kernel", checkup->kernel);
  pino_json_append_member(out, "arch", checkup->arch);
  g_string_append_printf(out, ",\"complete\":%s,\"platform\":", word(checkup->complete));
  pino_platform_append_json(facts->platform, out);
  g_string_append(out, ",\"place\":");
  pino_place_append_json(facts->place, out);
  append_gpu(facts, out);
  append_ram(facts, out);
  append_disks(checkup->disks, out);
  g_string_append(out, ",\"network\":");
  pino_network_append_json(checkup->network, out);
  append_tools(checkup->tools, out);
  g_string_append_printf(out, ",\"example_port\":%u,\"addresses\":", checkup->example_port);
  pino_addresses_append_json(checkup->addresses, out);
  g_string_append(out, ",\"rules\":");
  pino_rules_append_json(facts->platform->id, NULL, out);
  append_advice(checkup->advice, out);
  g_string_append_c(out, '}');
}
