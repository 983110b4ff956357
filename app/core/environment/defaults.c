#include "environment/defaults.h"

#include <string.h>

/* Names and values: pinokiod 8.0.40, kernel/environment.js (what it writes on Linux). The caches stay out of an
 * app's own file, so that apps share what they download. XDG_CONFIG_HOME is left out on purpose: on a rented
 * machine the mirrors and credentials that its owner configured have to go on working. */
static const PinoEnvDefault DEFAULTS[] = {
    {"XDG_CACHE_HOME", "./cache/XDG_CACHE_HOME", TRUE, FALSE, TRUE,
     "Where programs keep caches and data: inside the home, so that they last as long as it does."},
    {"XDG_DATA_HOME", "./cache/XDG_DATA_HOME", TRUE, FALSE, TRUE, NULL},
    {"XDG_STATE_HOME", "./cache/XDG_STATE_HOME", TRUE, FALSE, TRUE, NULL},
    {"PIP_CACHE_DIR", "./cache/PIP_CACHE_DIR", TRUE, FALSE, TRUE, NULL},
    {"UV_CACHE_DIR", "./cache/UV_CACHE_DIR", TRUE, FALSE, TRUE, NULL},
    {"PIP_TMPDIR", "./cache/PIP_TMPDIR", TRUE, FALSE, TRUE,
     "Scratch space. Large wheels are unpacked here; /tmp is small on many machines."},
    {"TMPDIR", "./cache/TMPDIR", TRUE, FALSE, TRUE, NULL},
    {"TEMP", "./cache/TEMP", TRUE, FALSE, TRUE, NULL},
    {"TMP", "./cache/TMP", TRUE, FALSE, TRUE, NULL},
    {"HF_HOME", "./cache/HF_HOME", TRUE, FALSE, TRUE, "Models that Hugging Face libraries download."},
    {"TORCH_HOME", "./cache/TORCH_HOME", TRUE, FALSE, TRUE, "Models that torch.hub downloads."},
    {"GRADIO_TEMP_DIR", "./cache/GRADIO_TEMP_DIR", TRUE, FALSE, TRUE,
     "Files that people upload to Gradio apps."},
    {"GRADIO_ANALYTICS_ENABLED", "False", TRUE, FALSE, FALSE, NULL},
    {"GRADIO_ALLOWED_PATHS", "./", TRUE, FALSE, FALSE,
     "Gradio apps may serve files from below these folders (comma-separated), such as the shared drive."},
    {"PINOKIO_DRIVE", "./drive", TRUE, FALSE, TRUE,
     "The virtual drive that apps share models through. May be an absolute path on another disk."},
    {"PINOKIO_SCRIPT_DEFAULT", "true", TRUE, TRUE, FALSE,
     "false: the launcher's default item is not started by itself."},
    {"PINOKIO_SHARE_VAR", "url", TRUE, FALSE, FALSE,
     "When a script sets this local variable, the address in it is shared as the settings below say."},
    {"PINOKIO_SHARE_CLOUDFLARE", "false", TRUE, TRUE, FALSE,
     "true: share the app with the world through a tunnel."},
    {"PINOKIO_SHARE_PASSCODE", "", FALSE, TRUE, FALSE,
     "Visitors of the shared app must know this. Empty: anyone may come in."},
    {"PINOKIO_SHARE_LOCAL", "false", TRUE, TRUE, FALSE, "true: share the app on the local network."},
    {"PINOKIO_SHARE_LOCAL_PORT", "", TRUE, TRUE, FALSE, "The port for that. Empty: any free one."},
    {"PINOKIO_SCRIPT_AUTOLAUNCH", "", FALSE, TRUE, FALSE,
     "A script of this app (its path in the app's folder) that runs when the engine starts."},
    {"PINOKIO_SCRIPT_REQUIRES", "", FALSE, TRUE, FALSE,
     "Apps (folder names, comma-separated) that must be ready before this one starts."},
};

const PinoEnvDefault *pino_env_defaults(gsize *count) {
  *count = G_N_ELEMENTS(DEFAULTS);
  return DEFAULTS;
}

typedef enum { MATCH_NAME, MATCH_PREFIX, MATCH_PART } Match;

typedef struct {
  Match match;
  const char *text;
} NameRule;

static const NameRule DROPPED[] = {
    /* pinokiod 8.0.40, kernel/shell.js, init_env: what belongs to the machine's own set-up and breaks an app's. */
    {MATCH_PREFIX, "CUDA"},
    {MATCH_PART, "SSH"},
    {MATCH_PART, "SSL"},
    {MATCH_NAME, "PYTHONPATH"},
    {MATCH_NAME, "CMAKE_GENERATOR"},
    {MATCH_NAME, "CMAKE_MAKE_PROGRAM"},
    /* Bash's manual, "Bash Variables": these change what a fresh shell does before its first command. */
    {MATCH_NAME, "BASH_ENV"},
    {MATCH_NAME, "ENV"},
    {MATCH_NAME, "SHELLOPTS"},
    {MATCH_NAME, "BASHOPTS"},
    {MATCH_NAME, "PROMPT_COMMAND"},
    {MATCH_NAME, "PS1"},
    {MATCH_NAME, "OLDPWD"},
    {MATCH_NAME, "SHLVL"},
    {MATCH_NAME, "_"},
    /* The terminal's size is the PTY's to tell. */
    {MATCH_NAME, "COLUMNS"},
    {MATCH_NAME, "LINES"},
    /* Python's and pip's documentation: a container image that sets one leads python or pip past every venv. */
    {MATCH_NAME, "PYTHONHOME"},
    {MATCH_NAME, "PIP_USER"},
    {MATCH_NAME, "PIP_TARGET"},
    {MATCH_NAME, "PIP_PREFIX"},
    /* uv's documentation, "Using uv in Docker": what images set for their own build. Here it would make each app a copy of
     * its own of every package. An ENVIRONMENT may still set them. */
    {MATCH_NAME, "UV_LINK_MODE"},
    {MATCH_NAME, "UV_NO_CACHE"},
    /* Ours: the engine's token and the like. */
    {MATCH_PREFIX, "PINOKIOCLOUD_"},
};

/* pinokiod 8.0.40, kernel/shell.js: the state that conda's activation exports. */
static const NameRule CONDA_STATE[] = {
    {MATCH_NAME, "_CE_M"},
    {MATCH_NAME, "_CE_CONDA"},
    {MATCH_NAME, "CONDA_EXE"},
    {MATCH_NAME, "CONDA_PYTHON_EXE"},
    {MATCH_NAME, "CONDA_PREFIX"},
    {MATCH_PREFIX, "CONDA_PREFIX_"},
    {MATCH_NAME, "CONDA_SHLVL"},
    {MATCH_NAME, "CONDA_DEFAULT_ENV"},
    {MATCH_NAME, "CONDA_PS1_BACKUP"},
    {MATCH_NAME, "CONDA_PROMPT_MODIFIER"},
};

static gboolean any_matches(const NameRule *rules, gsize count, const char *name) {
  for (gsize i = 0; i < count; i++) {
    const char *text = rules[i].text;
    gboolean hit = rules[i].match == MATCH_NAME     ? strcmp(name, text) == 0
                   : rules[i].match == MATCH_PREFIX ? g_str_has_prefix(name, text)
                                                    : strstr(name, text) != NULL;
    if (hit)
      return TRUE;
  }
  return FALSE;
}

gboolean pino_env_is_conda_state(const char *name) {
  return any_matches(CONDA_STATE, G_N_ELEMENTS(CONDA_STATE), name);
}

gboolean pino_env_is_dropped(const char *name) {
  return any_matches(DROPPED, G_N_ELEMENTS(DROPPED), name) || pino_env_is_conda_state(name);
}

static const PinoEnvFixed FIXED[] = {
    /* pinokiod 8.0.40, kernel/shell.js: init_env and activate. */
    {"PYTHONNOUSERSITE", "1", TRUE, NULL},
    {"CONDA_AUTO_ACTIVATE_BASE", "false", TRUE, NULL},
    {"CONDA_SHORTCUTS", "0", FALSE, NULL},
    {"UV_PYTHON_PREFERENCE", "only-managed", FALSE, NULL},
    {"UV_PYTHON_DOWNLOADS", "automatic", FALSE, NULL},
    {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1", FALSE, NULL},
    {"HF_HUB_DISABLE_UPDATE_CHECK", "1", FALSE, NULL},
    {"HF_TOKEN_PATH", "./cache/HF_AUTH/token", FALSE, NULL},
    /* The same, for a home whose ENVIRONMENT does not name them. */
    {"HF_HOME", "./cache/HF_HOME", FALSE, NULL},
    {"TORCH_HOME", "./cache/TORCH_HOME", FALSE, NULL},
    /* uv's documentation, "Environment variables": it brings certificates of its own and passes those by that the
     * machine was given, for which SSL_CERT_FILE, taken out above, is the other way. (Debian: ca-certificates.) */
    {"UV_SYSTEM_CERTS", "true", FALSE, "/etc/ssl/certs/ca-certificates.crt"},
    /* pinokiod 8.0.40, kernel/bin/node.js: npm install -g goes into the home. */
    {"npm_config_prefix", "./bin/npm", FALSE, NULL},
    {"npm_config_cache", "./cache/npm_config_cache", FALSE, NULL},
    /* What libvterm and xterm.js, which show the output, understand. */
    {"TERM", "xterm-256color", TRUE, NULL},
    {"HISTFILE", "./cache/bash_history", FALSE, NULL},
};

const PinoEnvFixed *pino_env_fixed(gsize *count) {
  *count = G_N_ELEMENTS(FIXED);
  return FIXED;
}
