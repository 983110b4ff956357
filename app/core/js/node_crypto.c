/* Digests, keys from passwords and randomness for crypto.js, by OpenSSL. A running digest is a function of
 * JavaScript that owns its state: f(bytes) takes bytes in, f() gives the digest, f(null) a copy of itself. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/error.h"
#include "js/node_internal.h"

typedef struct {
  EVP_MD_CTX *digest; /* one of the two */
  EVP_MAC_CTX *mac;
} Hash;

static void hash_free(gpointer data) {
  Hash *hash = data;
  EVP_MD_CTX_free(hash->digest);
  EVP_MAC_CTX_free(hash->mac);
  g_free(hash);
}

static JSValueRef fail(GError **error, const char *what) {
  unsigned long code = ERR_get_error();
  const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
  ERR_clear_error();
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "%s failed: %s", what,
              reason != NULL ? reason : "no reason given");
  return NULL;
}

static const EVP_MD *find_digest(const char *name, GError **error) {
  const EVP_MD *md = EVP_get_digestbyname(name);
  if (md == NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "Digest method not supported: %s", name);
  return md;
}

/* --- running digests ------------------------------------------------------------------------------------- */

static JSValueRef hash_step(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error);

static JSValueRef hash_function(PinoJs *js, EVP_MD_CTX *digest, EVP_MAC_CTX *mac) {
  Hash *hash = g_new0(Hash, 1);
  hash->digest = digest;
  hash->mac = mac;
  return pino_js_function_full(js, "hash", hash_step, hash, hash_free);
}

static JSValueRef hash_update(const Hash *hash, const PinoSpan *span, GError **error) {
  int ok = hash->digest != NULL ? EVP_DigestUpdate(hash->digest, span->data, span->len)
                                : EVP_MAC_update(hash->mac, span->data, span->len);
  return ok == 1 ? NULL : fail(error, "the digest");
}

static JSValueRef hash_final(PinoJs *js, const Hash *hash, GError **error) {
  unsigned char result[EVP_MAX_MD_SIZE];
  unsigned int short_len = 0;
  size_t len = 0;
  int ok = hash->digest != NULL ? EVP_DigestFinal_ex(hash->digest, result, &short_len)
                                : EVP_MAC_final(hash->mac, result, &len, sizeof result);
  if (ok != 1)
    return fail(error, "the digest");
  return pino_node_array_buffer(js, result, hash->digest != NULL ? short_len : len);
}

static JSValueRef hash_copy(PinoJs *js, const Hash *hash, GError **error) {
  EVP_MD_CTX *digest = NULL;
  EVP_MAC_CTX *mac = NULL;
  if (hash->mac != NULL) {
    mac = EVP_MAC_CTX_dup(hash->mac);
  } else {
    digest = EVP_MD_CTX_new();
    if (EVP_MD_CTX_copy_ex(digest, hash->digest) != 1)
      g_clear_pointer(&digest, EVP_MD_CTX_free);
  }
  return digest != NULL || mac != NULL ? hash_function(js, digest, mac) : fail(error, "copying the digest");
}

static JSValueRef hash_step(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  const Hash *hash = pino_js_native_data(js);
  PinoSpan span;
  if (argc == 0)
    return hash_final(js, hash, error);
  if (JSValueIsNull(pino_js_context(js), argv[0]))
    return hash_copy(js, hash, error);
  return pino_node_span(js, argc, argv, 0, &span, error) ? hash_update(hash, &span, error) : NULL;
}

/* (name) */
static JSValueRef crypto_hash(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *name = pino_node_text(js, argc, argv, 0, error);
  const EVP_MD *md = name != NULL ? find_digest(name, error) : NULL;
  if (md == NULL)
    return NULL;
  EVP_MD_CTX *digest = EVP_MD_CTX_new();
  if (digest == NULL || EVP_DigestInit_ex(digest, md, NULL) != 1) {
    EVP_MD_CTX_free(digest);
    return fail(error, name);
  }
  return hash_function(js, digest, NULL);
}

/* (name, key) */
static JSValueRef crypto_hmac(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *name = pino_node_text(js, argc, argv, 0, error);
  const EVP_MD *md = name != NULL ? find_digest(name, error) : NULL;
  PinoSpan key;
  if (md == NULL || !pino_node_span(js, argc, argv, 1, &key, error))
    return NULL;
  g_autofree char *plain = g_strdup(EVP_MD_get0_name(md));
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, plain, 0),
                             OSSL_PARAM_construct_end()};
  EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  EVP_MAC_CTX *mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
  EVP_MAC_free(hmac);
  /* An empty key is a key; a NULL one would mean "the key that was set before". */
  const unsigned char *bytes = key.len > 0 ? key.data : (const unsigned char *)"";
  if (mac == NULL || EVP_MAC_init(mac, bytes, key.len, parameters) != 1) {
    EVP_MAC_CTX_free(mac);
    return fail(error, name);
  }
  return hash_function(js, NULL, mac);
}

static void add_name(const EVP_MD *md, const char *from, const char *to, void *names) {
  if (from != NULL)
    g_strv_builder_add(names, from);
}

static JSValueRef crypto_hashes(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  EVP_MD_do_all_sorted(add_name, builder);
  g_auto(GStrv) names = g_strv_builder_end(builder);
  return pino_js_strv(js, (const char *const *)names);
}

/* --- keys from passwords --------------------------------------------------------------------------------- */

#define MAX_KEY (1 << 20)

static guint8 *new_key(int len, GError **error) {
  if (len >= 0 && len <= MAX_KEY)
    return g_malloc((gsize)len + 1);
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "a key of %d bytes cannot be made", len);
  return NULL;
}

/* (password, salt, iterations, length, digest) */
static JSValueRef crypto_pbkdf2(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoSpan password, salt;
  g_autofree char *name = pino_node_text(js, argc, argv, 4, error);
  const EVP_MD *md = name != NULL ? find_digest(name, error) : NULL;
  int rounds = pino_node_int(js, argc, argv, 2), len = pino_node_int(js, argc, argv, 3);
  if (md == NULL || !pino_node_span(js, argc, argv, 0, &password, error) ||
      !pino_node_span(js, argc, argv, 1, &salt, error))
    return NULL;
  g_autofree guint8 *key = new_key(len, error);
  if (key == NULL)
    return NULL;
  if (PKCS5_PBKDF2_HMAC((const char *)password.data, (int)password.len, salt.data, (int)salt.len, rounds, md,
                        len, key) != 1)
    return fail(error, "pbkdf2");
  return pino_node_take_bytes(js, g_steal_pointer(&key), (gsize)len);
}

/* (password, salt, length, N, r, p, maxmem) */
static JSValueRef crypto_scrypt(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoSpan password, salt;
  int len = pino_node_int(js, argc, argv, 2);
  if (!pino_node_span(js, argc, argv, 0, &password, error) ||
      !pino_node_span(js, argc, argv, 1, &salt, error))
    return NULL;
  guint64 parameters[4];
  for (size_t i = 0; i < 4; i++)
    parameters[i] = (guint64)MAX(pino_node_number(js, argc, argv, 3 + i, 0), 0);
  g_autofree guint8 *key = new_key(len, error);
  if (key == NULL)
    return NULL;
  if (EVP_PBE_scrypt((const char *)password.data, password.len, salt.data, salt.len, parameters[0],
                     parameters[1], parameters[2], parameters[3], key, (size_t)len) != 1)
    return fail(error, "scrypt");
  return pino_node_take_bytes(js, g_steal_pointer(&key), (gsize)len);
}

/* --- randomness and comparing ---------------------------------------------------------------------------- */

/* (bytes): fills them */
static JSValueRef crypto_random(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoSpan span;
  if (!pino_node_span(js, argc, argv, 0, &span, error))
    return NULL;
  for (gsize done = 0; done < span.len;) {
    int part = (int)MIN(span.len - done, 1u << 30);
    if (RAND_bytes(span.data + done, part) != 1)
      return fail(error, "the random generator");
    done += (gsize)part;
  }
  return NULL;
}

/* Both have the same length; the .js side sees to it. */
static JSValueRef crypto_equal(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoSpan one, other;
  if (!pino_node_span(js, argc, argv, 0, &one, error) || !pino_node_span(js, argc, argv, 1, &other, error))
    return NULL;
  return pino_js_bool(js, one.len == other.len && CRYPTO_memcmp(one.data, other.data, one.len) == 0);
}

void pino_node_add_crypto(PinoJs *js) {
  static const PinoJsNativeEntry entries[] = {
      {"hash", crypto_hash},     {"hmac", crypto_hmac},
      {"hashes", crypto_hashes}, {"pbkdf2", crypto_pbkdf2},
      {"scrypt", crypto_scrypt}, {"random", crypto_random},
      {"equal", crypto_equal},   {NULL, NULL},
  };
  pino_js_add_natives(js, "crypto", entries);
}
