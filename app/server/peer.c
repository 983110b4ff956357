#include "server/peer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define END_MAX 64

/* An end as the list writes it: the address in words of the machine's byte order, then the port. */
static gboolean end_text(GSocketAddress *address, char *out) {
  if (!G_IS_INET_SOCKET_ADDRESS(address))
    return FALSE;
  GInetAddress *inet = g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address));
  guint port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address));
  const guint8 *bytes = g_inet_address_to_bytes(inet);
  gsize length = g_inet_address_get_native_size(inet), at = 0;
  for (gsize i = 0; i + 4 <= length; i += 4) {
    guint32 word;
    memcpy(&word, bytes + i, sizeof word);
    at += (gsize)g_snprintf(out + at, (gulong)(END_MAX - at), "%08X", word);
  }
  g_snprintf(out + at, (gulong)(END_MAX - at), ":%04X", port);
  return TRUE;
}

static gboolean find_owner(const char *path, const char *near, const char *far, uid_t *owner) {
  FILE *file = fopen(path, "re");
  gboolean found = FALSE;
  char line[512], local[END_MAX], remote[END_MAX];
  unsigned uid;
  while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
    /* number, both ends, state, queues, timer, retransmits, user */
    if (sscanf(line, "%*s %63s %63s %*s %*s %*s %*s %u", local, remote, &uid) != 3)
      continue;
    found = g_str_equal(local, near) && g_str_equal(remote, far);
    if (found)
      *owner = (uid_t)uid;
  }
  if (file != NULL)
    fclose(file);
  return found;
}

gboolean pino_peer_is_ours(GSocketAddress *peer, GSocketAddress *own, GError **error) {
  char near[END_MAX], far[END_MAX];
  uid_t owner;
  gboolean is_v6 = g_socket_address_get_family(peer) == G_SOCKET_FAMILY_IPV6;
  const char *path = is_v6 ? "/proc/net/tcp6" : "/proc/net/tcp";
  if (!end_text(peer, near) || !end_text(own, far) || !find_owner(path, near, far, &owner)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "cannot tell whose connection this is: it is not in the kernel's list %s", path);
    return FALSE;
  }
  if (owner == geteuid() || owner == 0)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
              "the connection is user %u's, and this engine is user %u's: use the token", owner, geteuid());
  return FALSE;
}
