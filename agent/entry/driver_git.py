"""Entry program of the `gitPython` runtime: clones a repository and runs a file in it as driver_python does.

GIT_URL                 the repository
GIT_BRANCH, GIT_COMMIT  what to check out; the commit wins; by default the tip of the default branch
GIT_ENTRYPOINT          the file to run, relative to the repository's root (CODE_ENTRYPOINT when it is not set)
CODE_DIR                where to clone to; ~/Code/<name of the repository> when it is not set
and the variables of driver_python.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import driver_common
import driver_python

EXIT_UNAVAILABLE = 69


def without_credentials(url):
    """The address for messages: https://user:token@host/x becomes https://host/x."""
    return re.sub(r"^([a-z+]+://)[^/@]*@", r"\1", url)


def repository_name(url):
    return os.path.basename(url.rstrip("/").replace(":", "/")).split(".", 1)[0] or "repository"


def _git(arguments, folder=None):
    # Nobody is there to answer a question for a password.
    env = dict(os.environ, GIT_TERMINAL_PROMPT="0")
    sys.stdout.flush()
    return subprocess.call(["git"] + arguments, cwd=folder, stdin=subprocess.DEVNULL, env=env)


def _make_room(folder):
    """A folder that is not empty is moved aside, not lost."""
    if not os.path.isdir(folder) or not os.listdir(folder):
        return
    aside = tempfile.mkdtemp(prefix=os.path.basename(folder) + "_", dir=os.path.dirname(folder))
    os.rename(folder, aside)
    print("runlet: %s was there already; it is now %s" % (folder, aside), file=sys.stderr, flush=True)


def clone(url, branch, commit, folder):
    if shutil.which("git") is None:
        driver_common.fail(driver_common.EXIT_CONFIG, "the gitPython runtime needs git; on Debian: apt install git")
    for name, value in (("GIT_URL", url), ("GIT_BRANCH", branch), ("GIT_COMMIT", commit)):
        if value is not None and value.startswith("-"):
            driver_common.fail(driver_common.EXIT_USAGE, "%s must not start with '-'" % name)
    _make_room(folder)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    if _git(["clone", "--quiet", "--", url, folder]) != 0:
        driver_common.fail(EXIT_UNAVAILABLE, "%s could not be cloned" % without_credentials(url))
    wanted = commit or branch
    if wanted is not None and _git(["checkout", "--quiet", wanted, "--"], folder) != 0:
        driver_common.fail(driver_common.EXIT_NO_INPUT, "%s has no %s %s" % (
            without_credentials(url), "commit" if commit else "branch", wanted))


def main():
    setting = driver_common.setting
    url = setting("GIT_URL")
    if url is None:
        driver_common.fail(driver_common.EXIT_USAGE, "GIT_URL is not set, so it is not known what to clone")
    if setting("GIT_SECRET_OCID"):
        driver_common.fail(driver_common.EXIT_USAGE, "GIT_SECRET_OCID: keys from OCI's vault are not supported; "
                           "clone over https, or bring the key with the job")
    folder = setting("CODE_DIR") or os.path.join("~", "Code", repository_name(url))
    folder = os.path.abspath(os.path.expanduser(folder))
    clone(url, setting("GIT_BRANCH"), setting("GIT_COMMIT"), folder)
    driver_python.run(folder, setting("GIT_ENTRYPOINT") or setting("CODE_ENTRYPOINT"))


if __name__ == "__main__":
    main()
