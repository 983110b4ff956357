/* ENVIRONMENT files: KEY=value lines as a shell would write them.
 *
 * A document keeps its lines byte for byte; only what is set or unset changes. A line is an assignment when it
 * reads `[export ]KEY = value [# comment]`: KEY of letters, digits, '_', '.' and '-'; the value bare (up to a '#'
 * that follows a blank, blanks around it dropped), or in '...' or `...` (taken as it stands) or "..." (\n, \r, \"
 * and \\ are escapes). Quoted values may span lines. Whatever else a line holds, it is kept and means nothing.
 * Of several assignments to a key the last one counts.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoDotenv PinoDotenv;

/* Reads any bytes; never fails. A byte-order mark is kept but no part of the first key; UTF-16 text with a mark
 * is taken in as UTF-8. len < 0: zero-terminated. */
PinoDotenv *pino_dotenv_parse(const char *text, gssize len);
void pino_dotenv_free(PinoDotenv *dotenv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoDotenv, pino_dotenv_free)

/* The file's document; an empty one when there is no such file. */
PinoDotenv *pino_dotenv_load(const char *path, GError **error);

/* Writes the document at once, mode 0600. */
gboolean pino_dotenv_save(PinoDotenv *dotenv, const char *path, GError **error);

/* The value as it stands in the document ("" when it is empty), or NULL. The document owns it, until its next
 * change. */
const char *pino_dotenv_get(PinoDotenv *dotenv, const char *key);

/* What a reader of the file takes the value for: NULL when it is empty or blank; made absolute under folder when it
 * starts with "./". Free with g_free(). */
char *pino_dotenv_resolve(PinoDotenv *dotenv, const char *key, const char *folder);

/* The keys in the order of their first assignment. Free with g_strfreev(). */
char **pino_dotenv_keys(PinoDotenv *dotenv);

/* What the comment lines right above the assignment of key that counts say: without '#', ornaments and blanks around,
 * joined by \n; what a line without words parts is parted by an empty one. "" without any. Free with g_free(). */
char *pino_dotenv_comment(PinoDotenv *dotenv, const char *key);

/* Gives key a value, in the place of the one that counts now, or on a line at the end (after a blank one, for the
 * first such line). Quotes are put only where the value would not read back the same without. PINO_ERROR_USAGE for
 * a key that no file can hold. */
gboolean pino_dotenv_set(PinoDotenv *dotenv, const char *key, const char *value, GError **error);

/* Takes every assignment of key out; FALSE when there was none. */
gboolean pino_dotenv_unset(PinoDotenv *dotenv, const char *key);

/* The whole text. Free with g_free(); its length in *len (may be NULL). */
char *pino_dotenv_to_text(PinoDotenv *dotenv, gsize *len);

/* Whether text can be a key. */
gboolean pino_dotenv_is_key(const char *text);

G_END_DECLS
