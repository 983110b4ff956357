#include "cli/endpoint.h"

#include <dirent.h>
#include <errno.h>
#include <json-glib/json-glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "control/channel.h"
#include "engine/lock.h"
#include "script/resolve.h"

PinoEndpoint *pino_endpoint_new(void) {
  const char *run_dir = g_getenv("PINOKIO_RUN_DIR");
  PinoEndpoint *place = g_new0(PinoEndpoint, 1);
  place->home = pino_home_default();
  place->run_dir = run_dir != NULL && *run_dir != '\0' ? g_canonicalize_filename(run_dir, NULL)
                                                       : g_build_filename(place->home, "run", NULL);
  place->socket = g_build_filename(place->run_dir, "engine.sock", NULL);
  place->lock = g_build_filename(place->run_dir, "engine.lock", NULL);
  place->note = g_build_filename(place->run_dir, "engine.json", NULL);
  place->log = g_build_filename(place->home, "logs", "engine.log", NULL);
  return place;
}

void pino_endpoint_free(PinoEndpoint *place) {
  g_free(place->home);
  g_free(place->run_dir);
  g_free(place->socket);
  g_free(place->lock);
  g_free(place->note);
  g_free(place->log);
  g_free(place);
}

PinoEndpointState pino_endpoint_look(const PinoEndpoint *place, GError **error) {
  g_autoptr(GError) failed = NULL;
  int fd = pino_control_connect(place->socket, &failed);
  if (fd >= 0) {
    close(fd);
    return PINO_ENDPOINT_SERVED;
  }
  gboolean from_system = failed->domain == PINO_ERRNO;
  if (from_system && failed->code == EAGAIN)
    return PINO_ENDPOINT_SERVED;
  if (from_system && (failed->code == ENOENT || failed->code == ECONNREFUSED || failed->code == ENOTDIR))
    return PINO_ENDPOINT_NOBODY;
  g_propagate_prefixed_error(error, g_steal_pointer(&failed), "the engine's socket cannot be used: ");
  return PINO_ENDPOINT_REFUSED;
}

gboolean pino_endpoint_read_note(const PinoEndpoint *place, PinoEndpointNote *note) {
  g_autofree char *text = NULL;
  *note = (PinoEndpointNote){0};
  if (!g_file_get_contents(place->note, &text, NULL, NULL))
    return FALSE;
  g_autoptr(JsonNode) node = json_from_string(text, NULL);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
    return FALSE;
  JsonObject *object = json_node_get_object(node);
  note->pid = (int)json_object_get_int_member_with_default(object, "pid", 0);
  note->port = (int)json_object_get_int_member_with_default(object, "port", 0);
  note->started = json_object_get_int_member_with_default(object, "started", 0);
  return note->pid > 0;
}

static gboolean has_open(int pid, const struct stat *file) {
  g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
  DIR *folder = opendir(path);
  gboolean found = FALSE;
  for (struct dirent *entry; folder != NULL && !found && (entry = readdir(folder)) != NULL;) {
    struct stat info;
    found = fstatat(dirfd(folder), entry->d_name, &info, 0) == 0 && info.st_dev == file->st_dev &&
            info.st_ino == file->st_ino;
  }
  if (folder != NULL)
    closedir(folder);
  return found;
}

int pino_endpoint_engine(const PinoEndpoint *place) {
  struct stat lock;
  pid_t pid = pino_lock_holder(place->run_dir);
  return pid > 0 && stat(place->lock, &lock) == 0 && has_open(pid, &lock) ? (int)pid : 0;
}

gboolean pino_endpoint_is_locked(const PinoEndpoint *place) {
  return pino_lock_holder(place->run_dir) != 0;
}
