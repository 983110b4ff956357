#include "gate/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#define SCHEME "pbkdf2-sha256"

/* 1 ms with SHA instructions, below 5 ms without: guessing is held down by the limiter, and whoever can read the file
 * that holds the seal has the token beside it. */
enum { ROUNDS = 3000, ROUNDS_MAX = 100000, SALT = 16, HASH = 32, SECRET = 32 };

static void append_hex(GString *out, const guchar *bytes, gsize length) {
  for (gsize i = 0; i < length; i++)
    g_string_append_printf(out, "%02x", bytes[i]);
}

/* FALSE unless text is exactly length bytes in hex. */
static gboolean read_hex(const char *text, gsize text_length, guchar *bytes, gsize length) {
  if (text_length != 2 * length)
    return FALSE;
  for (gsize i = 0; i < length; i++) {
    int high = g_ascii_xdigit_value(text[2 * i]), low = g_ascii_xdigit_value(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return FALSE;
    bytes[i] = (guchar)(high << 4 | low);
  }
  return TRUE;
}

static void random_bytes(guchar *bytes, gsize length) {
  if (RAND_bytes(bytes, (int)length) != 1)
    g_error("no random bytes can be had");
}

typedef struct {
  guint rounds;
  guchar salt[SALT], hash[HASH];
} Seal;

static gboolean read_seal(const char *text, Seal *seal) {
  g_auto(GStrv) parts = g_strsplit(text, "$", -1);
  guint64 rounds = 0;
  if (g_strv_length(parts) != 4 || strcmp(parts[0], SCHEME) != 0 ||
      !g_ascii_string_to_unsigned(parts[1], 10, 1, ROUNDS_MAX, &rounds, NULL))
    return FALSE;
  seal->rounds = (guint)rounds;
  return read_hex(parts[2], strlen(parts[2]), seal->salt, SALT) &&
         read_hex(parts[3], strlen(parts[3]), seal->hash, HASH);
}

static gboolean stretch(const char *passcode, const guchar *salt, guint rounds, guchar hash[HASH]) {
  g_autofree char *same = g_utf8_normalize(passcode, -1, G_NORMALIZE_NFC);
  const char *text = same != NULL ? same : passcode; /* NULL: no UTF-8, taken as it is */
  return PKCS5_PBKDF2_HMAC(text, (int)strlen(text), salt, SALT, (int)rounds, EVP_sha256(), HASH, hash) == 1;
}

char *pino_gate_seal(const char *passcode) {
  guchar salt[SALT], hash[HASH];
  random_bytes(salt, SALT);
  if (!stretch(passcode, salt, ROUNDS, hash))
    g_error("PBKDF2 is not there");
  GString *out = g_string_new(NULL);
  g_string_append_printf(out, SCHEME "$%d$", ROUNDS);
  append_hex(out, salt, SALT);
  g_string_append_c(out, '$');
  append_hex(out, hash, HASH);
  return g_string_free(out, FALSE);
}

gboolean pino_gate_sealed_ok(const char *text) {
  Seal seal;
  return read_seal(text, &seal);
}

gboolean pino_gate_unseal_check(const char *sealed, const char *tried) {
  Seal seal;
  guchar hash[HASH];
  return read_seal(sealed, &seal) && stretch(tried, seal.salt, seal.rounds, hash) &&
         CRYPTO_memcmp(hash, seal.hash, HASH) == 0;
}

char *pino_gate_new_token(void) {
  guchar bytes[SECRET];
  random_bytes(bytes, SECRET);
  char *token = g_base64_encode(bytes, SECRET);
  g_strdelimit(token, "+", '-');
  g_strdelimit(token, "/", '_');
  token[strcspn(token, "=")] = '\0';
  return token;
}

char *pino_gate_new_key(void) {
  guchar bytes[SECRET];
  random_bytes(bytes, SECRET);
  GString *out = g_string_new(NULL);
  append_hex(out, bytes, SECRET);
  return g_string_free(out, FALSE);
}

void pino_gate_sign(const char *key, const char *purpose, const char *text,
                    char digest[PINO_GATE_DIGEST + 1]) {
  guchar hash[EVP_MAX_MD_SIZE];
  guint length = 0;
  g_autofree char *message = g_strconcat(purpose, "\n", text, NULL);
  if (HMAC(EVP_sha256(), key, (int)strlen(key), (const guchar *)message, strlen(message), hash, &length) ==
      NULL)
    g_error("HMAC-SHA256 is not there");
  for (guint i = 0; i < length; i++) {
    digest[2 * i] = "0123456789abcdef"[hash[i] >> 4];
    digest[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
  }
  digest[PINO_GATE_DIGEST] = '\0';
}

gboolean pino_gate_same(const char *a, gsize a_length, const char *b, gsize b_length) {
  return a_length == b_length && CRYPTO_memcmp(a, b, a_length) == 0;
}

char *pino_gate_proof(const char *key, const char *nonce) {
  char *digest = g_malloc(PINO_GATE_DIGEST + 1);
  pino_gate_sign(key, "proof", nonce, digest);
  return digest;
}
