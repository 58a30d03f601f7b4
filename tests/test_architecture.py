"""What holds across modules: who may import whom, what a worker needs, and that the documents keep up with the code."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import triptych

ROOT = Path(__file__).parents[1]
PACKAGES = ("cli", "suite", "impls", "reports")
FRAMEWORKS = ("numpy", "pytorch", "tensorflow", "jax")
WORKER_SIDE = [
    *(
        ROOT / "suite" / f"{name}.py"
        for name in (
            "__init__",
            "diagnosing",
            "errors",
            "fault",
            "footprint",
            "gradients",
            "learner",
            "model_program",
            "process",
            "program",
            "proofs",
            "protocol",
            "retracing",
            "threads",
            "timing",
            "worker",
        )
    ),
    *ROOT.glob("suite/probes/*.py"),
    *ROOT.glob("suite/workloads/**/*.py"),
    *ROOT.glob("impls/**/*.py"),
]
DOCUMENTS = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if p.name != "CHANGELOG.md")

# Run before anything else in a new interpreter: of what is not in the standard library, only these can be imported.
BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"{name} is blocked", name=name)

allowed = {*sys.stdlib_module_names, "suite", "impls", *sys.argv[1:]}
sys.meta_path.insert(0, Block())
"""


def python(code: str, *arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A new interpreter which sees the project in `folder`."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    return python(code, folder=folder)


def imports(path: Path) -> set[str]:
    """The first names of all modules that a file imports, wherever it does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def own_files() -> list[Path]:
    """The project's own text files: what git tracks or would, else everything that is no tool's."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        files = [ROOT / name for name in names if name]
    except (OSError, subprocess.CalledProcessError):
        skipped = ("build", "dist", "results", "__pycache__")
        parts = ((path, path.relative_to(ROOT).parts) for path in ROOT.rglob("*"))
        files = [
            p for p, names in parts if not any(n in skipped or n.startswith(".") or "egg-info" in n for n in names)
        ]
    return [path for path in files if path.is_file() and b"\0" not in path.read_bytes()]


# ------------------------------------------------------------------------------------------------------------ imports


def test_imports_follow_the_layers():
    outcome = lint_imports(ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("file", "planted"),
    [
        ("suite/statistics.py", "import torch"),
        ("suite/timing.py", "import msgspec"),
        ("suite/records.py", "import reports.format"),
        ("suite/cases.py", "import impls.numpy.linear"),
        ("suite/plan.py", "import suite.program"),
        ("suite/learning.py", "import suite.learner"),
        ("suite/workloads/linear.py", "import suite.cases"),
        ("impls/numpy/linear.py", "import suite.timing"),
        ("impls/numpy/losses.py", "import scipy.special"),
        ("impls/jax/linear.py", "import torch"),
        ("impls/jax/losses.py", "import impls.numpy.losses"),
        ("reports/format.py", "import triptych"),
        ("suite/plan.py", "import cli"),
        ("cli/reading.py", "import impls.numpy.linear"),
    ],
)
def test_a_forbidden_import_is_found(file, planted, tmp_path):
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with open(tmp_path / file, "a") as source:
        source.write(f"\n{planted}\n")

    outcome = lint_imports(tmp_path)

    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    assert "BROKEN" in outcome.stdout


def test_the_entry_for_notebooks_imports_neither_an_implementation_nor_the_command_line():
    assert not imports(ROOT / "triptych.py") & {"cli", "impls", "torch", "tensorflow", "keras", "jax", "typer"}


def test_only_the_command_line_imports_typer():
    files = [path for package in PACKAGES[1:] for path in (ROOT / package).rglob("*.py")]
    assert [str(path) for path in files if imports(path) & {"typer", "click"}] == []


def test_nothing_is_pickled():
    files = [
        ROOT / "triptych.py",
        *(p for package in PACKAGES for p in (ROOT / package).rglob("*.py")),
    ]
    assert [str(path) for path in files if imports(path) & {"pickle", "dill", "cloudpickle", "shelve", "marshal"}] == []
    assert [str(path) for path in files if re.search(r"allow_pickle\s*=\s*True", path.read_text("utf-8"))] == []


# ---------------------------------------------------------------------------------------------- what a process imports


def test_a_worker_imports_nothing_that_explains_or_probes_before_it_is_asked_to() -> None:
    code = """
import sys
from suite.worker import Worker
worker = Worker(sys.argv[1], 1)
print(*sorted(name for name in sys.modules if name.startswith(("suite.", "impls.")) and name.split(".")[-1] in sys.argv[2:]))
"""
    apart = ("diagnosing", "diagnostics", "footprint", "retracing", "probes", "subject", "interpreter")
    done = python(code, "impls.pytorch", *apart)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_a_worker_needs_numpy_alone():
    outcome = python(BLOCK + "import suite.worker\nfrom impls.interface import load\nload('impls.numpy')", "numpy")
    assert outcome.returncode == 0, outcome.stderr


def test_the_block_blocks():
    outcome = python(BLOCK + "import suite.worker")
    assert outcome.returncode == 1
    assert "numpy is blocked" in outcome.stderr
    assert python(BLOCK + "import rich", "numpy").returncode == 1


def test_importing_triptych_loads_the_standard_library_only():
    outcome = python(BLOCK + "import triptych", "triptych")
    assert outcome.returncode == 0, outcome.stderr


def test_the_command_line_loads_no_framework_and_nothing_heavy():
    heavy = ("torch", "tensorflow", "jax", "numpy", "scipy", "pandas", "matplotlib", "seaborn", "jinja2", "msgspec")
    outcome = python(f"import sys, cli\nprint(*(name for name in {heavy} if name in sys.modules))")
    assert (outcome.stdout.strip(), outcome.stderr) == ("", "")


@pytest.mark.parametrize("path", WORKER_SIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_worker_imports_is_written_for_python_3_10(path):
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 10))
    newer = {
        "tomllib": set(),
        "datetime": {"UTC"},
        "enum": {"StrEnum"},
        "typing": {"Self", "Unpack", "assert_never", "override"},
    }
    for node in ast.walk(tree):
        assert not isinstance(node, ast.TryStar)
        if isinstance(node, ast.ImportFrom):
            assert not newer.get(node.module or "", set()) & {alias.name for alias in node.names}
    assert "tomllib" not in imports(path)


# ------------------------------------------------------------------------------------------------------------ the map


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_framework_has_a_module_for_each_family(framework):
    shared = {"definition.py", "distributions.py", "draw.py"}
    families = {path.name for path in ROOT.glob("suite/workloads/*.py")} - shared
    found = {path.name for path in ROOT.glob(f"impls/{framework}/*.py")}
    beside = {"backend.py", "conventions.py", "diagnostics.py"}
    beside |= {"networks.py", "elementary.py"} if framework == "numpy" else {"modules.py", "modes.py", "generation.py"}
    beside |= {"interpreter.py", "subject.py"} if framework != "numpy" else set()
    assert found - beside == families


@pytest.mark.parametrize("framework", FRAMEWORKS[1:])
def test_every_framework_has_a_module_for_each_family_of_models(framework):
    shared = {"__init__.py", "definition.py", "network.py", "layers.py"}
    families = {path.name for path in ROOT.glob("suite/workloads/models/*.py")} - shared
    found = {path.name for path in ROOT.glob(f"impls/{framework}/models/*.py")}
    assert found - {"__init__.py", "layers.py"} == families


# ---------------------------------------------------------------------------------------------------------- documents


def test_the_changelog_starts_with_this_version():
    versions = re.findall(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert versions[0] == triptych.__version__


def test_there_are_documents():
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    assert {"README.md", "CONTRIBUTING.md", "docs/extending.md"} <= names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_points_to_exists(document):
    text = document.read_text("utf-8")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", prose) + re.findall(r"(?:src|href)=\"([^\"]+)\"", prose)
    missing = [
        link
        for link in links
        if not re.match(r"\w+:|#", link) and not (document.parent / link.partition("#")[0]).exists()
    ]
    paths = re.findall(r"`((?:suite|impls|reports|tests|docs)/[\w./-]*)`", prose)
    missing += [path for path in paths if not (ROOT / path).exists()]
    assert missing == []


def test_no_file_names_a_machine_or_a_package_host():
    everywhere = re.compile(r"/work[/]|pypi[.]org|pythonhosted[.]org|download[.]pytorch[.]org|--(?:extra-)?index[-]url")
    found = []
    for path in own_files():
        text = path.read_text("utf-8")
        found += [f"{path.relative_to(ROOT)}: {match}" for match in everywhere.findall(text)]
        if "tests" not in path.relative_to(ROOT).parts:  # tests may invent home folders
            found += [f"{path.relative_to(ROOT)}: {match}" for match in re.findall(r"/root[/]|/home[/]\w+", text)]
    assert found == []
