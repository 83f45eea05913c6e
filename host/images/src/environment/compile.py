"""Compiles the packages of the Python that runs it, as `python3 -I -S compile.py`.

`site` is what knows where they are, and it would run what packages have for the start of Python.
"""

import compileall
import os
import sys
import sysconfig

if __name__ == "__main__":
    prefix = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))
    scheme = {}
    if os.path.exists(os.path.join(prefix, "pyvenv.cfg")):
        scheme = {"scheme": "posix_prefix", "vars": {"base": prefix, "platbase": prefix}}
    for folder in {sysconfig.get_path(name, **scheme) for name in ("purelib", "platlib")}:
        # What does not compile is for another Python, and is nobody's error until it is imported.
        compileall.compile_dir(folder, quiet=2, workers=0)
