#include "lifecycle/machine.h"

#include "cloud/facts.h"

void pino_plan_machine_here(PinoPlanMachine *machine) {
  const PinoFacts *facts = pino_facts_here();
  *machine = (PinoPlanMachine){
      .gpu = facts->gpu,
      .ram_bytes = facts->ram,
      .disk_free = facts->disk_total > 0 ? (gint64)facts->disk_free : -1,
  };
  for (guint i = 0; i < facts->gpus->len; i++) {
    const PinoGpuInfo *gpu = &g_array_index(facts->gpus, PinoGpuInfo, i);
    if (gpu->memory_total != G_MAXUINT64)
      machine->vram_mb = MAX(machine->vram_mb, gpu->memory_total >> 20);
  }
}
