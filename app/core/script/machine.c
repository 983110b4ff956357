/* What templates may ask of the machine (cloud/facts.h): gpu, vram, ram, cloud... Facts are gathered when the first template
 * of the run asks for one, and stay as they are for the run. */
#include "cloud/facts.h"
#include "script/internal.h"

#define MIB (1024.0 * 1024)

static char *lower(const char *text) {
  return text != NULL ? g_ascii_strdown(text, -1) : NULL;
}

static JSValueRef gpu_value(PinoJs *js, const PinoGpuInfo *gpu) {
  g_autofree char *model = lower(gpu->name);
  JSObjectRef value = pino_js_object(js);
  pino_js_set(js, value, "name", pino_js_string(js, gpu->vendor));
  pino_js_set(js, value, "model", pino_js_string(js, model));
  pino_js_set(js, value, "driver", pino_js_string(js, gpu->driver));
  return value;
}

static JSValueRef controller_value(PinoJs *js, const PinoGpuInfo *gpu) {
  g_autofree char *model = lower(gpu->name);
  double bytes = gpu->memory_total != G_MAXUINT64 ? (double)gpu->memory_total : 0;
  JSObjectRef value = pino_js_object(js);
  pino_js_set(js, value, "vendor", pino_js_string(js, gpu->vendor));
  pino_js_set(js, value, "model", pino_js_string(js, model));
  pino_js_set(js, value, "vram", pino_js_number(js, (double)(gint64)(bytes / MIB + 0.5)));
  pino_js_set(js, value, "driverVersion", pino_js_string(js, gpu->driver));
  return value;
}

static JSValueRef list_value(PinoJs *js, const GArray *gpus,
                             JSValueRef (*value)(PinoJs *js, const PinoGpuInfo *gpu)) {
  JSObjectRef list = pino_js_array(js, 0, NULL);
  for (guint i = 0; i < gpus->len; i++)
    JSObjectSetPropertyAtIndex(pino_js_context(js), list, i, value(js, &g_array_index(gpus, PinoGpuInfo, i)),
                               NULL);
  return list;
}

static JSValueRef memory_value(PinoJs *js, const PinoFacts *facts) {
  JSObjectRef value = pino_js_object(js);
  pino_js_set(js, value, "free", pino_js_number(js, pino_facts_gib(facts->vram_free)));
  pino_js_set(js, value, "total", pino_js_number(js, pino_facts_gib(facts->vram_total)));
  return value;
}

JSValueRef pino_machine_facts(PinoJs *js) {
  const PinoFacts *facts = pino_facts_here();
  g_autofree char *model = lower(facts->gpu_model);
  JSObjectRef value = pino_js_object(js), graphics = pino_js_object(js);
  pino_js_set(js, graphics, "controllers", list_value(js, facts->gpus, controller_value));
  pino_js_set(js, graphics, "displays", pino_js_array(js, 0, NULL));
  pino_js_set(js, value, "gpu", pino_js_string(js, facts->gpu));
  pino_js_set(js, value, "gpus", list_value(js, facts->gpus, gpu_value));
  pino_js_set(js, value, "gpu_model", model != NULL ? pino_js_string(js, model) : pino_js_undefined(js));
  pino_js_set(js, value, "gpu_driver", pino_js_string(js, facts->gpu_driver));
  pino_js_set(js, value, "gpu_target", pino_js_string(js, facts->gpu_target));
  pino_js_set(js, value, "gpu_memory", memory_value(js, facts));
  pino_js_set(js, value, "vram", pino_js_number(js, pino_facts_gib(facts->vram_total)));
  pino_js_set(js, value, "ram", pino_js_number(js, pino_facts_gib(facts->ram)));
  pino_js_set(js, value, "graphics", graphics);
  return value;
}

/* Where a platform has no folder of its own, or the home is not in it, both are the home. */
JSValueRef pino_machine_cloud(PinoJs *js, const char *home) {
  g_autoptr(PinoPlatform) platform = pino_platform_here(NULL);
  if (platform == NULL) /* PINOKIO_PLATFORM names none: the markers decide */
    platform = pino_platform_detect("/", NULL, NULL, NULL);
  g_autoptr(PinoPlace) place = pino_place_find(platform);
  JSObjectRef value = pino_js_object(js);
  pino_js_set(js, value, "platform", pino_js_string(js, platform->id));
  pino_js_set(js, value, "base_path", pino_js_string(js, platform->rented ? place->base : home));
  pino_js_set(js, value, "persistent_path",
              pino_js_string(js, place->persistent != NULL ? place->persistent : home));
  return value;
}
