"""What a terminal's text comes apart into: text, control characters and escape sequences."""

import re

__all__ = ["SPECIAL", "STRING_ENDS", "TOKEN", "UNFINISHED"]

# Lines as most programs print them, and everything else.
SPECIAL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)|(?<!\r)\n")
TOKEN = re.compile(
    "(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    "|\x1b\\[(?P<csi>[0-?]*[ -/]*[@-~])"
    "|(?P<broken>\x1b\\[[0-?]*[ -/]*(?=[^ -~]))"
    "|\x1b(?P<string>[\\]PX^_])"
    "|\x1b(?P<escape>[ -/]*[0-~])"
    "|(?P<control>[\x00-\x1f\x7f-\x9f])"
)
UNFINISHED = re.compile("\x1b(?:\\[[0-?]*[ -/]*|[ -/]*)\\Z")
STRING_ENDS = re.compile("[\x07\x18\x1a\x1b\x9c]")
