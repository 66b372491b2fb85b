"""runlet in the guest, as its administrator uses it."""
import json

RUNS = "/var/lib/runlet/runs"
AGENT = "/var/lib/runlet/agent"


class Guest:
    def __init__(self, vm):
        self.vm = vm
        self.jobs = 0

    def start(self, config=""):
        """Has runletd running now and after each start of the machine."""
        if config:
            self.vm.push({"/etc/runlet/runlet.yaml": config})
        self.vm.run("systemctl", "enable", "--quiet", "--now", "runletd.service")

    def submit(self, script, *options):
        """Hands in a shell script; the run's id."""
        self.jobs += 1
        path = "/root/job%d.sh" % self.jobs
        self.vm.push({path: script})
        return self.vm.run("runlet", "submit", *options, path).out.strip()

    def view(self, run):
        """runlet status --json."""
        return json.loads(self.vm.run("runlet", "status", "--json", run).out)

    def wait(self, run, patience=240.0):
        """The exit status of runlet wait."""
        return self.vm.run("runlet", "wait", run, check=False, patience=patience).code

    def output(self, run):
        return self.vm.run("runlet", "logs", run).out

    def facts(self, run, event):
        """What the run's supervisor wrote down under that name."""
        lines = self.vm.read("%s/%s/supervisor.journal" % (RUNS, run)).splitlines()
        return [fact for fact in map(json.loads, lines) if fact["event"] == event]

    def await_output(self, run, text):
        self.vm.until("run %s writes %r" % (run, text), "grep -q %s %s/%s/log/output.log" % (text, RUNS, run))

    def home(self, run, name):
        return "%s/%s/home/%s" % (RUNS, run, name)

    def unit(self, run):
        """The properties of the unit of the run's supervisor."""
        pid = self.facts(run, "accepted")[0]["pid"]
        name = self.vm.sh("ps -o unit= -p %d" % pid).out.strip()
        lines = self.vm.run("systemctl", "show", name).out.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)
