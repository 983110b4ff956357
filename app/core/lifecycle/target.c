#include "lifecycle/target.h"

#include <string.h>

#include "base/error.h"
#include "script/resolve.h"

static gboolean is_url(const char *target) {
  static const char *const schemes[] = {"https://", "http://", "git://", "ssh://", "git@", "file://"};
  for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
    if (g_str_has_prefix(target, schemes[i]))
      return TRUE;
  }
  return g_str_has_suffix(target, ".git");
}

char *pino_target_find(const char *home, const char *target, char **clone, GError **error) {
  *clone = NULL;
  if (g_file_test(target, G_FILE_TEST_IS_DIR) && !g_str_has_suffix(target, ".git"))
    return g_canonicalize_filename(target, NULL);
  if (is_url(target)) {
    char *folder = pino_app_by_origin(home, target);
    if (folder == NULL)
      *clone = g_strdup(target);
    return folder;
  }
  g_autofree char *named = g_build_filename(home, "api", target, NULL);
  if (*target != '\0' && strstr(target, "..") == NULL && g_file_test(named, G_FILE_TEST_IS_DIR))
    return g_steal_pointer(&named);
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
              "there is no app '%s': it is neither a folder here, nor a name under %s/api, nor a git URL",
              target, home);
  return NULL;
}
