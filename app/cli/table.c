#include "cli/table.h"

#include <string.h>
#include <unistd.h>

#include "cli/say.h"

struct _PinoTable {
  const char *const *heads;
  guint columns;
  GPtrArray *cells;
};

PinoTable *pino_table_new(const char *const *heads) {
  PinoTable *table = g_new0(PinoTable, 1);
  table->heads = heads;
  table->columns = g_strv_length((char **)heads);
  table->cells = g_ptr_array_new_with_free_func(g_free);
  return table;
}

void pino_table_free(PinoTable *table) {
  g_ptr_array_unref(table->cells);
  g_free(table);
}

void pino_table_add(PinoTable *table, const char *text) {
  g_ptr_array_add(table->cells, text != NULL && *text != '\0' ? pino_one_line(text) : g_strdup("-"));
}

void pino_table_take(PinoTable *table, char *text) {
  pino_table_add(table, text);
  g_free(text);
}

guint pino_table_width(const char *text) {
  guint width = 0;
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
  }
  return width;
}

static gboolean is_right(const PinoTable *table, guint column) {
  return *table->heads[column] == '>';
}

static const char *head_of(const PinoTable *table, guint column) {
  return table->heads[column] + (is_right(table, column) ? 1 : 0);
}

static void put_row(const PinoTable *table, const guint *widths,
                    const char *(*cell)(const PinoTable *, guint), guint at, GString *out) {
  for (guint column = 0; column < table->columns; column++) {
    const char *text = cell(table, at + column);
    guint pad = widths[column] - pino_table_width(text);
    gboolean last = column + 1 == table->columns;
    if (is_right(table, column))
      g_string_append_printf(out, "%*s", (int)pad, "");
    g_string_append(out, text);
    if (!last && !is_right(table, column))
      g_string_append_printf(out, "%*s", (int)pad, "");
    g_string_append(out, last ? "\n" : "  ");
  }
}

static const char *cell_of(const PinoTable *table, guint at) {
  return table->cells->pdata[at];
}

void pino_table_print(const PinoTable *table) {
  g_autofree guint *widths = g_new0(guint, table->columns);
  g_autoptr(GString) out = g_string_new(NULL);
  guint whole = table->cells->len - table->cells->len % table->columns;
  for (guint column = 0; column < table->columns; column++)
    widths[column] = pino_table_width(head_of(table, column));
  for (guint at = 0; at < whole; at++)
    widths[at % table->columns] = MAX(widths[at % table->columns], pino_table_width(cell_of(table, at)));
  put_row(table, widths, head_of, 0, out);
  for (guint at = 0; at < whole; at += table->columns)
    put_row(table, widths, cell_of, at, out);
  pino_put(STDOUT_FILENO, out->str, out->len);
}
