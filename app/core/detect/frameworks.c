#include "detect/frameworks.h"

#include <string.h>

#include "detect/detect.h"

enum { WEAK = PINO_FRAMEWORK_WEAK, BANNER = PINO_FRAMEWORK_BANNER, PUBLIC = PINO_FRAMEWORK_PUBLIC };
enum { UI = PINO_FOUND_UI, SERVER = PINO_FOUND_SERVER, API = PINO_FOUND_API };

/* Where two rows fit, the more telling one stands first. */
static const PinoFramework FRAMEWORKS[] = {
    /* pages */
    {"Gradio", "Running on local URL", NULL, UI, 0, "gradio 3-6: gradio/strings.py, gradio/blocks.py"},
    {"Gradio", "Running on public URL", NULL, UI, PUBLIC, "gradio 3-6: gradio/strings.py, gradio/blocks.py"},
    {"Streamlit", "Local URL", NULL, UI, 0, "streamlit: lib/streamlit/web/bootstrap.py"},
    {"ComfyUI", "To see the GUI go to", NULL, UI, 0, "ComfyUI: server.py"},
    {"InvokeAI", "Invoke running on", NULL, UI, 0, "InvokeAI: invokeai/app/api_app.py"},
    {"InvokeAI", "[InvokeAI]::INFO --> Uvicorn running on", NULL, UI, 0, "InvokeAI: uvicorn by its logger"},
    {"Fooocus", "Use the app with", NULL, UI, 0, "Fooocus: modules/async_worker.py"},
    {"SwarmUI", "Starting webserver on", NULL, UI, 0, "SwarmUI: src/Core/WebServer.cs"},
    {"SillyTavern", "SillyTavern is listening on", NULL, UI, 0, "SillyTavern: src/server-startup.js"},
    {"SillyTavern", "SillyTavern is listening on IPv%", NULL, UI, 0, "SillyTavern: src/server-startup.js"},
    {"Jupyter", "Jupyter % is running at", NULL, UI, 0, "jupyter_server: serverapp.py; notebook 6"},
    {"Jupyter", "copy and paste one of these URLs", NULL, UI, 0, "jupyter_server: serverapp.py"},
    {"Voila", "Voil\303\240 is running at", NULL, UI, 0, "voila: voila/app.py"},
    {"TensorBoard", "TensorBoard % at", NULL, UI, 0, "tensorboard: program.py"},
    {"n8n", "Editor is now accessible via", NULL, UI, 0, "n8n: packages/cli/src/commands/start.ts"},
    {"Dash", "Dash is running on", NULL, UI, 0, "dash: dash/dash.py"},
    {"Bokeh", "Bokeh app running at", NULL, UI, 0, "bokeh: bokeh/command/subcommands/serve.py"},
    {"Panel", "Launching server at", NULL, UI, 0, "panel: panel/io/server.py"},
    {"Chainlit", "Your app is available at", NULL, UI, 0, "chainlit: backend/chainlit/server.py"},
    {"NiceGUI", "NiceGUI ready to go on", NULL, UI, 0, "nicegui: nicegui/welcome.py"},
    {"NiceGUI", "NiceGUI ready to go on %, and", NULL, UI, 0, "nicegui: nicegui/welcome.py"},
    {"Solara", "Solara server is starting at", NULL, UI, 0, "solara: solara/__main__.py"},
    {"marimo", "\342\236\234 URL", NULL, UI, 0, "marimo: marimo/_server/print.py"},
    {"KoboldCpp", "Please connect to custom endpoint at", NULL, UI, 0, "koboldcpp: koboldcpp.py"},
    {"Flowise", "Flowise Server is listening at", NULL, UI, 0, "flowise: packages/server/src/index.ts"},
    {"Langflow", "Open Langflow", NULL, UI, 0, "langflow: src/backend/base/langflow/__main__.py"},
    {"http-server", "Available on", NULL, UI, WEAK, "http-server: bin/http-server"},
    {"serve", "Accepting connections at", NULL, UI, WEAK, "serve: source/main.ts"},
    {"Docusaurus", "Docusaurus website is running at", NULL, UI, 0, "docusaurus: commands/start"},
    {"Hugo", "Web Server is available at", NULL, UI, 0, "hugo: commands/server.go"},
    {"Meteor", "=> App running at", NULL, UI, 0, "meteor: tools/runners/run-all.js"},
    {"Angular", "Angular Live Development Server is listening on %, open your browser on", NULL, UI, 0,
     "angular-cli: dev-server"},
    {"webpack-dev-server", "[webpack-dev-server] Loopback", NULL, UI, 0, "webpack-dev-server: lib/Server.js"},
    {"webpack-dev-server", "Project is running at", NULL, UI, 0, "webpack-dev-server 3, 4: lib/Server.js"},
    {"Next.js", "started server on %, url", NULL, UI, 0,
     "next 9-13: packages/next/server/lib/start-server.ts"},
    {"Vite", "\342\236\234 Local", NULL, UI, BANNER, "vite: packages/vite/src/node/logger.ts"},
    {"Next.js", "- Local", NULL, UI, BANNER, "next: packages/next/src/server/lib/app-info-log.ts"},
    {"Astro", "\342\224\203 Local", NULL, UI, BANNER, "astro: packages/astro/src/core/messages.ts"},
    {NULL, "Local", NULL, UI, BANNER,
     "Vite, Next.js, Astro, Nuxt, Vue, React, Angular, serve: the banner tells which"},
    {NULL, "^URL", NULL, UI, BANNER, "streamlit with server.address; lib/streamlit/web/bootstrap.py"},

    /* what stands behind a page as often as it is one */
    {"Uvicorn", "Uvicorn running on", NULL, SERVER, 0,
     "uvicorn: uvicorn/server.py (FastAPI, Open WebUI, Shiny)"},
    {"aiohttp", "======== Running on", NULL, SERVER, 0, "aiohttp: aiohttp/web.py"},
    {"Quart", "* Running on", " (CTRL + C to quit)", SERVER, 0, "quart: src/quart/app.py"},
    {"Flask", "* Running on", NULL, SERVER, 0, "werkzeug: src/werkzeug/serving.py"},
    {"Hypercorn", "Running on", " (CTRL + C to quit)", SERVER, 0, "hypercorn: src/hypercorn/asyncio/run.py"},
    {"Sanic", "Goin' Fast @", NULL, SERVER, 0, "sanic: sanic/mixins/startup.py"},
    {"Daphne", "Listening on TCP address", NULL, SERVER, 0, "daphne: daphne/server.py"},
    {"Django", "Starting development server at", NULL, SERVER, 0,
     "django: core/management/commands/runserver.py"},
    {"Django", "Starting ASGI/% development server at", NULL, SERVER, 0,
     "daphne: management/commands/runserver.py"},
    {"http.server", "Serving HTTP on % port %", NULL, SERVER, 0, "CPython: Lib/http/server.py"},
    {"PHP", "Development Server", ") started", SERVER, 0, "php-src: sapi/cli/php_cli_server.c"},
    {"Laravel", "Server running on", "]", SERVER, 0, "laravel: Console/ServeCommand.php"},
    {"Express", "Express started on", NULL, SERVER, 0, "express: examples/"},
    {"Mesop", "^Running server on", NULL, SERVER, WEAK, "mesop: its log"},
    {"Node-RED", "[info] Server now running at", NULL, SERVER, WEAK, "node-red: red.js"},
    {"Jekyll", "Server address", NULL, SERVER, WEAK, "jekyll: lib/jekyll/commands/serve.rb"},
    {"live-server", "Serving \"%\" at", NULL, SERVER, 0, "live-server: index.js"},
    {"Waitress", "waitress:Serving on", NULL, SERVER, 0, "waitress: src/waitress/server.py"},
    {"CherryPy", "ENGINE Serving on", NULL, SERVER, 0, "cherrypy: cherrypy/process/servers.py"},
    {"MkDocs", "] Serving on", NULL, SERVER, WEAK, "mkdocs: mkdocs/livereload/__init__.py"},
    {"Uvicorn", "Uvicorn server started on", NULL, SERVER, 0, "streamlit with uvicorn: its log"},
    {"Fastify", "\"msg\":\"Server listening at", NULL, SERVER, WEAK, "fastify: lib/server.js"},
    {"ASP.NET", "Now listening on", NULL, SERVER, 0, "aspnetcore: Microsoft.Hosting.Lifetime"},
    {"Spring Boot", "Tomcat started on", NULL, SERVER, 0, "spring-boot: TomcatWebServer"},
    {"Rocket", "Rocket has launched from", NULL, SERVER, 0, "rocket: core/lib/src/rocket.rs"},
    {"Gin", "Listening and serving HTTP on", NULL, SERVER, 0, "gin: gin.go"},
    {"Phoenix", "Access %Endpoint at", NULL, SERVER, WEAK, "phoenix: lib/phoenix/endpoint/supervisor.ex"},
    {"Puma", "* Listening on", NULL, SERVER, WEAK, "puma: lib/puma/binder.rb"},
    {"llama.cpp", "server is listening on", " - starting the main loop", SERVER, 0,
     "llama.cpp: tools/server"},
    {"llama.cpp", ": server is listening on", NULL, SERVER, WEAK, "llama.cpp: tools/server/server.cpp"},
    {"llama.cpp", "^server is listening on", NULL, SERVER, WEAK, "llama.cpp: tools/server/server.cpp"},
    {"whisper.cpp", "whisper server listening at", NULL, SERVER, 0,
     "whisper.cpp: examples/server/server.cpp"},

    /* never a page */
    {"Ollama", "Listening on", " (version ", API, 0, "ollama: server/routes.go"},
    {"vLLM", "Starting vLLM server on", NULL, API, 0, "vllm: vllm/entrypoints/launcher.py"},
    {"vLLM", "Starting vLLM API server on", NULL, API, 0, "vllm: vllm/entrypoints/openai/api_server.py"},
    {"vLLM", "Starting vLLM API server % on", NULL, API, 0, "vllm: vllm/entrypoints/openai/api_server.py"},
    {"text-generation-webui", "compatible API URL", NULL, API, 0,
     "text-generation-webui: modules/api/script.py"},
    {"FastAPI", "Documentation at", NULL, API, WEAK, "fastapi-cli: src/fastapi_cli/cli.py"},

    /* too short to stand before the others */
    {"Gunicorn", "Listening at", " (", SERVER, WEAK, "gunicorn: gunicorn/arbiter.py"},
    {"Granian", "[INFO] Listening at", NULL, SERVER, WEAK, "granian: granian/server"},
    {"Shiny", "^Listening on", "", SERVER, WEAK, "shiny for R: R/server.R"},
    {NULL, NULL, NULL, 0, 0, NULL},
};

/* What is printed before lines like "Local: http://...", which many have. */
static const struct {
  const char *text, *framework;
} BANNERS[] = {
    {"VITE v", "Vite"},
    {"Next.js", "Next.js"},
    {"astro v", "Astro"},
    {"Nuxt", "Nuxt"},
    {"view your Streamlit app", "Streamlit"},
    {"App running at:", "Vue CLI"},
    {"You can now view", "Create React App"},
    {"Application bundle generation complete", "Angular"},
    {"Storybook", "Storybook"},
    {"Serving!", "serve"},
    {"SvelteKit", "SvelteKit"},
};

const PinoFramework *pino_frameworks(void) {
  return FRAMEWORKS;
}

static gboolean is_word(char c) {
  return g_ascii_isalnum(c) || c == '_';
}

/* The last place in text[0, length) that holds part; NULL when none does. */
static const char *find_last(const char *text, gsize length, const char *part, gsize size) {
  for (gsize at = length >= size ? length - size + 1 : 0; at-- > 0;)
    if (g_ascii_strncasecmp(text + at, part, size) == 0)
      return text + at;
  return NULL;
}

/* Whether a match may begin here: where a word does, or with "^" only at the beginning of the text. */
static gboolean may_begin(const char *text, const char *begin, gboolean anchored, char first) {
  return begin == text || (!anchored && (!is_word(begin[-1]) || !is_word(first)));
}

/* Whether text[0, length) ends with a pattern. Its parts are looked for from the end, each as far behind as it can be. */
static gboolean ends_with(const char *text, gsize length, const char *pattern) {
  gboolean anchored = *pattern == '^';
  pattern += anchored ? 1 : 0;
  const char *begin = text + length;
  gsize left = strlen(pattern);
  gboolean any = FALSE; /* "%" stands behind the part */
  for (;;) {
    const char *mark = memrchr(pattern, '%', left);
    gsize size = mark != NULL ? left - (gsize)(mark - pattern) - 1 : left;
    const char *part = pattern + left - size;
    gsize room = (gsize)(begin - text);
    if (!any && (room < size || g_ascii_strncasecmp(begin - size, part, size) != 0))
      return FALSE;
    begin = any ? find_last(text, room, part, size) : begin - size;
    if (begin == NULL)
      return FALSE;
    if (mark == NULL)
      return may_begin(text, begin, anchored, *part);
    left = (gsize)(mark - pattern);
    any = TRUE;
  }
}

/* Whether a pattern may be at the end of text by its last character: most are not. */
static gboolean same_end(const char *text, gsize length, const char *pattern) {
  char last = pattern[strlen(pattern) - 1];
  return last == '%' || (length > 0 && g_ascii_tolower(text[length - 1]) == g_ascii_tolower(last));
}

/* What comes after an address: "" only when it is blank, or brackets and quotes that close. */
static gboolean begins_with(const char *text, const char *wanted) {
  if (wanted == NULL)
    return TRUE;
  if (*wanted == '\0')
    return text[strspn(text, " \t\r\"')]>`.")] == '\0';
  return g_ascii_strncasecmp(text, wanted, strlen(wanted)) == 0;
}

const PinoFramework *pino_framework_find(const char *before, const char *after) {
  gsize length = strlen(before);
  for (const PinoFramework *row = FRAMEWORKS; row->before != NULL; row++)
    if (same_end(before, length, row->before) && ends_with(before, length, row->before) &&
        begins_with(after, row->after))
      return row;
  return NULL;
}

const char *pino_framework_banner(const char *text, gsize length) {
  const char *last = text, *framework = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(BANNERS); i++) {
    gsize size = strlen(BANNERS[i].text);
    const char *found;
    for (const char *at = last;
         (found = memmem(at, length - (gsize)(at - text), BANNERS[i].text, size)) != NULL; at = found + 1) {
      last = found;
      framework = BANNERS[i].framework;
    }
  }
  return framework;
}
