/* Rows of text in columns, for people. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoTable PinoTable;

/* heads: the columns' names, ended by NULL; one that begins with ">" is right-aligned. */
PinoTable *pino_table_new(const char *const *heads);
void pino_table_free(PinoTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoTable, pino_table_free)

/* One more cell, row after row; NULL shows as "-". Control characters are shown as escapes. */
void pino_table_add(PinoTable *table, const char *text);
/* The same, of text that it takes over. */
void pino_table_take(PinoTable *table, char *text);

/* On standard output; columns are as wide as what is in them. */
void pino_table_print(const PinoTable *table);

/* How many columns of the terminal a text takes. */
guint pino_table_width(const char *text);

G_END_DECLS
