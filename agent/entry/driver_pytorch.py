"""Entry program of the `pyTorchDistributed` runtime, on each of its nodes: fetches the code and inputs, installs what it needs, and launches it.

OCI__LAUNCH_CMD         the command: torchrun ..., accelerate launch ..., deepspeed ..., or any other; it is read by bash. The job's
                        arguments come before it; without a command and arguments `torchrun` runs CODE_ENTRYPOINT
CODE_ENTRYPOINT         the file to train with, relative to the code
OCI__RUNTIME_URI        a repository whose code is used; OCI__RUNTIME_GIT_BRANCH, _COMMIT; without it the code lies in code/
OCI__INPUT_MAPPINGS     JSON {source: target}: copied before the launch; http(s)://, oci://, file:// or a path
OCI__PIP_REQUIREMENTS, OCI__PIP_PKG   a file of requirements, and requirements, installed before the launch
CLUSTER_NODES_METADATA_FILE, NODE_RANK   who the nodes are and which one this is; without them it is alone. They meet at rank 0
MASTER_PORT             where they meet there (29400)
OCI__RDZV_TIMEOUT       seconds that torchrun's meeting point waits (600)
WORKING_DIR, PYTHON_PATH, OUTPUT_DIR, OUTPUT_URI   as for driver_python
"""
import collections
import json
import os
import shlex
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request

import driver_common
import driver_git

# The nodes of the run: how many, which one this is, and where rank 0 is met.
Nodes = collections.namedtuple("Nodes", "count rank host port")
ALONE = Nodes(1, 0, "127.0.0.1", 29400)


def find_nodes():
    """From the file that lists the nodes, which is complete before any of them starts."""
    setting = driver_common.setting
    port = setting("MASTER_PORT") or str(ALONE.port)
    if not port.isdigit():
        driver_common.fail(driver_common.EXIT_USAGE, "MASTER_PORT is no port: %s" % port)
    path = setting("CLUSTER_NODES_METADATA_FILE")
    if not path:
        return ALONE._replace(port=int(port))
    try:
        with open(path, encoding="utf-8") as file:
            nodes = sorted(json.load(file), key=lambda node: int(node["Rank"]))
        return Nodes(len(nodes), int(setting("NODE_RANK") or 0), nodes[0]["IPAddress"], int(port))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return driver_common.fail(driver_common.EXIT_CONFIG, "%s does not say who the nodes are: %r" % (path, error))


def at(nodes):
    """HOST:PORT, as launchers want it."""
    return "%s:%d" % ("[%s]" % nodes.host if ":" in nodes.host else nodes.host, nodes.port)


def count_gpus():
    """As nvidia-smi lists them; 0 where there is none."""
    if shutil.which("nvidia-smi") is None:
        return 0
    done = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
    return sum(line.startswith(b"GPU ") for line in done.stdout.splitlines()) if done.returncode == 0 else 0


def _missing(command, options):
    """Those of the options that the command does not give, under either spelling."""
    return [words for name, words in options if name not in command.replace("-", "_")]


def torchrun(command, gpus, timeout, nodes):
    """The command with the options that this node needs. Pure."""
    options = [
        ("nnode", "--nnodes=%d" % nodes.count),
        ("nproc_per_node", "--nproc_per_node=%d" % max(gpus, 1)),
        ("rdzv_backend", "--rdzv_backend=c10d --rdzv_endpoint=%s --rdzv_conf=read_timeout=%s" % (at(nodes), timeout)),
    ]
    return " ".join(["torchrun"] + _missing(command, options) + [command[len("torchrun"):].strip()]).strip()


def accelerate(command, gpus, nodes):
    options = [
        ("num_processes", "--num_processes %d" % (max(gpus, 1) * nodes.count)),
        ("num_machines", "--num_machines %d" % nodes.count),
        ("machine_rank", "--machine_rank %d" % nodes.rank),
        ("main_process_ip", "--main_process_ip %s" % nodes.host),
        ("main_process_port", "--main_process_port %d" % nodes.port),
    ]
    rest = command[len("accelerate launch"):].strip()
    return " ".join(["accelerate launch"] + _missing(command, options) + [rest]).strip()


def launch_command(command, arguments, entrypoint, gpus, timeout, nodes=ALONE):
    """What bash is given, or None when nothing says what to run. Pure."""
    words = " ".join(filter(None, [shlex.join(arguments), command]))
    if not words and entrypoint:
        words = "torchrun " + shlex.quote(entrypoint)
    if words.split(" ")[0] == "torchrun":
        return torchrun(words, gpus, timeout, nodes)
    if words.startswith("accelerate launch "):
        return accelerate(words, gpus, nodes)
    return words or None


# ---- before the launch ----


def _fetch_from_oci(source, target):
    if driver_common.has_module("ocifs"):
        import ocifs

        ocifs.OCIFileSystem().get(source, target, recursive=source.endswith("/"))
        return
    if not driver_common.has_module("oci"):
        driver_common.fail(driver_common.EXIT_CONFIG, "%s: this job's Python has neither the module ocifs nor oci to fetch it; "
                           "x-runlet 'inputs' are fetched by the node" % source)
    import oci

    bucket, _, name = source[len(driver_common.OCI_SCHEME):].partition("/")
    bucket, _, namespace = bucket.partition("@")
    if driver_common.setting("OCI_RESOURCE_PRINCIPAL_VERSION"):
        client = oci.object_storage.ObjectStorageClient({}, signer=oci.auth.signers.get_resource_principals_signer())
    else:
        client = oci.object_storage.ObjectStorageClient(oci.config.from_file())
    answer = client.get_object(namespace or client.get_namespace().data, bucket, name)
    with open(target, "wb") as out:
        for block in answer.data.raw.stream(1 << 20, decode_content=False):
            out.write(block)


def _copy_input(source, target):
    parts = urllib.parse.urlsplit(source)
    folder = target if target.endswith("/") else os.path.dirname(target)
    if folder:
        os.makedirs(folder, exist_ok=True)
    if target.endswith("/") and not source.endswith("/"):
        target += os.path.basename(parts.path)
    if parts.scheme in ("http", "https"):
        with urllib.request.urlopen(source, timeout=60) as answer, open(target, "wb") as out:
            shutil.copyfileobj(answer, out)
    elif source.startswith(driver_common.OCI_SCHEME):
        _fetch_from_oci(source, target)
    else:
        path = urllib.parse.unquote(parts.path) if source.startswith(driver_common.FILE_SCHEME) else source
        if os.path.isdir(path):
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copy2(path, target)


def copy_inputs(text):
    try:
        mappings = json.loads(text)
        pairs = [(str(source), os.path.expanduser(str(target))) for source, target in mappings.items()]
    except (ValueError, AttributeError):
        driver_common.fail(driver_common.EXIT_USAGE, "OCI__INPUT_MAPPINGS is no JSON mapping of sources to targets")
    for source, target in pairs:
        try:
            _copy_input(source, target)
        except Exception as error:  # whatever a storage module raises: training without its data is no use
            shown = source.split("?")[0]
            driver_common.fail(driver_common.EXIT_NO_INPUT, "the input %s could not be copied to %s: %s" % (shown, target, error))


def _pip(arguments):
    sys.stdout.flush()
    status = subprocess.call([sys.executable, "-m", "pip", "install"] + arguments, stdin=subprocess.DEVNULL)
    if status != 0:
        driver_common.fail(driver_common.EXIT_CONFIG, "pip could not install what the job depends on: %s" % " ".join(arguments))


def install_dependencies():
    setting = driver_common.setting
    if setting("OCI__PIP_REQUIREMENTS"):
        _pip(["-r", setting("OCI__PIP_REQUIREMENTS")])
    if setting("OCI__PIP_PKG"):
        _pip(shlex.split(setting("OCI__PIP_PKG")))


def find_code():
    setting = driver_common.setting
    folder = driver_common.default_code_dir()
    if setting("OCI__RUNTIME_GIT_SECRET_ID"):
        driver_common.fail(driver_common.EXIT_USAGE, "OCI__RUNTIME_GIT_SECRET_ID: keys from OCI's vault are not supported; "
                           "clone over https, or bring the key with the job")
    if setting("OCI__RUNTIME_URI"):
        driver_git.clone(setting("OCI__RUNTIME_URI"), setting("OCI__RUNTIME_GIT_BRANCH"), setting("OCI__RUNTIME_GIT_COMMIT"), folder)
    return folder


def main():
    setting = driver_common.setting
    nodes = find_nodes()
    driver_common.enter(find_code())
    outputs = driver_common.Outputs(setting("OUTPUT_DIR"), setting("OUTPUT_URI"))
    install_dependencies()
    if setting("OCI__INPUT_MAPPINGS"):
        copy_inputs(setting("OCI__INPUT_MAPPINGS"))
    gpus = count_gpus()
    arguments = [os.path.expandvars(word) for word in sys.argv[1:]]
    command = launch_command(setting("OCI__LAUNCH_CMD"), arguments, setting("CODE_ENTRYPOINT"), gpus,
                             setting("OCI__RDZV_TIMEOUT") or "600", nodes)
    if command is None:
        driver_common.fail(driver_common.EXIT_USAGE, "neither a command nor an entrypoint says what to run")
    if nodes.count > 1 and (setting("OCI__DEEPSPEED") or command.split(" ")[0] == "deepspeed"):
        driver_common.fail(driver_common.EXIT_CONFIG, "deepspeed starts its processes on other nodes by ssh, which jobs here do not have; "
                           "launch DeepSpeed with torchrun or accelerate")
    for name, value in (("WORLD_SIZE", gpus * nodes.count), ("MASTER_ADDR", nodes.host), ("MASTER_PORT", nodes.port), ("RANK", nodes.rank)):
        os.environ.setdefault(name, str(value))
    print("runlet: %s" % command, file=sys.stderr, flush=True)
    driver_common.run_command(["bash", "-c", command], outputs)


if __name__ == "__main__":
    main()
