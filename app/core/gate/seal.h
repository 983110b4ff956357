/* What the gate keeps secret, and how it proves things: sealed passcodes, tokens, signatures. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define PINO_GATE_DIGEST 64 /* characters of a signature: SHA-256 in hex */

/* A passcode as it may lie in a file: salted PBKDF2-HMAC-SHA256, "pbkdf2-sha256$ROUNDS$SALT$HASH". Checking one takes a
 * few milliseconds at most, since the gate does it on its only thread. Texts that look the same in Unicode (NFC) are the
 * same passcode. Free the text with g_free. */
char *pino_gate_seal(const char *passcode);
/* TRUE when text has the form that pino_gate_seal gives. */
gboolean pino_gate_sealed_ok(const char *text);
/* TRUE when tried is the passcode that was sealed. FALSE also when sealed is no seal. */
gboolean pino_gate_unseal_check(const char *sealed, const char *tried);

/* A fresh random secret for programs (43 characters of A-Z a-z 0-9 - _), and one for signatures (64 hex digits). Free
 * them with g_free. */
char *pino_gate_new_token(void);
char *pino_gate_new_key(void);

/* The signature of a text for one purpose: signatures for different purposes say nothing about each other. digest gets
 * PINO_GATE_DIGEST hex digits and a NUL. */
void pino_gate_sign(const char *key, const char *purpose, const char *text,
                    char digest[PINO_GATE_DIGEST + 1]);
/* Compares in a time that depends on the length alone. */
gboolean pino_gate_same(const char *a, gsize a_length, const char *b, gsize b_length);

/* What the gate answers to PINO_GATE_CHECK_PATH?nonce=NONCE: who has the key can tell that it is this gate. Free it with
 * g_free. */
char *pino_gate_proof(const char *key, const char *nonce);

G_END_DECLS
