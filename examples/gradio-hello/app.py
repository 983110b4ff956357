"""Text tools: counts, changes and checks text in the browser."""

import json
import re
import unicodedata

import gradio as gr

WORDS_A_MINUTE = 230  # what an adult reads silently

SAMPLE = """PinokioCloud runs Pinokio's apps on a rented machine.

This page is such an app: a launcher of a few lines, and a program in Python."""


def count(text):
    """Rows of (what, how many) for the table."""
    words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text)
    sentences = re.findall(r"[^.!?…\s][^.!?…]*[.!?…]+(?=\s|$)", text)
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    minutes = len(words) / WORDS_A_MINUTE
    return [
        ["Characters", str(len(text))],
        ["Characters without spaces", str(len(re.sub(r"\s", "", text)))],
        ["Bytes as UTF-8", str(len(text.encode("utf-8")))],
        ["Words", str(len(words))],
        ["Different words", str(len({word.casefold() for word in words}))],
        ["Sentences", str(max(len(sentences), 1 if words else 0))],
        ["Lines", str(len(text.splitlines()))],
        ["Paragraphs", str(len(paragraphs))],
        ["Time to read", "%d min %02d s" % divmod(round(minutes * 60), 60)],
    ]


def slug(text):
    """A name for a file or an address: ASCII, small letters, words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def words_of(text):
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return re.findall(r"[^\W_]+", spaced)


def camel_case(text):
    first, *others = words_of(text) or [""]
    return first.lower() + "".join(word.capitalize() for word in others)


def title_case(text):
    return re.sub(r"[^\W\d_]+('[^\W\d_]+)?", lambda word: word.group(0).capitalize(), text)


def sentence_case(text):
    return re.sub(r"(?:^|[.!?]\s+)\w", lambda start: start.group(0).upper(), text.lower())


CHANGES = {
    "lower case": str.lower,
    "UPPER CASE": str.upper,
    "Title Case": title_case,
    "Sentence case": sentence_case,
    "slug": slug,
    "snake_case": lambda text: "_".join(words_of(text)).lower(),
    "camelCase": camel_case,
    "one line": lambda text: re.sub(r"\s+", " ", text).strip(),
    "lines, sorted": lambda text: "\n".join(sorted(text.splitlines(), key=str.casefold)),
    "lines, each once": lambda text: "\n".join(dict.fromkeys(text.splitlines())),
}


def change(text, how):
    return CHANGES[how](text)


def check_json(text, indent, sort):
    """Gives (what was found, the JSON laid out anew or what was typed)."""
    if not text.strip():
        return "Paste some JSON.", ""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        line = text.splitlines()[error.lineno - 1] if text.splitlines() else ""
        return (
            "Not JSON: %s, line %d, column %d.\n%s\n%s^"
            % (error.msg, error.lineno, error.colno, line, " " * (error.colno - 1)),
            text,
        )
    width = {"2 spaces": 2, "4 spaces": 4, "none": None}[indent]
    separators = (",", ":") if width is None else None
    pretty = json.dumps(value, indent=width, sort_keys=sort, ensure_ascii=False, separators=separators)
    return "Good JSON, %d characters." % len(pretty), pretty


def build():
    with gr.Blocks(title="Text tools") as page:
        gr.Markdown("# Text tools\nCounts, changes and checks text. Nothing leaves this machine.")
        with gr.Tab("Count"):
            with gr.Row():
                text = gr.Textbox(SAMPLE, label="Text", lines=12)
                table = gr.Dataframe(count(SAMPLE), headers=["What", "How many"], interactive=False)
            text.change(count, text, table, api_name="count")
        with gr.Tab("Change"):
            with gr.Row():
                source = gr.Textbox("Crème brûlée, the Recipe", label="Text", lines=8)
                result = gr.Textbox(slug("Crème brûlée, the Recipe"), label="Changed", lines=8)
            how = gr.Radio(list(CHANGES), value="slug", label="To")
            gr.on([source.change, how.change], change, [source, how], result, api_name="change")
        with gr.Tab("JSON"):
            with gr.Row():
                raw = gr.Textbox('{"name": "demo", "tags": ["a", "b"]}', label="JSON", lines=12)
                pretty = gr.Code(label="Laid out", language="json", lines=12)
            with gr.Row():
                indent = gr.Radio(["2 spaces", "4 spaces", "none"], value="2 spaces", label="Indent")
                sort = gr.Checkbox(False, label="Sort keys")
            found = gr.Textbox(label="Found", lines=3)
            inputs, outputs = [raw, indent, sort], [found, pretty]
            gr.on(
                [raw.change, indent.change, sort.change, page.load],
                check_json,
                inputs,
                outputs,
                api_name="json",
            )
    return page


if __name__ == "__main__":
    build().launch()  # the address comes from GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, see start.js
