#include "cloud/smi.h"

#include <string.h>

#include "base/error.h"
#include "cloud/ask.h"

#define MIB (1024.0 * 1024)

static PinoSmiGpu *gpu_new(void) {
  PinoSmiGpu *gpu = g_new0(PinoSmiGpu, 1);
  gpu->total = gpu->used = G_MAXUINT64;
  gpu->utilisation = gpu->temperature = -1;
  return gpu;
}

static void gpu_free(gpointer data) {
  PinoSmiGpu *gpu = data;
  g_free(gpu->name);
  g_free(gpu->uuid);
  g_free(gpu->driver);
  g_free(gpu->capability);
  g_free(gpu->target);
  g_free(gpu);
}

/* --- tables -------------------------------------------------------------------------------------------------- */

/* Cells parted by commas; one in quotes may hold commas, and "" for a quote. */
static GPtrArray *split_row(const char *line) {
  GPtrArray *cells = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GString) cell = g_string_new(NULL);
  gboolean quoted = FALSE;
  for (const char *at = line;; at++) {
    if (*at == '\0' || (*at == ',' && !quoted)) {
      g_ptr_array_add(cells, g_strstrip(g_strdup(cell->str)));
      g_string_truncate(cell, 0);
    } else if (*at == '"' && quoted && at[1] == '"') {
      g_string_append_c(cell, *at++);
    } else if (*at == '"') {
      quoted = !quoted;
    } else {
      g_string_append_c(cell, *at);
    }
    if (*at == '\0')
      return cells;
  }
}

/* The column called name, a unit in brackets aside ("memory.total [MiB]"); -1 when there is none. */
static int column_of(const GPtrArray *heads, const char *name) {
  gsize length = strlen(name);
  for (guint i = 0; i < heads->len; i++) {
    const char *head = heads->pdata[i];
    if (g_ascii_strncasecmp(head, name, length) == 0 && (head[length] == '\0' || head[length] == ' '))
      return (int)i;
  }
  return -1;
}

typedef struct {
  GPtrArray *heads; /* NULL: no line had the key among its cells */
  GPtrArray *rows;  /* GPtrArray of as many cells as heads */
} Table;

static void table_clear(Table *table) {
  g_clear_pointer(&table->heads, g_ptr_array_unref);
  g_clear_pointer(&table->rows, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Table, table_clear)

/* What stands around the table (warnings of the program) is left out. */
static Table table_of(const char *text, const char *key) {
  Table table = {.rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref)};
  g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_autoptr(GPtrArray) cells = split_row(*line);
    if (table.heads == NULL && column_of(cells, key) >= 0)
      table.heads = g_steal_pointer(&cells);
    else if (table.heads != NULL && cells->len == table.heads->len)
      g_ptr_array_add(table.rows, g_steal_pointer(&cells));
  }
  return table;
}

/* NULL where the program does not know. */
static const char *cell_of(const Table *table, guint row, const char *name) {
  static const char *const nothing[] = {
      "",        "N/A", "None", "Not Supported", "Unknown Error", "Insufficient Permissions", "Not Available",
      "Unknown", "ERR!"};
  int column = column_of(table->heads, name);
  if (column < 0)
    return NULL;
  const char *cell = ((GPtrArray *)table->rows->pdata[row])->pdata[column];
  g_autofree char *plain = g_strdup(cell);
  if (*plain == '[' && g_str_has_suffix(plain, "]")) {
    plain[strlen(plain) - 1] = '\0';
    memmove(plain, plain + 1, strlen(plain));
  }
  for (guint i = 0; i < G_N_ELEMENTS(nothing); i++)
    if (g_ascii_strcasecmp(g_strstrip(plain), nothing[i]) == 0)
      return NULL;
  return cell;
}

static gboolean number_of(const Table *table, guint row, const char *name, double *number) {
  const char *cell = cell_of(table, row, name);
  char *end = NULL;
  if (cell == NULL)
    return FALSE;
  *number = g_ascii_strtod(cell, &end);
  return end != cell && *number >= 0 && *number < 1e18;
}

static guint64 bytes_of(const Table *table, guint row, const char *name, double unit) {
  double number;
  return number_of(table, row, name, &number) ? (guint64)(number * unit) : G_MAXUINT64;
}

static int whole_of(const Table *table, guint row, const char *name) {
  double number;
  return number_of(table, row, name, &number) && number < 1000 ? (int)(number + 0.5) : -1;
}

static char *text_of(const Table *table, guint row, const char *name) {
  return g_strdup(cell_of(table, row, name));
}

/* --- the programs -------------------------------------------------------------------------------------------- */

/* In PATH, else the first of places (below root, ends with NULL) that is there; NULL when it is nowhere. */
static char *find_program(const char *root, const char *name, const char *const *places) {
  char *found = g_find_program_in_path(name);
  for (; found == NULL && *places != NULL; places++) {
    g_autofree char *path = g_build_filename(root, *places, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
      found = g_steal_pointer(&path);
  }
  return found;
}

static char *first_line(const char *text) {
  g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (*g_strstrip(*line) != '\0')
      return g_strndup(*line, 300);
  return g_strdup("nothing");
}

static void set_said(GError **error, const char *name, const char *output, int status) {
  g_autofree char *line = first_line(output);
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "%s says: %s (exit status %d)", name, line, status);
}

/* The table that has a column key; FALSE with the program's words when it printed none. */
static gboolean ask_table(const char *const *argv, guint limit_ms, const char *key, Table *table,
                          char **output, GError **error) {
  int status;
  if (!pino_cloud_ask(argv, limit_ms, output, &status, error))
    return FALSE;
  *table = table_of(*output, key);
  if (table->heads != NULL)
    return TRUE;
  table_clear(table);
  g_autofree char *name = g_path_get_basename(argv[0]);
  set_said(error, name, *output, status);
  return FALSE;
}

/* --- NVIDIA -------------------------------------------------------------------------------------------------- */

/* Columns of nvidia-smi --help-query-gpu. Older drivers refuse the whole question for one column that they do not know. */
#define OLD_COLUMNS "name,uuid,driver_version,memory.total,memory.used,utilization.gpu,temperature.gpu"
static const char *const questions[] = {
    "--query-gpu=" OLD_COLUMNS ",compute_cap,mig.mode.current",
    "--query-gpu=" OLD_COLUMNS ",compute_cap",
    "--query-gpu=" OLD_COLUMNS,
};

static PinoSmiGpu *nvidia_row(const Table *table, guint row) {
  const char *mig = cell_of(table, row, "mig.mode.current");
  PinoSmiGpu *gpu = gpu_new();
  gpu->name = text_of(table, row, "name");
  gpu->uuid = text_of(table, row, "uuid");
  gpu->driver = text_of(table, row, "driver_version");
  gpu->capability = text_of(table, row, "compute_cap");
  gpu->total = bytes_of(table, row, "memory.total", MIB);
  gpu->used = bytes_of(table, row, "memory.used", MIB);
  gpu->utilisation = whole_of(table, row, "utilization.gpu");
  gpu->temperature = whole_of(table, row, "temperature.gpu");
  gpu->mig = g_strcmp0(mig, "Enabled") == 0;
  return gpu;
}

static char *between(const char *text, const char *from, char to) {
  const char *start = strstr(text, from);
  const char *end = start != NULL ? strchr(start + strlen(from), to) : NULL;
  return end != NULL ? g_strndup(start + strlen(from), (gsize)(end - start) - strlen(from)) : NULL;
}

/* "  MIG 3g.20gb     Device  1: (UUID: MIG-...)" */
static PinoSmiGpu *part_of(const PinoSmiGpu *card, const char *line) {
  const char *profile = line + strlen("MIG ");
  g_autofree char *word = g_strndup(profile, strcspn(profile, " \t"));
  const char *dot = strchr(word, '.');
  double gib = dot != NULL ? g_ascii_strtod(dot + 1, NULL) : 0;
  PinoSmiGpu *part = gpu_new();
  part->mig = TRUE;
  part->name = g_strdup_printf("%s MIG %s", card->name != NULL ? card->name : "NVIDIA GPU", word);
  part->uuid = between(line, "UUID: ", ')');
  part->driver = g_strdup(card->driver);
  part->capability = g_strdup(card->capability);
  part->temperature = card->temperature;
  part->total = gib > 0 ? (guint64)(gib * 1024 * MIB) : G_MAXUINT64;
  return part;
}

/* The parts of the cards that are cut up take their card's place; a card that shows none keeps its own. */
static GPtrArray *cut_up(const GPtrArray *cards, const char *listing) {
  GPtrArray *all = g_ptr_array_new_with_free_func(gpu_free);
  g_auto(GStrv) lines = g_strsplit(listing, "\n", -1);
  for (guint i = 0; i < cards->len; i++) {
    const PinoSmiGpu *card = cards->pdata[i];
    g_autofree char *head = g_strdup_printf("GPU %u:", i);
    gboolean inside = FALSE;
    guint before = all->len;
    for (char **line = lines; card->mig && *line != NULL; line++) {
      const char *text = *line + strspn(*line, " \t");
      if (g_str_has_prefix(text, "GPU "))
        inside = g_str_has_prefix(text, head);
      else if (inside && g_str_has_prefix(text, "MIG "))
        g_ptr_array_add(all, part_of(card, text));
    }
    if (all->len > before)
      continue;
    PinoSmiGpu *whole = gpu_new();
    *whole = *card;
    memset((gpointer)card, 0, sizeof *card); /* its strings have gone over */
    g_ptr_array_add(all, whole);
  }
  return all;
}

static gboolean has_mig(const GPtrArray *cards) {
  for (guint i = 0; i < cards->len; i++)
    if (((const PinoSmiGpu *)cards->pdata[i])->mig)
      return TRUE;
  return FALSE;
}

static GPtrArray *list_parts(const char *program, guint limit_ms, GPtrArray *cards) {
  const char *const argv[] = {program, "-L", NULL};
  g_autofree char *listing = NULL;
  int status;
  if (!has_mig(cards) || !pino_cloud_ask(argv, limit_ms, &listing, &status, NULL))
    return cards;
  GPtrArray *all = cut_up(cards, listing);
  g_ptr_array_unref(cards);
  return all;
}

GPtrArray *pino_smi_nvidia(const char *root, guint limit_ms, GError **error) {
  static const char *const places[] = {"usr/lib/wsl/lib", NULL};
  g_autofree char *program = find_program(root, "nvidia-smi", places);
  if (program == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "nvidia-smi is not here");
    return NULL;
  }
  for (guint i = 0; i < G_N_ELEMENTS(questions); i++) {
    const char *const argv[] = {program, questions[i], "--format=csv,nounits", NULL};
    g_auto(Table) table = {0};
    g_autofree char *output = NULL;
    g_autoptr(GError) failed = NULL;
    if (ask_table(argv, limit_ms, "name", &table, &output, &failed)) {
      GPtrArray *cards = g_ptr_array_new_with_free_func(gpu_free);
      for (guint row = 0; row < table.rows->len; row++)
        g_ptr_array_add(cards, nvidia_row(&table, row));
      return list_parts(program, limit_ms, cards);
    }
    if (output != NULL && strstr(output, "No devices were found") != NULL)
      return g_ptr_array_new_with_free_func(gpu_free);
    if (output == NULL || strstr(output, "is not a valid field") == NULL ||
        i + 1 == G_N_ELEMENTS(questions)) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return NULL;
    }
  }
  return NULL;
}

/* --- AMD ----------------------------------------------------------------------------------------------------- */

static PinoSmiGpu *rocm_row(const Table *table, guint row) {
  PinoSmiGpu *gpu = gpu_new();
  gpu->name = text_of(table, row, "Card series");
  gpu->uuid = text_of(table, row, "Unique ID");
  gpu->target = text_of(table, row, "GFX Version");
  gpu->total = bytes_of(table, row, "VRAM Total Memory (B)", 1);
  gpu->used = bytes_of(table, row, "VRAM Total Used Memory (B)", 1);
  gpu->utilisation = whole_of(table, row, "GPU use (%)");
  gpu->temperature = whole_of(table, row, "Temperature (Sensor edge) (C)");
  if (gpu->temperature < 0)
    gpu->temperature = whole_of(table, row, "Temperature (Sensor junction) (C)");
  return gpu;
}

/* Columns by rocm-smi's own CSV of ROCm 4 to 7; "device" is card0, card1... */
static GPtrArray *ask_rocm(const char *program, guint limit_ms, GError **error) {
  const char *const argv[] = {program,          "--showproductname", "--showmeminfo", "vram", "--showuse",
                              "--showuniqueid", "--showtemp",        "--csv",         NULL};
  g_auto(Table) table = {0};
  g_autofree char *output = NULL;
  if (!ask_table(argv, limit_ms, "device", &table, &output, error))
    return NULL;
  GPtrArray *cards = g_ptr_array_new_with_free_func(gpu_free);
  for (guint row = 0; row < table.rows->len; row++) {
    const char *device = cell_of(&table, row, "device");
    if (device != NULL && g_str_has_prefix(device, "card") && g_ascii_isdigit(device[4]))
      g_ptr_array_add(cards, rocm_row(&table, row));
  }
  return cards;
}

/* amd-smi tells what a card is and what it uses in two tables, joined by "gpu"; memory is in MiB. */
static GPtrArray *ask_amd(const char *program, guint limit_ms, GError **error) {
  const char *const what[] = {program, "static", "--asic", "--csv", NULL};
  const char *const uses[] = {program, "metric", "--mem-usage", "--csv", NULL};
  g_auto(Table) cards = {0}, memory = {0};
  g_autofree char *first = NULL, *second = NULL;
  if (!ask_table(what, limit_ms, "market_name", &cards, &first, error) ||
      !ask_table(uses, limit_ms, "total_vram", &memory, &second, error))
    return NULL;
  GPtrArray *list = g_ptr_array_new_with_free_func(gpu_free);
  for (guint row = 0; row < cards.rows->len; row++) {
    PinoSmiGpu *gpu = gpu_new();
    gpu->name = text_of(&cards, row, "market_name");
    gpu->uuid = text_of(&cards, row, "asic_serial");
    gpu->target = text_of(&cards, row, "target_graphics_version");
    for (guint other = 0; other < memory.rows->len; other++) {
      if (g_strcmp0(cell_of(&cards, row, "gpu"), cell_of(&memory, other, "gpu")) != 0)
        continue;
      gpu->total = bytes_of(&memory, other, "total_vram", MIB);
      gpu->used = bytes_of(&memory, other, "used_vram", MIB);
    }
    g_ptr_array_add(list, gpu);
  }
  return list;
}

GPtrArray *pino_smi_amd(const char *root, guint limit_ms, GError **error) {
  static const char *const places[] = {"opt/rocm/bin", NULL};
  static const struct {
    const char *name;
    GPtrArray *(*ask)(const char *, guint, GError **);
  } programs[] = {{"amd-smi", ask_amd}, {"rocm-smi", ask_rocm}};
  g_autoptr(GError) failed = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(programs); i++) {
    g_autofree char *path = find_program(root, programs[i].name, places);
    g_autoptr(GError) this = NULL;
    GPtrArray *list = path != NULL ? programs[i].ask(path, limit_ms, &this) : NULL;
    if (list != NULL)
      return list;
    if (failed == NULL)
      failed = g_steal_pointer(&this);
  }
  if (failed == NULL)
    failed = g_error_new(PINO_ERROR, PINO_ERROR_NOT_FOUND, "neither amd-smi nor rocm-smi is here");
  g_propagate_error(error, g_steal_pointer(&failed));
  return NULL;
}
