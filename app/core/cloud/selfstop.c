#include "cloud/selfstop.h"

#include <string.h>

#include "base/json.h"
#include "cloud/read.h"

typedef struct {
  const char *id;
  gboolean destroys;
  const char *effect;
  /* Fills in url, body and authorization; gives what is missing, or NULL. */
  const char *(*compose)(const PinoPlatform *platform, PinoSelfStop *stop);
  const char *method;
  const char *why_not; /* for a platform without a call */
} Way;

/* A variable that is there and not empty. */
static const char *variable(const PinoPlatform *platform, const char *name) {
  const char *value = pino_platform_env(platform, name);
  return value != NULL && *value != '\0' ? value : NULL;
}

/* vast-ai/docs, openapi manage_instance.yaml; the key may only start, stop and destroy this instance
 * (guides/instances/docker-environment). Files: vast-ai/base-image. */
static char *vast_key(const PinoPlatform *platform) {
  const char *key = variable(platform, "CONTAINER_API_KEY");
  char *text = g_strdup(key);
  if (text == NULL)
    text = pino_cloud_read(platform->root, "etc/.vast_api_key");
  if (text == NULL)
    text = pino_cloud_read(platform->root, "%s/.vast_api_key", platform->user_home + 1);
  return text != NULL ? g_strstrip(text) : NULL;
}

static const char *compose_vast(const PinoPlatform *platform, PinoSelfStop *stop) {
  const char *id = variable(platform, "CONTAINER_ID");
  const char *label = variable(platform, "VAST_CONTAINERLABEL");
  if (id == NULL && label != NULL && g_str_has_prefix(label, "C."))
    id = label + 2;
  g_autofree char *key = vast_key(platform);
  if (id == NULL || key == NULL || *key == '\0')
    return "CONTAINER_ID and CONTAINER_API_KEY are not set here";
  stop->url = g_strdup_printf("https://console.vast.ai/api/v0/instances/%s/", id);
  stop->body = g_strdup("{\"state\":\"stopped\"}");
  stop->authorization = g_strconcat("Bearer ", key, NULL);
  return NULL;
}

/* runpod/docs, REST API "pods"; RUNPOD_API_KEY is the pod's own (pods/templates/environment-variables). */
static const char *compose_runpod(const PinoPlatform *platform, PinoSelfStop *stop) {
  const char *id = variable(platform, "RUNPOD_POD_ID"), *key = variable(platform, "RUNPOD_API_KEY");
  if (id == NULL || key == NULL)
    return "RUNPOD_POD_ID and RUNPOD_API_KEY are not set here";
  stop->url = g_strdup_printf("https://rest.runpod.io/v1/pods/%s/stop", id);
  stop->authorization = g_strconcat("Bearer ", key, NULL);
  return NULL;
}

/* Lightning-AI/sdk, cloud_space_service_api.py and login.py. */
static const char *compose_lightning(const PinoPlatform *platform, PinoSelfStop *stop) {
  const char *space = variable(platform, "LIGHTNING_CLOUD_SPACE_ID");
  const char *project = variable(platform, "LIGHTNING_CLOUD_PROJECT_ID");
  const char *user = variable(platform, "LIGHTNING_USER_ID"), *key = variable(platform, "LIGHTNING_API_KEY");
  const char *base = variable(platform, "LIGHTNING_CLOUD_URL");
  if (space == NULL || project == NULL || user == NULL || key == NULL)
    return "LIGHTNING_CLOUD_SPACE_ID, LIGHTNING_CLOUD_PROJECT_ID, LIGHTNING_USER_ID and LIGHTNING_API_KEY "
           "are not "
           "all set here";
  g_autofree char *pair = g_strconcat(user, ":", key, NULL);
  g_autofree char *encoded = g_base64_encode((const guchar *)pair, strlen(pair));
  stop->url = g_strdup_printf("%s/v1/projects/%s/cloudspaces/%s/stop",
                              base != NULL ? base : "https://lightning.ai", project, space);
  stop->body = g_strdup("{}");
  stop->authorization = g_strconcat("Basic ", encoded, NULL);
  return NULL;
}

/* googlecolab/colabtools, google/colab/runtime.py. */
static const char *compose_colab(const PinoPlatform *platform, PinoSelfStop *stop) {
  const char *address = variable(platform, "TBE_RUNTIME_ADDR");
  if (address == NULL)
    return "TBE_RUNTIME_ADDR is not set here";
  stop->url = g_strdup_printf("http://%s/unassign", address);
  return NULL;
}

static const Way ways[] = {
    {PINO_PLATFORM_VAST, FALSE,
     "The instance stops: its disk stays and is still paid for; it starts again only when a GPU is free.",
     compose_vast, "PUT", NULL},
    {PINO_PLATFORM_RUNPOD, TRUE,
     "The pod stops: the container's own disk is wiped; what is in the pod's volume stays and is still paid "
     "for.",
     compose_runpod, "POST", NULL},
    {PINO_PLATFORM_LIGHTNING, FALSE, "The studio stops: what is in it stays.", compose_lightning, "POST",
     NULL},
    {PINO_PLATFORM_COLAB, TRUE, "The machine is given back: all that is not on the mounted Drive is gone.",
     compose_colab, "POST", NULL},
    {PINO_PLATFORM_PAPERSPACE, FALSE, "The notebook would stop.", NULL, NULL,
     "Paperspace has no call that a notebook can be relied on to make: set its auto-shutdown in the console"},
    {PINO_PLATFORM_KAGGLE, TRUE, "The session would end.", NULL, NULL,
     "Kaggle has no call for that: the session ends with the notebook, or at its limit"},
    {PINO_PLATFORM_STUDIOLAB, FALSE, "The runtime would stop.", NULL, NULL,
     "Studio Lab has no call for that: the session ends at its limit"},
};

PinoSelfStop *pino_selfstop_find(const PinoPlatform *platform) {
  PinoSelfStop *stop = g_new0(PinoSelfStop, 1);
  stop->effect = "Nothing: this is no rented machine.";
  for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
    if (!pino_platform_is(platform, ways[i].id))
      continue;
    const char *missing = ways[i].compose != NULL ? ways[i].compose(platform, stop) : ways[i].why_not;
    stop->destroys = ways[i].destroys;
    stop->effect = ways[i].effect;
    stop->method = ways[i].method;
    stop->possible = missing == NULL;
    stop->why_not = g_strdup(missing);
    return stop;
  }
  stop->why_not = g_strdup_printf("a machine of the kind '%s' has no call that stops it", platform->id);
  return stop;
}

void pino_selfstop_free(PinoSelfStop *stop) {
  if (stop == NULL)
    return;
  g_free(stop->why_not);
  g_free(stop->url);
  g_free(stop->body);
  g_free(stop->authorization);
  g_free(stop);
}

void pino_selfstop_append_json(const PinoSelfStop *stop, GString *out) {
  g_autofree char *request = stop->possible ? g_strdup_printf("%s %s", stop->method, stop->url) : NULL;
  g_string_append_printf(out, "{\"possible\":%s,\"destroys\":%s", stop->possible ? "true" : "false",
                         stop->destroys ? "true" : "false");
  pino_json_append_member(out, "effect", stop->effect);
  pino_json_append_member(out, "why_not", stop->why_not);
  pino_json_append_member(out, "request", request);
  g_string_append_c(out, '}');
}
