"""The documents against the source tree and the program: names, tables, commands and paths."""
import json
import re
import shutil

import pytest
import yaml

from documents import (BIN, MARKDOWN, ROOT, RUNLET, call, codes, fences, first_codes, help_of, lines, names_in, read, table)

EXITS = "docs/contract/exit-statuses.md"
FILES = "docs/contract/files-on-disk.md"
PROTOCOL = "docs/contract/protocol.md"
VIEW = "docs/contract/job-view.md"
ARCHITECTURE = "docs/ARCHITECTURE.md"
API = "docs/api/runletd.openapi.yaml"


# ---- names and tables ----

def test_layers_are_those_of_cmake():
    text = re.sub(r"#[^\n]*", "", read("CMakeLists.txt"))
    declared = []
    for words in (m.split() for m in re.findall(r"^runlet_folder\(([^)]*)\)", text, re.MULTILINE)):
        uses = words[words.index("USES") + 1:] if "USES" in words else []
        declared.append((words[0], uses[:uses.index("LIBRARIES")] if "LIBRARIES" in uses else uses))
    assert [(codes(row[0])[0], codes(row[1])) for row in table(ARCHITECTURE, "Layers")] == declared


def test_phases_of_the_contract():
    documented = table(EXITS, "Phases")
    assert first_codes(documented) == [w[0] for w in lines("phase")]
    for row, (name, state, cancelled, _) in zip(documented, lines("phase")):
        if name in ("SHIPPING", "REPORTING", "FINISHED"):
            continue  # from here on the end itself is told
        expected = state if state == cancelled else f"{cancelled} after a cancel, else {state}"
        assert row[2] == expected, name


def test_phase_table_of_the_architecture():
    documented = table(ARCHITECTURE, "Phases")
    assert first_codes([row[:1] for row in documented]) == [w[0] for w in lines("phase")]
    edges = set()
    for row in documented:
        for part in filter(None, row[1].split(";")):
            events, _, target = part.partition("→")
            edges |= {(codes(row[0])[0], event, target.strip()) for event in codes(events)}
    assert edges == {tuple(w) for w in lines("edge")}


def test_phase_budgets_of_the_architecture():
    for row, words in zip(table(ARCHITECTURE, "Phases"), lines("phase")):
        minutes = re.match(r"(\d+) min$", row[3])
        assert (minutes.group(1) if minutes else "0") == words[3], words[0]


def test_stages():
    assert first_codes(table(ARCHITECTURE, "Stages of the supervisor")) == names_in("agent/supervisor/stages.c", "STAGE")


def test_lifecycle_states():
    assert first_codes(table(EXITS, "Lifecycle states")) == [w[0] for w in lines("state")]


def test_causes():
    documented = table(EXITS, "Causes")
    assert first_codes([row[:1] for row in documented]) == [w[0] for w in lines("cause")]
    for row, (name, told, state, status) in zip(documented, lines("cause")):
        if name == "none":
            continue  # no end
        assert told == name
        assert row[1] == ("SUCCEEDED or FAILED" if name == "exited" else state), name
        assert row[2] == ("the exit code" if name == "exited" else "128+N" if status == "137" else status), name


def test_end_codes():
    documented = {row[1].strip("`"): row[0] for row in table(EXITS, "End codes")[2:]}
    told = {name: code for name, code in lines("end-code") if int(code) >= 1000}
    told.pop("none", None)
    assert documented == told
    assert len(set(told.values())) == len(told)


def test_shell_statuses():
    """The table's order is the function's: each case of words.c is decided by the row it stands for."""
    rows = [row[0] for row in table(EXITS, "Shell statuses")]
    assert rows == ["0", "124", "the exit code", "130", "127", "126", "128+N", "125"]
    told = {w[0]: int(w[1]) for w in lines("status")}
    assert told == {"success": 0, "deadline": 124, "code": 61, "cancelled": 130, "not-found": 127, "not-executable": 126,
                    "signal": 137, "else": 125, "unknown": 125, "stopped-with-0": 125}


def test_messages():
    documented = [n for number in (0, 1) for n in first_codes([row[:1] for row in table(PROTOCOL, "Messages", number)])]
    # `deadline` is said both ways: asked for and answered.
    assert sorted(set(documented)) == sorted(set(names_in("common/wire/message.c", "MESSAGE")) - {"none"})


def test_refusals():
    assert first_codes([row[:1] for row in table(PROTOCOL, "Refusals")]) == names_in("common/wire/message.c", "REFUSAL")


def test_events_of_the_supervisors_journal():
    written = set()
    for path in (ROOT / "agent/supervisor").glob("*.c"):
        text = path.read_text()
        written |= set(re.findall(r"\bstage_fact\(s, \"([a-z-]+)\"\)", text))
        written |= set(re.findall(r"\bjournal_begin\([^;]*?, \"([a-z-]+)\"\)", text))
    written |= set(re.findall(r"#define [A-Z]+_EVENT\s+\"([a-z-]+)\"", read("common/record/containment.h")))
    assert set(first_codes([row[:1] for row in table(FILES, "supervisor.journal")])) == written


def test_events_of_the_agents_journal():
    defined = dict(re.findall(r"#define (FACT_[A-Z_]+)\s+\"([a-z-]+)\"", read("agent/run/history.h")))
    sources = "".join(p.read_text() for p in (ROOT / "agent").rglob("*.c"))
    noted = {value for name, value in defined.items() if re.search(r"(run_note|journal_begin)\([^;]*" + name, sources)}
    assert set(first_codes([row[:1] for row in table(FILES, "agent.journal")])) == noted


def test_platform_variables():
    text = read("common/job/platform.c")
    known = re.findall(r"\{\"([A-Z_]+)\", \w+\}", text)
    assert sorted(first_codes([row[:1] for row in table(VIEW, "Environment", 2)])) == sorted(known)


def test_environment_layers():
    assert first_codes([row[:1] for row in table(VIEW, "Environment", 0)]) == names_in("common/base/env.c", "ENV")


def test_interpreters_by_extension():
    assert sorted(first_codes([row[:1] for row in table(VIEW, "The entry file")])) == sorted(
        re.findall(r"^\s+\{\"(\.[a-z]+)\"", read("common/wire/entry.c"), re.MULTILINE))


def test_enums_of_the_api():
    run = yaml.safe_load(read(API))["components"]["schemas"]["Run"]["properties"]
    assert run["phase"]["enum"] == [w[0] for w in lines("phase")]
    assert sorted(run["lifecycleState"]["enum"]) == sorted(w[0] for w in lines("state"))
    assert run["cause"]["enum"] == [w[0] for w in lines("cause")]


def test_invariants_are_whole():
    rows = table(ARCHITECTURE, "Invariants")
    assert [row[0] for row in rows] == [f"I{n}" for n in range(1, 14)]


# ---- paths and links ----

def looks_like_a_path(text):
    if re.search(r"[<>*$… ]|RUN|NAME|FOLDER|SUBJECT", text) or text.startswith(("/", ".", '"', "build/")) or "/." in text:
        return False
    return bool(re.match(r"(agent|common|tests|packaging|docs|examples)/", text) or re.search(r"^[\w./-]+/[\w.-]+\.(c|h|py|sh|txt)$", text))


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda p: p.name)
def test_paths_exist(path):
    named = {code for code in codes(re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)) if looks_like_a_path(code)}
    bases = (ROOT, ROOT / "agent", ROOT / "common")
    missing = [n for n in sorted(named) if not any((base / n).exists() for base in bases)]
    assert not missing


def anchors(path):
    """The anchors of a page's headings, as the usual renderers make them."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_a_missing_path_is_noticed():
    assert looks_like_a_path("agent/run/none.c") and looks_like_a_path("fetch/none.c")
    assert not looks_like_a_path("agent/<run>/") and not looks_like_a_path("queue/") and not looks_like_a_path("/tmp")


# ---- commands ----

def commands(path):
    """The command lines of the shell blocks, without comments."""
    for block in fences(path, "sh"):
        for line in block.splitlines():
            line = re.sub(r"\s+#.*$", "", line).strip()
            if line:
                yield line


# Verbs for units, which the help leaves out.
HIDDEN = ["leave"]
ALL_COMMANDS = [(p.name, c) for p in MARKDOWN for c in commands(p.relative_to(ROOT))]


@pytest.mark.parametrize("name,command", ALL_COMMANDS)
def test_commands_exist(name, command):
    """Every script and preset is there; every verb and option is in the help."""
    for script in re.findall(r"(?:^|\s)((?:packaging|tests)/[\w./-]+)", command):
        assert (ROOT / script).exists(), script
    for preset in re.findall(r"--preset (\S+)", command):
        assert f'"name": "{preset}"' in read("CMakePresets.json"), preset
    found = re.search(r"(?:^|/|\s)runlet (?:--config \S+ )?([a-z]+)(.*)$", command)
    if found is None:
        return
    verb, rest = found.group(1), found.group(2).split(" -- ")[0]
    assert verb in HIDDEN or re.search(rf"^\s+{verb}\s", help_of(), re.MULTILINE), f"no verb {verb}"
    for option in re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", rest):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", help_of(verb)), f"runlet {verb} has no {option}"


def test_verbs_and_options_in_the_text_exist():
    for path in MARKDOWN:
        for code in codes(path.read_text()):
            words = code.split()
            if words[0] == "runlet" and len(words) > 1 and re.fullmatch(r"[a-z]+", words[1]):
                assert words[1] in HIDDEN or re.search(rf"^\s+{words[1]}\s", help_of(), re.MULTILINE), code
                for option in (w for w in words[2:] if re.fullmatch(r"--?[a-z][a-z-]*", w)):
                    assert option in help_of(words[1]), code


RUNS = [c for n, c in ALL_COMMANDS if n == "README.md" and c.startswith("runlet run ")]
JOB = """kind: job
spec:
  name: sample
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: train.py
"""


@pytest.fixture(name="jobs")
def fixture_jobs(tmp_path):
    """The files that README's commands name."""
    (tmp_path / "train.py").write_text("print('train')\n")
    (tmp_path / "run.sh").write_text("echo run\n")
    (tmp_path / "project/src").mkdir(parents=True)
    (tmp_path / "project/src/main.py").write_text("print('main')\n")
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "job.json").write_text('{"displayName": "j", "jobConfigurationDetails": {"jobType": "DEFAULT", "environmentVariables": '
                                       '{"JOB_RUN_ENTRYPOINT": "src/main.py"}}}')
    (tmp_path / "run.json").write_text('{"displayName": "r", "jobConfigurationOverrideDetails": {"jobType": "DEFAULT"}}')
    shutil.make_archive(str(tmp_path / "project"), "zip", tmp_path / "project")
    shutil.make_archive(str(tmp_path / "project"), "gztar", tmp_path / "project")
    (tmp_path / "c.yaml").write_text(f"directories:\n  state: {tmp_path}/state\n  run: {tmp_path}/run\n")
    return tmp_path


def test_the_readme_has_runs_to_check():
    assert len(RUNS) == 6


@pytest.mark.parametrize("command", RUNS)
def test_runs_of_the_readme_can_be_planned(jobs, command):
    words = command.split()[1:]
    done = call(RUNLET, "--config", "c.yaml", words[0], "--dry-run", *words[1:], cwd=jobs)
    assert done.returncode == 0, done.stderr
    assert "Nothing was created." in done.stdout and not (jobs / "state").exists()


def test_default_variables_are_those_of_a_plan(jobs):
    done = call(RUNLET, "--config", "c.yaml", "run", "--dry-run", "--json", "train.py", cwd=jobs)
    assert done.returncode == 0, done.stderr
    found = {v["name"] for v in json.loads(done.stdout)["environment"] if v["layer"] == "default"}
    assert found == set(first_codes([row[:1] for row in table(VIEW, "Environment", 1)])) - {"CONDA_PREFIX"}


def test_programs_named_in_the_readme_are_built():
    for program in ("runlet", "runletd", "runlet-supervisor", "runlet-unpack"):
        assert (BIN / program).exists()


def test_the_two_commands_come_first():
    first = fences("README.md", "sh")[0]
    assert "packaging/quickstart.sh" in first and "tests/run.sh" in first
