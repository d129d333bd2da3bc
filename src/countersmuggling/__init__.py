"""countersmuggling: simulate measures against migrant smuggling, and plan where scarce capacities should go.

In an installed wheel the sub-packages lie beside this file.  In a source checkout (editable install, or ``src/`` on the
path) they are the top-level folders of the repository: the repository root is put first on the package's search path, so
that ``countersmuggling.model`` is ``<root>/model``.  The links beside this file are for tools that do not run code (mypy,
pyright); a checkout without symbolic links (Windows) works all the same.
"""

from pathlib import Path as _Path

_here = _Path(__file__).resolve().parent
if (_here / "model").is_symlink() or not (_here / "model").is_dir():
    __path__.insert(0, str(_here.parents[1]))

__version__ = "0.1.0"
