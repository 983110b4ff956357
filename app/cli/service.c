#include "cli/service.h"

#include <gio/gio.h>
#include <string.h>

#include "terminal/command.h"

GOptionEntry *pino_service_entries(PinoService *service, const GOptionEntry *more) {
  const GOptionEntry own[] = {
      {"port", 0, 0, G_OPTION_ARG_INT, &service->port,
       "TCP port on loopback (42000); one that is taken: the next that is free", "N"},
      {"listen", 0, 0, G_OPTION_ARG_STRING, &service->listen,
       "Listen on this address of the machine. Beyond loopback everybody who reaches it and knows the token "
       "is let in, "
       "and nothing is encrypted",
       "ADDRESS"},
      {"host", 0, 0, G_OPTION_ARG_STRING_ARRAY, &service->hosts,
       "A further name that requests may come under, as of a proxy in front; may be repeated", "NAME"},
      {"allow-local-clients", 0, 0, G_OPTION_ARG_NONE, &service->local_clients,
       "Let programs of this machine that belong to the engine's own user, or to root, in without a token "
       "(pterm)",
       NULL},
      {"no-autolaunch", 0, 0, G_OPTION_ARG_NONE, &service->no_autolaunch,
       "Do not start the apps that are to start with the engine", NULL},
  };
  gsize count = 0;
  while (more != NULL && more[count].long_name != NULL)
    count++;
  GOptionEntry *entries = g_new0(GOptionEntry, G_N_ELEMENTS(own) + count + 1);
  memcpy(entries, own, sizeof own);
  for (gsize i = 0; i < count; i++)
    entries[G_N_ELEMENTS(own) + i] = more[i];
  return entries;
}

gboolean pino_service_check(const PinoService *service) {
  if (service->port < 0 || service->port > 65535) {
    pino_command_complain("--port wants a number from 1 to 65535");
    return FALSE;
  }
  g_autoptr(GInetAddress) address =
      service->listen != NULL ? g_inet_address_new_from_string(service->listen) : NULL;
  if (service->listen != NULL && address == NULL) {
    pino_command_complain("--listen wants a numeric address, such as 0.0.0.0 or ::1");
    return FALSE;
  }
  return TRUE;
}

char **pino_service_arguments(const PinoService *service) {
  g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
  if (service->port != 0)
    g_ptr_array_add(arguments, g_strdup_printf("--port=%d", service->port));
  if (service->listen != NULL)
    g_ptr_array_add(arguments, g_strconcat("--listen=", service->listen, NULL));
  for (guint i = 0; service->hosts != NULL && service->hosts[i] != NULL; i++)
    g_ptr_array_add(arguments, g_strconcat("--host=", service->hosts[i], NULL));
  if (service->local_clients)
    g_ptr_array_add(arguments, g_strdup("--allow-local-clients"));
  if (service->no_autolaunch)
    g_ptr_array_add(arguments, g_strdup("--no-autolaunch"));
  if (arguments->len == 0)
    return NULL;
  g_ptr_array_add(arguments, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&arguments), FALSE);
}

void pino_service_clear(PinoService *service) {
  g_clear_pointer(&service->listen, g_free);
  g_clear_pointer(&service->hosts, g_strfreev);
}
