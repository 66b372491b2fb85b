"""Conda packs: fetched, unpacked below the home, activated for Python and shell; the pack is built from this machine's Python."""
import os
import pathlib
import shutil
import subprocess
import sysconfig
import tarfile

import pytest

import fetch_rig

STDLIB = pathlib.Path(sysconfig.get_paths()["stdlib"])
BUILT_IN = "/opt/where/it/was/made/with_a_long_name"
UNPACK = """#!/usr/bin/env python
import os, sys
prefix = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
for name in ("bin/tool", "etc/settings"):
    path = os.path.join(prefix, name)
    text = open(path).read().replace(%r, prefix)
    open(path, "w").write(text)
""" % BUILT_IN


@pytest.fixture(scope="session")
def pack(tmp_path_factory):
    """A folder as conda-pack makes them: an own Python below bin and lib, scripts that name the folder in which it was made."""
    root = tmp_path_factory.mktemp("pack")
    env = root / "env"
    for folder in ("bin", "etc/conda/activate.d", "etc/profile.d", "conda-meta", "lib"):
        (env / folder).mkdir(parents=True)
    version = "python3.%d" % __import__("sys").version_info[1]
    shutil.copy("/usr/bin/" + version, env / "bin" / version)
    os.symlink(version, env / "bin/python")
    os.symlink(version, env / "bin/python3")
    keep = shutil.ignore_patterns("test", "tests", "__pycache__", "config-*", "idlelib", "lib2to3", "dist-packages", "ensurepip", "tkinter")
    shutil.copytree(STDLIB, env / "lib" / version, ignore=keep, symlinks=False)
    (env / "lib" / version / "only_in_the_pack.py").write_text("value = 42\n")
    (env / "conda-meta/history").write_text("")
    (env / "bin/tool").write_text("#!%s/bin/python\nimport only_in_the_pack, sys\nprint('tool', only_in_the_pack.value, sys.prefix)\n" % BUILT_IN)
    (env / "etc/settings").write_text(BUILT_IN + "\n")
    (env / "bin/conda-unpack").write_text(UNPACK)
    (env / "etc/conda/activate.d/one.sh").write_text("export ACTIVATED=yes:$CONDA_PREFIX\n")
    (env / "etc/profile.d/two.sh").write_text("export PROFILE=yes\n")
    for program in ("tool", "conda-unpack"):
        (env / "bin" / program).chmod(0o755)
    path = root / "pack"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name in sorted(os.listdir(env)):
            archive.add(env / name, arcname=name)
    return path


SLUG = "mine_p311_cpu_v1"
HOME = "/home/datascience/conda/" + SLUG
SAYS = """import os, subprocess, sys
import only_in_the_pack
print(sys.prefix, only_in_the_pack.value, sys.argv[1:])
print(os.environ["CONDA_PREFIX"], os.environ["ACTIVATED"], os.environ["PROFILE"], os.environ["CONDA_DEFAULT_ENV"])
print(subprocess.run(["tool"], stdout=subprocess.PIPE, text=True).stdout, end="")
print(open(os.environ["CONDA_PREFIX"] + "/etc/settings").read(), end="")
"""
SAID = "%s 42 ['a b']\n%s yes:%s yes %s\ntool 42 %s\n%s\n" % (HOME, HOME, HOME, SLUG, HOME, HOME)

JOB = """{"jobConfigurationDetails": {"jobType": "DEFAULT", "environmentVariables": {%s}}}"""


def job(node, **variables):
    return node.write("job.json", JOB % ", ".join('"%s": "%s"' % pair for pair in variables.items()))


@pytest.fixture
def conda_node(node, pack):
    """A node whose service packs lie in a folder of its own."""
    packs = node.root / "packs"
    packs.mkdir()
    shutil.copy(pack, packs / SLUG)
    packs.chmod(0o755)
    (packs / SLUG).chmod(0o644)
    node.configure(extra='conda: {servicePacks: "file://%s/{slug}"}\nfetch: {fileRoots: "%s"}\n' % (packs, packs))
    return node


def test_a_service_pack_is_activated_for_python(conda_node):
    node = conda_node
    done = node.run("-q", "--job", job(node, CONDA_ENV_TYPE="service", CONDA_ENV_SLUG=SLUG), node.write("a.py", SAYS), "--", "a b")
    assert (done.status, done.text) == (0, SAID), done
    node.check_end(done, "SUCCEEDED", "exited", 0)
    # What was fetched once is not fetched again.
    again = node.run("-q", "--job", job(node, CONDA_ENV_TYPE="service", CONDA_ENV_SLUG=SLUG), node.write("a.py", SAYS), "--", "a b")
    assert (again.status, again.text) == (0, SAID), again


def test_a_shell_script_finds_the_programs_of_the_environment(conda_node):
    node = conda_node
    script = node.write("a.sh", 'command -v python; echo $ACTIVATED $PROFILE; tool; echo "$0" "$@"; exit 7\n')
    done = node.run("-q", "--job", job(node, CONDA_ENV_TYPE="service", CONDA_ENV_SLUG=SLUG), script, "--", "x y")
    assert (done.status, done.text) == (7, "%s/bin/python\nyes:%s yes\ntool 42 %s\n/home/datascience/a.sh x y\n" % (HOME, HOME, HOME)), done


def test_signals_reach_the_program_and_not_the_shell(conda_node):
    node = conda_node
    text = ("import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\nprint('ready', flush=True)\n"
            "while True:\n    time.sleep(0.1)\n")
    started = node.start_run("-q", "--job", job(node, CONDA_ENV_TYPE="service", CONDA_ENV_SLUG=SLUG), node.write("a.py", text))
    started.await_output(b"ready")
    run_id = started.await_id()
    node.call("cancel", run_id)
    started.end()
    assert node.record(run_id)["status"] == 9


def test_the_plan_names_the_pack_and_what_activates_it(conda_node):
    node = conda_node
    done = node.run("--dry-run", "--job", job(node, CONDA_ENV_TYPE="service", CONDA_ENV_SLUG=SLUG), node.write("a.py", SAYS))
    assert done.status == 0 and "conda/" + SLUG in done.text and ".runlet/activate_conda.sh" in done.text, done


@pytest.mark.parametrize("variables,says", [
    (dict(CONDA_ENV_TYPE="service", CONDA_ENV_SLUG="other_v1"), "other_v1"),
    (dict(CONDA_ENV_TYPE="published", CONDA_ENV_OBJECT_NAME="x/y_v1"), "CONDA_ENV_BUCKET is missing"),
    (dict(CONDA_ENV_TYPE="own", CONDA_ENV_SLUG="x"), "expected 'service' or 'published'"),
])
def test_a_pack_that_cannot_be_had_is_named(conda_node, variables, says):
    node = conda_node
    done = node.run("-q", "--job", job(node, **variables), node.write("a.py", SAYS))
    assert done.status == 125 and says in done.words and done.text == "", done


def test_a_node_without_service_packs_says_so(node):
    done = node.run("-q", "--job", job(node, CONDA_ENV_TYPE="service", CONDA_ENV_SLUG=SLUG), node.write("a.py", SAYS))
    assert (done.status, done.id) == (125, None) and "conda.servicePacks" in done.words, done


def test_none_is_the_systems_python(conda_node):
    node = conda_node
    done = node.run("-q", "--conda", "none", "--job", job(node, CONDA_ENV_TYPE="service", CONDA_ENV_SLUG=SLUG),
                    node.write("a.py", "import sys\nprint(sys.executable)\n"))
    assert (done.status, done.text) == (0, "/usr/bin/python3\n"), done


def test_an_archive_that_names_its_environment_too_late_is_refused(conda_node):
    node = conda_node
    node.write("p/jobruntime.yaml", "CONDA_ENV_TYPE: service\nCONDA_ENV_SLUG: %s\nJOB_RUN_ENTRYPOINT: a.py\n" % SLUG)
    node.write("p/a.py", "print('ran')\n")
    subprocess.run(["tar", "cf", node.work / "p.tar", "-C", node.work / "p", "."], check=True)
    done = node.run("-q", "p.tar")
    assert "jobruntime.yaml names a conda environment" in done.words and done.text == "", done
    assert node.status_json(done.id)["cause"] == "artifact-rejected"
    assert node.run("-q", "--conda", "none", "p.tar").text == "ran\n"
    with_it = node.run("-q", "--env", "CONDA_ENV_TYPE=service", "--env", "CONDA_ENV_SLUG=" + SLUG, "p.tar")
    assert with_it.text == "ran\n", with_it


def test_a_published_pack_comes_from_object_storage(node, pack):
    server = fetch_rig.Server()
    try:
        server.add("/n/ns/b/b/o/envs/mine/" + SLUG, pack.read_bytes())
        node.configure(extra="auth: {ociEndpoint: '%s'}\n" % server.url)
        done = node.run("-q", "--job", job(node, CONDA_ENV_TYPE="published", CONDA_ENV_BUCKET="b", CONDA_ENV_NAMESPACE="ns",
                                           CONDA_ENV_OBJECT_NAME="envs/mine/" + SLUG), node.write("a.py", SAYS), "--", "a b")
        assert (done.status, done.text) == (0, SAID), (done, server.targets())
    finally:
        server.close()
