#include "server/internal.h"

void pino_page_handle(PinoCall *call) {
  static const char page[] =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta "
      "charset=\"utf-8\"><title>PinokioCloud</title></head>\n<body>\n"
      "<h1>PinokioCloud runs here</h1>\n"
      "<p>This is its API. It wants the token of this engine, which stands in <code>run/token</code> below "
      "<code>PINOKIO_HOME</code>:</p>\n"
      "<pre>curl -H \"Authorization: Bearer $(cat $PINOKIO_HOME/run/token)\" "
      "http://HOST:PORT/v1/status</pre>\n"
      "<p>On the same machine, the command <code>pinokiocloud</code> needs no token.</p>\n</body>\n</html>\n";
  pino_call_header(call, "Content-Security-Policy",
                   "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  pino_call_answer(call, SOUP_STATUS_OK, "text/html; charset=utf-8",
                   g_bytes_new_static(page, sizeof page - 1));
}
