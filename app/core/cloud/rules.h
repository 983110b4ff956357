/* The rules that platforms set their users, where a feature of this program touches them: what doctor, tunnels and
 * the like tell a person before they do something that can end a session or an account.
 *
 * They were read in public pages and change; each names its source. They are told, never enforced.
 */
#pragma once

#include "cloud/platform.h"

G_BEGIN_DECLS

/* Features that a rule is about. */
#define PINO_RULE_TUNNEL "tunnel"   /* public addresses */
#define PINO_RULE_SSH "ssh"         /* logins from outside */
#define PINO_RULE_IDLE "idle"       /* keeping a session up, and what idling costs */
#define PINO_RULE_STORAGE "storage" /* sizes and what is deleted */
#define PINO_RULE_SESSION "session" /* time limits */
#define PINO_RULE_USE "use"         /* what the machine may be used for at all */
#define PINO_RULE_SYSTEM "system"   /* rights on the machine */

typedef enum {
  PINO_RULE_NOTE,    /* good to know */
  PINO_RULE_LIMIT,   /* the platform will end or stop something */
  PINO_RULE_FORBIDS, /* against its terms: can cost the session or the account */
} PinoRuleWeight;

typedef struct {
  const char *platform, *feature;
  PinoRuleWeight weight;
  const char *text;   /* a sentence or two, for a person */
  const char *source; /* where it was read */
} PinoRule;

/* The rules of a platform (id) that touch a feature; feature NULL: all. The gravest first. Free with g_ptr_array_unref(); the
 * PinoRule are static. */
GPtrArray *pino_rules_find(const char *platform, const char *feature);

/* "note", "limit", "forbids". Static. */
const char *pino_rule_weight_name(PinoRuleWeight weight);

/* Appends [{feature, weight, text, source}]. */
void pino_rules_append_json(const char *platform, const char *feature, GString *out);

G_END_DECLS
