/* The natives behind the Node-compatible modules: fs, os, child_process, crypto, process, fetch, encoding. */
#pragma once

#include "js/host.h"

G_BEGIN_DECLS

/* Registers every table; called once while a host is made. */
void pino_js_add_node_natives(PinoJs *js);

/* Ends what the modules started (child processes, requests) before a host goes. */
void pino_js_remove_node_natives(PinoJs *js);

G_END_DECLS
