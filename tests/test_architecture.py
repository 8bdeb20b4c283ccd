"""The layout of the package, held by reading its sources and its docstrings."""

import ast
import configparser
import functools
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import get_validation_checks, validate

import skaudit

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(skaudit.__file__).parent

# Room -> the other rooms that it may import. The top level only re-exports.
ROOMS = {
    "dynamics": {"utils"},
    "spotlight": {"utils"},
    "offsets": {"utils"},
    "datasets": {"utils"},
    "report": {"dynamics", "spotlight", "offsets", "datasets", "utils"},
    "utils": set(),
}
# The files of the rooms with mathematics that know estimators or hold what a caller hands over. Any
# other file there, the display apart, is core: arrays in, arrays out.
SHELLS = {
    "dynamics": {
        "_callback",
        "_classifier",
        "_held_out",
        "_input",
        "_recorder",
        "_sources",
        "_training",
    },
    "spotlight": {"_backend", "_finder", "_fit", "_input", "_losses", "_significance"},
    "offsets": {
        "_analyzer",
        "_base_score",
        "_corrector",
        "_encoder",
        "_folding",
        "_input",
        "_routing",
        "_score_column",
    },
}
DISPLAY = "_display"
CORE_MAY_IMPORT = {"numpy", "scipy", "pandas", "skaudit.utils._validation"}
# scikit-learn itself may load pandas or rich; we do so only inside the function that needs them.
LAZY = {"cleanlab", "dask", "jinja2", "matplotlib", "pandas", "polars", "pyarrow", "rich", "torch"}
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
COMPAT = "skaudit.utils._sklearn_compat"


class Import(NamedTuple):
    target: str  # "numpy", "skaudit.utils._validation", "sklearn.base.clone"
    line: int
    at_import_time: bool


def _runs_later(node):
    """True of a function, and of a block for the type checker alone."""
    for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    return for_types or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))


def _imports(tree, module, is_package):
    """Every import of a syntax tree, inside functions too, with relative targets resolved."""
    found = []

    def visit(node, at_import_time):
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, at_import_time) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            parent = parts[: len(parts) - node.level + is_package] if node.level else []
            base = ".".join(parent + ([node.module] if node.module else []))
            found.extend(
                Import(f"{base}.{alias.name}", node.lineno, at_import_time) for alias in node.names
            )
        for child in ast.iter_child_nodes(node):
            visit(child, at_import_time and not _runs_later(node))

    visit(tree, True)
    return found


class Module(NamedTuple):
    name: str  # "skaudit.dynamics._classifier"
    tree: ast.Module
    imports: list

    @property
    def room(self):
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 and parts[1] in ROOMS else None

    @property
    def file(self):
        return self.name.split(".")[-1]

    @property
    def is_core(self):
        not_core = SHELLS.get(self.room, set()) | {DISPLAY, self.room}
        return self.room in SHELLS and self.file not in not_core


def _read(path):
    is_package = path.stem == "__init__"
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    name = ".".join(parts[:-1] if is_package else parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return Module(name, tree, _imports(tree, name, is_package))


MODULES = [_read(path) for path in sorted(PACKAGE.rglob("*.py"))]


def each(modules):
    return pytest.mark.parametrize("module", modules, ids=lambda module: module.name)


def _within(target, allowed):
    return any(f"{target}.".startswith(f"{name}.") for name in allowed)


def _targets(module, prefix="", at_import_time=False):
    """Targets of a module's imports below `prefix`, as `line: target` for the message."""
    return [
        (f"line {found.line}: {found.target}", found.target)
        for found in module.imports
        if _within(found.target, [prefix] if prefix else [found.target])
        and (found.at_import_time or not at_import_time)
    ]


def _wrong(pairs, is_wrong):
    return [text for text, target in pairs if is_wrong(target)]


def test_every_folder_is_a_known_room():
    assert set(FOLDERS) <= set(ROOMS)


@each([module for module in MODULES if module.room])
def test_rooms_import_only_the_rooms_below_them(module):
    allowed = {f"skaudit.{room}" for room in ROOMS[module.room] | {module.room}} | {
        "skaudit.__version__"
    }
    assert not _wrong(_targets(module, "skaudit"), lambda target: not _within(target, allowed))


@each([module for module in MODULES if module.file in SHELLS.get(module.room, ())])
def test_shells_import_no_display(module):
    assert not _wrong(_targets(module, "skaudit"), lambda target: f".{DISPLAY}" in target)


@each([module for module in MODULES if module.is_core])
def test_core_knows_arrays_only(module):
    core = {other.name for other in MODULES if other.is_core and other.room == module.room}
    allowed = CORE_MAY_IMPORT | core | sys.stdlib_module_names
    assert not _wrong(_targets(module), lambda target: not _within(target, allowed))


@each(MODULES)
def test_big_packages_are_imported_where_they_are_needed(module):
    assert not _wrong(_targets(module, at_import_time=True), lambda target: _within(target, LAZY))


def _has_private_part(target):
    return any(re.match("_(?!_)", part) for part in target.split("."))


@each([module for module in MODULES if module.name != COMPAT])
def test_private_names_of_sklearn_come_from_one_file(module):
    assert not _wrong(_targets(module, "sklearn"), _has_private_part)
    dotted = {
        ast.unparse(node) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)
    } | {
        node.value
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not [name for name in dotted if re.fullmatch(r"sklearn(\.\w+)*\._[a-z]\w*", name)]


def _loaded_by(statements):
    """Top-level packages loaded by a fresh interpreter, and its scikit-learn modules."""
    code = f"{statements}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = run.stdout.split()
    return {name.split(".")[0] for name in modules}, [
        name for name in modules if name.split(".")[0] in {"sklearn", "scipy"}
    ]


def test_import_loads_nothing_that_sklearn_does_not_load():
    packages, sklearn_modules = _loaded_by("import skaudit")
    needed = "\n".join(
        f"try: importlib.import_module({name!r})\nexcept ImportError: pass"
        for name in sklearn_modules
    )
    by_sklearn, _ = _loaded_by(f"import importlib\n{needed}")
    extra = packages - by_sklearn - set(sys.stdlib_module_names)
    assert extra == {"skaudit"}


PUBLIC_MODULES = [skaudit, *(importlib.import_module(f"skaudit.{room}") for room in FOLDERS)]


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=lambda module: module.__name__)
def test_all_is_sorted_and_complete(module):
    offered = list(getattr(module, "__all__", []))
    assert offered == sorted(offered)
    importable = {
        name
        for name in dir(module)
        if not name.startswith("_") and not inspect.ismodule(getattr(module, name))
    }
    assert {name for name in offered if not name.startswith("_")} == importable


def _public_objects():
    """Name as documented -> class or function; what `skaudit` offers goes by that name alone."""
    names = {}
    for module in PUBLIC_MODULES:
        for name in getattr(module, "__all__", []):
            if callable(obj := getattr(module, name)):
                names.setdefault(obj, f"{module.__name__}.{name}")
    return {name: obj for obj, name in names.items()}


OBJECTS = _public_objects()


CLASSES = {name: obj for name, obj in OBJECTS.items() if inspect.isclass(obj)}


def _is_ours(member):
    """Whether this package wrote a method, rather than inherited or generated it."""
    return str(getattr(inspect.unwrap(member), "__module__", None)).startswith("skaudit.")


METHODS = {
    f"{owner}.{name}": getattr(cls, name)
    for owner, cls in CLASSES.items()
    for name in dir(cls)
    if not name.startswith("_") and callable(getattr(cls, name)) and _is_ours(getattr(cls, name))
}


@functools.cache
def _numpydoc_checks():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    return get_validation_checks(set(settings["tool:numpydoc_validation"]["checks"].split(",")))


@pytest.mark.parametrize("name", [*OBJECTS, *METHODS])
def test_docstring_is_valid_numpydoc(name):
    errors = validate(name)["errors"]
    assert not [error for error in errors if error[0] in _numpydoc_checks()]


@pytest.mark.parametrize("name", OBJECTS)
def test_public_object_has_an_example(name):
    assert re.search(r"^\s*Examples\n\s*-+\n[\s\S]*>>> ", OBJECTS[name].__doc__, re.MULTILINE)


def _documented_defaults(obj):
    """Parameter -> the text after `default=`, for the parameters that have one."""
    defaults = {}
    for parameter in FunctionDoc(obj)["Parameters"] + FunctionDoc(obj)["Other Parameters"]:
        if match := re.search(r"default=(.*)$", parameter.type):
            text = match[1].strip("\"'`")
            # Numbers may be written as a reader likes them: 1/3, 1e-3.
            number = re.fullmatch(r"-?[\d.][\d.e/-]*", text)
            value = str(eval(text)) if number else text
            defaults |= dict.fromkeys(parameter.name.split(", "), value)
    return defaults


@pytest.mark.parametrize("name", [*OBJECTS, *METHODS])
def test_documented_defaults_are_the_real_ones(name):
    obj = (OBJECTS | METHODS)[name]
    parameters = inspect.signature(obj).parameters.values()
    real = {p.name: str(p.default) for p in parameters if p.default is not p.empty}
    assert _documented_defaults(obj) == real


def _public_attributes(cls):
    """Properties of a class, and what its methods set on `self` with a trailing underscore."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith("skaudit.")]
    stored = {
        node.attr
        for base in ours
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(base))))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if ast.unparse(node.value) == "self" and node.attr.endswith("_")
    }
    properties = {
        name for base in ours for name, value in vars(base).items() if isinstance(value, property)
    }
    return {name for name in stored | properties if not name.startswith("_")}


@pytest.mark.parametrize("name", CLASSES)
def test_attributes_are_documented(name):
    documented = {attribute.name for attribute in ClassDoc(CLASSES[name])["Attributes"]}
    assert _public_attributes(CLASSES[name]) <= documented


def test_no_file_names_a_place_of_one_machine():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    place = re.compile(rb"/(?:tmp|work|root|Users)/|/home/[a-z]|[A-Z]:\\Users\\")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    # Drawings are numbers: what looks like a path in them is none.
    texts = [file for file in files if file.is_file() and file.suffix not in {".png", ".svg"}]
    assert texts
    assert not [file.name for file in texts if place.search(file.read_bytes())]
