"""How it all looks: one style sheet, in the colours of the notebook that shows it, light or dark."""

from typing import Any, Tuple

import ipywidgets

from . import configure, discover, formfields, forms, library, notices, picker, settings, status, terminal, tunnels

__all__ = ["style"]

# Where JupyterLab says its colours they are taken. Colab says only light or dark, Kaggle and others follow the system.
LIGHT = """
--pino-fg: var(--jp-content-font-color1, #1f2328); --pino-muted: #57606a; --pino-bg: var(--jp-layout-color0, #ffffff);
--pino-card: var(--jp-layout-color1, #ffffff); --pino-soft: #f3f4f6; --pino-line: #d0d7de; --pino-accent: #1f5fbf;
--pino-on-accent: #ffffff; --pino-ok: #176f30; --pino-warn: #8a5a00; --pino-bad: #b3261e;
--pino-ok-soft: #e6f4ea; --pino-warn-soft: #fdf3dc; --pino-bad-soft: #fdeceb; --pino-accent-soft: #e8f0fc;
"""
DARK = """
--pino-fg: var(--jp-content-font-color1, #e6e6e6); --pino-muted: #a8b1bb; --pino-bg: var(--jp-layout-color0, #111418);
--pino-card: var(--jp-layout-color1, #1b1f24); --pino-soft: #2a2f36; --pino-line: #444c56; --pino-accent: #8ab4f8;
--pino-on-accent: #10151c; --pino-ok: #6fcf87; --pino-warn: #e3b341; --pino-bad: #ff8a80;
--pino-ok-soft: #15301d; --pino-warn-soft: #362a0c; --pino-bad-soft: #3c1715; --pino-accent-soft: #1c2b42;
"""

COLOURS = (
    ".pino { --pino-mono: var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace); %s }\n" % LIGHT
    + "@media (prefers-color-scheme: dark) { body:not([data-jp-theme-light]) .pino { %s } }\n" % DARK
    + "html[theme=light] .pino { %s }\n" % LIGHT
    + "body[data-jp-theme-light=false] .pino, html[theme=dark] .pino { %s }\n" % DARK
)

BASE = """
.pino { color: var(--pino-fg); line-height: 1.45; max-width: 100%; overflow-x: hidden; }
.pino .widget-html, .pino .widget-html-content, .pino .jupyter-widgets.widget-box { min-width: 0; max-width: 100%; }
.pino .widget-html, .pino .widget-html > .widget-html-content { height: auto; line-height: 1.45; white-space: normal; }
.pino .widget-html-content { overflow-wrap: anywhere; }
.pino a { color: var(--pino-accent); text-decoration: underline; }
.pino code, .pino pre { font-family: var(--pino-mono); font-size: 12px; }
.pino .pino-row { display: flex; flex-flow: row wrap; align-items: center; gap: 6px 8px; overflow: visible; }
.pino .pino-column, .pino.pino-column { display: flex; flex-flow: column nowrap; gap: 6px; overflow: visible; }
.pino .pino-grow { flex: 1 1 12em; min-width: 0; }
.pino .pino-muted { color: var(--pino-muted); }
.pino .pino-title { font-weight: 600; font-size: 14px; }
.pino .pino-nowrap { white-space: nowrap; }
.pino .pino-card { background: var(--pino-card); border: 1px solid var(--pino-line); border-radius: 8px; padding: 10px 12px; }
.pino .pino-pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 4px 0 0; max-height: 16em; overflow-y: auto;
  background: var(--pino-soft); border-radius: 6px; padding: 6px 8px; color: var(--pino-fg); }
.pino .pino-copy { user-select: all; -webkit-user-select: all; background: var(--pino-soft); border-radius: 4px;
  padding: 1px 5px; color: var(--pino-fg); overflow-wrap: anywhere; }
.pino .pino-badge { display: inline-block; border-radius: 10px; padding: 0 8px; font-size: 12px; line-height: 20px;
  background: var(--pino-soft); color: var(--pino-fg); white-space: nowrap; }
.pino .pino-badge.pino-is-ok { background: var(--pino-ok-soft); color: var(--pino-ok); }
.pino .pino-badge.pino-is-warn { background: var(--pino-warn-soft); color: var(--pino-warn); }
.pino .pino-badge.pino-is-bad { background: var(--pino-bad-soft); color: var(--pino-bad); }
.pino .pino-badge.pino-is-busy { background: var(--pino-accent-soft); color: var(--pino-accent); }
.pino .pino-note { border-left: 3px solid var(--pino-line); padding: 4px 10px; border-radius: 0 6px 6px 0;
  background: var(--pino-soft); }
.pino .pino-note.pino-is-ok { border-color: var(--pino-ok); background: var(--pino-ok-soft); }
.pino .pino-note.pino-is-warn { border-color: var(--pino-warn); background: var(--pino-warn-soft); }
.pino .pino-note.pino-is-bad { border-color: var(--pino-bad); background: var(--pino-bad-soft); }
.pino .pino-note.pino-is-busy { border-color: var(--pino-accent); background: var(--pino-accent-soft); }
.pino .pino-empty { color: var(--pino-muted); padding: 18px 4px; text-align: center; }
.pino button.jupyter-button { width: auto; min-width: 0; height: 30px; line-height: 28px; padding: 0 12px; margin: 0;
  border-radius: 6px; border: 1px solid var(--pino-line); background: var(--pino-soft); color: var(--pino-fg);
  max-width: 100%; box-shadow: none; overflow: hidden; text-overflow: ellipsis; }
.pino button.jupyter-button:hover:enabled { border-color: var(--pino-accent); }
.pino button.jupyter-button:focus-visible { outline: 2px solid var(--pino-accent); outline-offset: 1px; }
.pino button.jupyter-button:disabled { opacity: 0.65; }
.pino button.jupyter-button.pino-main { background: var(--pino-accent); color: var(--pino-on-accent);
  border-color: var(--pino-accent); font-weight: 600; }
.pino button.jupyter-button.pino-danger { color: var(--pino-bad); border-color: var(--pino-bad); }
.pino button.jupyter-button.pino-link { background: none; border-color: transparent; color: var(--pino-accent);
  padding: 0 6px; }
.pino .widget-text, .pino .widget-dropdown, .pino .widget-textarea, .pino .widget-password { max-width: 100%; min-width: 0; }
.pino .widget-text input, .pino .widget-dropdown select, .pino .widget-textarea textarea, .pino .widget-password input {
  border-radius: 6px; color: var(--pino-fg); background-color: var(--pino-bg); border: 1px solid var(--pino-line); }
.pino .pino-hint { margin: 0; padding-left: 1.6em; }
.pino .pino-hint-text { flex: 1 1 22em; }
.pino .pino-tabs.jupyter-widgets > .lm-TabBar .lm-TabBar-content, .pino .pino-tabs.jupyter-widgets > .p-TabBar .p-TabBar-content {
  flex-wrap: wrap; }
.pino .pino-tabs.jupyter-widgets > .lm-TabBar .lm-TabBar-tab, .pino .pino-tabs.jupyter-widgets > .p-TabBar .p-TabBar-tab {
  flex: 0 0 auto; min-width: 0; max-width: none; padding: 0 12px; color: var(--pino-muted); }
.pino .pino-tabs.jupyter-widgets > .lm-TabBar .lm-mod-current, .pino .pino-tabs.jupyter-widgets > .p-TabBar .p-mod-current {
  color: var(--pino-fg); font-weight: 600; }
.pino .widget-dropdown > select { -webkit-appearance: none; appearance: none; padding-right: 26px;
  background-repeat: no-repeat; background-position: right 9px center; background-size: 12px 8px; background-image: %s; }
@media (max-width: 700px) { .pino .pino-tabs > .widget-tab-contents { padding: 10px; } }
"""
# Seen on light and on dark; what ipywidgets has is black.
ARROW = (
    "url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='12' height='8'%3E%3Cpath d='M1 1.5l5 5 5-5' "
    "fill='none' stroke='%2380868c' stroke-width='2'/%3E%3C/svg%3E\")"
)


def _components() -> Tuple[str, ...]:
    """The style sheets of the components that have one."""
    return (discover.CSS, configure.CSS, formfields.CSS, forms.CSS, library.CSS, notices.CSS, picker.CSS, settings.CSS, status.CSS, terminal.CSS, tunnels.CSS)


def style() -> Any:
    """The widget that holds all of it; to be shown once."""
    return ipywidgets.HTML("<style>%s%s%s</style>" % (COLOURS, BASE.replace("%s", ARROW), "".join(_components())))
