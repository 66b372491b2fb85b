/* verb_table.c - the table of verbs: what each is called, takes and means. See verbs.h. */
#include "cli/verbs.h"

#include "base/auto.h"
#include "cli/cli.h"

#define OPTIONS(table) .options = (table), .option_count = ARRAY_SIZE(table)

const struct cli_option CLI_GLOBAL_OPTIONS[] = {
    {.name = "config",
     .argument = "FILE",
     .completion = COMPLETE_FILE,
     .help = "Read this configuration instead of /etc/runlet/runlet.yaml, and its drop-ins beside it."},
    {.name = "help", .letter = 'h', .help = "Show help and exit."},
    {.name = "version", .help = "Show the version and exit."},
};
const size_t CLI_GLOBAL_OPTION_COUNT = ARRAY_SIZE(CLI_GLOBAL_OPTIONS);

/* What run, submit and validate read. */
#define DOCUMENT_OPTIONS                                                                                     \
    {.name = "job",                                                                                          \
     .argument = "FILE",                                                                                     \
     .completion = COMPLETE_FILE,                                                                            \
     .help = "Take the job from this OCI Job document (JSON). FILE is then the artifact, if there is one."}, \
    {                                                                                                        \
        .name = "run", .argument = "FILE", .completion = COMPLETE_FILE,                                      \
        .help = "Take the overrides from this OCI JobRun document (JSON)."                                   \
    }

/* What run and submit lay over the documents. */
#define OVERRIDE_OPTIONS                                                                                     \
    {.name = "env",                                                                                          \
     .letter = 'e',                                                                                          \
     .argument = "K=V",                                                                                      \
     .repeatable = true,                                                                                     \
     .help = "Set an environment variable of the job. A K alone takes the value from runlet's own "          \
             "environment."},                                                                                \
        {.name = "env-file",                                                                                 \
         .argument = "FILE",                                                                                 \
         .repeatable = true,                                                                                 \
         .completion = COMPLETE_FILE,                                                                        \
         .help = "Set the variables of a file with a K=V on each line; # begins a comment line. --env wins " \
                 "over it."},                                                                                \
        {.name = "entrypoint",                                                                               \
         .argument = "PATH",                                                                                 \
         .help = "The file of the code to execute, as the job's own entrypoint names it."},                  \
        {.name = "max-runtime",                                                                              \
         .argument = "DURATION",                                                                             \
         .help = "End the job after this time: 90s, 5m, 2h, 30d."},                                          \
        {.name = "name", .argument = "NAME", .help = "The display name of the run."},                        \
    {                                                                                                        \
        .name = "conda", .argument = "none|PATH", .completion = COMPLETE_DIRECTORY,                          \
        .help = "Instead of the conda environment that the job names: the system's Python, or the "          \
                "environment in a folder."                                                                   \
    }

/* The cluster that holds the keys of a fleet. */
#define CLUSTER_OPTIONS                                                                                      \
    {.name = "endpoints",                                                                                    \
     .argument = "URLS",                                                                                     \
     .help = "Ask these members of the etcd cluster, with commas between, instead of the configuration's "   \
             "etcd.endpoints."},                                                                             \
    {                                                                                                        \
        .name = "patience", .argument = "DURATION",                                                          \
        .help = "Give up when the cluster has not answered for this time: 10s, 5m. Without it: 30s."         \
    }

static const struct cli_option RUN_OPTIONS[] = {
    DOCUMENT_OPTIONS,
    OVERRIDE_OPTIONS,
    {.name = "detach", .letter = 'd', .help = "Print the id of the run and return; the run goes on."},
    {.name = "dry-run",
     .letter = 'n',
     .help = "Print the whole plan - files, command, every variable with its layer, limits, deadline - and "
             "create nothing."},
    {.name = "json", .help = "Print the end of the run, or the plan, as JSON."},
    {.name = "keep",
     .letter = 'k',
     .help = "Keep the run's records and home until they are removed by hand: the node's retention "
             "passes it over."},
    {.name = "quiet",
     .letter = 'q',
     .help = "Say nothing about the run, unless it could not be started: only the job's own output appears."},
};

static const char *const RUN_TEXT[] = {
    "FILE is an ADS job YAML (kind: job) as it is, with local paths relative to it; or just an artifact: a "
    ".py, .sh or .jar file, an "
    "archive (.zip, .tar, .tar.gz, .tgz, .tar.xz, .tar.zst, .tar.bz2), or a directory. With --job and --run "
    "the documents are OCI's "
    "Job and JobRun in JSON. Words after -- replace the job's arguments.",
    "Both streams of the job appear live, its standard output on standard output and its standard error on "
    "standard error. What runlet "
    "says itself goes to standard error. Ctrl-C asks the job to stop and gives it its grace; a second Ctrl-C "
    "kills it.",
    "The run is recorded like any other: `runlet status` and `runlet logs` know it afterwards.",
    NULL,
};

static const char *const RUN_STATUSES[] = {
    "N",
    "the job's own exit code",
    "124",
    "the job reached its deadline and was ended",
    "125",
    "runlet itself could not run the job: wrong command line or document, or a fault of this machine",
    "126",
    "the program that runs the entry file (python, bash, java) could not be executed",
    "127",
    "the program that runs the entry file was not found",
    "128+N",
    "the job was ended by signal N",
    NULL,
};

static const char *const RUN_EXAMPLES[] = {
    "runlet run train.py -- --epochs 3",
    "Execute one Python file with arguments.",
    "runlet run project.zip --entrypoint src/main.py -e LEVEL=debug",
    "Execute a file of an archive with a variable set.",
    "runlet run job.yaml --max-runtime 2h --dry-run",
    "Show what an ADS job would do here.",
    "runlet run --job job.json --run run.json project.tar.gz",
    "Execute what OCI's API returned.",
    NULL,
};

static const struct cli_option VALIDATE_OPTIONS[] = {
    DOCUMENT_OPTIONS,
    {.name = "json", .help = "Print the findings as JSON."},
};

static const char *const VALIDATE_TEXT[] = {
    "Reads the documents as `runlet run` does and shows everything that is wrong with them, each with its "
    "file, line and "
    "column (YAML) or JSON pointer (JSON). Limits of the service are checked as the service does. Unknown "
    "keys of a job YAML are warnings; "
    "in x-runlet blocks they are errors.",
    NULL,
};

static const char *const VALIDATE_STATUSES[] = {
    "0", "no error; there may be warnings", "1", "there are errors", "2", "the command line was wrong", NULL,
};

static const struct cli_option SUBMIT_OPTIONS[] = {
    DOCUMENT_OPTIONS,
    OVERRIDE_OPTIONS,
    {.name = "matrix",
     .argument = "K=V,...",
     .repeatable = true,
     .help = "Hand the job in once for each of these values of the environment variable K; with several "
             "--matrix for "
             "each combination, up to 1000 runs."},
    {.name = "json", .help = "Print the run as JSON."},
    {.name = "etcd", .help = "Hand the job to the fleet of an etcd cluster, not to this machine."},
    {.name = "pool",
     .argument = "POOL",
     .help = "The pool whose nodes may execute it. Without it: node.pool, or default."},
    {.name = "priority",
     .argument = "N",
     .help = "From -1000 to 1000: what is higher goes first. Without it: 0."},
    {.name = "on-lost",
     .argument = "fail|requeue",
     .help = "What becomes of the run when its node is gone for longer than its lease: it fails, which is "
             "the default, or is "
             "executed anew."},
    {.name = "attempts",
     .argument = "N",
     .help = "With --on-lost requeue: how many executions it may have. Without it: 3."},
    CLUSTER_OPTIONS,
};

static const char *const SUBMIT_TEXT[] = {
    "Checks the job as `runlet run` does, copies its artifact, hands the run to runletd and prints its id. "
    "Runs are executed "
    "in the order of their submission, as many at a time as the configuration's `concurrency` says. When "
    "runletd is down the run waits for it.",
    "With --matrix lr=0.1,0.01 --matrix layers=2,4 the job is handed in four times. Each is a run of its "
    "own, with "
    "these environment variables, RUNLET_MATRIX with the id that all have in common, that id and a number as "
    "its id, and "
    "the values in its name: NAME[lr=0.1,layers=2]. The ids are printed, one a line, each when its run is in "
    "the queue. "
    "A value holds no comma.",
    "With --etcd the job goes into the queue of a pool, and a node of that pool takes it. What is on this "
    "machine goes with "
    "it, each file of at most 256 KiB; what is larger has to be where every node can fetch it, and the job "
    "names that place.",
    NULL,
};

static const struct cli_option STATUS_OPTIONS[] = {
    {.name = "json", .help = "Print JSON: one object for a RUN, else a list."},
};

static const char *const STATUS_TEXT[] = {
    "Shows the runs of this machine as a table, the newest first; or everything that is known about one RUN. "
    "It reads the records on disk, so it "
    "works while runletd is down.",
    "A RUN is an id, or the beginning of one when only one run has it. Of a run that was executed again the "
    "last attempt "
    "is meant; RUN~N names attempt N.",
    NULL,
};

static const struct cli_option LOGS_OPTIONS[] = {
    {.name = "follow", .letter = 'f', .help = "Go on as the run writes more, until it ends."},
};

static const char *const LOGS_TEXT[] = {
    "Prints what the job wrote, both streams in the order of arrival: standard output to standard output, "
    "standard error to "
    "standard error, byte for byte.",
    NULL,
};

static const char *const CANCEL_TEXT[] = {
    "Asks the run to stop: the job gets its stop signal, then its grace, then everything it started is "
    "killed. A run that waits never starts. "
    "Returns when the request was recorded; `runlet wait` waits for the end.",
    "With --etcd the run is one of a fleet. One that waits ends at once; the node of one that executes is "
    "told.",
    NULL,
};

static const struct cli_option CANCEL_OPTIONS[] = {
    {.name = "etcd", .help = "The run is one of the fleet of an etcd cluster."},
    CLUSTER_OPTIONS,
};

static const char *const PREEMPT_TEXT[] = {
    "Tells a job how long it still has, and stops it then with the cause preempted. The job finds the notice "
    "in the file that "
    "RUNLET_NOTICE_FILE names, gets the signal that its document asks for, and may answer with the place of "
    "its "
    "checkpoint. One that ends by itself meanwhile ends as it would have anyway.",
    "Works while runletd is down. A run that waits or has ended cannot be preempted.",
    NULL,
};

static const struct cli_option PREEMPT_OPTIONS[] = {
    {.name = "in", .argument = "DURATION", .help = "The time the job still has: 30s, 2m. Without it: none."},
    {.name = "reason",
     .argument = "drain|spot|shutdown",
     .help = "What the job is told: the node is emptied (drain, the default), the provider takes the machine "
             "back (spot), or "
             "it goes down (shutdown)."},
    {.name = "all", .help = "Every run that executes on this machine, instead of RUN."},
};

static const struct cli_option BOOTSTRAP_OPTIONS[] = {
    {.name = "from",
     .argument = "FILE|oci|aws|gcp|azure",
     .completion = COMPLETE_FILE,
     .help = "Where the document is: a file, or the instance metadata service of a cloud. Without it: "
             "bootstrap.yaml beside the "
             "configuration."},
    {.name = "metadata",
     .argument = "URL",
     .help = "Where that service is, instead of the cloud's own address."},
    {.name = "timeout", .argument = "DURATION", .help = "Give up after this time. Without it: 10m."},
};

static const char *const BOOTSTRAP_TEXT[] = {
    "Makes a new machine a node of a control plane: exchanges the one-time token of a document, which "
    "cloud-init or the "
    "instance metadata service has brought, for the node's credential, and writes that and the rest of the "
    "document into "
    "the configuration. The document is removed then, and the token with it. Interrupted at any place, it "
    "goes on when it "
    "is called again; when everything is done it says so.",
    "Needs root. Runs before runletd is started. docs/bootstrap.md.",
    NULL,
};

static const char *const BOOTSTRAP_EXAMPLES[] = {
    "runlet bootstrap",
    "Use /etc/runlet/bootstrap.yaml.",
    "runlet bootstrap --from gcp",
    "Use the attribute `runlet` of a machine at Google.",
    NULL,
};

static const struct cli_option DRAIN_OPTIONS[] = {
    {.name = "reason", .argument = "TEXT", .help = "Why, for people: `runlet status` shows it."},
    {.name = "wait",
     .help = "Return when the runs that execute here have ended and their ends are reported. Those that wait "
             "for their turn go on waiting."},
};

static const char *const DRAIN_TEXT[] = {
    "From now on this node takes up no further run, over restarts of runletd and of the machine, until "
    "`runlet undrain`. Runs that execute go on; `runlet preempt --all` ends them.",
    "Needs root or the agent's user. Works while runletd is down.",
    NULL,
};

static const char *const DRAIN_EXAMPLES[] = {
    "runlet drain --reason maintenance --wait",
    "Empty the node, and return when it is.",
    NULL,
};

static const char *const UNDRAIN_TEXT[] = {
    "Ends what `runlet drain` began: this node takes up runs again.",
    "Needs root or the agent's user. Works while runletd is down.",
    NULL,
};

static const char *const LEAVE_TEXT[] = {
    "For the service manager, which runs it as root when runletd has ended: executes leave.poweroff when "
    "EXIT_CODE and EXIT_STATUS say that runletd asked for it, and the configuration that it may.",
    NULL,
};

static const char *const DEADLINE_TEXT[] = {
    "Lets a job run for DURATION from its start, instead of what its document says: shorter or longer, but "
    "not longer than "
    "the node's longest runtime. When it has run for longer already, it is stopped now. The notice before "
    "the deadline "
    "moves with it.",
    "Without runletd the run's own supervisor is told, so it works for every run that executes; for one that "
    "waits runletd "
    "is needed.",
    NULL,
};

static const char *const WHY_TEXT[] = {
    "Explains the end of a run, or what it is doing: the cause with its evidence, the limits it reached, the "
    "calls that its "
    "sandbox denied, what it used, and what was not contained as it should be.",
    "Reads the disk: it works while runletd is down.",
    NULL,
};

static const char *const WAIT_TEXT[] = {
    "Waits until the run has ended, with all its attempts, and exits as `runlet run` would have.",
    "With --etcd the run is one of a fleet, and runlet waits for the cluster as well. An end by a signal is "
    "125 then.",
    NULL,
};

static const struct cli_option WAIT_OPTIONS[] = {
    {.name = "etcd", .help = "The run is one of the fleet of an etcd cluster."},
    CLUSTER_OPTIONS,
};

static const struct cli_option RUNS_OPTIONS[] = {
    {.name = "pool", .argument = "POOL", .help = "Only the runs of this pool."},
    {.name = "nodes", .help = "Show each node of a run of several as well: RUN+RANK."},
    {.name = "json", .help = "Print a list of JSON objects: the states as the cluster holds them."},
    CLUSTER_OPTIONS,
};

static const char *const RUNS_TEXT[] = {
    "Shows the runs of a fleet, the newest first: how far each is or how it ended, the pool it was handed "
    "to, the node that "
    "has it or had it last, and which execution this is. Works on any machine that reaches the etcd cluster.",
    NULL,
};

static const struct cli_option REMOVE_OPTIONS[] = {
    {.name = "ended-before",
     .argument = "DURATION",
     .help = "Remove all runs that ended longer ago than that: 12h, 30d."},
    {.name = "pool", .argument = "POOL", .help = "With --ended-before: only the runs of this pool."},
    CLUSTER_OPTIONS,
};

static const char *const REMOVE_TEXT[] = {
    "Removes an ended run of a fleet from the etcd cluster: its state and its assignment, and those of its "
    "nodes. One that has not "
    "ended is not touched. What the nodes keep of it, they keep as long as retention.days says. Works on any "
    "machine that "
    "reaches the cluster.",
    NULL,
};

static const char *const REMOVE_EXAMPLES[] = {
    "runlet remove --ended-before 30d",
    "Remove every run that ended more than 30 days ago.",
    NULL,
};

static const struct cli_option NODES_OPTIONS[] = {
    {.name = "pool", .argument = "POOL", .help = "Only the nodes of this pool."},
    {.name = "json", .help = "Print a list of JSON objects."},
    CLUSTER_OPTIONS,
};

static const char *const NODES_TEXT[] = {
    "Shows the nodes of a fleet whose leases hold: their pools, whether they take up runs and why not, how "
    "many they have, and what "
    "they are. CHANGED is the time since a node last said something new.",
    NULL,
};

static const struct cli_option CONFIG_OPTIONS[] = {
    {.name = "origin", .help = "With show: say for each value where it comes from."},
};

static const char *const CONFIG_TEXT[] = {
    "check reads the configuration and shows all that is wrong with it, each error with its file, line and "
    "column.",
    "show prints the configuration in effect as YAML: the defaults, the file, and the drop-ins over it.",
    "supervisor-options prints what this configuration allows a run, as the options of runlet-supervisor in "
    "an "
    "environment file: systemd's units are given it.",
    NULL,
};

static const char *const CONFIG_EXAMPLES[] = {
    "runlet config show --origin",
    "Who set which value?",
    "runlet --config ./runlet.yaml config check",
    "Check a file before it is installed.",
    NULL,
};

static const char *const VERSION_TEXT[] = {"Prints the version of runlet.", NULL};
static const char *const HELP_TEXT[] = {"Shows the list of verbs, or the help of one.", NULL};
static const char *const GEN_TEXT[] = {
    "Prints what the build derives from the program's own tables: `man VERB` (or `man @verbs`, `man "
    "@options`, `man @keys`: sections of the hand-written pages), `bash-completion`, `config-reference`, "
    "`verbs`.",
    NULL,
};

/* In the order of the overview. */
const struct verb VERBS[] = {
    {.name = "run",
     .synopsis = "[OPTION...] FILE [-- ARG...]",
     .summary = "Execute a job here, in the foreground",
     .description = RUN_TEXT,
     OPTIONS(RUN_OPTIONS),
     .args_max = 1,
     .takes_rest = true,
     .completion = COMPLETE_FILE,
     .statuses = RUN_STATUSES,
     .examples = RUN_EXAMPLES,
     .usage_status = EXIT_RUN_ERROR},
    {.name = "validate",
     .synopsis = "[OPTION...] FILE",
     .summary = "Check a job without running it",
     .description = VALIDATE_TEXT,
     OPTIONS(VALIDATE_OPTIONS),
     .args_max = 1,
     .completion = COMPLETE_FILE,
     .statuses = VALIDATE_STATUSES,
     .usage_status = EXIT_USAGE},
    {.name = "submit",
     .synopsis = "[OPTION...] FILE [-- ARG...]",
     .summary = "Hand a job to this machine's agent",
     .description = SUBMIT_TEXT,
     OPTIONS(SUBMIT_OPTIONS),
     .args_max = 1,
     .takes_rest = true,
     .completion = COMPLETE_FILE,
     .usage_status = EXIT_USAGE},
    {.name = "status",
     .synopsis = "[--json] [RUN]",
     .summary = "Show the runs of this machine, or one",
     .description = STATUS_TEXT,
     OPTIONS(STATUS_OPTIONS),
     .args_max = 1,
     .completion = COMPLETE_RUN,
     .usage_status = EXIT_USAGE},
    {.name = "logs",
     .synopsis = "[-f] RUN",
     .summary = "Print what a job wrote",
     .description = LOGS_TEXT,
     OPTIONS(LOGS_OPTIONS),
     .args_min = 1,
     .args_max = 1,
     .completion = COMPLETE_RUN,
     .usage_status = EXIT_USAGE},
    {.name = "cancel",
     .synopsis = "[--etcd] RUN",
     .summary = "Ask a run to stop",
     .description = CANCEL_TEXT,
     OPTIONS(CANCEL_OPTIONS),
     .args_min = 1,
     .args_max = 1,
     .completion = COMPLETE_RUN,
     .usage_status = EXIT_USAGE},
    {.name = "preempt",
     .synopsis = "[--in DURATION] [--reason WORD] RUN|--all",
     .summary = "Tell a job how long it still has, then stop it",
     .description = PREEMPT_TEXT,
     OPTIONS(PREEMPT_OPTIONS),
     .args_max = 1,
     .completion = COMPLETE_RUN,
     .usage_status = EXIT_USAGE},
    {.name = "bootstrap",
     .synopsis = "[--from FILE|oci|aws|gcp|azure] [--timeout DURATION]",
     .summary = "Make this machine a node of a control plane",
     .description = BOOTSTRAP_TEXT,
     OPTIONS(BOOTSTRAP_OPTIONS),
     .examples = BOOTSTRAP_EXAMPLES,
     .usage_status = EXIT_USAGE},
    {.name = "drain",
     .synopsis = "[--reason TEXT] [--wait]",
     .summary = "Make this node take up no further run",
     .description = DRAIN_TEXT,
     OPTIONS(DRAIN_OPTIONS),
     .examples = DRAIN_EXAMPLES,
     .usage_status = EXIT_USAGE},
    {.name = "undrain",
     .synopsis = "",
     .summary = "Make this node take up runs again",
     .description = UNDRAIN_TEXT,
     .usage_status = EXIT_USAGE},
    {.name = "deadline",
     .synopsis = "RUN DURATION",
     .summary = "Change how long a job may run",
     .description = DEADLINE_TEXT,
     .args_min = 2,
     .args_max = 2,
     .completion = COMPLETE_RUN,
     .usage_status = EXIT_USAGE},
    {.name = "why",
     .synopsis = "RUN",
     .summary = "Explain how a run ended, and what it went through",
     .description = WHY_TEXT,
     .args_min = 1,
     .args_max = 1,
     .completion = COMPLETE_RUN,
     .usage_status = EXIT_USAGE},
    {.name = "wait",
     .synopsis = "[--etcd] RUN",
     .summary = "Wait for the end of a run",
     .description = WAIT_TEXT,
     OPTIONS(WAIT_OPTIONS),
     .args_min = 1,
     .args_max = 1,
     .completion = COMPLETE_RUN,
     .statuses = RUN_STATUSES,
     .usage_status = EXIT_RUN_ERROR},
    {.name = "runs",
     .synopsis = "[--pool POOL] [--nodes] [--json]",
     .summary = "Show the runs of a fleet",
     .description = RUNS_TEXT,
     OPTIONS(RUNS_OPTIONS),
     .usage_status = EXIT_USAGE},
    {.name = "remove",
     .synopsis = "RUN|--ended-before DURATION",
     .summary = "Remove ended runs from a fleet",
     .description = REMOVE_TEXT,
     OPTIONS(REMOVE_OPTIONS),
     .examples = REMOVE_EXAMPLES,
     .args_max = 1,
     .usage_status = EXIT_USAGE},
    {.name = "nodes",
     .synopsis = "[--pool POOL] [--json]",
     .summary = "Show the nodes of a fleet",
     .description = NODES_TEXT,
     OPTIONS(NODES_OPTIONS),
     .usage_status = EXIT_USAGE},
    {.name = "config",
     .synopsis = "check|show|supervisor-options [--origin]",
     .summary = "Check or show the configuration",
     .description = CONFIG_TEXT,
     OPTIONS(CONFIG_OPTIONS),
     .args_min = 1,
     .args_max = 1,
     .completion = COMPLETE_WORD,
     .words = "check show supervisor-options",
     .examples = CONFIG_EXAMPLES,
     .usage_status = EXIT_USAGE},
    {.name = "version",
     .synopsis = "",
     .summary = "Show the version",
     .description = VERSION_TEXT,
     .usage_status = EXIT_USAGE},
    {.name = "help",
     .synopsis = "[VERB]",
     .summary = "Show help",
     .description = HELP_TEXT,
     .args_max = 1,
     .completion = COMPLETE_VERB,
     .usage_status = EXIT_USAGE},
    {.name = "leave",
     .synopsis = "",
     .summary = "Switch the machine off when runletd has asked for it",
     .description = LEAVE_TEXT,
     .usage_status = EXIT_USAGE,
     .hidden = true},
    {.name = "gen",
     .synopsis = "WHAT [NAME]",
     .summary = "Print pages derived from runlet's own tables",
     .description = GEN_TEXT,
     .args_min = 1,
     .args_max = 2,
     .usage_status = EXIT_USAGE,
     .hidden = true},
};
const size_t VERB_COUNT = ARRAY_SIZE(VERBS);
