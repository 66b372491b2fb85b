"""Each lint is one test on the tree, and each is shown a small bad sample that it must report (a lint that cannot fail proves nothing)."""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("RUNLET_BUILD", ROOT / "build/dev"))

CMAKE = "runlet_folder(common/base)\nrunlet_folder(common/sys USES base)\nrunlet_folder(agent/io USES base LIBRARIES PkgConfig::UV)\n"
HEADER = "/* {name} - sample. */\n#ifndef {guard}\n#define {guard}\n{body}\n#endif\n"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout + done.stderr


def lint(name, *arguments):
    return run(sys.executable, str(HERE / f"{name}.py"), *arguments)


def needs(tool):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")


def put(root, path, text):
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def header(path, guard, body=""):
    return HEADER.format(name=Path(path).name, guard=guard, body=body)


@pytest.mark.parametrize("name", ["includes", "banned", "sizes", "tables", "headers", "docs"])
def test_tree(name):
    status, output = lint(name)
    assert status == 0, output


@pytest.mark.parametrize("script,tool", [("format.sh", "clang-format"), ("cppcheck.sh", "cppcheck"), ("shell.sh", "shellcheck")])
def test_tree_by_tool(script, tool):
    needs(tool)
    status, output = run(str(HERE / script))
    assert status == 0, output


def test_tree_tidy():
    needs("clang-tidy")
    status, output = lint("tidy", "--build", str(BUILD))
    assert status == 0, output


@pytest.mark.parametrize("path,text,says", [
    ("common/base/a.c", '#include "sys/fd.h"\n', "common/base/a.c:1: \"sys/fd.h\": common/base may not use sys"),
    ("common/sys/a.c", '\n#include "io/loop.h"\n', "common/sys/a.c:2: \"io/loop.h\": common/sys may not use io"),
    ("common/sys/a.c", '#include "base/none.h"\n', '"base/none.h" does not exist'),
    ("common/sys/a.c", '#include "nowhere/none.h"\n', "there is no folder nowhere"),
    ("common/sys/a.c", '#include "fd.h"\n', 'must be included as "sys/fd.h"'),
    ("common/base/a.c", "#include <uv.h>\n", "<uv.h> may be included only in agent/io"),
    ("common/base/a.c", "#include <jansson.h>\n", "common/base does not list PkgConfig::JANSSON"),
    ("agent/io/a.c", "#include <curl/curl.h>\n", "agent/io does not list PkgConfig::CURL"),
    ("agent/stray/a.c", "\n", "no runlet_folder() line"),
])
def test_includes_reports(tmp_path, path, text, says):
    put(tmp_path, "CMakeLists.txt", CMAKE)
    put(tmp_path, "common/sys/fd.h", "\n")
    put(tmp_path, path, text)
    status, output = lint("includes", "--root", str(tmp_path))
    assert status == 1 and says in output


def test_includes_reports_a_layer_that_looks_up(tmp_path):
    put(tmp_path, "CMakeLists.txt", "runlet_folder(common/base USES sys)\nrunlet_folder(common/sys USES base)\n")
    status, output = lint("includes", "--root", str(tmp_path))
    assert status == 1 and "CMakeLists.txt:1: common/base uses sys, which no line above it declares" in output


def test_includes_accepts(tmp_path):
    put(tmp_path, "CMakeLists.txt", CMAKE)
    put(tmp_path, "common/base/b.h", "\n")
    put(tmp_path, "agent/io/a.c", '#include <uv.h>\n#include "base/b.h"\n/* #include "sys/fd.h" */\n')
    assert lint("includes", "--root", str(tmp_path)) == (0, "")


@pytest.mark.parametrize("line", [
    "strcpy(a, b);", "sprintf (a, b);", "n = atoi(s);", "system(s);", "p = popen(s, t);", "p = alloca(8);", "strtok(s, t);",
    "waitpid(-1, &s, 0);", "exit(1);", "signal(SIGTERM, on_term);",
])
def test_banned_reports(tmp_path, line):
    put(tmp_path, "common/base/a.c", f"void f(void)\n{{\n    {line}\n}}\n")
    status, output = lint("banned", "--root", str(tmp_path))
    assert status == 1 and output.startswith("common/base/a.c:3: ")


def test_banned_accepts(tmp_path):
    put(tmp_path, "common/base/a.c", '/* strcpy(a, b) */\nconst char *s = "system(x)";\nint my_system(int); void g(void) { o->exit(1); _exit(2); }\n'
        "void h(void) { signal(SIGPIPE, SIG_IGN); }\n")
    put(tmp_path, "common/base/main.c", "void f(void) { exit(1); }\n")
    assert lint("banned", "--root", str(tmp_path)) == (0, "")


def test_exceptions_excuse_and_are_used(tmp_path):
    put(tmp_path, "common/base/a.c", "void f(void)\n{\n    strcpy(a, b);\n    strcat(a, b);\n}\n")
    put(tmp_path, "tests/lint/exceptions.txt", "banned common/base/a.c:strcpy a sample\nbanned common/base/gone.c a sample\n")
    status, output = lint("banned", "--root", str(tmp_path))
    assert status == 1
    assert "strcpy" not in output and "a.c:4: strcat()" in output and "exceptions.txt:2: banned common/base/gone.c" in output


def test_sizes_reports(tmp_path):
    put(tmp_path, "common/base/a.c", "int long_one(void)\n{\n" + "    f();\n" * 80 + "}\n")
    put(tmp_path, "common/base/b.c", "int x;\n" * 601)
    status, output = lint("sizes", "--root", str(tmp_path))
    assert status == 1
    assert "a.c:1: long_one() has 83 lines" in output and "b.c:601: the file has 601 lines" in output and "p90 83" in output


@pytest.mark.parametrize("source,says", [
    ("enum e { E_A, E_B, E_COUNT };\n", "a.c:1: no table has an entry for each member up to E_COUNT"),
    ('enum e { E_A, E_B, E_COUNT };\nconst char *const N[E_COUNT] = {[E_A] = "a"};\n', "a.c:2: the table over E_COUNT has no entry for E_B"),
])
def test_tables_reports(tmp_path, source, says):
    put(tmp_path, "common/base/a.c", source)
    status, output = lint("tables", "--root", str(tmp_path))
    assert status == 1 and says in output


def test_tables_accepts(tmp_path):
    put(tmp_path, "common/base/a.c", 'enum e { E_A = 0, E_B, /* , */ E_COUNT, };\nconst char *const N[E_COUNT] = {[E_B] = "b", [E_A] = "a"};\n'
        "static int budgets[E_COUNT] = {[E_A] = 1};\nenum slot { S_A, S_COUNT = S_A + 4 };\n")
    assert lint("tables", "--root", str(tmp_path)) == (0, "")


@pytest.mark.parametrize("path,text,says", [
    ("common/base/a.c", "int x;\n", 'must begin with a comment "a.c - its one subject"'),
    ("common/base/a.h", header("a.h", "A_H"), "include guard must be BASE_A_H"),
    ("common/base/a.h", "/* a.h - sample. */\nint x;\n", "include guard must be BASE_A_H"),
    ("tests/a.py", "import os\n", "must begin with a docstring"),
    ("packaging/a.sh", "#!/bin/sh\nset -eu\n", "must begin with a comment"),
])
def test_headers_reports(tmp_path, path, text, says):
    put(tmp_path, path, text)
    status, output = lint("headers", "--root", str(tmp_path))
    assert status == 1 and says in output


def test_headers_accepts(tmp_path):
    put(tmp_path, "common/base/a.h", header("a.h", "BASE_A_H"))
    put(tmp_path, "agent/supervisor/contain/b.h", header("b.h", "SUPERVISOR_CONTAIN_B_H"))
    put(tmp_path, "tests/fuzz/fuzz_a.c", "// USES: base\n/* fuzz_a.c - sample. */\n")
    assert lint("headers", "--root", str(tmp_path)) == (0, "")


def test_docs_reports(tmp_path):
    put(tmp_path, "README.md", "x\n\n<!-- help: runlet version -->\n```\nUsage: something else\n```\n")
    put(tmp_path, "docs/configuration.md", "<!-- config-reference -->\n| key |\n<!-- end -->\n")
    status, output = lint("docs", "--root", str(tmp_path), "--program", str(BUILD / "bin/runlet"))
    assert status == 1
    assert "README.md:5: this is not what the program says (runlet version --help)" in output
    assert "docs/configuration.md:2: this is not what the program says (the table of keys)" in output
    assert lint("docs", "--fix", "--root", str(tmp_path), "--program", str(BUILD / "bin/runlet"))[0] == 0
    assert lint("docs", "--root", str(tmp_path), "--program", str(BUILD / "bin/runlet")) == (0, "")


def test_format_reports(tmp_path):
    needs("clang-format")
    shutil.copy(ROOT / ".clang-format", tmp_path)
    put(tmp_path, "common/base/a.c", "int  x ;\n")
    status, output = run(str(HERE / "format.sh"), str(tmp_path))
    assert status != 0 and "common/base/a.c:1:" in output


def test_cppcheck_reports(tmp_path):
    needs("cppcheck")
    put(tmp_path, "common/base/a.c", "int f(void)\n{\n    int a[2] = {0, 0};\n    return a[3];\n}\n")
    status, output = run(str(HERE / "cppcheck.sh"), str(tmp_path))
    assert status != 0 and "common/base/a.c:4:" in output


def test_shell_reports(tmp_path):
    needs("shellcheck")
    put(tmp_path, "packaging/a.sh", "#!/bin/sh\nrm -rf $1/x\n")
    status, output = run(str(HERE / "shell.sh"), str(tmp_path))
    assert status != 0 and "packaging/a.sh line 2" in output


def test_tidy_reports(tmp_path):
    needs("clang-tidy")
    needs("ninja")
    shutil.copy(ROOT / ".clang-tidy", tmp_path)
    put(tmp_path, "common/base/a.c", "#include <string.h>\nint f(const char *a)\n{\n    return strcmp(a, \"x\") == 1;\n}\n")
    source = tmp_path / "common/base/a.c"
    put(tmp_path, "build/build.ninja", f"rule cc\n  command = cc -c {source} -o a.o\nbuild a.o: cc\n")
    put(tmp_path, "build/compile_commands.json",
        f'[{{"directory": "{tmp_path}/build", "command": "cc -o a.o -c {source}", "file": "{source}"}}]')
    status, output = lint("tidy", "--root", str(tmp_path), "--build", str(tmp_path / "build"))
    assert status == 1 and "common/base/a.c:4:" in output


# ---- crash points: for tests alone ----


def users_of_crash_points():
    for command in json.loads((BUILD / "compile_commands.json").read_text()):
        path = Path(command["file"])
        if path.suffix == ".c" and '"base/crash_point.h"' in path.read_text() and path.name != "crash_point.c":
            yield path, command


def preprocessed(command, defined):
    words = shlex.split(command["command"])
    del words[words.index("-o"):words.index("-o") + 2]
    words = [w for w in words if w not in ("-c", "-DRUNLET_CRASH_POINTS")] + ["-E", "-P"]
    done = subprocess.run(words + (["-DRUNLET_CRASH_POINTS"] if defined else []), cwd=command["directory"], capture_output=True, text=True,
                          check=True)
    return done.stdout


def test_crash_points_are_compiled_out():
    users = list(users_of_crash_points())
    assert len(users) > 15
    for path, command in users:
        text = preprocessed(command, defined=False)
        assert not re.search(r"\bcrash_(point|role)\b", text) and "RUNLET_CRASH_FILE" not in text, path
    assert "crash_point(" in preprocessed(users[0][1], defined=True)


def test_a_release_has_no_crash_points(tmp_path):
    presets = {p["name"]: p.get("cacheVariables", {}) for p in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]}
    assert [name for name, variables in presets.items() if "RUNLET_CRASH_POINTS" in variables] == ["dev"]
    status, output = run("cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(tmp_path), "-DRUNLET_HARDEN=ON", "-DRUNLET_CRASH_POINTS=ON")
    assert status != 0 and "has no place in a release" in output
    for program in (ROOT / "build" / "release" / "bin").glob("runlet*"):
        assert b"RUNLET_CRASH_FILE" not in program.read_bytes(), program
