"""What the build derives from the program's tables: man pages that format without a warning, and completion that completes."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("RUNLET_BUILD", ROOT / "build/dev"))
PAGES = sorted((BUILD / "share/man").rglob("*.[158]"))
VERBS = ["run", "validate", "submit", "status", "logs", "cancel", "preempt", "deadline", "drain", "undrain", "why", "wait", "runs", "nodes", "remove", "bootstrap", "config", "version",
         "help"]


def test_every_page_is_made():
    names = {p.name for p in PAGES}
    wanted = {f"runlet-{verb}.1" for verb in VERBS} | {"runlet.1", "runletd.8", "runlet-supervisor.8", "runlet.yaml.5"}
    assert names == wanted


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_page_formats_without_a_warning(page):
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    done = subprocess.run(["man", "--warnings=w", "--encoding=UTF-8", "--local-file", str(page)], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANROFFSEQ": "", "PAGER": "cat"},
                          stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "@" not in done.stdout and "DESCRIPTION" in done.stdout


def test_the_keys_are_in_the_page():
    text = (BUILD / "share/man/man5/runlet.yaml.5").read_text()
    for key in ("concurrency", "stop.grace", "unpack.maxRatio"):
        assert f".TP\n\\fB{key}\\fR: " in text


COMPLETE = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
compopt() { :; }
_runlet
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("words,expected", [
    (["runlet", "va"], ["validate"]),
    (["runlet", "--ver"], ["--version"]),
    (["runlet", "run", "--dr"], ["--dry-run"]),
    (["runlet", "logs", "--fo"], ["--follow"]),
    (["runlet", "config", "sh"], ["show"]),
    (["runlet", "help", "can"], ["cancel"]),
    (["runlet", "run", "tra"], ["train.py"]),
    (["runlet", "run", "--env-file", "tra"], ["train.py"]),
    (["runlet", "--config", "tra"], ["train.py"]),
    (["runlet", "run", "--conda", "fol"], ["folder"]),
    (["runlet", "run", "--name", "tra"], []),
    (["runlet", "run", "train.py", "--", "tra"], ["train.py"]),
])
def test_completion(tmp_path, words, expected):
    (tmp_path / "train.py").touch()
    (tmp_path / "folder").mkdir()
    script = BUILD / "share/bash-completion/completions/runlet"
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", str(script), *words], capture_output=True, text=True, cwd=tmp_path,
                          stdin=subprocess.DEVNULL, check=True)
    assert done.stderr == ""
    assert [w for w in done.stdout.split("\n") if w] == expected
