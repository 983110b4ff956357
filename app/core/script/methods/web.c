/* Pages that a person is to see, and the addresses under which others reach them: web.*, browser.*, uri.open, tab.open,
 * cloudflare.*. The UI opens what an event names; tunnels are the service's (options.registry). */
#include <string.h>

#include "base/error.h"
#include "script/methods/families.h"

/* --- addresses -------------------------------------------------------------------------------------------------- */

static gboolean is_page(const char *text) {
  return text != NULL && (g_str_has_prefix(text, "http://") || g_str_has_prefix(text, "https://"));
}

/* Loopback, or an address that may be this machine's own in its network: only such a page has a public form. */
static gboolean is_near(const char *url) {
  g_autoptr(GUri) uri = is_page(url) ? g_uri_parse(url, G_URI_FLAGS_NONE, NULL) : NULL;
  const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
  if (host == NULL)
    return FALSE;
  g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
  if (address == NULL)
    return g_ascii_strcasecmp(host, "localhost") == 0 || g_str_has_suffix(host, ".localhost");
  return g_inet_address_get_is_loopback(address) || g_inet_address_get_is_any(address) ||
         g_inet_address_get_is_site_local(address);
}

/* NULL when there is none, or nobody who would know it. */
static char *public_form(PinoRun *run, const char *url) {
  if (!run->has_registry || run->registry.shared == NULL || !is_near(url))
    return NULL;
  return run->registry.shared(url, run->registry.data);
}

/* --- pages ------------------------------------------------------------------------------------------------------ */

/* The step's params in an object of their own: `"uri"` alone may stand for them. */
static JSObjectRef page_of(PinoStep *step) {
  PinoJs *js = step->js;
  JSObjectRef page = pino_js_object(js);
  if (pino_js_is_string(js, step->params)) {
    pino_js_set(js, page, "uri", step->params);
    return page;
  }
  g_auto(GStrv) names = pino_js_keys(js, step->params);
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    pino_js_set(js, page, names[i], pino_js_get(js, step->params, names[i]));
  return page;
}

/* NULL when it names none; older scripts write `url`. */
static char *uri_of(PinoStep *step, JSObjectRef page) {
  JSValueRef named = pino_js_get(step->js, page, "uri");
  if (!pino_js_is_string(step->js, named))
    named = pino_js_get(step->js, page, "url");
  g_autofree char *text = pino_js_is_string(step->js, named) ? pino_js_to_utf8(step->js, named) : NULL;
  if (text == NULL || *g_strstrip(text) == '\0')
    return NULL;
  return g_steal_pointer(&text);
}

static char *wanted_uri(PinoStep *step, JSObjectRef page, GError **error) {
  char *uri = uri_of(step, page);
  if (uri == NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s wants a uri", step->method);
  return uri;
}

/* The event, with the page's public form beside its own. */
static void tell_page(PinoStep *step, const char *name, JSObjectRef page, const char *uri) {
  g_autofree char *public = uri != NULL ? public_form(step->run, uri) : NULL;
  if (public != NULL)
    pino_js_set(step->js, page, "public", pino_js_string(step->js, public));
  if (is_page(uri)) {
    g_free(step->run->opened);
    step->run->opened = g_strdup(uri);
  }
  pino_step_tell(step, name, page);
}

static JSValueRef open_page(PinoStep *step, GError **error) {
  JSObjectRef page = page_of(step);
  g_autofree char *uri = uri_of(step, page);
  tell_page(step, "open", page, uri);
  return NULL;
}

static JSValueRef close_page(PinoStep *step, GError **error) {
  pino_step_tell(step, "close", page_of(step));
  return NULL;
}

/* What the app shows to others from now on. */
static JSValueRef expose_page(PinoStep *step, GError **error) {
  JSObjectRef page = page_of(step);
  g_autofree char *uri = wanted_uri(step, page, error);
  if (uri == NULL)
    return NULL;
  g_autofree char *app = g_path_get_basename(step->script->app_dir);
  g_autofree char *text = g_strdup_printf("the page of %s: %s\r\n", app, uri);
  pino_step_print(step, text);
  tell_page(step, "expose", page, uri);
  return NULL;
}

/* --- uri.open --------------------------------------------------------------------------------------------------- */

static void add_field(PinoStep *step, GString *query, const char *name, JSValueRef value) {
  if (pino_js_is_nullish(step->js, value))
    return;
  g_autofree char *text = pino_js_is_object(step->js, value) ? pino_js_to_json(step->js, value, 0, NULL)
                                                             : pino_js_to_utf8(step->js, value);
  if (text == NULL)
    return;
  if (query->len > 0)
    g_string_append_c(query, '&');
  g_string_append_uri_escaped(query, name, "!*'()", FALSE);
  g_string_append_c(query, '=');
  g_string_append_uri_escaped(query, text, "!*'()", FALSE);
}

/* `params` as a query: a list is a field several times, what is null is left out. */
static char *query_of(PinoStep *step) {
  PinoJs *js = step->js;
  GString *query = g_string_new(NULL);
  JSValueRef fields = pino_js_get(js, step->params, "params");
  g_auto(GStrv) names = pino_js_is_array(js, fields) ? NULL : pino_js_keys(js, fields);
  for (guint i = 0; names != NULL && names[i] != NULL; i++) {
    JSValueRef value = pino_js_get(js, fields, names[i]);
    gboolean list = pino_js_is_array(js, value);
    for (guint j = 0; list && j < pino_js_length(js, value); j++)
      add_field(step, query, names[i], pino_js_get_index(js, value, j));
    if (!list)
      add_field(step, query, names[i], value);
  }
  return g_string_free(query, FALSE);
}

static char *with_query(const char *uri, const char *query) {
  if (*query == '\0')
    return g_strdup(uri);
  gsize before_hash = strcspn(uri, "#");
  const char *mark = memchr(uri, '?', before_hash);
  const char last = before_hash > 0 ? uri[before_hash - 1] : '\0';
  const char *joint = mark == NULL ? "?" : last == '?' || last == '&' ? "" : "&";
  return g_strdup_printf("%.*s%s%s%s", (int)before_hash, uri, joint, query, uri + before_hash);
}

/* {uri, result}: the result says only that the UI was told. */
static JSValueRef open_uri(PinoStep *step, GError **error) {
  PinoJs *js = step->js;
  JSObjectRef page = page_of(step);
  g_autofree char *named = wanted_uri(step, page, error);
  if (named == NULL)
    return NULL;
  g_autofree char *query = query_of(step);
  g_autofree char *uri = with_query(named, query);
  pino_js_set(js, page, "uri", pino_js_string(js, uri));
  tell_page(step, "open", page, uri);
  JSObjectRef told = pino_js_object(js);
  pino_js_set(js, told, "ok", pino_js_bool(js, TRUE));
  pino_js_set(js, told, "status", pino_js_string(js, "told"));
  JSObjectRef result = pino_js_object(js);
  pino_js_set(js, result, "uri", pino_js_string(js, uri));
  pino_js_set(js, result, "result", told);
  return result;
}

/* --- tunnels ---------------------------------------------------------------------------------------------------- */

static gboolean has_service(PinoStep *step, GError **error) {
  if (step->run->has_registry && step->run->registry.share != NULL)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
              "%s: only the service opens public addresses: start the app with `pinokiocloud start`",
              step->method);
  return FALSE;
}

/* 7860, "localhost:7860" and ":7860" stand for an address too, as they do for cloudflared. */
static char *local_address(PinoStep *step, GError **error) {
  PinoJs *js = step->js;
  JSValueRef named =
      pino_js_is_object(js, step->params) ? pino_js_get(js, step->params, "uri") : step->params;
  g_autofree char *text = pino_js_is_nullish(js, named) ? NULL : pino_js_to_utf8(js, named);
  if (text == NULL || *g_strstrip(text) == '\0') {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s wants the uri of a page", step->method);
    return NULL;
  }
  gboolean port_only = strspn(text, G_CSET_DIGITS) == strlen(text);
  g_autofree char *url = strstr(text, "://") != NULL ? g_strdup(text)
                         : port_only                 ? g_strconcat("http://127.0.0.1:", text, NULL)
                         : *text == ':'              ? g_strconcat("http://127.0.0.1", text, NULL)
                                                     : g_strconcat("http://", text, NULL);
  if (is_near(url))
    return g_steal_pointer(&url);
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "%s wants the uri of a page of this machine, such as http://127.0.0.1:7860, not %s",
              step->method, text);
  return NULL;
}

/* *passcode stays NULL without one. One that is still a template would lock everybody out, and none would let everybody
 * in. */
static gboolean take_passcode(PinoStep *step, char **passcode, GError **error) {
  JSValueRef value = pino_js_get(step->js, step->params, "passcode");
  g_autofree char *text = pino_js_truthy(step->js, value) ? pino_js_to_utf8(step->js, value) : NULL;
  if (text == NULL || *g_strstrip(text) == '\0')
    return TRUE;
  if (g_str_has_prefix(text, "{{") && g_str_has_suffix(text, "}}")) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "%s: its passcode %s has no value: set it, or leave `passcode` out", step->method, text);
    return FALSE;
  }
  *passcode = g_steal_pointer(&text);
  return TRUE;
}

/* A member of an object that is an object, made when it is missing. */
static JSObjectRef object_in(PinoJs *js, JSValueRef owner, const char *name) {
  JSValueRef found = pino_js_get(js, owner, name);
  if (pino_js_is_object(js, found))
    return (JSObjectRef)found;
  JSObjectRef made = pino_js_object(js);
  pino_js_set(js, (JSObjectRef)owner, name, made);
  return made;
}

static void forget(PinoJs *js, JSObjectRef object, const char *name) {
  JSStringRef key = JSStringCreateWithUTF8CString(name);
  JSObjectDeleteProperty(pino_js_context(js), object, key, NULL);
  JSStringRelease(key);
}

/* Where launchers look for it: local.$share.cloudflare[uri]. public NULL takes it out. */
static void remember(PinoStep *step, const char *uri, const char *public) {
  PinoJs *js = step->js;
  JSValueRef memory = pino_js_get(js, step->run->world, "memory");
  JSValueRef local = pino_js_get(js, pino_js_get(js, memory, "local"), step->script->path);
  if (!pino_js_is_object(js, local))
    return;
  JSObjectRef table = object_in(js, object_in(js, local, "$share"), "cloudflare");
  if (public != NULL)
    pino_js_set(js, table, uri, pino_js_string(js, public));
  else
    forget(js, table, uri);
  pino_run_changed(step->run);
}

static JSValueRef open_tunnel(PinoStep *step, GError **error) {
  PinoRun *run = step->run;
  g_autofree char *passcode = NULL;
  g_autofree char *url = local_address(step, error);
  if (url == NULL || !take_passcode(step, &passcode, error) || !has_service(step, error))
    return NULL;
  g_autofree char *begun = g_strdup_printf("a public address for %s is being opened\r\n", url);
  pino_step_print(step, begun);
  g_autofree char *public =
      run->registry.share(url, passcode, step->script->cancellable, run->registry.data, error);
  if (public == NULL) {
    g_prefix_error(error, "%s: %s: ", step->method, url);
    return NULL;
  }
  g_autofree char *text = g_strdup_printf("%s is open to everybody%s at %s\r\n", url,
                                          passcode != NULL ? " who knows the passcode" : "", public);
  pino_step_print(step, text);
  remember(step, url, public);
  JSObjectRef result = pino_js_object(step->js);
  pino_js_set(step->js, result, "uri", pino_js_string(step->js, public));
  return result;
}

static JSValueRef close_tunnel(PinoStep *step, GError **error) {
  PinoRun *run = step->run;
  gboolean was_open = FALSE;
  g_autofree char *url = local_address(step, error);
  if (url == NULL || !has_service(step, error))
    return NULL;
  if (!run->registry.unshare(url, &was_open, run->registry.data, error)) {
    g_prefix_error(error, "%s: %s: ", step->method, url);
    return NULL;
  }
  g_autofree char *text = g_strdup_printf(
      was_open ? "%s is no longer open to everybody\r\n" : "%s was not open to everybody\r\n", url);
  pino_step_print(step, text);
  remember(step, url, NULL);
  return NULL;
}

const PinoMethod pino_methods_web[] = {
    {"web.open", open_page},           {"browser.open", open_page},
    {"tab.open", open_page},           {"uri.open", open_uri},
    {"web.close", close_page},         {"browser.close", close_page},
    {"web.expose", expose_page},       {"cloudflare.tunnel", open_tunnel},
    {"cloudflare.stop", close_tunnel}, {NULL, NULL},
};
