"""Makes a folder of tiny packages whose requirements fit and clash, for pip and uv to work on without the net.

    wheels.py FOLDER
"""

import os
import sys
import zipfile

PACKAGES = [
    ("base", "1.0", [], None),
    ("base", "2.1", [], None),
    ("apple", "1.0", ["base<2"], None),
    ("pear", "1.0", ["base>=2"], None),
    ("deep", "1.0", ["apple", "pear"], None),
    ("newer", "1.0", [], ">=3.99"),
    ("lost", "1.0", ["nowhere>3"], None),
]


def wheel(folder, name, version, requirements, python):
    info = "%s-%s.dist-info/" % (name, version)
    about = ["Metadata-Version: 2.1", "Name: " + name, "Version: " + version]
    about += ["Requires-Python: " + python] if python else []
    about += ["Requires-Dist: " + requirement for requirement in requirements]
    path = os.path.join(folder, "%s-%s-py3-none-any.whl" % (name, version))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name + ".py", "")
        archive.writestr(info + "METADATA", "\n".join(about) + "\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(info + "RECORD", "")


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for package in PACKAGES:
        wheel(sys.argv[1], *package)
