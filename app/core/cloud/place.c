#include "cloud/place.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "cloud/read.h"

#define HOME_NAME "pinokio"

/* --- what is known of platforms ---- */

/* base: the folder that a home is made in; NULL: the user's own. persistent: a folder beside it that outlives the
 * home; mount: where a file system must be mounted for that, because an empty folder of this name may be there
 * without; fstype: the same file system under another mount point counts too. */
typedef struct {
  const char *platform;
  const char *base;
  const char *persistent, *mount, *fstype;
  const char *with;    /* told when the persistent folder is there */
  const char *without; /* and when not, or when there is none */
} Site;

static const Site SITES[] = {
    /* googlecolab/colabtools: google/colab/drive.py (mount point, fuse.drive) */
    {PINO_PLATFORM_COLAB, "/content", "/content/drive/MyDrive", "/content/drive", "fuse.drive",
     "Google Drive is mounted",
     "Google Drive is not mounted: run `from google.colab import drive; drive.mount('/content/drive')` in a "
     "cell "
     "of the notebook, then start the engine again"},
    /* Kaggle/docker-python; kaggle.com/docs/notebooks (Persistence) */
    {PINO_PLATFORM_KAGGLE, "/kaggle/working", NULL, NULL, NULL, NULL,
     "Kaggle has no second folder: turn \"Persistence\" on in the notebook's settings to keep "
     "/kaggle/working"},
    /* vast-ai/base-image: etc/vast_agents/base.md, section 3 */
    {PINO_PLATFORM_VAST, "/workspace", NULL, NULL, NULL, NULL,
     "the instance's disk itself stays when it is stopped; attach a volume at /workspace to outlive the "
     "instance"},
    /* lightning.ai/docs/platform/build/ai-studio */
    {PINO_PLATFORM_LIGHTNING, "/teamspace/studios/this_studio", NULL, NULL, NULL, NULL,
     "the studio's own folder stays"},
    /* Paperspace/Docs: notebooks/about.md (/notebooks of one notebook, /storage of the team) */
    {PINO_PLATFORM_PAPERSPACE, "/notebooks", "/storage", NULL, NULL,
     "/storage belongs to the team and outlives notebooks", "/storage is not there, or cannot be written"},
    /* runpod/docs: storage/types.mdx */
    {PINO_PLATFORM_RUNPOD, "/workspace", NULL, NULL, NULL, NULL,
     "the volume at /workspace itself stays; a network volume also outlives the pod"},
    /* aws/studio-lab-examples: README */
    {PINO_PLATFORM_STUDIOLAB, NULL, NULL, NULL, NULL, NULL, "the user's own folder itself stays"},
    {PINO_PLATFORM_CONTAINER, NULL, NULL, NULL, NULL, NULL,
     "a container has no second folder that would be known"},
    {PINO_PLATFORM_LOCAL, NULL, NULL, NULL, NULL, NULL, "the disk of this machine itself stays"},
};

typedef enum {
  KEPT,
  GONE,
  BY_MOUNT /* kept when it is on another file system than the container's own */
} Keeping;

/* What becomes of a home, by the longest folder that it is in ("" is everything else; "~" the user's own). The sources
 * are those above. */
static const struct {
  const char *platform, *folder;
  Keeping keeping;
  const char *survives, *lost;
} GROUNDS[] = {
    {PINO_PLATFORM_COLAB, "", GONE, "a restart of the notebook's session (the kernel)",
     "everything, when the runtime is disconnected and deleted, idles out or reaches its time limit"},
    {PINO_PLATFORM_COLAB, "/content/drive", KEPT, "everything that has been written to Google Drive",
     "what Drive has not taken in yet when the machine goes"},
    {PINO_PLATFORM_KAGGLE, "", GONE, "a restart of the notebook's kernel",
     "everything, when the session ends"},
    {PINO_PLATFORM_KAGGLE, "/kaggle/working", GONE,
     "what a saved version keeps (up to its size limit), or the next session when Persistence is on",
     "without these, everything when the session ends"},
    {PINO_PLATFORM_VAST, "", KEPT,
     "stopping and starting the instance: the whole disk stays (and is still billed)",
     "everything but a volume, when the instance is recycled or destroyed"},
    {PINO_PLATFORM_LIGHTNING, "", GONE, "nothing that could be relied on",
     "what is outside of the studio's folder"},
    {PINO_PLATFORM_LIGHTNING, "/teamspace", KEPT, "stopping the studio and changing its machine",
     "everything, when the studio is deleted"},
    {PINO_PLATFORM_LIGHTNING, "~", KEPT, "stopping the studio and changing its machine",
     "everything, when the studio is deleted"},
    {PINO_PLATFORM_PAPERSPACE, "", GONE, "nothing", "everything, when the notebook is stopped"},
    {PINO_PLATFORM_PAPERSPACE, "/notebooks", KEPT, "stopping the notebook", "everything, when it is deleted"},
    {PINO_PLATFORM_PAPERSPACE, "/storage", KEPT, "stopping and deleting the notebook",
     "what members of the team remove: the folder is theirs too"},
    {PINO_PLATFORM_RUNPOD, "", GONE, "nothing", "everything, when the pod is stopped or restarted"},
    {PINO_PLATFORM_RUNPOD, "/workspace", KEPT, "stopping the pod; with a network volume also terminating it",
     "the pod's own volume, when the pod is terminated"},
    {PINO_PLATFORM_RUNPOD, "/runpod-volume", KEPT, "the worker: it is a network volume",
     "everything, when the volume is deleted"},
    {PINO_PLATFORM_STUDIOLAB, "", GONE, "nothing", "everything, when the session ends"},
    {PINO_PLATFORM_STUDIOLAB, "~", KEPT, "the end of a session (15 GB in all)",
     "everything, when the account or project is deleted"},
    {PINO_PLATFORM_CONTAINER, "", BY_MOUNT,
     "what the container's maker keeps: a mounted folder or volume stays",
     "what is on the container's own disk, when the container is removed"},
    {PINO_PLATFORM_LOCAL, "", KEPT, "everything", "nothing"},
};

/* --- files below root ---- */

static char *below(const PinoPlatform *platform, const char *path) {
  return g_build_filename(platform->root, path, NULL);
}

static gboolean is_folder(const PinoPlatform *platform, const char *path) {
  g_autofree char *full = below(platform, path);
  return g_file_test(full, G_FILE_TEST_IS_DIR);
}

static gboolean is_writable(const PinoPlatform *platform, const char *path) {
  g_autofree char *full = below(platform, path);
  return faccessat(AT_FDCWD, full, W_OK | X_OK, AT_EACCESS) == 0;
}

/* Whether there is a home already, and not just some folder of its name. */
static gboolean holds_home(const PinoPlatform *platform, const char *home) {
  static const char *const SIGNS[] = {"ENVIRONMENT", "api", "library.sqlite"};
  g_autofree char *full = below(platform, home);
  for (gsize i = 0; i < G_N_ELEMENTS(SIGNS); i++) {
    g_autofree char *sign = g_build_filename(full, SIGNS[i], NULL);
    if (g_file_test(sign, G_FILE_TEST_EXISTS))
      return TRUE;
  }
  return FALSE;
}

/* folder may be "" (everything) or "/x/y". */
static gboolean lies_in(const char *path, const char *folder) {
  gsize length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* --- the home ---- */

static const Site *site_of(const PinoPlatform *platform) {
  for (gsize i = 0; i < G_N_ELEMENTS(SITES); i++) {
    if (pino_platform_is(platform, SITES[i].platform))
      return &SITES[i];
  }
  g_return_val_if_reached(&SITES[G_N_ELEMENTS(SITES) - 1]);
}

static void take_home(PinoPlace *place, char *home, const char *base, char *why) {
  place->home = home;
  place->base = g_strdup(base);
  place->why = why;
}

static void choose_home(PinoPlace *place, const PinoPlatform *platform, const Site *site) {
  const char *own = platform->user_home;
  const char *base = site->base != NULL ? site->base : own;
  const char *set = pino_platform_env(platform, "PINOKIO_HOME");
  g_autofree char *usual = g_build_filename(base, HOME_NAME, NULL);
  g_autofree char *fallback = g_build_filename(own, HOME_NAME, NULL);
  gboolean there = is_folder(platform, base);
  gboolean usable = there && (is_writable(platform, base) || is_writable(platform, usual));
  if (set != NULL && *set != '\0')
    take_home(place, g_canonicalize_filename(set, NULL), usable ? base : own,
              g_strdup("PINOKIO_HOME says so"));
  else if (site->base == NULL)
    take_home(place, g_steal_pointer(&usual), base, g_strdup("in the user's own folder"));
  else if (!usable)
    take_home(place, g_steal_pointer(&fallback), own,
              g_strdup_printf("in the user's own folder, because '%s' %s", base,
                              there ? "cannot be written" : "is not there"));
  else if (!holds_home(platform, usual) && holds_home(platform, fallback))
    take_home(place, g_steal_pointer(&fallback), own,
              g_strdup_printf("there was a home in the user's own folder already; new ones are made in '%s'",
                              base));
  else
    take_home(place, g_steal_pointer(&usual), base,
              g_strdup_printf("where %s has its working files", platform->name));
}

/* --- what becomes of it ---- */

/* The home itself need not be there yet: what counts is the folder that it is to be made in. */
static gboolean on_root_disk(const PinoPlatform *platform, const char *path) {
  struct stat top, st;
  if (stat(platform->root, &top) != 0)
    return TRUE;
  for (g_autofree char *at = g_strdup(path); !g_str_equal(at, "/");) {
    g_autofree char *full = below(platform, at);
    if (stat(full, &st) == 0)
      return st.st_dev == top.st_dev;
    char *above = g_path_get_dirname(at);
    g_free(at);
    at = above;
  }
  return TRUE;
}

static void note_keeping(PinoPlace *place, const PinoPlatform *platform) {
  gsize longest = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(GROUNDS); i++) {
    gboolean own = g_str_equal(GROUNDS[i].folder, "~");
    const char *folder = own ? platform->user_home : GROUNDS[i].folder;
    if (!pino_platform_is(platform, GROUNDS[i].platform) || !lies_in(place->home, folder) ||
        (place->survives != NULL && strlen(folder) < longest))
      continue;
    longest = strlen(folder);
    place->ephemeral =
        GROUNDS[i].keeping == GONE || (GROUNDS[i].keeping == BY_MOUNT && on_root_disk(platform, place->home));
    place->survives = GROUNDS[i].survives;
    place->lost = GROUNDS[i].lost;
  }
}

/* --- the persistent side ---- */

/* Where a file system of that type is mounted, or that very mount point, by the kernel's list of mounts (its first
 * fields: device, mount point, type). Without such a list the folder is taken for mounted. NULL when it is not. */
static char *find_mount(const PinoPlatform *platform, const char *mount, const char *fstype) {
  g_autofree char *text = pino_cloud_read(platform->root, "proc/mounts");
  if (text == NULL)
    return g_strdup(mount);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_auto(GStrv) fields = g_strsplit(*line, " ", 4);
    if (g_strv_length(fields) >= 3 && (g_str_equal(fields[1], mount) || g_strcmp0(fields[2], fstype) == 0))
      return g_strdup(fields[1]);
  }
  return NULL;
}

/* The platform's lasting folder as it is now; NULL when it cannot be used. */
static char *find_lasting(const PinoPlatform *platform, const Site *site) {
  g_autofree char *folder = g_strdup(site->persistent);
  if (folder == NULL)
    return NULL;
  if (site->mount != NULL) {
    g_autofree char *mount = find_mount(platform, site->mount, site->fstype);
    if (mount == NULL)
      return NULL;
    g_free(folder);
    folder = g_build_filename(mount, site->persistent + strlen(site->mount), NULL);
  }
  g_autofree char *kept = g_build_filename(folder, HOME_NAME, NULL);
  gboolean usable =
      is_folder(platform, folder) && (is_writable(platform, folder) || is_writable(platform, kept));
  return usable ? g_steal_pointer(&folder) : NULL;
}

/* A person's own choice wins over the table: a volume that is mounted somewhere, or "none". */
static gboolean choose_set(PinoPlace *place, const PinoPlatform *platform) {
  const char *set = pino_platform_env(platform, "PINOKIO_PERSISTENT");
  if (set == NULL || *set == '\0')
    return FALSE;
  gboolean none = !g_path_is_absolute(set);
  place->persistent = none ? NULL : g_canonicalize_filename(set, NULL);
  place->persistent_why =
      g_strdup(none ? "PINOKIO_PERSISTENT names no absolute path: nothing is kept elsewhere"
                    : "PINOKIO_PERSISTENT says so");
  return TRUE;
}

static void choose_persistent(PinoPlace *place, const PinoPlatform *platform, const Site *site) {
  if (choose_set(place, platform))
    return;
  g_autofree char *lasting = find_lasting(platform, site);
  if (lasting == NULL) {
    place->persistent_why = g_strdup(site->without);
  } else if (lies_in(place->home, lasting)) {
    place->persistent_why = g_strdup_printf("the home itself is in '%s'", lasting);
  } else {
    place->persistent = g_build_filename(lasting, HOME_NAME, NULL);
    place->persistent_why = g_strdup(site->with);
  }
}

PinoPlace *pino_place_find(const PinoPlatform *platform) {
  PinoPlace *place = g_new0(PinoPlace, 1);
  const Site *site = site_of(platform);
  choose_home(place, platform, site);
  note_keeping(place, platform);
  choose_persistent(place, platform, site);
  return place;
}

void pino_place_free(PinoPlace *place) {
  if (place == NULL)
    return;
  g_free(place->home);
  g_free(place->base);
  g_free(place->why);
  g_free(place->persistent);
  g_free(place->persistent_why);
  g_free(place);
}

char *pino_place_home(void) {
  const char *set = g_getenv("PINOKIO_HOME");
  if (set != NULL && *set != '\0')
    return g_canonicalize_filename(set, NULL);
  g_autoptr(PinoPlatform) platform = pino_platform_here(NULL);
  if (platform == NULL)
    platform = pino_platform_detect("/", NULL, NULL, NULL);
  PinoPlace place = {0};
  choose_home(&place, platform, site_of(platform));
  g_free(place.base);
  g_free(place.why);
  return place.home;
}

void pino_place_append_json(const PinoPlace *place, GString *out) {
  g_string_append_c(out, '{');
  pino_json_append_member(out, "home", place->home);
  pino_json_append_member(out, "base", place->base);
  pino_json_append_member(out, "why", place->why);
  g_string_append_printf(out, ",\"ephemeral\":%s", place->ephemeral ? "true" : "false");
  pino_json_append_member(out, "survives", place->survives);
  pino_json_append_member(out, "lost", place->lost);
  pino_json_append_member(out, "persistent", place->persistent);
  if (place->persistent == NULL)
    g_string_append(out, ",\"persistent\":null");
  pino_json_append_member(out, "persistent_why", place->persistent_why);
  g_string_append_c(out, '}');
}
