/* What a plan needs to know of the machine. Not for other rooms. */
#pragma once

#include "lifecycle/plan.h"

G_BEGIN_DECLS

/* Fills in what is here; the texts are static. */
void pino_plan_machine_here(PinoPlanMachine *machine);

G_END_DECLS
