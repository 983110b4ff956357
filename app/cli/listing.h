/* Lists with a longer text in each row, laid out for the terminal at hand: in columns where the text has room beside the
 * others, else with the text on lines of its own below. Where standard output is no terminal a row is one line. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoListing PinoListing;

/* heads: the columns' names, ended by NULL, at least two; the last one is the longer text. A column in which no row has
 * anything is left out. */
PinoListing *pino_listing_new(const char *const *heads);
void pino_listing_free(PinoListing *listing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoListing, pino_listing_free)

/* One more cell, row after row; NULL is empty. Control characters are shown as escapes. */
void pino_listing_add(PinoListing *listing, const char *text);
/* On standard output. */
void pino_listing_print(const PinoListing *listing);

/* Short texts side by side, filled column by column; one a line where standard output is no terminal. */
void pino_listing_print_columns(const char *const *texts);

/* "label      text" on standard output, the text's further lines below its first. Nothing when text is NULL or empty. */
void pino_listing_print_field(const char *label, const char *text);

/* Text on as many lines as it needs, on standard output. Nothing when it is NULL or empty. */
void pino_listing_print_text(const char *text);

/* Text in bold where standard output is a terminal that shows colours. Free with g_free(). */
char *pino_listing_bold(const char *text);

G_END_DECLS
