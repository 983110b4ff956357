#include "cloud/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"

enum { READ_LIMIT = 1024 * 1024 };

/* --- the markers ---- */

typedef enum {
  VARIABLE, /* is set, to whatever value */
  PREFIX,   /* a variable begins so */
  VALUE,    /* NAME=value in the own environment */
  FILE_AT,  /* path below root */
  FOLDER_AT,
} MarkerKind;

typedef struct {
  const char *platform;
  int rule; /* markers of one platform with the same number stand together: all of them must hold */
  MarkerKind kind;
  const char *text;
} Marker;

/* In the order of trying; the first rule that holds decides. Kaggle's image is built on Colab's (Kaggle/docker-python,
 * Dockerfile.tmpl), so Kaggle is before Colab. Left out on purpose, because others have them too: /workspace (Vast, RunPod
 * and many images), /content alone, COLAB_RELEASE_TAG alone (in Colab's image wherever it runs), LIGHTNING_USER_ID and
 * LIGHTNING_API_KEY (SDK users set them anywhere), what the BIOS tells (never seen inside these containers). */
static const Marker MARKERS[] = {
    /* Kaggle/docker-python: patches, Dockerfile.tmpl */
    {PINO_PLATFORM_KAGGLE, 1, VARIABLE, "KAGGLE_KERNEL_RUN_TYPE"},
    {PINO_PLATFORM_KAGGLE, 2, FOLDER_AT, "kaggle/working"},
    /* googlecolab/colabtools: google/colab/runtime.py, auth.py; kagglehub (clients.py) takes the first for "managed" */
    {PINO_PLATFORM_COLAB, 1, VARIABLE, "TBE_RUNTIME_ADDR"},
    {PINO_PLATFORM_COLAB, 2, VARIABLE, "COLAB_BACKEND_VERSION"},
    {PINO_PLATFORM_COLAB, 3, FILE_AT, "var/colab/hostname"},
    /* Lightning-AI/sdk: lightning_sdk/utils/resolve.py, studio.py */
    {PINO_PLATFORM_LIGHTNING, 1, VARIABLE, "LIGHTNING_CLOUD_SPACE_ID"},
    {PINO_PLATFORM_LIGHTNING, 2, FOLDER_AT, "teamspace/studios/this_studio"},
    /* runpod/docs: pods/templates/environment-variables.mdx */
    {PINO_PLATFORM_RUNPOD, 1, VARIABLE, "RUNPOD_POD_ID"},
    /* vast-ai/docs: guides/instances/docker-environment.mdx; vast-ai/base-image moves the file to /etc */
    {PINO_PLATFORM_VAST, 1, VARIABLE, "VAST_CONTAINERLABEL"},
    {PINO_PLATFORM_VAST, 2, FILE_AT, "root/.vast_containerlabel"},
    {PINO_PLATFORM_VAST, 3, FILE_AT, "etc/.vast_containerlabel"},
    {PINO_PLATFORM_VAST, 4, VARIABLE, "CONTAINER_ID"},
    {PINO_PLATFORM_VAST, 4, VARIABLE, "CONTAINER_API_KEY"},
    {PINO_PLATFORM_VAST, 5, VARIABLE, "CONTAINER_ID"},
    {PINO_PLATFORM_VAST, 5, PREFIX, "VAST_TCP_PORT_"},
    /* environment dumps in public notebooks; zenml's in_paperspace_gradient() */
    {PINO_PLATFORM_PAPERSPACE, 1, VARIABLE, "PAPERSPACE_NOTEBOOK_ID"},
    {PINO_PLATFORM_PAPERSPACE, 2, VARIABLE, "PAPERSPACE_FQDN"},
    {PINO_PLATFORM_PAPERSPACE, 3, FOLDER_AT, "notebooks"},
    {PINO_PLATFORM_PAPERSPACE, 3, FOLDER_AT, "storage"},
    /* aws/studio-lab-examples: README, issue 118. The folder alone could be anybody's */
    {PINO_PLATFORM_STUDIOLAB, 1, FOLDER_AT, "home/studio-lab-user"},
    {PINO_PLATFORM_STUDIOLAB, 1, VALUE, "HOME=/home/studio-lab-user"},
    {PINO_PLATFORM_STUDIOLAB, 2, FOLDER_AT, "home/studio-lab-user"},
    {PINO_PLATFORM_STUDIOLAB, 2, VALUE, "USER=studio-lab-user"},
    /* Colab's image somewhere that tells nothing else: unsloth/models/_utils.py asks for the two folders */
    {PINO_PLATFORM_COLAB, 4, VARIABLE, "COLAB_RELEASE_TAG"},
    {PINO_PLATFORM_COLAB, 4, FOLDER_AT, "content"},
    {PINO_PLATFORM_COLAB, 4, FOLDER_AT, "opt/colab"},
    /* Docker makes the first, Podman the second; systemd.io/CONTAINER_INTERFACE has the variable */
    {PINO_PLATFORM_CONTAINER, 1, FILE_AT, ".dockerenv"},
    {PINO_PLATFORM_CONTAINER, 2, FILE_AT, "run/.containerenv"},
    {PINO_PLATFORM_CONTAINER, 3, VARIABLE, "container"},
};

static const struct {
  const char *id, *name;
  gboolean rented;
} PLATFORMS[] = {
    {PINO_PLATFORM_COLAB, "Google Colab", TRUE},
    {PINO_PLATFORM_KAGGLE, "Kaggle", TRUE},
    {PINO_PLATFORM_VAST, "Vast.ai", TRUE},
    {PINO_PLATFORM_LIGHTNING, "Lightning.ai", TRUE},
    {PINO_PLATFORM_PAPERSPACE, "Paperspace Gradient", TRUE},
    {PINO_PLATFORM_RUNPOD, "RunPod", TRUE},
    {PINO_PLATFORM_STUDIOLAB, "SageMaker Studio Lab", TRUE},
    {PINO_PLATFORM_CONTAINER, "a container", FALSE},
    {PINO_PLATFORM_LOCAL, "this machine", FALSE},
};

static const char *const IDS[] = {
    PINO_PLATFORM_COLAB,      PINO_PLATFORM_KAGGLE,
    PINO_PLATFORM_VAST,       PINO_PLATFORM_LIGHTNING,
    PINO_PLATFORM_PAPERSPACE, PINO_PLATFORM_RUNPOD,
    PINO_PLATFORM_STUDIOLAB,  PINO_PLATFORM_CONTAINER,
    PINO_PLATFORM_LOCAL,      NULL,
};

const char *const *pino_platform_ids(void) {
  return IDS;
}

/* --- variables ---- */

typedef struct {
  char *value;
  const char *source; /* file it is from; NULL: the own environment */
} Variable;

static void variable_free(gpointer data) {
  Variable *variable = data;
  g_free(variable->value);
  g_free(variable);
}

/* name as far as `length`. What is known already stays. */
static void note_variable(GHashTable *variables, const char *name, gsize length, const char *value,
                          const char *source) {
  char *key = g_strndup(name, length);
  if (length == 0 || g_hash_table_contains(variables, key)) {
    g_free(key);
    return;
  }
  Variable *variable = g_new(Variable, 1);
  *variable = (Variable){g_strdup(value), source};
  g_hash_table_insert(variables, key, variable);
}

static void note_pair(GHashTable *variables, const char *pair, const char *source) {
  const char *mark = strchr(pair, '=');
  if (mark != NULL)
    note_variable(variables, pair, (gsize)(mark - pair), mark + 1, source);
}

/* Nothing is waited for: what is no plain file is not read. NULL when there is none. */
static GString *read_file(const char *root, const char *below) {
  g_autofree char *path = g_build_filename(root, below, NULL);
  struct stat st;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  GString *text = g_string_new(NULL);
  char buffer[4096];
  ssize_t got = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? 1 : 0;
  while (got != 0 && text->len < READ_LIMIT) {
    got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno != EINTR)
      break;
    if (got > 0)
      g_string_append_len(text, buffer, got);
  }
  close(fd);
  return text;
}

/* A value as `export NAME="value"` has it, without its quotes. */
static void unquote(char *value) {
  gsize length = strlen(value);
  char quote = *value;
  if (length < 2 || (quote != '"' && quote != '\'') || value[length - 1] != quote)
    return;
  value[length - 1] = '\0';
  char *to = value;
  for (const char *from = value + 1; *from != '\0'; from++) {
    if (quote == '"' && *from == '\\' && from[1] != '\0' && strchr("\\\"$`", from[1]) != NULL)
      from++;
    *to++ = *from;
  }
  *to = '\0';
}

static void note_lines(GHashTable *variables, GString *text, const char *source) {
  g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    char *pair = g_strstrip(*line);
    if (g_str_has_prefix(pair, "export "))
      pair = g_strchug(pair + strlen("export "));
    char *mark = strchr(pair, '=');
    if (*pair == '#' || mark == NULL)
      continue;
    unquote(mark + 1);
    note_pair(variables, pair, source);
  }
}

static void note_block(GHashTable *variables, GString *text, const char *source) {
  for (gsize at = 0; at < text->len; at += strlen(text->str + at) + 1)
    note_pair(variables, text->str + at, source);
}

/* vast-ai/docs and runpod/containers (issue 70): shells over SSH lack what the first process has. */
static const struct {
  const char *path;
  void (*note)(GHashTable *variables, GString *text, const char *source);
} SOURCES[] = {
    {"etc/environment", note_lines},
    {"etc/rp_environment", note_lines},
    {"proc/1/environ", note_block},
};

static GHashTable *read_variables(const char *root, const char *const *env) {
  GHashTable *variables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, variable_free);
  for (; env != NULL && *env != NULL; env++)
    note_pair(variables, *env, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(SOURCES); i++) {
    GString *text = read_file(root, SOURCES[i].path);
    if (text == NULL)
      continue;
    SOURCES[i].note(variables, text, SOURCES[i].path);
    g_string_free(text, TRUE);
  }
  return variables;
}

const char *pino_platform_env(const PinoPlatform *platform, const char *name) {
  const Variable *variable = g_hash_table_lookup(platform->variables, name);
  return variable != NULL ? variable->value : NULL;
}

/* Only what the process itself was given: whose folder "~" is must not come from another process. */
static const char *own_env(const PinoPlatform *platform, const char *name) {
  const Variable *variable = g_hash_table_lookup(platform->variables, name);
  return variable != NULL && variable->source == NULL ? variable->value : NULL;
}

static int compare_names(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **pino_platform_env_names(const PinoPlatform *platform, const char *prefix) {
  GPtrArray *names = g_ptr_array_new();
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, platform->variables);
  while (g_hash_table_iter_next(&iter, &name, NULL)) {
    if (g_str_has_prefix(name, prefix))
      g_ptr_array_add(names, g_strdup(name));
  }
  g_ptr_array_sort(names, compare_names);
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(names, FALSE);
}

/* --- deciding ---- */

static char *variable_text(const PinoPlatform *platform, const char *name) {
  const Variable *variable = g_hash_table_lookup(platform->variables, name);
  if (variable == NULL)
    return NULL;
  return variable->source == NULL ? g_strdup_printf("variable %s", name)
                                  : g_strdup_printf("variable %s (of /%s)", name, variable->source);
}

static char *prefix_text(const PinoPlatform *platform, const char *prefix) {
  g_auto(GStrv) names = pino_platform_env_names(platform, prefix);
  return names[0] != NULL ? variable_text(platform, names[0]) : NULL;
}

static char *value_text(const PinoPlatform *platform, const char *pair) {
  g_autofree char *name = g_strndup(pair, strcspn(pair, "="));
  const char *value = own_env(platform, name);
  gboolean same = g_strcmp0(value, pair + strlen(name) + 1) == 0;
  return same ? g_strdup_printf("variable %s is %s", name, value) : NULL;
}

static char *path_text(const PinoPlatform *platform, const char *below, gboolean folder) {
  g_autofree char *path = g_build_filename(platform->root, below, NULL);
  struct stat st;
  if (stat(path, &st) != 0 || (folder && !S_ISDIR(st.st_mode)))
    return NULL;
  return g_strdup_printf("%s /%s", folder ? "folder" : "file", below);
}

/* What a person is told of a marker that is there; NULL when it is not. */
static char *marker_text(const PinoPlatform *platform, const Marker *marker) {
  switch (marker->kind) {
  case VARIABLE:
    return variable_text(platform, marker->text);
  case PREFIX:
    return prefix_text(platform, marker->text);
  case VALUE:
    return value_text(platform, marker->text);
  case FILE_AT:
    return path_text(platform, marker->text, FALSE);
  case FOLDER_AT:
    return path_text(platform, marker->text, TRUE);
  }
  return NULL;
}

static gsize rule_end(gsize start) {
  gsize end = start;
  while (end < G_N_ELEMENTS(MARKERS) && MARKERS[end].rule == MARKERS[start].rule &&
         g_str_equal(MARKERS[end].platform, MARKERS[start].platform))
    end++;
  return end;
}

/* The markers of a rule as texts; NULL unless all hold. */
static char **rule_texts(const PinoPlatform *platform, gsize start, gsize end) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  for (gsize i = start; i < end; i++) {
    char *text = marker_text(platform, &MARKERS[i]);
    if (text == NULL)
      return NULL;
    g_ptr_array_add(texts, text);
  }
  g_ptr_array_add(texts, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&texts), FALSE);
}

/* FALSE when there is no such platform. */
static gboolean take_id(PinoPlatform *platform, const char *id) {
  for (gsize i = 0; i < G_N_ELEMENTS(PLATFORMS); i++) {
    if (!g_str_equal(PLATFORMS[i].id, id))
      continue;
    platform->id = PLATFORMS[i].id;
    platform->name = PLATFORMS[i].name;
    platform->rented = PLATFORMS[i].rented;
    return TRUE;
  }
  return FALSE;
}

static void decide(PinoPlatform *platform) {
  const char *none[] = {NULL};
  gsize start = 0;
  while (start < G_N_ELEMENTS(MARKERS) && platform->markers == NULL) {
    gsize end = rule_end(start);
    platform->markers = rule_texts(platform, start, end);
    if (platform->markers != NULL)
      take_id(platform, MARKERS[start].platform);
    start = end;
  }
  if (platform->markers != NULL)
    return;
  platform->markers = g_strdupv((char **)none);
  take_id(platform, PINO_PLATFORM_LOCAL);
}

static gboolean force(PinoPlatform *platform, const char *id, GError **error) {
  const char *told[] = {"given by name", NULL};
  if (!take_id(platform, id)) {
    g_autofree char *ids = g_strjoinv(", ", (char **)IDS);
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "there is no platform '%s'; known are: %s", id, ids);
    return FALSE;
  }
  platform->markers = g_strdupv((char **)told);
  platform->forced = TRUE;
  return TRUE;
}

static char *find_user_home(const PinoPlatform *platform) {
  const char *home = own_env(platform, "HOME");
  return g_canonicalize_filename(home != NULL && g_path_is_absolute(home) ? home : g_get_home_dir(), "/");
}

PinoPlatform *pino_platform_detect(const char *root, const char *const *env, const char *forced,
                                   GError **error) {
  g_autoptr(PinoPlatform) platform = g_new0(PinoPlatform, 1);
  g_auto(GStrv) own = env == NULL ? g_get_environ() : NULL;
  platform->root = g_strdup(root);
  platform->variables = read_variables(root, env != NULL ? env : (const char *const *)own);
  platform->user_home = find_user_home(platform);
  if (forced == NULL || *forced == '\0')
    decide(platform);
  else if (!force(platform, forced, error))
    return NULL;
  return g_steal_pointer(&platform);
}

PinoPlatform *pino_platform_here(GError **error) {
  return pino_platform_detect("/", NULL, g_getenv("PINOKIO_PLATFORM"), error);
}

void pino_platform_free(PinoPlatform *platform) {
  if (platform == NULL)
    return;
  g_strfreev(platform->markers);
  g_clear_pointer(&platform->variables, g_hash_table_unref);
  g_free(platform->user_home);
  g_free(platform->root);
  g_free(platform);
}

gboolean pino_platform_is(const PinoPlatform *platform, const char *id) {
  return g_str_equal(platform->id, id);
}

void pino_platform_append_json(const PinoPlatform *platform, GString *out) {
  g_string_append_c(out, '{');
  pino_json_append_member(out, "id", platform->id);
  pino_json_append_member(out, "name", platform->name);
  g_string_append_printf(out, ",\"forced\":%s,\"rented\":%s,\"markers\":[",
                         platform->forced ? "true" : "false", platform->rented ? "true" : "false");
  for (guint i = 0; platform->markers[i] != NULL; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    pino_json_append_string(out, platform->markers[i], strlen(platform->markers[i]));
  }
  g_string_append(out, "]}");
}
