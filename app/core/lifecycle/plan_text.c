/* The plan as text for a terminal (plan.h). */
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "lifecycle/plan.h"

#define WIDTH 80
#define SIZE_WIDTH 9
#define FIELD_WIDTH 11

/* --- columns ---- */

static guint columns_of(const char *text, const char *end) {
  guint columns = 0;
  for (const char *at = text; at < end; at = g_utf8_next_char(at))
    columns += g_unichar_iswide(g_utf8_get_char(at)) ? 2 : 1;
  return columns;
}

/* What scripts write may hold control characters: none reaches the terminal. */
static char *clean(const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *out = g_string_new(NULL);
  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar character = g_utf8_get_char(at);
    g_string_append_unichar(out, g_unichar_iscntrl(character) ? ' ' : character);
  }
  return g_strstrip(g_string_free(out, FALSE));
}

/* Where a line of at most `columns` that begins at `text` ends: at a blank, or within a word that is too long. */
static const char *line_end(const char *text, guint columns) {
  const char *blank = NULL;
  guint used = 0;
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
    used += g_unichar_iswide(g_utf8_get_char(at)) ? 2 : 1;
    if (*at == ' ' && used <= columns + 1)
      blank = at;
    if (used > columns)
      return blank != NULL ? blank : at;
  }
  return text + strlen(text);
}

/* Text in lines of at most `columns`, all but the first behind `indent` blanks; `right` ends the first line. */
static void append_wrapped(GString *out, const char *text, guint indent, guint columns, const char *right) {
  const char *at = text;
  do {
    const char *end = line_end(at, columns);
    if (at != text)
      g_string_append_printf(out, "%*s", (int)indent, "");
    g_string_append_len(out, at, end - at);
    if (at == text && *right != '\0')
      g_string_append_printf(out, "%*s%*s", (int)(columns - columns_of(at, end)), "", SIZE_WIDTH + 2, right);
    g_string_append_c(out, '\n');
    for (at = end; *at == ' '; at++)
      ;
  } while (*at != '\0');
}

static void append_field(GString *out, const char *name, const char *value) {
  g_autofree char *text = clean(value);
  g_string_append_printf(out, "%-*s", FIELD_WIDTH, name);
  append_wrapped(out, text, FIELD_WIDTH, WIDTH - FIELD_WIDTH, "");
}

/* --- values ---- */

static const char *text_of(JsonObject *object, const char *name) {
  return json_object_get_string_member_with_default(object, name, "");
}

static double number_of(JsonObject *object, const char *name) {
  return json_object_get_double_member_with_default(object, name, 0);
}

static char *amount(double bytes) {
  static const struct {
    double unit;
    const char *name;
  } units[] = {{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}};
  for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
    double value = bytes / units[i].unit;
    if (value >= 0.9995)
      return g_strdup_printf(value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[i].name);
  }
  return g_strdup_printf("%.0f bytes", bytes);
}

static void append_part(GString *out, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void append_part(GString *out, const char *format, ...) {
  va_list args;
  if (out->len > 0)
    g_string_append(out, ", ");
  va_start(args, format);
  g_string_append_vprintf(out, format, args);
  va_end(args);
}

/* --- the steps ---- */

/* What a person need not read about. */
static gboolean is_shown(JsonObject *step) {
  static const char *const quiet[] = {"flow", "say", "open", "wait", "file", "check", NULL};
  return !g_str_equal(text_of(step, "when"), "no") && !g_strv_contains(quiet, text_of(step, "kind"));
}

static char *step_size(JsonObject *step) {
  JsonArray *items = json_object_get_array_member(step, "items");
  double known = 0;
  gboolean estimate = FALSE, unknown = FALSE;
  for (guint i = 0; i < json_array_get_length(items); i++) {
    JsonObject *item = json_array_get_object_element(items, i);
    double bytes = number_of(item, "bytes");
    known += bytes;
    estimate = estimate || json_object_get_boolean_member_with_default(item, "estimate", FALSE);
    unknown = unknown || json_object_get_null_member(item, "bytes");
  }
  if (known <= 0)
    return g_strdup("");
  g_autofree char *size = amount(known);
  return g_strconcat(estimate ? "~" : unknown ? ">" : "", size, NULL);
}

static guint label_width(JsonArray *steps) {
  gsize width = 1;
  for (guint i = 0; i < json_array_get_length(steps); i++) {
    JsonObject *step = json_array_get_object_element(steps, i);
    if (is_shown(step))
      width = MAX(width, strlen(text_of(step, "label")));
  }
  return (guint)MIN(width, 12);
}

static void append_step(GString *out, JsonObject *step, guint width) {
  gboolean is_sure = g_str_equal(text_of(step, "when"), "yes");
  guint indent = width + 4;
  g_autofree char *text = clean(text_of(step, "text"));
  g_autofree char *size = step_size(step);
  g_string_append_printf(out, "  %-*s%s ", (int)width, text_of(step, "label"), is_sure ? " " : "?");
  append_wrapped(out, text, indent, WIDTH - indent - SIZE_WIDTH - 2, size);
}

static void append_steps(GString *out, JsonObject *plan) {
  JsonArray *steps = json_object_get_array_member(plan, "steps");
  guint width = label_width(steps), elsewhere = 0, unsure = 0;
  g_autofree char *script = clean(text_of(plan, "script"));
  if (*script == '\0') {
    g_string_append(out, "\nIt has no install script: nothing more is to be installed.\n");
    return;
  }
  g_string_append_printf(out, "\nWhat %s does\n", script);
  for (guint i = 0; i < json_array_get_length(steps); i++) {
    JsonObject *step = json_array_get_object_element(steps, i);
    elsewhere += g_str_equal(text_of(step, "when"), "no");
    if (!is_shown(step))
      continue;
    unsure += g_str_equal(text_of(step, "when"), "unknown");
    append_step(out, step, width);
  }
  if (unsure > 0)
    g_string_append(out, "  (? may be left out: that is known only when it runs)\n");
  if (elsewhere > 0)
    g_string_append_printf(out, "  (%u more %s not for this machine)\n", elsewhere,
                           elsewhere == 1 ? "step is" : "steps are");
}

/* --- what it takes ---- */

static void append_downloads(GString *out, JsonObject *plan) {
  JsonObject *downloads = json_object_get_object_member(plan, "downloads");
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *known = amount(number_of(downloads, "bytes"));
  g_autofree char *estimated = amount(number_of(downloads, "estimated"));
  gint64 unknown = json_object_get_int_member_with_default(downloads, "unknown", 0);
  if (number_of(downloads, "bytes") > 0)
    append_part(text, "%s", known);
  if (number_of(downloads, "estimated") > 0)
    append_part(text, "about %s of large packages", estimated);
  if (unknown > 0)
    append_part(text, "%" G_GINT64_FORMAT " of unknown size", unknown);
  gint64 programs = json_object_get_int_member_with_default(downloads, "programs", 0);
  if (programs > 0)
    append_part(text, "what %" G_GINT64_FORMAT " %s on %s own", programs,
                programs == 1 ? "program fetches" : "programs fetch", programs == 1 ? "its" : "their");
  append_field(out, "Downloads", text->len > 0 ? text->str : "nothing");
}

static void append_disk(GString *out, JsonObject *plan) {
  JsonObject *needs = json_object_get_object_member(plan, "needs");
  JsonObject *machine = json_object_get_object_member(plan, "machine");
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *wanted = amount(number_of(needs, "disk_bytes"));
  g_autofree char *free_ = amount(number_of(machine, "disk_free"));
  if (number_of(needs, "disk_bytes") > 0)
    append_part(text, "at least %s", wanted);
  if (!json_object_get_null_member(machine, "disk_free"))
    append_part(text, "%s free", free_);
  if (text->len > 0)
    append_field(out, "Disk", text->str);
}

static const char *source_of(JsonObject *needs, const char *name) {
  static const char *const said[][2] = {{"catalog", " (catalog)"},
                                        {"title", " (its title)"},
                                        {"description", " (its description)"},
                                        {"scripts", " (its scripts)"}};
  JsonObject *sources = json_object_get_object_member(needs, "sources");
  const char *source = text_of(sources, name);
  for (guint i = 0; i < G_N_ELEMENTS(said); i++) {
    if (g_str_equal(said[i][0], source))
      return said[i][1];
  }
  return "";
}

static char *joined(JsonObject *needs, const char *name) {
  JsonArray *list = json_object_get_array_member(needs, name);
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < json_array_get_length(list); i++)
    append_part(out, "%s", json_array_get_string_element(list, i));
  return g_string_free(out, FALSE);
}

static void append_needs(GString *out, JsonObject *plan) {
  static const char *const gpus[][2] = {
      {"nvidia", "an NVIDIA GPU"}, {"amd", "an AMD GPU"}, {"any", "best with a GPU"}};
  JsonObject *needs = json_object_get_object_member(plan, "needs");
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(gpus); i++) {
    if (g_str_equal(text_of(needs, "gpu"), gpus[i][0]))
      append_part(text, "%s%s", gpus[i][1], source_of(needs, "gpu"));
  }
  if (number_of(needs, "vram_gb") > 0)
    append_part(text, "%g GB of GPU memory%s", number_of(needs, "vram_gb"), source_of(needs, "vram_gb"));
  if (number_of(needs, "ram_gb") > 0)
    append_part(text, "%g GB of RAM%s", number_of(needs, "ram_gb"), source_of(needs, "ram_gb"));
  g_autofree char *platforms = joined(needs, "platform");
  g_autofree char *packages = joined(needs, "apt");
  g_autofree char *tools = joined(needs, "tools");
  if (*platforms != '\0')
    append_part(text, "%s%s", platforms, source_of(needs, "platform"));
  if (json_object_get_boolean_member_with_default(needs, "sudo", FALSE))
    append_part(text, "root or sudo");
  if (*packages != '\0')
    append_part(text, "the system packages %s", packages);
  if (*tools != '\0')
    append_part(text, "%s", tools);
  append_field(out, "Needs", text->len > 0 ? text->str : "nothing special");
}

static void append_machine(GString *out, JsonObject *plan) {
  JsonObject *machine = json_object_get_object_member(plan, "machine");
  g_autoptr(GString) text = g_string_new(NULL);
  const char *gpu = text_of(machine, "gpu");
  double vram = number_of(machine, "vram_mb") / 1024, ram = number_of(machine, "ram_bytes");
  if (g_str_equal(gpu, "none"))
    append_part(text, "no GPU");
  else if (*gpu != '\0')
    append_part(text, "%s GPU",
                g_str_equal(gpu, "nvidia") ? "NVIDIA"
                : g_str_equal(gpu, "amd")  ? "AMD"
                                           : gpu);
  if (vram > 0)
    append_part(text, "%.0f GB of GPU memory", vram);
  if (ram > 0)
    append_part(text, "%.0f GB of RAM", ram / (1024.0 * 1024 * 1024));
  if (text->len > 0)
    append_field(out, "Here", text->str);
}

/* --- the verdict ---- */

static void append_verdict(GString *out, JsonObject *plan) {
  static const char *const verdicts[][2] = {{"ok", "Verdict: it should work here."},
                                            {"warn", "Verdict: it can be installed, with the above in mind."},
                                            {"no", "Verdict: it cannot work here."}};
  JsonArray *reasons = json_object_get_array_member(plan, "reasons");
  g_string_append_c(out, '\n');
  for (guint i = 0; i < json_array_get_length(reasons); i++) {
    JsonObject *reason = json_array_get_object_element(reasons, i);
    g_autofree char *text = clean(text_of(reason, "text"));
    g_string_append(out, g_str_equal(text_of(reason, "severity"), "no") ? "  x " : "  ! ");
    append_wrapped(out, text, 4, WIDTH - 4, "");
  }
  if (json_array_get_length(reasons) > 0)
    g_string_append_c(out, '\n');
  for (guint i = 0; i < G_N_ELEMENTS(verdicts); i++) {
    if (g_str_equal(text_of(plan, "verdict"), verdicts[i][0]))
      g_string_append_printf(out, "%s\n", verdicts[i][1]);
  }
}

static void append_head(GString *out, JsonObject *plan) {
  JsonObject *clone = json_object_get_object_member(plan, "clone");
  g_autofree char *title = clean(text_of(plan, "title"));
  g_autofree char *app = clean(text_of(plan, "app"));
  g_autofree char *bytes = amount(number_of(clone, "bytes"));
  g_autofree char *launcher = g_strdup_printf("%s in %" G_GINT64_FORMAT " files", bytes,
                                              json_object_get_int_member_with_default(clone, "files", 0));
  append_wrapped(out, *title != '\0' ? title : app, 0, WIDTH, "");
  if (*text_of(plan, "repository") != '\0')
    append_field(out, "From", text_of(plan, "repository"));
  append_field(out, "Launcher", launcher);
}

char *pino_plan_text(const char *plan, GError **error) {
  g_autoptr(JsonNode) node = json_from_string(plan, NULL);
  JsonObject *object = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  if (object == NULL || !json_object_has_member(object, "steps") ||
      !json_object_has_member(object, "needs")) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX, "this is no plan");
    return NULL;
  }
  GString *out = g_string_new(NULL);
  append_head(out, object);
  append_steps(out, object);
  g_string_append_c(out, '\n');
  append_downloads(out, object);
  append_disk(out, object);
  append_needs(out, object);
  append_machine(out, object);
  append_verdict(out, object);
  return g_string_free(out, FALSE);
}
