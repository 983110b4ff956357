/* The method families: each file of this folder shows one table, ended by an entry without a name. An entry without
 * a function is JavaScript's (js/methods.js). */
#pragma once

#include "script/internal.h"

G_BEGIN_DECLS

extern const PinoMethod pino_methods_values[];
extern const PinoMethod pino_methods_shell[];
extern const PinoMethod pino_methods_fs[];
extern const PinoMethod pino_methods_link[];
extern const PinoMethod pino_methods_script[];
extern const PinoMethod pino_methods_process[];
extern const PinoMethod pino_methods_person[];
extern const PinoMethod pino_methods_env[];
extern const PinoMethod pino_methods_hf[];
extern const PinoMethod pino_methods_web[];

/* shell.run, for methods that are a command with other params. */
JSValueRef pino_method_shell_run(PinoStep *step, GError **error);

G_END_DECLS
