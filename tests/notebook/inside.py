#!/usr/bin/env python3
"""Runs a test with the Python that setup/install.sh made for the notebook: inside.py [--widgets7] TEST [OPTION...].

--widgets7: with the ipywidgets that Colab has. PINOKIO_TEST_TOOLS says where it was made, else build/tools-test.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = os.environ.get("PINOKIO_TEST_TOOLS") or os.path.join(ROOT, "build", "tools-test")


def main(arguments):
    python = os.path.join(TOOLS, "notebook", "bin", "python")
    if not os.path.exists(python):
        print("1..0 # SKIP there is no %s: setup/install.sh test makes it" % python)
        return 0
    if arguments[0] == "--widgets7":
        arguments = arguments[1:]
        os.environ["PYTHONPATH"] = os.path.join(TOOLS, "widgets7")
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.execv(python, [python] + arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
