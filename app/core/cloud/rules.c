#include "cloud/rules.h"

#include "base/json.h"

#define COLAB_FAQ "research.google.com/colaboratory/faq.html"

/* The gravest of a platform first. Limits are as they were told in 2025 and 2026. */
static const PinoRule RULES[] = {
    {PINO_PLATFORM_COLAB, PINO_RULE_TUNNEL, PINO_RULE_FORBIDS,
     "Without a paid balance of compute units, Colab forbids using the machine mainly through a web page of "
     "one's own "
     "instead of the notebook, and may end the session without a word. A paid balance lifts this.",
     COLAB_FAQ},
    {PINO_PLATFORM_COLAB, PINO_RULE_SSH, PINO_RULE_FORBIDS,
     "Without a paid balance, remote control (SSH shells, remote desktops) is forbidden. Remote proxies are "
     "forbidden "
     "to all users.",
     COLAB_FAQ},
    {PINO_PLATFORM_COLAB, PINO_RULE_USE, PINO_RULE_FORBIDS,
     "For all users: no file hosting or media serving, torrents or other peer-to-peer sharing, mining, "
     "attacks, password "
     "cracking, deepfakes, nor several accounts to get around limits.",
     COLAB_FAQ},
    {PINO_PLATFORM_COLAB, PINO_RULE_IDLE, PINO_RULE_FORBIDS,
     "Scripts that click in the page to look busy are not endorsed by Google. This program has no such "
     "thing.",
     COLAB_FAQ "; googlecolab/colabtools issue 4384"},
    {PINO_PLATFORM_COLAB, PINO_RULE_SESSION, PINO_RULE_LIMIT,
     "A free session ends after 12 hours at most, and earlier when it idles (for how long is not published). "
     "With Pro+ it "
     "goes on in the background for up to 24 hours while something is executed.",
     COLAB_FAQ "; googlecolab/colabtools issue 4384"},
    {PINO_PLATFORM_COLAB, PINO_RULE_STORAGE, PINO_RULE_LIMIT,
     "The machine's disk is deleted with the session. Only what is on a mounted Google Drive stays.",
     COLAB_FAQ},

    {PINO_PLATFORM_KAGGLE, PINO_RULE_TUNNEL, PINO_RULE_FORBIDS,
     "Kaggle has ended sessions in which ngrok, SSH or web pages were reached through tunnels.",
     "abhishekkrthakur/colabcode issue 110; FurkanGozukara/Stable-Diffusion issue 37"},
    {PINO_PLATFORM_KAGGLE, PINO_RULE_SSH, PINO_RULE_FORBIDS,
     "Kaggle has ended sessions with SSH logins through tunnels.", "abhishekkrthakur/colabcode issue 110"},
    {PINO_PLATFORM_KAGGLE, PINO_RULE_SESSION, PINO_RULE_LIMIT,
     "A session ends after about 12 hours (9 with a TPU); a week has about 30 hours of GPU. Second-hand "
     "figures.",
     "users' reports"},
    {PINO_PLATFORM_KAGGLE, PINO_RULE_STORAGE, PINO_RULE_LIMIT,
     "A saved version keeps about 20 GB of /kaggle/working; large models belong under /kaggle/temp, which "
     "goes with the "
     "session. The figure is second-hand.",
     "users' reports"},

    {PINO_PLATFORM_VAST, PINO_RULE_STORAGE, PINO_RULE_LIMIT,
     "A stopped instance keeps its disk and is billed for it; recycling or destroying it deletes everything "
     "but a "
     "volume.",
     "vast-ai/docs: guides/instances/manage-instances.mdx"},
    {PINO_PLATFORM_VAST, PINO_RULE_IDLE, PINO_RULE_NOTE,
     "A stopped instance gives its GPU back: it can be started again only when one is free.",
     "vast-ai/docs: guides/instances/manage-instances.mdx"},
    {PINO_PLATFORM_VAST, PINO_RULE_TUNNEL, PINO_RULE_NOTE,
     "Ports are chosen when the instance is made (at most 64) and cannot be added later. A port that is not "
     "behind the "
     "image's proxy has no login.",
     "vast-ai/docs: networking.mdx; vast-ai/base-image: etc/vast_agents/base.md"},
    {PINO_PLATFORM_VAST, PINO_RULE_SYSTEM, PINO_RULE_NOTE,
     "One is root in a container without privileges: apt works, Docker, kernel modules and mounts do not.",
     "vast-ai/base-image: etc/vast_agents/base.md"},

    {PINO_PLATFORM_RUNPOD, PINO_RULE_STORAGE, PINO_RULE_LIMIT,
     "Stopping a pod wipes the container's disk; only /workspace stays. Terminating it deletes the pod's "
     "volume too, but "
     "not a network volume.",
     "runpod/docs: storage/types.mdx"},
    {PINO_PLATFORM_RUNPOD, PINO_RULE_TUNNEL, PINO_RULE_LIMIT,
     "RunPod's proxy has no login and cuts off answers after 100 seconds; a pod declares at most 10 HTTP "
     "ports.",
     "runpod/docs: pods/configuration/expose-ports.mdx"},
    {PINO_PLATFORM_RUNPOD, PINO_RULE_SYSTEM, PINO_RULE_NOTE, "One is root; Docker does not run inside a pod.",
     "runpod/docs"},

    {PINO_PLATFORM_LIGHTNING, PINO_RULE_TUNNEL, PINO_RULE_NOTE,
     "Ports are shown to those who are logged in to the studio; the port plugin opens one to everybody.",
     "lightning.ai/docs/platform/build/ai-studio/deploy-on-public-ports"},
    {PINO_PLATFORM_LIGHTNING, PINO_RULE_STORAGE, PINO_RULE_NOTE,
     "The studio's folder stays when it stops or changes its machine; what is outside of it is not to be "
     "relied on.",
     "lightning.ai/docs/platform/build/ai-studio"},

    {PINO_PLATFORM_PAPERSPACE, PINO_RULE_SESSION, PINO_RULE_LIMIT,
     "A free notebook stops after 6 hours; a paid one after what its auto-shutdown says (1 hour to 1 week, "
     "12 hours "
     "unless changed).",
     "Paperspace/Docs: instances/free-instances.md, notebooks/about.md"},
    {PINO_PLATFORM_PAPERSPACE, PINO_RULE_IDLE, PINO_RULE_NOTE,
     "A notebook cannot dependably be stopped from inside: use the auto-shutdown of its settings.",
     "Paperspace/gradient-cli; Paperspace/cli"},
    {PINO_PLATFORM_PAPERSPACE, PINO_RULE_TUNNEL, PINO_RULE_NOTE,
     "Only port 6006 has a public address, meant for TensorBoard.", "Paperspace/Docs: notebooks/about.md"},
    {PINO_PLATFORM_PAPERSPACE, PINO_RULE_STORAGE, PINO_RULE_NOTE,
     "/notebooks belongs to this notebook, /storage to the whole team; all else is lost when the notebook "
     "stops.",
     "Paperspace/Docs: notebooks/about.md"},

    {PINO_PLATFORM_STUDIOLAB, PINO_RULE_SESSION, PINO_RULE_LIMIT,
     "A session ends after 12 hours with a CPU and 4 hours with a GPU. The present figures are not "
     "confirmed.",
     "aws/studio-lab-examples issue 192"},
    {PINO_PLATFORM_STUDIOLAB, PINO_RULE_STORAGE, PINO_RULE_LIMIT,
     "The account has 15 GB in all: large models do not fit.", "aws/studio-lab-examples: README"},
    {PINO_PLATFORM_STUDIOLAB, PINO_RULE_SYSTEM, PINO_RULE_LIMIT,
     "There is no sudo and no apt: apps that install system packages fail. Use conda packages instead.",
     "aws/studio-lab-examples issues 31, 118, 195"},
};

static const char *const WEIGHTS[] = {
    [PINO_RULE_NOTE] = "note",
    [PINO_RULE_LIMIT] = "limit",
    [PINO_RULE_FORBIDS] = "forbids",
};

const char *pino_rule_weight_name(PinoRuleWeight weight) {
  return WEIGHTS[weight];
}

GPtrArray *pino_rules_find(const char *platform, const char *feature) {
  GPtrArray *found = g_ptr_array_new();
  for (gsize i = 0; i < G_N_ELEMENTS(RULES); i++) {
    if (g_str_equal(RULES[i].platform, platform) &&
        (feature == NULL || g_str_equal(RULES[i].feature, feature)))
      g_ptr_array_add(found, (gpointer)&RULES[i]);
  }
  return found;
}

void pino_rules_append_json(const char *platform, const char *feature, GString *out) {
  g_autoptr(GPtrArray) rules = pino_rules_find(platform, feature);
  g_string_append_c(out, '[');
  for (guint i = 0; i < rules->len; i++) {
    const PinoRule *rule = g_ptr_array_index(rules, i);
    g_string_append(out, i == 0 ? "{" : ",{");
    pino_json_append_member(out, "feature", rule->feature);
    pino_json_append_member(out, "weight", WEIGHTS[rule->weight]);
    pino_json_append_member(out, "text", rule->text);
    pino_json_append_member(out, "source", rule->source);
    g_string_append_c(out, '}');
  }
  g_string_append_c(out, ']');
}
