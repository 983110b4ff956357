#include "cloud/address.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cloud/read.h"

#define LAST_PORT 65535

static const char *const AUTHS[] = {
    [PINO_AUTH_PUBLIC] = "public",
    [PINO_AUTH_OWNER] = "owner",
    [PINO_AUTH_TOKEN] = "token",
};

const char *pino_address_auth_name(PinoAddressAuth auth) {
  return AUTHS[auth];
}

static void address_free(gpointer data) {
  PinoAddress *address = data;
  g_free(address->url);
  g_free(address->needs);
  g_free(address);
}

/* Gives the new one; its url is taken over, its scheme is what the url begins with. */
static PinoAddress *add(PinoAddresses *addresses, char *url, PinoAddressAuth auth, const char *needs) {
  PinoAddress *address = g_new0(PinoAddress, 1);
  address->url = url;
  address->scheme = g_str_has_prefix(url, "https:") ? "https" : "http";
  address->auth = auth;
  address->needs = g_strdup(needs);
  g_ptr_array_add(addresses->list, address);
  return address;
}

/* What goes into an address is letters, digits and a few signs, or it is not what the platform has set. A host's
 * colons are those of IPv6. */
static const char *clean_variable(const PinoPlatform *platform, const char *name, const char *signs) {
  const char *value = pino_platform_env(platform, name);
  for (const char *at = value; at != NULL && *at != '\0'; at++) {
    if (!g_ascii_isalnum(*at) && strchr(signs, *at) == NULL)
      return NULL;
  }
  return value != NULL && *value != '\0' ? value : NULL;
}

static guint parse_port(const char *text) {
  guint64 port = 0;
  return text != NULL && g_ascii_string_to_unsigned(text, 10, 1, LAST_PORT, &port, NULL) ? (guint)port : 0;
}

static char *host_url(const char *scheme, const char *host, guint port) {
  return strchr(host, ':') != NULL ? g_strdup_printf("%s://[%s]:%u", scheme, host, port)
                                   : g_strdup_printf("%s://%s:%u", scheme, host, port);
}

/* The public number of a port: PREFIXn of what was asked for at the machine's creation. Numbers over 65535 are no ports
 * but wishes for one that is the same inside and outside (vast-ai/docs: networking.mdx; runpod/docs: expose-ports.mdx).
 * 0: it has none. */
static guint public_port(const PinoPlatform *platform, const char *prefix, guint16 port) {
  g_autofree char *name = g_strdup_printf("%s%u", prefix, port);
  guint mapped = parse_port(pino_platform_env(platform, name));
  if (mapped != 0)
    return mapped;
  g_auto(GStrv) names = pino_platform_env_names(platform, prefix);
  for (char **at = names; *at != NULL; at++) {
    guint64 wished = g_ascii_strtoull(*at + strlen(prefix), NULL, 10);
    if (wished > LAST_PORT && parse_port(pino_platform_env(platform, *at)) == port)
      return port;
  }
  return 0;
}

/* "22, 8080" of PREFIX22 and PREFIX8080; "none". */
static char *port_list(const PinoPlatform *platform, const char *prefix) {
  g_auto(GStrv) names = pino_platform_env_names(platform, prefix);
  for (char **at = names; *at != NULL; at++)
    memmove(*at, *at + strlen(prefix), strlen(*at + strlen(prefix)) + 1);
  return names[0] != NULL ? g_strjoinv(", ", names) : g_strdup("none");
}

/* --- Vast.ai: vast-ai/base-image, etc/vast_agents/base.md, sections 4 to 6 ---- */

#define VAST_PORT "VAST_TCP_PORT_"

/* The image's proxy: it listens on `outer` and passes on to `inner`. */
typedef struct {
  guint outer, inner;
} Portal;

static void add_portal(GArray *portals, guint outer, guint inner) {
  Portal portal = {outer, inner};
  if (outer != 0 && inner != 0 && outer != inner)
    g_array_append_val(portals, portal);
}

/* hostname:outer:inner:path:label, entries parted by "|". */
static void parse_portal_config(GArray *portals, const char *text) {
  g_auto(GStrv) entries = g_strsplit(text, "|", -1);
  for (char **entry = entries; *entry != NULL; entry++) {
    g_auto(GStrv) parts = g_strsplit(*entry, ":", 4);
    if (g_strv_length(parts) >= 3)
      add_portal(portals, parse_port(parts[1]), parse_port(parts[2]));
  }
}

/* Of YAML only what the image itself writes: a block for each app, "external_port: N" and "internal_port: N" in it. */
static void parse_portal_yaml(GArray *portals, const char *text) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  guint outer = 0, inner = 0;
  for (char **line = lines; *line != NULL; line++) {
    char *key = g_strstrip(*line);
    char *value = strchr(key, ':');
    if (value == NULL)
      continue;
    *value++ = '\0';
    g_strstrip(value);
    if (*value == '\0')
      outer = inner = 0;
    if (g_str_equal(key, "external_port"))
      outer = parse_port(value);
    if (g_str_equal(key, "internal_port"))
      inner = parse_port(value);
    if (outer == 0 || inner == 0)
      continue;
    add_portal(portals, outer, inner);
    outer = inner = 0;
  }
}

/* The file is what counts once it is there; the variable is what it was made of. */
static GArray *read_portals(const PinoPlatform *platform) {
  GArray *portals = g_array_new(FALSE, FALSE, sizeof(Portal));
  g_autofree char *yaml = pino_cloud_read(platform->root, "etc/portal.yaml");
  const char *config = pino_platform_env(platform, "PORTAL_CONFIG");
  if (yaml != NULL)
    parse_portal_yaml(portals, yaml);
  else if (config != NULL)
    parse_portal_config(portals, config);
  return portals;
}

/* The proxy's port that leads to `port`, or `port` when the proxy itself listens there; 0: neither. */
static guint portal_of(const PinoPlatform *platform, guint16 port) {
  g_autoptr(GArray) portals = read_portals(platform);
  for (guint i = 0; i < portals->len; i++) {
    const Portal *portal = &g_array_index(portals, Portal, i);
    g_autofree char *name = g_strdup_printf(VAST_PORT "%u", portal->outer);
    if ((portal->inner == port || portal->outer == port) && pino_platform_env(platform, name) != NULL)
      return portal->outer;
  }
  return 0;
}

static void add_vast_proxy(PinoAddresses *addresses, const PinoPlatform *platform, const char *host,
                           guint mapped) {
  const char *https = pino_platform_env(platform, "ENABLE_HTTPS");
  const char *auth = pino_platform_env(platform, "ENABLE_AUTH");
  gboolean open = auth != NULL && g_ascii_strcasecmp(auth, "false") == 0;
  gboolean tls = https != NULL && g_ascii_strcasecmp(https, "true") == 0;
  add(addresses, host_url(tls ? "https" : "http", host, mapped), open ? PINO_AUTH_PUBLIC : PINO_AUTH_TOKEN,
      open ? "the image's proxy (Caddy) passes on to this port; its login is switched off (ENABLE_AUTH)"
           : "the image's proxy (Caddy) passes on to this port and asks for the instance's token: the "
             "portal's Open "
             "button has it, or OPEN_BUTTON_TOKEN as ?token=... or as the password of the user vastai");
}

static void find_vast(PinoAddresses *addresses, const PinoPlatform *platform, guint16 port) {
  const char *host = clean_variable(platform, "PUBLIC_IPADDR", ".:");
  guint portal = portal_of(platform, port);
  guint mapped = public_port(platform, VAST_PORT, portal != 0 ? (guint16)portal : port);
  g_autoptr(PinoTls) tls = pino_tls_find(platform);
  if (host == NULL) {
    addresses->reason = g_strdup("the instance's public address (PUBLIC_IPADDR) is not known here");
  } else if (mapped == 0) {
    g_autofree char *list = port_list(platform, VAST_PORT);
    addresses->reason =
        g_strdup_printf("port %u is not one that the instance was made with (%s); ports cannot be "
                        "added later",
                        port, list);
  } else if (portal != 0) {
    add_vast_proxy(addresses, platform, host, mapped);
  } else {
    PinoAddress *secure = tls != NULL && tls->readable
                              ? add(addresses, host_url("https", host, mapped), PINO_AUTH_PUBLIC,
                                    "what listens must be on 0.0.0.0 and speak TLS with the instance's "
                                    "certificate; there is no login before it")
                              : NULL;
    if (secure != NULL)
      secure->every_interface = secure->own_tls = TRUE;
    add(addresses, host_url("http", host, mapped), PINO_AUTH_PUBLIC,
        "what listens must be on 0.0.0.0; there is no login and no encryption before it")
        ->every_interface = TRUE;
  }
}

/* --- RunPod: runpod/docs, pods/configuration/expose-ports.mdx ---- */

static void find_runpod(PinoAddresses *addresses, const PinoPlatform *platform, guint16 port) {
  const char *pod = clean_variable(platform, "RUNPOD_POD_ID", "-");
  const char *host = clean_variable(platform, "RUNPOD_PUBLIC_IP", ".:");
  guint mapped = public_port(platform, "RUNPOD_TCP_PORT_", port);
  if (pod != NULL)
    add(addresses, g_strdup_printf("https://%s-%u.proxy.runpod.net", pod, port), PINO_AUTH_PUBLIC,
        "the port must be declared as an HTTP port of the pod (at most 10), what listens must be on 0.0.0.0; "
        "answers "
        "that take longer than 100 s are cut off (524); there is no login before it")
        ->every_interface = TRUE;
  else
    addresses->reason = g_strdup("the pod's name (RUNPOD_POD_ID) is not known here");
  if (host != NULL && mapped != 0)
    add(addresses, host_url("http", host, mapped), PINO_AUTH_PUBLIC,
        "the port is declared as a TCP port; what listens must be on 0.0.0.0; the number changes when the "
        "pod is "
        "reset; there is no login and no encryption before it")
        ->every_interface = TRUE;
}

/* --- the others ---- */

/* The name's form: Lightning-AI/pytorch-lightning, app/utilities/port.py and multiprocess.py; deploy-on-public-ports. */
static void find_lightning(PinoAddresses *addresses, const PinoPlatform *platform, guint16 port) {
  const char *host = clean_variable(platform, "LIGHTNING_CLOUDSPACE_HOST", ".-");
  if (host != NULL)
    add(addresses, g_strdup_printf("https://%u-%s", port, host), PINO_AUTH_OWNER,
        "one must be logged in to Lightning with access to the studio; to let others in, open the port in "
        "the "
        "studio's port plugin");
  else
    addresses->reason = g_strdup("the studio's address (LIGHTNING_CLOUDSPACE_HOST) is not known here");
}

/* Paperspace/Docs: notebooks, TensorBoard. Whether a login is asked for is not written anywhere: taken as open. */
static void find_paperspace(PinoAddresses *addresses, const PinoPlatform *platform, guint16 port) {
  enum { ONLY_PORT = 6006 };
  const char *host = clean_variable(platform, "PAPERSPACE_FQDN", ".-");
  if (port != ONLY_PORT)
    addresses->reason =
        g_strdup_printf("Paperspace shows no port of a notebook but %d, the one of TensorBoard", ONLY_PORT);
  else if (host != NULL)
    add(addresses, g_strdup_printf("https://tensorboard-%s/", host), PINO_AUTH_PUBLIC,
        "it is meant for TensorBoard; take it as open to whoever has the address");
  else
    addresses->reason = g_strdup("the notebook's address (PAPERSPACE_FQDN) is not known here");
}

/* googlecolab/colabtools: google/colab/output/_util.py */
static void find_colab(PinoAddresses *addresses, const PinoPlatform *platform, guint16 port) {
  addresses->reason =
      g_strdup_printf("Colab has no public addresses; in a cell, `from google.colab import output; "
                      "output.serve_kernel_port_as_iframe(%u)` shows the port to the notebook's own user",
                      port);
}

static void find_kaggle(PinoAddresses *addresses, const PinoPlatform *platform, guint16 port) {
  addresses->reason = g_strdup("Kaggle has no public addresses");
}

/* aws/studio-lab-examples: custom-environments/Gradio/gradio_example.ipynb */
static void find_studiolab(PinoAddresses *addresses, const PinoPlatform *platform, guint16 port) {
  addresses->proxy_path = g_strdup_printf("/studiolab/default/jupyter/proxy/%u/", port);
  addresses->reason =
      g_strdup("Studio Lab has no public addresses; its Jupyter shows the port to the account's own "
               "user, under the path given, and the app must know that path as its root");
}

static void find_none(PinoAddresses *addresses, const PinoPlatform *platform, guint16 port) {
  addresses->reason = g_strdup("no platform that would give this machine a public address is known");
}

static const struct {
  const char *platform;
  void (*find)(PinoAddresses *addresses, const PinoPlatform *platform, guint16 port);
} FINDERS[] = {
    {PINO_PLATFORM_COLAB, find_colab},
    {PINO_PLATFORM_KAGGLE, find_kaggle},
    {PINO_PLATFORM_VAST, find_vast},
    {PINO_PLATFORM_LIGHTNING, find_lightning},
    {PINO_PLATFORM_PAPERSPACE, find_paperspace},
    {PINO_PLATFORM_RUNPOD, find_runpod},
    {PINO_PLATFORM_STUDIOLAB, find_studiolab},
    {PINO_PLATFORM_CONTAINER, find_none},
    {PINO_PLATFORM_LOCAL, find_none},
};

PinoAddresses *pino_address_find(const PinoPlatform *platform, guint16 port) {
  PinoAddresses *addresses = g_new0(PinoAddresses, 1);
  addresses->list = g_ptr_array_new_with_free_func(address_free);
  for (gsize i = 0; i < G_N_ELEMENTS(FINDERS); i++) {
    if (pino_platform_is(platform, FINDERS[i].platform))
      FINDERS[i].find(addresses, platform, port);
  }
  return addresses;
}

void pino_addresses_free(PinoAddresses *addresses) {
  if (addresses == NULL)
    return;
  g_ptr_array_unref(addresses->list);
  g_free(addresses->reason);
  g_free(addresses->proxy_path);
  g_free(addresses);
}

static void append_address(const PinoAddress *address, GString *out) {
  g_string_append_c(out, '{');
  pino_json_append_member(out, "url", address->url);
  pino_json_append_member(out, "scheme", address->scheme);
  pino_json_append_member(out, "auth", AUTHS[address->auth]);
  g_string_append_printf(out, ",\"every_interface\":%s,\"own_tls\":%s",
                         address->every_interface ? "true" : "false", address->own_tls ? "true" : "false");
  pino_json_append_member(out, "needs", address->needs);
  g_string_append_c(out, '}');
}

void pino_addresses_append_json(const PinoAddresses *addresses, GString *out) {
  g_string_append(out, "{\"addresses\":[");
  for (guint i = 0; i < addresses->list->len; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    append_address(g_ptr_array_index(addresses->list, i), out);
  }
  g_string_append_c(out, ']');
  pino_json_append_member(out, "reason", addresses->reason);
  pino_json_append_member(out, "proxy_path", addresses->proxy_path);
  g_string_append_c(out, '}');
}

/* --- the certificate ---- */

/* vast-ai/base-image: etc/vast_boot.d/55-tls-cert-gen.sh */
#define VAST_CERTIFICATE "/etc/instance.crt"
#define VAST_KEY "/etc/instance.key"
#define VAST_SELF_SIGNED "/etc/.instance-cert-selfsigned"

static gboolean can(const PinoPlatform *platform, const char *path, int mode) {
  g_autofree char *full = g_build_filename(platform->root, path, NULL);
  return faccessat(AT_FDCWD, full, mode, AT_EACCESS) == 0;
}

PinoTls *pino_tls_find(const PinoPlatform *platform) {
  if (!pino_platform_is(platform, PINO_PLATFORM_VAST) || !can(platform, VAST_CERTIFICATE, F_OK))
    return NULL;
  PinoTls *tls = g_new0(PinoTls, 1);
  tls->certificate = g_strdup(VAST_CERTIFICATE);
  tls->key = g_strdup(VAST_KEY);
  tls->readable = can(platform, VAST_CERTIFICATE, R_OK) && can(platform, VAST_KEY, R_OK);
  tls->self_signed = can(platform, VAST_SELF_SIGNED, F_OK);
  return tls;
}

void pino_tls_free(PinoTls *tls) {
  if (tls == NULL)
    return;
  g_free(tls->certificate);
  g_free(tls->key);
  g_free(tls);
}

gint64 pino_tls_expires(const PinoTls *tls, const char *root) {
  g_autofree char *path = g_build_filename(root, tls->certificate, NULL);
  g_autoptr(GTlsCertificate) certificate = g_tls_certificate_new_from_file(path, NULL);
  g_autoptr(GDateTime) end = certificate != NULL ? g_tls_certificate_get_not_valid_after(certificate) : NULL;
  return end != NULL ? g_date_time_to_unix(end) : 0;
}
