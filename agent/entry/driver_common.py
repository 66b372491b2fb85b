"""What runlet's entry programs share: where the user's code is, how it is run, and where its outputs go.

The environment speaks the language of ADS's drivers (CODE_ENTRYPOINT, ENTRY_FUNCTION, PYTHON_PATH, WORKING_DIR, CODE_DIR,
OUTPUT_DIR, OUTPUT_URI). The user's code must not notice that it was started from here: its exit status, its tracebacks, its
threads and its sys.argv are as if Python had been given the file itself.
"""
import builtins
import errno
import importlib.machinery
import importlib.util
import os
import runpy
import shutil
import signal
import stat
import subprocess
import sys
import threading
import types

# As in sysexits.h, so that they can be told from the small codes that programs use.
EXIT_USAGE = 64  # the job's settings make no sense
EXIT_NO_INPUT = 66  # a file that is named is not there
EXIT_IO = 74  # outputs could not be saved
EXIT_CONFIG = 78  # this machine lacks a program or a module

HERE = os.path.dirname(os.path.abspath(__file__))
OCI_SCHEME = "oci://"
FILE_SCHEME = "file://"


def fail(code, message):
    """Ends the program with one line on stderr."""
    sys.stdout.flush()
    print("runlet: " + message, file=sys.stderr, flush=True)
    sys.exit(code)


def setting(name):
    """The variable, or None when it is missing or empty."""
    return os.environ.get(name) or None


def has_module(name):
    return importlib.util.find_spec(name) is not None


def default_code_dir():
    return os.path.join(HERE, setting("CODE_DIR") or "code")


# ---- outputs ----


def _copy_folder(source, target):
    """Copies the folder's content into target, which may exist; links stay links."""
    os.makedirs(target, exist_ok=True)
    for name in sorted(os.listdir(source)):
        path, copy = os.path.join(source, name), os.path.join(target, name)
        if os.path.islink(path):
            if os.path.lexists(copy):
                os.remove(copy)
            os.symlink(os.readlink(path), copy)
        elif os.path.isdir(path):
            # A target inside the source would be copied into itself for ever.
            if os.path.abspath(path) != os.path.abspath(target):
                _copy_folder(path, copy)
        elif stat.S_ISREG(os.stat(path).st_mode):
            shutil.copy2(path, copy)


def _files_below(folder):
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            yield path, os.path.relpath(path, folder).replace(os.sep, "/")


def _copy_to_oci(folder, uri):
    """To object storage by whichever of Oracle's modules the job's Python has."""
    bucket, _, prefix = uri[len(OCI_SCHEME):].partition("/")
    prefix = prefix.strip("/")
    prefix += "/" if prefix else ""
    if has_module("ocifs"):
        import ocifs

        target = ocifs.OCIFileSystem()
        for path, name in _files_below(folder):
            target.put_file(path, OCI_SCHEME + bucket + "/" + prefix + name)
        return
    import oci

    if setting("OCI_RESOURCE_PRINCIPAL_VERSION"):
        client = oci.object_storage.ObjectStorageClient({}, signer=oci.auth.signers.get_resource_principals_signer())
    else:
        client = oci.object_storage.ObjectStorageClient(oci.config.from_file())
    name_of_bucket, _, namespace = bucket.partition("@")
    for path, name in _files_below(folder):
        with open(path, "rb") as body:
            client.put_object(namespace or client.get_namespace().data, name_of_bucket, prefix + name, body)


class Outputs:
    """The folder OUTPUT_DIR and the place OUTPUT_URI to which it is copied. Create it in the working directory, before the user's
    code runs: a destination that cannot work must not cost hours of computing."""

    def __init__(self, folder, uri):
        self.folder = os.path.abspath(os.path.expanduser(folder)) if folder else None
        self.uri = os.path.expandvars(uri) if uri else None
        if self.uri and self.uri.startswith(FILE_SCHEME):
            self.uri = self.uri[len(FILE_SCHEME):]
            if not self.uri.startswith("/"):
                fail(EXIT_USAGE, "OUTPUT_URI: a file:// address needs an absolute path, as in file:///mnt/results")
        elif self.uri and self.uri.startswith(OCI_SCHEME):
            if not has_module("ocifs") and not has_module("oci"):
                fail(EXIT_USAGE, "OUTPUT_URI is %s, but this job's Python has neither the module ocifs nor oci to copy there; "
                     "install one, or use a file:// address or a path" % self.uri)
        elif self.uri and "://" in self.uri:
            fail(EXIT_USAGE, "OUTPUT_URI: %s is not supported; use oci://, file:// or a path" % self.uri)
        if self.uri and not self.uri.startswith(OCI_SCHEME):
            self.uri = os.path.abspath(os.path.expanduser(self.uri))

    @property
    def wanted(self):
        return self.folder is not None and self.uri is not None

    def copy(self):
        if not self.wanted:
            if self.uri:
                print("runlet: OUTPUT_URI is set but OUTPUT_DIR is not: nothing is copied", file=sys.stderr, flush=True)
            return
        if not os.path.isdir(self.folder):
            print("runlet: OUTPUT_DIR %s does not exist: nothing is copied" % self.folder, file=sys.stderr, flush=True)
            return
        try:
            if self.uri.startswith(OCI_SCHEME):
                _copy_to_oci(self.folder, self.uri)
            else:
                _copy_folder(self.folder, self.uri)
        except Exception as error:  # whatever a storage module raises: the outputs were not saved
            fail(EXIT_IO, "outputs could not be copied from %s to %s: %s" % (self.folder, self.uri, error))


# ---- the user's code ----


def enter(code_dir):
    """Goes to the working directory and makes the user's modules importable. Returns the working directory."""
    code_dir = os.path.abspath(code_dir)
    working_dir = os.path.join(code_dir, os.path.expanduser(setting("WORKING_DIR") or ""))
    try:
        os.chdir(working_dir)
    except OSError as error:
        fail(EXIT_NO_INPUT, "the working directory %s cannot be entered: %s" % (working_dir, error.strerror))
    working_dir = os.getcwd()
    paths = [working_dir]
    paths += [os.path.abspath(os.path.expanduser(path)) for path in (setting("PYTHON_PATH") or "").split(os.pathsep) if path]
    paths.append(code_dir)
    for path in paths:
        if path not in sys.path:
            sys.path.append(path)
    return working_dir


def find_entrypoint(name, code_dir):
    """The absolute path of the entry file, which is named from the working directory or else from the code's root."""
    if not name:
        fail(EXIT_USAGE, "CODE_ENTRYPOINT is not set, so it is not known which file to run")
    name = os.path.expanduser(name)
    for base in (os.getcwd(), os.path.abspath(code_dir)):
        path = os.path.normpath(os.path.join(base, name))
        if os.path.exists(path):
            return path
    return fail(EXIT_NO_INPUT, "the entrypoint %s is not in %s" % (name, os.path.abspath(code_dir)))


def parse_function_arguments(argv):
    """`a --k v --flag` -> (["a"], {"k": "v", "flag": None})"""
    positional, named, key = [], {}, None
    for word in argv:
        if len(word) > 2 and word.startswith("--"):
            key = word[2:]
            named[key] = None
        elif key is not None:
            named[key] = word
            key = None
        else:
            positional.append(word)
    return positional, named


def _run_script(path):
    """As the interpreter does it: the module __main__ is the user's from now on, also for threads and child processes that look
    at it after the script's last line. (runpy takes it away at that moment; it serves folders and zips with a __main__.py.)"""
    sys.argv[0] = path
    if os.path.isdir(path) or path.endswith(".zip"):
        runpy.run_path(path, run_name="__main__")
        return
    sys.path[0] = os.path.dirname(path)
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    main = types.ModuleType("__main__")
    main.__file__ = path
    main.__builtins__ = builtins
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", path)
    sys.modules["__main__"] = main
    exec(code, main.__dict__)


def _run_function(path, function, argv):
    sys.path[0] = os.path.dirname(path)
    sys.argv[0] = path
    name = os.path.splitext(os.path.basename(path))[0]
    if name in sys.modules:
        name = "module"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        fail(EXIT_USAGE, "ENTRY_FUNCTION is set, but %s is not a Python file" % path)
    module = importlib.util.module_from_spec(spec)
    # Pickle and dataclasses look their module up by name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if not hasattr(module, function):
        fail(EXIT_USAGE, "%s has no function %s (ENTRY_FUNCTION)" % (path, function))
    positional, named = parse_function_arguments(argv)
    getattr(module, function)(*positional, **named)


def _command(path, argv):
    if path.endswith((".sh", ".bash")):
        return ["bash", path] + argv
    try:
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    except OSError:
        pass  # then it runs, or says why not
    return [path] + argv


def _run_command(command):
    """Runs the command as this process's child, hands signals on, and returns its exit status as a shell would."""
    child = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda n, _: child.send_signal(n))
    status = child.wait()
    return status if status >= 0 else 128 - status


def _run_program(path, argv, outputs):
    """A shell script, or another program that the kernel can run."""
    command = _command(path, argv)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if not outputs.wanted:
            os.execvp(command[0], command)
        status = _run_command(command)
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            return _run_program_by_bash(path, argv, outputs)
        return fail(126, "%s cannot be run: %s" % (command[0], error.strerror))
    if status != 0:
        sys.exit(status)
    return None


def _run_program_by_bash(path, argv, outputs):
    """No format that the kernel knows, most likely a script without its first line."""
    if not outputs.wanted:
        os.execvp("bash", ["bash", path] + argv)
    status = _run_command(["bash", path] + argv)
    if status != 0:
        sys.exit(status)


def run_command(command, outputs):
    """Ends with the status of the command, after copying the outputs when that is 0."""
    try:
        status = _run_command(command)
    except OSError as error:
        fail(126, "%s cannot be run: %s" % (command[0], error.strerror))
    if status != 0:
        sys.exit(status)
    outputs.copy()


def _user_frames(trace):
    """The traceback from the first frame on that is not ours or the import system's."""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if os.path.dirname(os.path.abspath(name)) != HERE and name != runpy.__file__ and not name.startswith("<frozen "):
            break
        trace = trace.tb_next
    return trace


def _end_with_traceback(error):
    error = error.with_traceback(_user_frames(error.__traceback__))
    sys.excepthook(type(error), error, error.__traceback__)
    sys.stdout.flush()
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    sys.exit(1)


def run_user_code(path, function, argv, outputs):
    """Runs the entry file (or one of its functions), then copies the outputs if it succeeded."""
    end = None
    try:
        if function:
            _run_function(path, function, argv)
        elif os.path.isdir(path) or path.endswith((".py", ".zip")):
            _run_script(path)
        else:
            _run_program(path, argv, outputs)
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
        end = error
    except BaseException as error:
        _end_with_traceback(error)
    # The interpreter would wait for them too, and they may still write outputs.
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    outputs.copy()
    if end is not None:
        raise end
