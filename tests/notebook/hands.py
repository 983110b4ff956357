"""Hands and eyes of the component tests: finds widgets in a tree as a person does, presses and reads them."""

import html
import re

import ipywidgets


def tree(widget):
    """The widget and all below it, those that are not shown too."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from tree(child)


def shown(widget):
    """The widgets that a person sees."""
    if getattr(getattr(widget, "layout", None), "display", None) == "none":
        return
    yield widget
    children = getattr(widget, "children", ())
    if isinstance(widget, ipywidgets.Tab):  # of a tab only the chosen page
        children = children[widget.selected_index : widget.selected_index + 1] if children else ()
    for child in children:
        yield from shown(child)


def buttons(widget, label=None):
    """Buttons that are shown; with label: those whose text begins with it."""
    return [
        found
        for found in shown(widget)
        if isinstance(found, ipywidgets.Button) and (label is None or found.description.startswith(label))
    ]


def button(widget, label):
    """The one with that very text."""
    found = [one for one in buttons(widget) if one.description == label]
    if len(found) != 1:
        raise AssertionError(
            "%d buttons %r; there are %s" % (len(found), label, [one.description for one in buttons(widget)])
        )
    return found[0]


def click(widget, label):
    """Presses it as a browser does: one that is disabled does nothing."""
    found = button(widget, label)
    if not found.disabled:
        found.click()
    return found


def by_class(widget, name):
    """Those that are shown and have that class."""
    return [found for found in shown(widget) if name in getattr(found, "_dom_classes", ())]


def plain(text):
    """What a person reads of HTML."""
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def shown_text(widget):
    """All that can be read, line by line."""
    lines = []
    for found in shown(widget):
        if isinstance(found, (ipywidgets.HTML, ipywidgets.Label)):
            lines.append(plain(found.value) if isinstance(found, ipywidgets.HTML) else found.value)
        elif isinstance(found, ipywidgets.Button):
            lines.append("[%s]" % found.description)
    return "\n".join(line for line in lines if line)


def raw_html(widget):
    """The HTML of all that is shown, for what must be escaped."""
    return "\n".join(found.value for found in shown(widget) if isinstance(found, ipywidgets.HTML))
