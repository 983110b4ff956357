#include "cli/listing.h"

#include <string.h>
#include <unistd.h>

#include "cli/say.h"
#include "cli/screen.h"
#include "cli/table.h"

#define GAP 2
#define TEXT_LEAST 56 /* columns that the text needs to stand beside the others */
#define INDENT 4      /* of the text when it stands below */
#define LABEL 12      /* columns of a field's name */
#define NARROWEST 20

struct _PinoListing {
  const char *const *heads;
  guint columns;
  GPtrArray *cells;
};

PinoListing *pino_listing_new(const char *const *heads) {
  PinoListing *listing = g_new0(PinoListing, 1);
  listing->heads = heads;
  listing->columns = g_strv_length((char **)heads);
  listing->cells = g_ptr_array_new_with_free_func(g_free);
  return listing;
}

void pino_listing_free(PinoListing *listing) {
  g_ptr_array_unref(listing->cells);
  g_free(listing);
}

void pino_listing_add(PinoListing *listing, const char *text) {
  g_ptr_array_add(listing->cells, pino_one_line(text != NULL ? text : ""));
}

/* --- the terminal ---- */

/* 0: lines may be of any length. */
static guint width_here(void) {
  guint columns, rows;
  pino_screen_size(&columns, &rows);
  return columns > 0 ? MAX(columns, NARROWEST) : 0;
}

static gboolean has_colours(void) {
  return isatty(STDOUT_FILENO) && g_getenv("NO_COLOR") == NULL;
}

char *pino_listing_bold(const char *text) {
  return has_colours() ? g_strdup_printf("\033[1m%s\033[0m", text) : g_strdup(text);
}

static void pad(GString *out, guint columns) {
  g_string_append_printf(out, "%*s", (int)columns, "");
}

/* Puts text on lines of that many columns (0: on one); all but the first begin below it. */
static void put_wrapped(GString *out, const char *text, guint indent, guint columns) {
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  guint at = 0;
  for (guint i = 0; words[i] != NULL; i++) {
    guint width = pino_table_width(words[i]);
    if (at > 0 && columns > 0 && at + 1 + width > columns) {
      g_string_append_c(out, '\n');
      pad(out, indent);
      at = 0;
    }
    g_string_append_printf(out, "%s%s", at > 0 ? " " : "", words[i]);
    at += width + (at > 0 ? 1 : 0);
  }
  g_string_append_c(out, '\n');
}

static void show(GString *out) {
  pino_put(STDOUT_FILENO, out->str, out->len);
  g_string_free(out, TRUE);
}

/* --- rows ---- */

static guint rows_of(const PinoListing *listing) {
  return listing->cells->len / listing->columns;
}

static const char *cell_of(const PinoListing *listing, guint row, guint column) {
  return listing->cells->pdata[row * listing->columns + column];
}

/* 0: the column is left out. */
static guint width_of(const PinoListing *listing, guint column, gboolean heads) {
  guint width = 0;
  for (guint row = 0; row < rows_of(listing); row++)
    width = MAX(width, pino_table_width(cell_of(listing, row, column)));
  return width > 0 && heads ? MAX(width, pino_table_width(listing->heads[column])) : width;
}

/* All but the text; the column behind them. */
static guint put_short_cells(const PinoListing *listing, GString *out, const guint *widths, guint row) {
  guint at = 0;
  for (guint column = 0; column + 1 < listing->columns; column++) {
    const char *text = cell_of(listing, row, column);
    g_autofree char *shown = column == 0 ? pino_listing_bold(text) : g_strdup(text);
    if (widths[column] == 0)
      continue;
    g_string_append(out, shown);
    pad(out, widths[column] - pino_table_width(text) + GAP);
    at += widths[column] + GAP;
  }
  return at;
}

static void trim_end(GString *out) {
  while (out->len > 0 && out->str[out->len - 1] == ' ')
    g_string_truncate(out, out->len - 1);
}

static void put_heads(const PinoListing *listing, GString *out, const guint *widths) {
  for (guint column = 0; column + 1 < listing->columns; column++) {
    if (widths[column] > 0) {
      g_string_append(out, listing->heads[column]);
      pad(out, widths[column] - pino_table_width(listing->heads[column]) + GAP);
    }
  }
  g_string_append_printf(out, "%s\n", listing->heads[listing->columns - 1]);
}

static void put_beside(const PinoListing *listing, GString *out, const guint *widths, guint width) {
  put_heads(listing, out, widths);
  for (guint row = 0; row < rows_of(listing); row++) {
    guint at = put_short_cells(listing, out, widths, row);
    put_wrapped(out, cell_of(listing, row, listing->columns - 1), at, width > 0 ? width - at : 0);
  }
}

static void put_below(const PinoListing *listing, GString *out, const guint *widths, guint width) {
  for (guint row = 0; row < rows_of(listing); row++) {
    put_short_cells(listing, out, widths, row);
    trim_end(out);
    g_string_append_c(out, '\n');
    pad(out, INDENT);
    put_wrapped(out, cell_of(listing, row, listing->columns - 1), INDENT, width - INDENT);
  }
}

void pino_listing_print(const PinoListing *listing) {
  g_autofree guint *widths = g_new0(guint, listing->columns);
  GString *out = g_string_new(NULL);
  guint width = width_here(), taken = 0;
  for (guint column = 0; column + 1 < listing->columns; column++) {
    widths[column] = width_of(listing, column, TRUE);
    taken += widths[column] > 0 ? widths[column] + GAP : 0;
  }
  gboolean beside = width == 0 || width >= taken + TEXT_LEAST;
  for (guint column = 0; !beside && column + 1 < listing->columns; column++)
    widths[column] = width_of(listing, column, FALSE);
  if (beside)
    put_beside(listing, out, widths, width);
  else
    put_below(listing, out, widths, width);
  show(out);
}

/* --- short texts ---- */

void pino_listing_print_columns(const char *const *texts) {
  guint count = g_strv_length((char **)texts), longest = 0, width = width_here();
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < count; i++)
    longest = MAX(longest, pino_table_width(texts[i]));
  guint across = MAX(1, (width + GAP) / (longest + GAP));
  guint rows = (count + across - 1) / across;
  for (guint row = 0; row < rows; row++) {
    for (guint i = row; i < count; i += rows) {
      g_string_append(out, texts[i]);
      if (i + rows < count)
        pad(out, longest - pino_table_width(texts[i]) + GAP);
    }
    g_string_append_c(out, '\n');
  }
  show(out);
}

static void print_labelled(const char *label, guint indent, const char *text) {
  if (text == NULL || *text == '\0')
    return;
  g_autofree char *line = pino_one_line(text);
  GString *out = g_string_new(NULL);
  guint width = width_here();
  g_string_append_printf(out, "%-*s", (int)indent, label);
  put_wrapped(out, line, indent, width > indent ? width - indent : 0);
  show(out);
}

void pino_listing_print_field(const char *label, const char *text) {
  print_labelled(label, LABEL, text);
}

void pino_listing_print_text(const char *text) {
  print_labelled("", 0, text);
}
