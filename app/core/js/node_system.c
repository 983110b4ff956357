/* The machine and this process, for os.js and process.js. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "js/node_internal.h"

static void set_text(PinoJs *js, JSObjectRef object, const char *name, const char *text) {
  pino_js_set(js, object, name, pino_js_string(js, text));
}

static void set_number(PinoJs *js, JSObjectRef object, const char *name, double number) {
  pino_js_set(js, object, name, pino_js_number(js, number));
}

/* --- os -------------------------------------------------------------------------------------------------- */

static JSValueRef os_uname(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  struct utsname names;
  if (uname(&names) != 0)
    return pino_node_fail(error, "uname", NULL);
  JSObjectRef result = pino_js_object(js);
  set_text(js, result, "type", names.sysname);
  set_text(js, result, "hostname", names.nodename);
  set_text(js, result, "release", names.release);
  set_text(js, result, "version", names.version);
  set_text(js, result, "machine", names.machine);
  return result;
}

static JSValueRef os_sysinfo(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  struct sysinfo info;
  struct timespec up;
  if (sysinfo(&info) != 0 || clock_gettime(CLOCK_BOOTTIME, &up) != 0)
    return pino_node_fail(error, "sysinfo", NULL);
  JSObjectRef result = pino_js_object(js);
  set_number(js, result, "uptime", (double)up.tv_sec + (double)up.tv_nsec / 1e9);
  set_number(js, result, "total", (double)info.totalram * info.mem_unit);
  set_number(js, result, "free", (double)info.freeram * info.mem_unit);
  JSValueRef loads[3];
  for (int i = 0; i < 3; i++)
    loads[i] = pino_js_number(js, (double)info.loads[i] / (1 << SI_LOAD_SHIFT));
  pino_js_set(js, result, "loads", pino_js_array(js, 3, loads));
  return result;
}

/* How many processors this process may use, which a container may limit. */
static JSValueRef os_parallelism(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  return pino_js_number(js, g_get_num_processors());
}

static JSValueRef os_user(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  char space[4096];
  struct passwd entry, *found = NULL;
  int problem = getpwuid_r(geteuid(), &entry, space, sizeof space, &found);
  if (found == NULL) {
    pino_error_set_errno(error, problem != 0 ? problem : ENOENT, "uv_os_get_passwd", NULL);
    return NULL;
  }
  JSObjectRef result = pino_js_object(js);
  set_number(js, result, "uid", entry.pw_uid);
  set_number(js, result, "gid", entry.pw_gid);
  set_text(js, result, "username", entry.pw_name);
  set_text(js, result, "homedir", entry.pw_dir);
  set_text(js, result, "shell", entry.pw_shell);
  return result;
}

static gboolean host_text(const struct sockaddr *address, char *text, size_t size) {
  socklen_t len = address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  return getnameinfo(address, len, text, (socklen_t)size, NULL, 0, NI_NUMERICHOST) == 0;
}

static char *hardware_address(const struct ifaddrs *all, const char *name) {
  for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
    if (at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_PACKET || strcmp(at->ifa_name, name) != 0)
      continue;
    const unsigned char *mac = ((const struct sockaddr_ll *)(const void *)at->ifa_addr)->sll_addr;
    return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  }
  return g_strdup("00:00:00:00:00:00");
}

static JSObjectRef describe_interface(PinoJs *js, const struct ifaddrs *all, const struct ifaddrs *at) {
  char address[NI_MAXHOST] = "", netmask[NI_MAXHOST] = "";
  gboolean v6 = at->ifa_addr->sa_family == AF_INET6;
  if (!host_text(at->ifa_addr, address, sizeof address))
    return NULL;
  if (at->ifa_netmask != NULL)
    host_text(at->ifa_netmask, netmask, sizeof netmask);
  address[strcspn(address, "%")] = '\0';
  g_autofree char *mac = hardware_address(all, at->ifa_name);
  JSObjectRef result = pino_js_object(js);
  set_text(js, result, "name", at->ifa_name);
  set_text(js, result, "address", address);
  set_text(js, result, "netmask", netmask);
  set_text(js, result, "family", v6 ? "IPv6" : "IPv4");
  set_text(js, result, "mac", mac);
  pino_js_set(js, result, "internal", pino_js_bool(js, (at->ifa_flags & IFF_LOOPBACK) != 0));
  if (v6)
    set_number(js, result, "scopeid",
               ((const struct sockaddr_in6 *)(const void *)at->ifa_addr)->sin6_scope_id);
  return result;
}

static JSValueRef os_interfaces(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  struct ifaddrs *all = NULL;
  unsigned count = 0;
  if (getifaddrs(&all) != 0)
    return pino_node_fail(error, "uv_interface_addresses", NULL);
  JSObjectRef list = pino_js_array(js, 0, NULL);
  for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
    if (at->ifa_addr == NULL || (at->ifa_flags & IFF_UP) == 0)
      continue;
    if (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6)
      continue;
    JSObjectRef item = describe_interface(js, all, at);
    if (item != NULL)
      JSObjectSetPropertyAtIndex(pino_js_context(js), list, count++, item, NULL);
  }
  freeifaddrs(all);
  return list;
}

/* --- signals --------------------------------------------------------------------------------------------- */

static JSValueRef os_signals(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  JSObjectRef result = pino_js_object(js);
  for (int number = 1; number < 32; number++) {
    const char *name = sigabbrev_np(number);
    g_autofree char *full = name != NULL ? g_strconcat("SIG", name, NULL) : NULL;
    if (full != NULL)
      set_number(js, result, full, number);
  }
  return result;
}

static JSValueRef os_errnos(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  JSObjectRef result = pino_js_object(js);
  for (int number = 1; number < 134; number++)
    if (strerrorname_np(number) != NULL)
      set_number(js, result, strerrorname_np(number), number);
  return result;
}

/* --- process --------------------------------------------------------------------------------------------- */

static JSValueRef process_env(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_auto(GStrv) names = g_listenv();
  JSObjectRef result = pino_js_object(js);
  for (char **name = names; *name != NULL; name++)
    set_text(js, result, *name, g_getenv(*name));
  return result;
}

static JSValueRef process_ids(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  const JSValueRef ids[] = {
      pino_js_number(js, getpid()), pino_js_number(js, getppid()), pino_js_number(js, getuid()),
      pino_js_number(js, getgid()), pino_js_number(js, geteuid()), pino_js_number(js, getegid()),
  };
  return pino_js_array(js, G_N_ELEMENTS(ids), ids);
}

static JSValueRef process_cwd(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = g_get_current_dir();
  return pino_js_string(js, path);
}

static JSValueRef process_exec_path(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = g_file_read_link("/proc/self/exe", NULL);
  return pino_js_string(js, path != NULL ? path : "pinokiocloud");
}

/* () -> [seconds, nanoseconds] of the monotonic clock */
static JSValueRef process_clock(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const JSValueRef parts[] = {pino_js_number(js, (double)now.tv_sec),
                              pino_js_number(js, (double)now.tv_nsec)};
  return pino_js_array(js, 2, parts);
}

/* () -> [user, system] microseconds of processor time */
static JSValueRef process_cpu(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  struct rusage use;
  if (getrusage(RUSAGE_SELF, &use) != 0)
    return pino_node_fail(error, "getrusage", NULL);
  const JSValueRef parts[] = {
      pino_js_number(js, (double)use.ru_utime.tv_sec * 1e6 + (double)use.ru_utime.tv_usec),
      pino_js_number(js, (double)use.ru_stime.tv_sec * 1e6 + (double)use.ru_stime.tv_usec),
  };
  return pino_js_array(js, 2, parts);
}

static JSValueRef process_rss(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *text = NULL;
  unsigned long pages = 0;
  if (!g_file_get_contents("/proc/self/statm", &text, NULL, error))
    return NULL;
  sscanf(text, "%*u %lu", &pages);
  return pino_js_number(js, (double)pages * (double)sysconf(_SC_PAGESIZE));
}

/* (pid, signal). 0 and negative numbers would name the engine's own group, or everybody. */
static JSValueRef process_kill(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  int pid = pino_node_int(js, argc, argv, 0), number = pino_node_int(js, argc, argv, 1);
  if (pid <= 0) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "process.kill wants the number of one process");
    return NULL;
  }
  if (pid == getpid() && number != 0) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                        "a script cannot end the engine that it shares with others");
    return NULL;
  }
  return kill(pid, number) == 0 ? NULL : pino_node_fail(error, "kill", NULL);
}

static JSValueRef process_isatty(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  int fd = pino_node_int(js, argc, argv, 0);
  return pino_js_bool(js, fd >= 0 && isatty(fd));
}

void pino_node_add_system(PinoJs *js) {
  static const PinoJsNativeEntry os[] = {
      {"uname", os_uname},
      {"sysinfo", os_sysinfo},
      {"availableParallelism", os_parallelism},
      {"user", os_user},
      {"interfaces", os_interfaces},
      {"signals", os_signals},
      {"errnos", os_errnos},
      {NULL, NULL},
  };
  static const PinoJsNativeEntry process[] = {
      {"env", process_env},       {"ids", process_ids}, {"cwd", process_cwd}, {"execPath", process_exec_path},
      {"clock", process_clock},   {"cpu", process_cpu}, {"rss", process_rss}, {"kill", process_kill},
      {"isatty", process_isatty}, {NULL, NULL},
  };
  pino_js_add_natives(js, "os", os);
  pino_js_add_natives(js, "process", process);
}
