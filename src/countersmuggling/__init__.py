"""countersmuggling: simulate measures against migrant smuggling, and plan where scarce capacities should go.

The names in ``__all__`` are loaded when they are first used, so that ``import countersmuggling`` itself costs next to
nothing and never starts the compiler or the solver:

========================  =================================================================================
``Scenario``, ``load``    what is assumed: scenario files and their schema (`countersmuggling.scenarios`)
``SmugglingModel``        what happens: the agent-based model, a ``mesa.Model`` (`countersmuggling.model`)
``optimise``              what to do: the planner; a sub-package that can be called (`countersmuggling.optimise`)
``simulate``, ``compare`` what we learn: runs and paired comparisons (`countersmuggling.experiments`)
``sweep``,                runs of a whole design on one machine or many, kept in a store, and what the store holds
``open_results``          (`countersmuggling.experiments`)
========================  =================================================================================

In an installed wheel the sub-packages lie beside this file.  In a source checkout (editable install, or ``src/`` on the
path) they are the top-level folders of the repository: the repository root is put first on the package's search path, so
that ``countersmuggling.model`` is ``<root>/model``.  The links beside this file are for tools that do not run code (mypy,
pyright); a checkout without symbolic links (Windows) works all the same.
"""

from pathlib import Path as _Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import optimise
    from .experiments import compare, open_results, simulate, sweep
    from .model import SmugglingModel
    from .scenarios import Scenario, load

__all__ = [
    "Scenario", "SmugglingModel", "__version__", "compare", "load", "open_results", "optimise", "simulate", "sweep",
]  # fmt: skip

__version__ = "0.1.0"

_here = _Path(__file__).resolve().parent
if (_here / "model").is_symlink() or not (_here / "model").is_dir():
    __path__.insert(0, str(_here.parents[1]))

# name -> the sub-package that holds it; a sub-package given under its own name is the thing itself
_LAZY = {
    "Scenario": "scenarios",
    "load": "scenarios",
    "SmugglingModel": "model",
    "optimise": "optimise",
    "simulate": "experiments",
    "compare": "experiments",
    "sweep": "experiments",
    "open_results": "experiments",
}


if not TYPE_CHECKING:  # a checker sees the imports above instead, and so still finds a misspelt name

    def __getattr__(name: str) -> object:
        """Load a public name, or a room given by its own name, when it is first asked for."""
        from importlib import import_module

        if name in ("scenarios", "model", "experiments") or _LAZY.get(name) == name:
            return import_module(f".{name}", __name__)
        if name in _LAZY:
            value: object = getattr(import_module(f".{_LAZY[name]}", __name__), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
