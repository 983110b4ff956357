/* Requests to the world outside, from a program that does not link libcurl.
 *
 * Sessions go the way that the machine's environment names, as other programs there do: https_proxy, http_proxy, all_proxy
 * and no_proxy (upper case too), and the certificates of SSL_CERT_FILE in place of the system's.
 */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* timeout_s: without a byte from the other side. Unref when it is not needed. */
SoupSession *pino_web_session(guint timeout_s);

G_END_DECLS
