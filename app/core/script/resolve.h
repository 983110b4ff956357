/* Where things are: the home's folders, apps, and what a URI of a script means (specification, section 1). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* PINOKIO_HOME, else where the platform keeps homes (cloud/place.h), absolute. Free with g_free(). */
char *pino_home_default(void);

/* The app folder under HOME/api that a path lies in (HOME/api/NAME), or NULL for a path elsewhere: then the folder
 * of the nearest pinokio.js above, or the path's own folder. Free with g_free(). */
char *pino_app_folder(const char *home, const char *path);

/* Where the logs of a script go: HOME/logs/api/APP/SCRIPT, or HOME/logs/api/NAME/SCRIPT for an app elsewhere. Free with
 * g_free(). */
char *pino_log_folder(const char *home, const char *path);

/* Resolves a URI: absolute, "~/..." under home, a git URI of an app under HOME/api, else relative to cwd. A query
 * (?a=b) is cut off and given in *query (may be NULL; free). NULL for a git URI whose app is not there. Free with
 * g_free(). */
char *pino_uri_resolve(const char *home, const char *cwd, const char *uri, char **query);

/* Whether a URI names a git repository: http(s)://...; and its part up to ".git" (free), or the whole without query
 * when there is no ".git". */
gboolean pino_uri_is_git(const char *uri);
char *pino_uri_repository(const char *uri);
/* The path inside the repository ("" if none). Free with g_free(). */
char *pino_uri_inner_path(const char *uri);

/* The folder name that script.start and script.download clone a URI to. Free with g_free(). */
char *pino_uri_folder_name(const char *repository);

/* The folder name that git itself would clone a URL to: its last part without ".git", decoded; "" when it has none. Free
 * with g_free(). */
char *pino_repository_name(const char *url);

#define PINO_APP_NAME_MAX 200 /* bytes: ".NAME.cloning-XXXXXX" must be a name too */

/* Whether an app's folder may be called so: it begins with neither '.' nor '-', holds no slash, backslash or control
 * character, and leaves room for what is put around it. */
gboolean pino_app_name_is_safe(const char *name);

/* The URL of the remote "origin" of a clone, or NULL. Free with g_free(). */
char *pino_git_origin(const char *folder);

/* The app under HOME/api that was cloned from the repository (with or without ".git"), or NULL. */
char *pino_app_by_origin(const char *home, const char *repository);

G_END_DECLS
