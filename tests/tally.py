#!/usr/bin/env python3
"""Adds up the JUnit files of ctest and pytest: shows what failed and what was skipped and why, then one line of totals."""
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# pytest's exit statuses: all passed, some failed, nothing collected. Any other one means that it did not get through.
PYTEST_RAN = (0, 1, 5)


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []
        self.names = set()  # of what passed

    def add_case(self, case):
        name = "::".join(x for x in (case.get("classname"), case.get("name")) if x)
        trouble = case.find("failure") if case.find("failure") is not None else case.find("error")
        skip = case.find("skipped")
        if trouble is not None:
            details = trouble.text or trouble.get("message") or ""
            if case.find("system-out") is not None and not trouble.text:
                details = case.find("system-out").text or details
            self.failed.append((name, details))
        elif skip is not None or case.get("status") in ("notrun", "disabled"):
            self.skipped.append((name, skip_reason(case, skip)))
        else:
            self.passed += 1
            self.names.add(name)

    def add_file(self, path):
        try:
            root = ElementTree.parse(path).getroot()
        except (OSError, ElementTree.ParseError) as problem:
            self.failed.append((path.name, f"no result: {problem}"))
            return
        for case in root.iter("testcase"):
            self.add_case(case)


def forgive(tally, again):
    """What failed beside others and passed alone counts as passed, and is named."""
    second = Tally()
    second.add_file(again)
    unstable = [name for name, _ in tally.failed if name in second.names]
    tally.failed = [entry for entry in tally.failed if entry[0] not in second.names]
    tally.passed += len(unstable)
    return unstable


def skip_reason(case, skip):
    """pytest gives the reason as the message; a cmocka program prints it."""
    message = skip.get("message") if skip is not None else ""
    output = case.find("system-out")
    found = re.search(r"^skip: (.*)$", output.text or "", re.MULTILINE) if output is not None else None
    return found.group(1) if found else message or "no reason given"


def main():
    results, pytest_status = Path(sys.argv[1]), int(sys.argv[2])
    tally = Tally()
    tally.add_file(results / "ctest.xml")
    tally.add_file(results / "pytest.xml")
    if (results / "vm.xml").exists():
        tally.add_file(results / "vm.xml")
    unstable = []
    for again in ("again.xml", "vm-again.xml"):
        if (results / again).exists():
            unstable += forgive(tally, results / again)
    if pytest_status not in PYTEST_RAN:
        log = (results / "pytest.log").read_text(errors="replace")
        tally.failed.append((f"pytest itself (exit status {pytest_status})", log[-4000:]))
    for name, details in tally.failed:
        print(f"FAILED {name}")
        for line in details.strip().splitlines()[-60:]:
            print(f"    {line}")
    for name in unstable:
        print(f"UNSTABLE {name}: failed beside others, passed alone")
    for name, reason in tally.skipped:
        print(f"SKIPPED {name}: {reason}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped")
    return 0 if tally.passed and not tally.failed else 1


if __name__ == "__main__":
    sys.exit(main())
