"""What is published: built twice, looked into, and installed where there is no compiler. Asks the package registry."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
FILES = {
    "py.typed",
    "examples/LICENSES.md",
    "examples/lending_club.parquet",
    "report/contact.css",
    "report/contact.html.j2",
    "report/page.css",
    "report/page.js",
    "report/template.html.j2",
    "texts/THESAURUS-LICENSE",
    "texts/thesaurus.txt.xz",
}
"""What the wheel holds beside modules and the engine."""

pytestmark = pytest.mark.slow


def build(to: Path, source: Path = ROOT) -> Path:
    """Wheel and source archive, as `make dist` makes them."""
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    command = [sys.executable, "-m", "build", "--outdir", str(to), str(source)]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return to


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("built"))


def wheel_of(folder):
    (path,) = folder.glob("*.whl")
    return path


def test_two_builds_are_equal_byte_for_byte(built, tmp_path):
    copied = tmp_path / "elsewhere"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        (copied / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copied / name)
    again = build(tmp_path / "again", copied)
    assert wheel_of(again).read_bytes() == wheel_of(built).read_bytes()


def test_the_wheel_holds_the_package_and_nothing_else(built):
    with zipfile.ZipFile(wheel_of(built)) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
    about = {name for name in names if name.startswith(f"goodfit-{VERSION}.dist-info/")}
    own = {name.removeprefix("goodfit/") for name in names - about}
    modules = {str(path.relative_to(ROOT / "src/goodfit")) for path in (ROOT / "src/goodfit").rglob("*.py")}
    engines = {name for name in own if name.startswith("native/engine_")}
    assert "native/engine_baseline.so" in engines
    assert own - engines == modules | FILES
    assert {name.split("/", 1)[1] for name in about} == {
        "METADATA",
        "WHEEL",
        "RECORD",
        "entry_points.txt",
        "licenses/LICENSE",
        "licenses/src/goodfit/texts/THESAURUS-LICENSE",
    }


def test_its_metadata_tells_what_it_is(built):
    with zipfile.ZipFile(wheel_of(built)) as wheel:
        told, tag = (
            message_from_string(wheel.read(f"goodfit-{VERSION}.dist-info/{name}").decode())
            for name in ("METADATA", "WHEEL")
        )
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert (told["Name"], told["Version"], told["License-Expression"]) == ("goodfit", VERSION, "BSD-3-Clause")
    assert told["Requires-Python"] == ">=3.11"
    assert told["Description-Content-Type"] == "text/markdown"
    assert not any(line.startswith("License ::") for line in told.get_all("Classifier"))
    assert (tag["Tag"], tag["Root-Is-Purelib"]) == (f"py3-none-{platform}", "false")


def test_the_archive_has_what_a_build_needs(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"CMakeLists.txt", "LICENSE", "README.md", "src/native/engine.cpp", "src/goodfit/py.typed"} <= names
    assert not [name for name in names if name.startswith((".github", ".ci", ".venv"))]


def test_without_a_compiler_it_is_installed_trains_and_says_so_once(built, tmp_path):
    (archive,) = built.glob("*.tar.gz")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(dependencies) + "\n", encoding="utf-8")
    nothing = {key: value for key, value in os.environ.items() if key not in {"CC", "CXX"}} | {"PATH": str(tmp_path)}
    command = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-deps", str(archive)]
    subprocess.run(command, check=True, env=nothing, capture_output=True)
    assert not list(site.glob("goodfit/native/engine_*"))
    script = [python, ROOT / "tools" / "release" / "wheel_at_work.py", "--portable"]
    done = subprocess.run(script, env=nothing, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("installed without a C++ compiler") == 1, done.stderr
