#include "lifecycle/conflict.h"

#include <string.h>

#include "base/json.h"
#include "lifecycle/conflict_rows.h"

#define MAX_LINE 4096
#define MAX_BLOCK 16384
#define MAX_CAUSES 64
#define MAX_SHOWN 200

typedef enum { TEXT, ESCAPE, CONTROL, COMMAND, COMMAND_ESCAPE } Scan;

typedef enum {
  NO_BLOCK,
  PIP_HEAD,   /* after "Cannot install A and B because" */
  PIP_CAUSES, /* after "The conflict is caused by:" */
  UV,         /* after "No solution found" */
} Block;

/* What a row of the table has seen; whether it counts is known when the command ends. */
typedef struct {
  const PinoFailure *failure;
  PinoTrouble *trouble;
} Held;

struct _PinoConflict {
  Scan scan;
  GString *line;
  gboolean returned; /* a carriage return has come; the line begins anew unless it ends now */

  Block block;
  char *head;            /* of pip's conflict: what cannot be installed */
  GPtrArray *causes;     /* of it */
  GString *because;      /* uv's explanation */
  gboolean explained;    /* a conflict was told: what only repeats it is not */
  gboolean other_python; /* pip passed versions over for their Python version */

  GHashTable *told; /* texts of this command */
  GArray *held;     /* of Held */
  GQueue found;
};

void pino_trouble_free(PinoTrouble *trouble) {
  if (trouble == NULL)
    return;
  g_free(trouble->first);
  g_free(trouble->second);
  g_free(trouble->text);
  g_free(trouble);
}

PinoTrouble *pino_trouble_new(const char *kind, const char *first, const char *second, char *text) {
  PinoTrouble *trouble = g_new0(PinoTrouble, 1);
  *trouble = (PinoTrouble){.kind = kind,
                           .first = g_strdup(first),
                           .second = g_strdup(second),
                           .text = text,
                           .advice = pino_trouble_advice(kind),
                           .fatal = TRUE};
  return trouble;
}

char *pino_trouble_json(const PinoTrouble *trouble) {
  GString *out = g_string_new("{");
  pino_json_append_member(out, "kind", trouble->kind);
  pino_json_append_member(out, "first", trouble->first);
  pino_json_append_member(out, "second", trouble->second);
  pino_json_append_member(out, "text", trouble->text);
  pino_json_append_member(out, "advice", trouble->advice);
  g_string_append_printf(out, ",\"fatal\":%s}", trouble->fatal ? "true" : "false");
  return g_string_free(out, FALSE);
}

static void held_clear(gpointer data) {
  Held *held = data;
  pino_trouble_free(held->trouble);
}

PinoConflict *pino_conflict_new(void) {
  PinoConflict *conflict = g_new0(PinoConflict, 1);
  conflict->line = g_string_new(NULL);
  conflict->because = g_string_new(NULL);
  conflict->causes = g_ptr_array_new_with_free_func(g_free);
  conflict->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  conflict->held = g_array_new(FALSE, FALSE, sizeof(Held));
  g_array_set_clear_func(conflict->held, held_clear);
  return conflict;
}

void pino_conflict_free(PinoConflict *conflict) {
  if (conflict == NULL)
    return;
  g_string_free(conflict->line, TRUE);
  g_string_free(conflict->because, TRUE);
  g_free(conflict->head);
  g_ptr_array_unref(conflict->causes);
  g_array_unref(conflict->held);
  g_hash_table_unref(conflict->told);
  g_queue_clear_full(&conflict->found, (GDestroyNotify)pino_trouble_free);
  g_free(conflict);
}

/* Takes the trouble; what this command has told already is told once. */
static void tell(PinoConflict *conflict, PinoTrouble *trouble) {
  if (!g_hash_table_add(conflict->told, g_strdup(trouble->text))) {
    pino_trouble_free(trouble);
    return;
  }
  conflict->explained = conflict->explained || trouble->fatal;
  g_queue_push_tail(&conflict->found, trouble);
}

/* --- pip ---- */

/* "apple 1.0 depends on base<2", "The user requested (constraint) base>=2" */
static char *cause_text(const char *line) {
  static const char asked[] = "The user requested ";
  if (g_str_has_prefix(line, asked))
    return g_strconcat("the install asks for ", line + strlen(asked), NULL);
  return g_strdup(line);
}

/* The side that a cause stands for: its package without the version. */
static char *side_of(const char *cause) {
  return g_str_has_prefix(cause, "the install ") ? g_strdup("") : g_strndup(cause, strcspn(cause, " "));
}

/* The first cause and the first one of another side: pip lists every version that it tried. */
static const char *other_cause(GPtrArray *causes) {
  if (causes->len == 0)
    return NULL;
  g_autofree char *side = side_of(causes->pdata[0]);
  for (guint i = 1; i < causes->len; i++) {
    g_autofree char *other = side_of(causes->pdata[i]);
    if (!g_str_equal(side, other))
      return causes->pdata[i];
  }
  return causes->len > 1 ? causes->pdata[1] : NULL;
}

static void end_pip(PinoConflict *conflict) {
  const char *second = other_cause(conflict->causes);
  char *text = second != NULL ? g_strdup_printf("%s, but %s", (char *)conflict->causes->pdata[0], second)
                              : g_strdup_printf("%s exclude each other", conflict->head);
  conflict->block = NO_BLOCK;
  tell(conflict,
       pino_trouble_new("conflict", second != NULL ? conflict->causes->pdata[0] : NULL, second, text));
  g_ptr_array_set_size(conflict->causes, 0);
}

static void begin_pip(PinoConflict *conflict, const char *line, const char *end) {
  const char *names = strstr(line, "Cannot install ") + strlen("Cannot install ");
  g_free(conflict->head);
  conflict->head = g_strndup(names, (gsize)(end - names));
  g_ptr_array_set_size(conflict->causes, 0);
  conflict->block = PIP_HEAD;
}

/* TRUE: the line belongs to the block. */
static gboolean go_on_pip(PinoConflict *conflict, const char *line) {
  if (conflict->block == PIP_HEAD && g_str_has_prefix(line, "The conflict is caused by:")) {
    conflict->block = PIP_CAUSES;
    return TRUE;
  }
  if (conflict->block == PIP_HEAD && *line == '\0')
    return TRUE;
  if (conflict->block == PIP_CAUSES && g_str_has_prefix(line, "    ")) {
    g_autofree char *cause = g_strstrip(g_strdup(line));
    if (conflict->causes->len < MAX_CAUSES)
      g_ptr_array_add(conflict->causes, cause_text(cause));
    return TRUE;
  }
  end_pip(conflict);
  return FALSE;
}

/* The groups of an expression in a line, or NULL. */
static char **groups(const char *expression, const char *line) {
  g_autoptr(GRegex) regex = g_regex_new(expression, 0, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  return g_regex_match(regex, line, 0, &match) ? g_match_info_fetch_all(match) : NULL;
}

static void tell_incompatible(PinoConflict *conflict, char *first, char *second) {
  PinoTrouble *trouble =
      pino_trouble_new("incompatible", first, second, g_strdup_printf("%s, but %s", first, second));
  trouble->fatal = FALSE;
  tell(conflict, trouble);
  g_free(first);
  g_free(second);
}

/* "apple 1.0 requires base<2, but you have base 2.1 which is incompatible." */
static gboolean is_incompatible(PinoConflict *conflict, const char *line) {
  if (strstr(line, "requires ") == NULL)
    return FALSE;
  g_auto(GStrv) other =
      groups("^(\\S+ \\S+) requires (.+), but you have (\\S+) (\\S+) which is incompatible", line);
  if (other != NULL) {
    tell_incompatible(conflict, g_strdup_printf("%s requires %s", other[1], other[2]),
                      g_strdup_printf("%s %s is installed", other[3], other[4]));
    return TRUE;
  }
  g_auto(GStrv) missing = groups("^(\\S+ \\S+) requires (.+), which is not installed", line);
  if (missing != NULL) {
    tell_incompatible(conflict, g_strdup_printf("%s requires %s", missing[1], missing[2]),
                      g_strdup("that is not installed"));
    return TRUE;
  }
  g_auto(GStrv) checked =
      groups("^The package `([^`]+)` requires `([^`]+)`, but `([^`]+)` is installed", line);
  if (checked == NULL)
    return FALSE;
  tell_incompatible(conflict, g_strdup_printf("%s requires %s", checked[1], checked[2]),
                    g_strdup_printf("%s is installed", checked[3]));
  return TRUE;
}

static gboolean is_other_python(PinoConflict *conflict, const char *line) {
  if (strstr(line, "require a different python version") != NULL ||
      strstr(line, "require a different Python version") != NULL) {
    conflict->other_python = TRUE;
    return TRUE;
  }
  if (strstr(line, "requires a different Python") == NULL)
    return FALSE;
  g_auto(GStrv) found =
      groups("Package '([^']+)' requires a different Python: (\\S+) not in '([^']*)'", line);
  char *text = found != NULL
                   ? g_strdup_printf("%s wants Python %s, and this is %s", found[1], found[3], found[2])
                   : g_strdup(line);
  tell(conflict, pino_trouble_new("python-version", NULL, NULL, text));
  return TRUE;
}

static gboolean is_not_found(PinoConflict *conflict, const char *line) {
  static const char mark[] = "No matching distribution found for ";
  const char *at = strstr(line, mark);
  if (at == NULL)
    return FALSE;
  const char *name = at + strlen(mark);
  char *text = conflict->other_python ? g_strdup_printf("no version of %s is for this Python version", name)
                                      : g_strdup_printf("there is no %s to be had", name);
  tell(conflict,
       pino_trouble_new(conflict->other_python ? "python-version" : "no-version", name, NULL, text));
  return TRUE;
}

/* --- uv ---- */

static void end_uv(PinoConflict *conflict) {
  conflict->block = NO_BLOCK;
  tell(conflict, pino_conflict_read_uv(conflict->because->str));
}

/* What stands before the explanation on its first line: uv 0.9 and later "cause:", those before an arrow. */
static const char *without_lead(const char *line) {
  static const char *const leads[] = {"cause: ", "╰─▶ ", "╰─> ", "`-> "};
  while (*line == ' ')
    line++;
  for (gsize i = 0; i < G_N_ELEMENTS(leads); i++) {
    if (g_str_has_prefix(line, leads[i]))
      return line + strlen(leads[i]);
  }
  return line;
}

static gboolean go_on_uv(PinoConflict *conflict, const char *line) {
  gboolean is_part = g_str_has_prefix(line, "  ") && conflict->because->len < MAX_BLOCK;
  if (is_part) {
    if (conflict->because->len > 0)
      g_string_append_c(conflict->because, ' ');
    g_string_append(conflict->because, without_lead(line));
    return TRUE;
  }
  end_uv(conflict);
  return FALSE;
}

/* --- lines ---- */

static char *shortened(const char *line) {
  g_autofree char *text = g_strstrip(g_strdup(line));
  if (g_utf8_strlen(text, -1) <= MAX_SHOWN)
    return g_steal_pointer(&text);
  g_autofree char *begin = g_utf8_substring(text, 0, MAX_SHOWN - 3);
  return g_strconcat(begin, "...", NULL);
}

static void hold(PinoConflict *conflict, const PinoFailure *failure, const char *line) {
  for (guint i = 0; i < conflict->held->len; i++) {
    if (g_array_index(conflict->held, Held, i).failure == failure)
      return;
  }
  g_autofree char *shown = shortened(line);
  char *text = *shown != '\0' ? g_strdup_printf("%s: %s", failure->what, shown) : g_strdup(failure->what);
  Held held = {.failure = failure, .trouble = pino_trouble_new(failure->kind, NULL, NULL, text)};
  held.trouble->advice = failure->advice;
  g_array_append_val(conflict->held, held);
}

static void look_at_line(PinoConflict *conflict, const char *line) {
  if ((conflict->block == PIP_HEAD || conflict->block == PIP_CAUSES) && go_on_pip(conflict, line))
    return;
  if (conflict->block == UV && go_on_uv(conflict, line))
    return;
  const char *conflicting = strstr(line, " because these package versions have conflicting dependencies");
  if (conflicting != NULL && strstr(line, "Cannot install ") != NULL) {
    begin_pip(conflict, line, conflicting);
  } else if (strstr(line, "No solution found when resolving") != NULL) {
    g_string_truncate(conflict->because, 0);
    conflict->block = UV;
  } else if (strstr(line, "ResolutionImpossible") != NULL) {
    if (!conflict->explained)
      tell(conflict,
           pino_trouble_new("conflict", NULL, NULL, g_strdup("the requirements exclude each other")));
  } else if (!is_incompatible(conflict, line) && !is_other_python(conflict, line) &&
             !is_not_found(conflict, line)) {
    const PinoFailure *failure = pino_failure_in(line);
    if (failure != NULL)
      hold(conflict, failure, line);
  }
}

static void end_line(PinoConflict *conflict) {
  g_autofree char *line = g_utf8_make_valid(conflict->line->str, (gssize)conflict->line->len);
  look_at_line(conflict, g_strchomp(line));
  g_string_truncate(conflict->line, 0);
  conflict->returned = FALSE;
}

static void add_text(PinoConflict *conflict, char byte) {
  if (byte == '\n') {
    end_line(conflict);
    return;
  }
  if (byte == '\r') {
    conflict->returned = TRUE;
    return;
  }
  if (conflict->returned)
    g_string_truncate(conflict->line, 0);
  conflict->returned = FALSE;
  if (conflict->line->len < MAX_LINE && byte != '\0')
    g_string_append_c(conflict->line, byte);
}

/* Control sequences go. ECMA-48: CSI ends with 0x40 to 0x7e, OSC with BEL or ST. */
static void add_byte(PinoConflict *conflict, char byte) {
  switch (conflict->scan) {
  case TEXT:
    if (byte == '\033')
      conflict->scan = ESCAPE;
    else
      add_text(conflict, byte);
    break;
  case ESCAPE:
    conflict->scan = byte == '[' ? CONTROL : byte == ']' ? COMMAND : TEXT;
    break;
  case CONTROL:
    if (byte >= 0x40 && byte <= 0x7e)
      conflict->scan = TEXT;
    break;
  case COMMAND:
    conflict->scan = byte == '\a' ? TEXT : byte == '\033' ? COMMAND_ESCAPE : COMMAND;
    break;
  case COMMAND_ESCAPE:
    conflict->scan = TEXT;
    break;
  }
}

void pino_conflict_feed(PinoConflict *conflict, const char *bytes, gsize len) {
  for (gsize i = 0; i < len; i++)
    add_byte(conflict, bytes[i]);
}

/* --- the end of a command ---- */

/* What a command printed and got over is no trouble, unless its row says so; general rows give way to special ones. */
static gboolean is_told(const PinoFailure *failure, gboolean special, int exit_code) {
  return !(special && failure->generic) && (exit_code != 0 || failure->lasting);
}

static void tell_held(PinoConflict *conflict, int exit_code) {
  gboolean special = conflict->explained;
  for (guint i = 0; i < conflict->held->len; i++)
    special = special || !g_array_index(conflict->held, Held, i).failure->generic;
  for (guint i = 0; i < conflict->held->len; i++) {
    Held *held = &g_array_index(conflict->held, Held, i);
    held->trouble->fatal = exit_code != 0;
    if (is_told(held->failure, special, exit_code))
      tell(conflict, g_steal_pointer(&held->trouble));
  }
  g_array_set_size(conflict->held, 0);
}

void pino_conflict_end(PinoConflict *conflict, int exit_code) {
  if (conflict->line->len > 0)
    end_line(conflict);
  if (conflict->block == PIP_HEAD || conflict->block == PIP_CAUSES)
    end_pip(conflict);
  if (conflict->block == UV)
    end_uv(conflict);
  const PinoFailure *failure = pino_failure_of_exit(exit_code);
  if (failure != NULL && !conflict->explained)
    hold(conflict, failure, "");
  tell_held(conflict, exit_code);
  conflict->scan = TEXT;
  conflict->returned = conflict->explained = conflict->other_python = FALSE;
  g_hash_table_remove_all(conflict->told);
}

PinoTrouble *pino_conflict_next(PinoConflict *conflict) {
  return g_queue_pop_head(&conflict->found);
}
