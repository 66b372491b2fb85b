"""Entry program of the `notebook` runtime: runs a notebook, prints its outputs as they come, keeps the executed notebook.

JOB_RUN_NOTEBOOK        the notebook, relative to code/ beside this file
NOTEBOOK_EXCLUDE_TAGS   JSON list: cells with one of these tags are not run
NOTEBOOK_ENCODING       of the notebook's file; utf-8 when it is not set
OUTPUT_DIR, OUTPUT_URI  the working directory, in which the executed notebook is saved (by default the notebook's own), and where
                        it is copied, after a failure too

Uses nbclient, which is what both nbconvert and papermill run notebooks with, so it is there when either is.
"""
import asyncio
import json
import os
import re
import signal
import sys

import driver_common

ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _modules():
    try:
        import nbclient
        import nbformat
    except ImportError:
        driver_common.fail(driver_common.EXIT_CONFIG, "notebooks need nbconvert or papermill, and this job's Python (%s) has neither; "
                           "on Debian: apt install jupyter-nbconvert python3-ipykernel" % sys.executable)
    return nbclient, nbformat


def _exclude_tags():
    text = driver_common.setting("NOTEBOOK_EXCLUDE_TAGS")
    if text is None:
        return frozenset()
    try:
        tags = json.loads(text)
    except ValueError:
        tags = None
    if not isinstance(tags, list):
        driver_common.fail(driver_common.EXIT_USAGE, "NOTEBOOK_EXCLUDE_TAGS must be a JSON list, as in [\"skip\"]")
    return frozenset(str(tag) for tag in tags)


def _text(value):
    return "".join(value) if isinstance(value, list) else str(value)


def print_message(message):
    """Prints what a message of the kernel has for people."""
    kind, content = message.get("msg_type"), message.get("content", {})
    if kind == "stream":
        stream = sys.stderr if content.get("name") == "stderr" else sys.stdout
        stream.write(_text(content.get("text", "")))
        stream.flush()
    elif kind in ("execute_result", "display_data"):
        text = content.get("data", {}).get("text/plain")
        if text is not None:
            print(_text(text), flush=True)
    elif kind == "error" and content.get("ename") != "SystemExit":
        sys.stdout.flush()
        print(ANSI_COLOUR.sub("", "\n".join(content.get("traceback", []))), file=sys.stderr, flush=True)


def _current_task():
    return asyncio.current_task() if hasattr(asyncio, "current_task") else asyncio.Task.current_task()


def _client_class(nbclient, tags):
    class Client(nbclient.NotebookClient):
        """Leaves out cells by tag, prints outputs when they arrive and not when their cell ends, and stops at SIGTERM."""

        terminated = False

        def _stop_at_sigterm(self):
            """In place of nbclient's own handler, after which it cannot be told why the notebook ended."""
            task = _current_task()

            def stop():
                self.terminated = True
                task.cancel()

            asyncio.get_event_loop().add_signal_handler(signal.SIGTERM, stop)

        async def async_execute_cell(self, cell, cell_index, *args, **kwargs):
            if tags.intersection(cell.get("metadata", {}).get("tags", [])):
                return cell
            self._stop_at_sigterm()
            return await super().async_execute_cell(cell, cell_index, *args, **kwargs)

        def process_message(self, msg, cell, cell_index):
            print_message(msg)
            return super().process_message(msg, cell, cell_index)

    return Client


def _read(nbformat, path, encoding):
    try:
        with open(path, encoding=encoding) as file:
            return nbformat.read(file, as_version=4)
    except OSError as error:
        return driver_common.fail(driver_common.EXIT_NO_INPUT, "the notebook %s cannot be read: %s" % (path, error.strerror))
    except Exception as error:  # nbformat has an exception of its own for each way to be wrong
        return driver_common.fail(driver_common.EXIT_USAGE, "%s is not a notebook in %s: %s" % (path, encoding, str(error).split("\n")[0]))


def _save(nbformat, notebook, path, encoding):
    """Under another name first: a disk that is full must not cost the notebook that was there."""
    part = path + ".part"
    try:
        with open(part, "w", encoding=encoding) as file:
            nbformat.write(notebook, file)
        os.replace(part, path)
    except (OSError, UnicodeError) as error:
        driver_common.fail(driver_common.EXIT_IO, "the executed notebook cannot be saved as %s: %s" % (path, error))


def _exit_code(nbclient, error):
    """Of a cell that failed: what sys.exit() said in it, else 1."""
    if isinstance(error, nbclient.exceptions.CellExecutionError):
        if getattr(error, "ename", None) == "SystemExit":
            value = str(getattr(error, "evalue", ""))
            if value in ("", "None"):
                return 0
            if value.isdigit():
                return int(value) & 0xFF
            print(value, file=sys.stderr, flush=True)
        return 1
    print("runlet: the notebook ended: %s" % error, file=sys.stderr, flush=True)
    return 1


def _execute(nbclient, client):
    """Runs the cells. Returns the exit code; -SIGTERM when that came."""
    try:
        client.execute()
    except (Exception, asyncio.CancelledError) as error:  # also a kernel that died, or did not start
        return -signal.SIGTERM if client.terminated else _exit_code(nbclient, error)
    return -signal.SIGTERM if client.terminated else 0


def run(path):
    """Runs the notebook at the absolute path and ends the program."""
    nbclient, nbformat = _modules()
    tags = _exclude_tags()
    encoding = driver_common.setting("NOTEBOOK_ENCODING") or "utf-8"
    notebook = _read(nbformat, path, encoding)
    outputs = driver_common.Outputs(driver_common.setting("OUTPUT_DIR") or os.path.dirname(path), driver_common.setting("OUTPUT_URI"))
    os.makedirs(outputs.folder, exist_ok=True)
    # Keeps the kernel's debugger, which nobody uses here, from warning on the job's stderr.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    # The kernel named "python3" is this Python's; the one that the notebook's author had is seldom here.
    client = _client_class(nbclient, tags)(notebook, kernel_name="python3", timeout=None,
                                           resources={"metadata": {"path": outputs.folder}})
    code = _execute(nbclient, client)
    _save(nbformat, notebook, os.path.join(outputs.folder, os.path.basename(path)), encoding)
    if outputs.wanted:
        outputs.copy()
    sys.stdout.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def main():
    code_dir = os.path.abspath(driver_common.default_code_dir())
    name = driver_common.setting("JOB_RUN_NOTEBOOK")
    if name is None:
        driver_common.fail(driver_common.EXIT_USAGE, "JOB_RUN_NOTEBOOK is not set, so it is not known which notebook to run")
    run(os.path.join(code_dir, name))


if __name__ == "__main__":
    main()
