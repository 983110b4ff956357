"""The frameworks that apps are made with, each as the smallest program that a person would write with it.

Used twice: frameworks_online.py starts them through the service, and tests/detect/capture.py keeps what they print. What is
written here is what a script's author writes: none of it tells the engine an address.
"""

import collections
import socket

GREETING = "Good morning from the smallest app"
PACKAGES = (
    "gradio streamlit fastapi[standard-no-fastapi-cloud-cli] uvicorn flask hypercorn gunicorn aiohttp django jupyterlab"
    " tensorboard dash nicegui bokeh panel"
).split()
MODULES = ["vite", "http-server"]
# More of those that are only captured.
MORE_PACKAGES = "waitress sanic marimo shiny chainlit daphne".split()
MORE_MODULES = "serve webpack webpack-cli webpack-dev-server live-server parcel next react react-dom".split()

# files: name -> text; command: {port} is filled in; path: where the page is under the address; sign: an expression that
# only this framework's answer fits, its headers included; port: the framework's own; event: what a script waits for, None:
# nothing; hosts: as they are printed, each is right; extra: captured only.
Framework = collections.namedtuple("Framework", "name kind files command path sign port event hosts extra")
FRAMEWORKS = []


def framework(
    name,
    command,
    sign,
    port,
    *,
    kind="python",
    files=(),
    path="",
    event=None,
    spelled="127.0.0.1",
    extra=False
):
    FRAMEWORKS.append(
        Framework(name, kind, dict(files), command, path, sign, port, event, spelled.split(), extra)
    )


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


GRADIO = """
import sys
import gradio

gradio.Interface(lambda text: text, "text", "text", title="%s").launch(server_port=int(sys.argv[1]), **dict(%s))
"""
framework(
    "gradio",
    "python app.py {port}",
    r"window\.gradio_config",
    7860,
    files={"app.py": GRADIO % (GREETING, "")},
    event=r"/http:\/\/\S+/",
)
framework(
    "gradio-everywhere",
    "python app.py {port}",
    r"window\.gradio_config",
    7860,
    files={"app.py": GRADIO % (GREETING, 'server_name="0.0.0.0"')},
    extra=True,
)

STREAMLIT = "import streamlit\n\nstreamlit.title('%s')\n" % GREETING
framework(
    "streamlit",
    "streamlit run app.py --server.port {port} --server.headless true",
    r"<title>Streamlit</title>",
    8501,
    files={"app.py": STREAMLIT},
    spelled="localhost",
)
framework(
    "streamlit-address",
    "streamlit run app.py --server.port {port} --server.headless true --server.address 127.0.0.1",
    r"<title>Streamlit</title>",
    8501,
    files={"app.py": STREAMLIT},
    extra=True,
)

FASTAPI = """
import fastapi

app = fastapi.FastAPI()


@app.get("/")
def page():
    return {"said": "%s"}
""" % GREETING
framework(
    "uvicorn",
    "uvicorn main:app --port {port}",
    r"(?s)server: uvicorn.*" + GREETING,
    8000,
    files={"main.py": FASTAPI},
    event=r"/running on (http:\/\/[0-9.:]+)/",
)
framework(
    "uvicorn-reload",
    "uvicorn main:app --host 0.0.0.0 --reload --port {port}",
    r"(?s)server: uvicorn.*" + GREETING,
    8000,
    files={"main.py": FASTAPI},
    extra=True,
)
framework(
    "fastapi",
    "fastapi run main.py --port {port}",
    r"(?s)server: uvicorn.*" + GREETING,
    8000,
    files={"main.py": FASTAPI},
)
framework(
    "fastapi-dev",
    "fastapi dev main.py --port {port}",
    r"(?s)server: uvicorn.*" + GREETING,
    8000,
    files={"main.py": FASTAPI},
    extra=True,
)

FLASK = """
import flask

app = flask.Flask(__name__)


@app.get("/")
def page():
    return "%s"
""" % GREETING
framework(
    "flask",
    "flask --app hello run --port {port}",
    r"(?s)server: Werkzeug.*" + GREETING,
    5000,
    files={"hello.py": FLASK},
    event=r"/Running on (http:\S+)/",
)
framework(
    "flask-everywhere",
    "flask --app hello run --debug --host 0.0.0.0 --port {port}",
    r"(?s)server: Werkzeug.*" + GREETING,
    5000,
    files={"hello.py": FLASK},
    extra=True,
)
framework(
    "hypercorn",
    "hypercorn --bind 127.0.0.1:{port} main:app",
    r"(?s)server: hypercorn.*" + GREETING,
    8000,
    files={"main.py": FASTAPI},
)
framework(
    "gunicorn",
    "gunicorn --bind 127.0.0.1:{port} --workers 2 hello:app",
    r"(?s)server: gunicorn.*" + GREETING,
    8000,
    files={"hello.py": FLASK},
    event="/Listening at/",
)

AIOHTTP = """
import sys
from aiohttp import web


async def page(request):
    return web.Response(text="%s")


app = web.Application()
app.add_routes([web.get("/", page)])
web.run_app(app, port=int(sys.argv[1]))
""" % GREETING
framework(
    "aiohttp",
    "python app.py {port}",
    r"(?s)server: \S+ aiohttp.*" + GREETING,
    8080,
    files={"app.py": AIOHTTP},
)

DJANGO = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path

settings.configure(DEBUG=True, ROOT_URLCONF=__name__, SECRET_KEY="of no worth", ALLOWED_HOSTS=["*"])
urlpatterns = [path("", lambda request: HttpResponse("%s"))]
execute_from_command_line(sys.argv)
""" % GREETING
framework(
    "django",
    "python manage.py runserver {port}",
    r"(?s)server: WSGIServer.*" + GREETING,
    8000,
    files={"manage.py": DJANGO},
)
framework(
    "jupyterlab",
    "jupyter lab --no-browser --allow-root --port {port}",
    r"(?s)jupyter-config-data.*JupyterLab",
    8888,
    path="/lab?token=",
    event="/is running at/",
    spelled="localhost 127.0.0.1",
)
framework(
    "tensorboard",
    "tensorboard --logdir . --port {port}",
    r"<title>TensorBoard</title>",
    6006,
    spelled="localhost",
)

DASH = """
import sys
import dash

app = dash.Dash(__name__)
app.layout = dash.html.H1("%s")
app.run(port=int(sys.argv[1]), debug=%s)
"""
framework(
    "dash",
    "python app.py {port}",
    r"<title>Dash</title>",
    8050,
    files={"app.py": DASH % (GREETING, False)},
    event="/Dash is/",
)
framework(
    "dash-debug",
    "python app.py {port}",
    r"<title>Dash</title>",
    8050,
    files={"app.py": DASH % (GREETING, True)},
    extra=True,
)

NICEGUI = """
import sys
from nicegui import ui

ui.label("%s")
ui.run(port=int(sys.argv[1]), show=False, reload=False)
""" % GREETING
framework(
    "nicegui",
    "python app.py {port}",
    r"(?s)nicegui.*" + GREETING,
    8080,
    files={"app.py": NICEGUI},
    spelled="localhost",
)

BOKEH = """
from bokeh.models import Div
from bokeh.plotting import curdoc

curdoc().add_root(Div(text="%s"))
""" % GREETING
framework(
    "bokeh",
    "bokeh serve app.py --port {port}",
    r"bokeh\.min\.js|Bokeh",
    5006,
    files={"app.py": BOKEH},
    path="/app",
    spelled="localhost",
    event="/app running at/",
)

PANEL = """
import sys
import panel

panel.serve(panel.pane.Str("%s"), port=int(sys.argv[1]), show=False)
""" % GREETING
framework(
    "panel", "python app.py {port}", r"(?i)bokeh|panel", 5006, files={"app.py": PANEL}, spelled="localhost"
)
framework(
    "panel-serve",
    "panel serve app.py --port {port}",
    r"(?i)bokeh|panel",
    5006,
    files={"app.py": 'import panel\n\npanel.pane.Str("%s").servable()\n' % GREETING},
    path="/app",
    spelled="localhost",
    extra=True,
)
framework(
    "python-http-server",
    "python -m http.server {port}",
    r"(?s)server: SimpleHTTP.*" + GREETING,
    8000,
    files={"index.html": GREETING},
)

PAGE = "<!doctype html><title>%s</title><script type=module src=/main.js></script>" % GREETING
framework(
    "vite",
    "npx vite --port {port}",
    r"(?s)/@vite/client.*" + GREETING,
    5173,
    kind="node",
    files={"index.html": PAGE, "main.js": "", "package.json": '{"type": "module"}'},
    spelled="localhost",
    event=r"/ready in/",
)
framework(
    "vite-everywhere",
    "npx vite --host --port {port}",
    r"(?s)/@vite/client.*" + GREETING,
    5173,
    kind="node",
    files={"index.html": PAGE, "main.js": "", "package.json": '{"type": "module"}'},
    spelled="localhost",
    extra=True,
)
framework(
    "vite-preview",
    "mkdir -p dist && cp index.html dist && npx vite preview --port {port}",
    GREETING,
    4173,
    kind="node",
    files={"index.html": GREETING, "package.json": '{"type": "module"}'},
    spelled="localhost",
    extra=True,
)
framework(
    "http-server",
    "npx http-server -p {port}",
    r"(?s)cache-control: max-age=3600.*" + GREETING,
    8080,
    kind="node",
    files={"index.html": GREETING},
)

# Captured only: what else is cheap to have. kind "more-...": from the second set of packages.
framework(
    "gradio-share",
    "python app.py {port}",
    r"window\.gradio_config",
    7860,
    files={"app.py": GRADIO % (GREETING, "share=True")},
    extra=True,
)
framework(
    "waitress",
    "waitress-serve --port {port} hello:app",
    GREETING,
    8080,
    kind="more-python",
    files={
        "hello.py": "def app(environ, answer):\n    answer('200 OK', [])\n    return [b'%s']\n" % GREETING
    },
    extra=True,
)
SANIC = """
import sys
from sanic import Sanic, text

app = Sanic("smallest")


@app.get("/")
async def page(request):
    return text("%s")


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]))
""" % GREETING
framework(
    "sanic", "python app.py {port}", GREETING, 8000, kind="more-python", files={"app.py": SANIC}, extra=True
)
MARIMO = """import marimo

app = marimo.App()


@app.cell
def _():
    return


if __name__ == "__main__":
    app.run()
"""
framework(
    "marimo",
    "marimo run app.py --headless --port {port}",
    "marimo",
    2718,
    kind="more-python",
    files={"app.py": MARIMO},
    spelled="localhost",
    extra=True,
)
framework(
    "shiny",
    "shiny run app.py --port {port}",
    "shiny",
    8000,
    kind="more-python",
    files={"app.py": "from shiny import App, ui\n\napp = App(ui.page_fluid('%s'), None)\n" % GREETING},
    extra=True,
)
CHAINLIT = """
import chainlit


@chainlit.on_message
async def answer(message):
    await chainlit.Message("%s").send()
""" % GREETING
framework(
    "chainlit",
    "chainlit run app.py --headless --port {port}",
    "Chainlit",
    8000,
    kind="more-python",
    files={"app.py": CHAINLIT},
    spelled="localhost",
    extra=True,
)
ASGI = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%s"})
""" % GREETING
framework(
    "daphne",
    "daphne -p {port} main:app",
    GREETING,
    8000,
    kind="more-python",
    files={"main.py": ASGI},
    extra=True,
)

SITE = {"index.html": GREETING, "package.json": "{}"}
framework(
    "serve",
    "npx serve -l {port} .",
    GREETING,
    3000,
    kind="more-node",
    files=SITE,
    spelled="localhost",
    extra=True,
)
framework(
    "live-server",
    "npx live-server --no-browser --port={port}",
    GREETING,
    8080,
    kind="more-node",
    files=SITE,
    extra=True,
)
framework(
    "parcel",
    "npx parcel index.html --port {port}",
    GREETING,
    1234,
    kind="more-node",
    files={"index.html": "<!doctype html><title>%s</title>" % GREETING, "package.json": "{}"},
    spelled="localhost",
    extra=True,
)
framework(
    "webpack-dev-server",
    "npx webpack serve --mode development --port {port}",
    GREETING,
    8080,
    kind="more-node",
    files={"src/index.js": "1\n", "public/index.html": GREETING, "package.json": "{}"},
    spelled="localhost",
    extra=True,
)
framework(
    "next",
    "NEXT_TELEMETRY_DISABLED=1 npx next dev --webpack --port {port}",
    GREETING,
    3000,
    kind="more-node",
    files={
        "pages/index.js": "export default function Page() { return '%s' }\n" % GREETING,
        "package.json": "{}",
    },
    spelled="localhost",
    extra=True,
)
