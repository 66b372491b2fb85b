#!/usr/bin/env python3
"""includes.py - the direction of includes: a folder includes only what its line in CMakeLists.txt lists, libraries too."""
import re

from source import arguments, blank, files, line_of, Report

# Headers of libraries, the CMake target that brings them, and where they may appear at all (None: wherever CMake lists them).
LIBRARIES = (
    (re.compile(r"uv\.h|uv/.*"), "PkgConfig::UV", {"agent/io"}),
    (re.compile(r"curl/.*"), "PkgConfig::CURL", {"agent/io"}),
    (re.compile(r"openssl/.*"), "PkgConfig::CRYPTO", {"agent/auth", "agent/fetch"}),
    (re.compile(r"microhttpd\.h"), "PkgConfig::MICROHTTPD", {"agent/daemon"}),
    (re.compile(r"blkid\.h"), "PkgConfig::BLKID", {"agent/probe"}),
    (re.compile(r"archive(_entry)?\.h"), "PkgConfig::ARCHIVE", {"agent/unpack", "agent/fetch"}),
    (re.compile(r"jansson\.h"), "PkgConfig::JANSSON", None),
    (re.compile(r"yaml\.h"), "PkgConfig::YAML", None),
    (re.compile(r"sys/capability\.h"), "PkgConfig::CAP", None),
)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
FOLDER = re.compile(r"^runlet_folder\(([^)]*)\)", re.MULTILINE)


class Folder:
    def __init__(self, words):
        self.path = words[0]
        self.name = self.path.split("/")[-1]
        self.uses, self.libraries = [], []
        into = None
        for word in words[1:]:
            if word in ("USES", "LIBRARIES"):
                into = self.uses if word == "USES" else self.libraries
            else:
                into.append(word)


def read_folders(root, report):
    """The table of CMakeLists.txt, in its order: a line may name only folders of the lines above it."""
    path = root / "CMakeLists.txt"
    text = re.sub(r"#[^\n]*", "", path.read_text())
    folders = {}
    for match in FOLDER.finditer(text):
        folder = Folder(match.group(1).split())
        for used in folder.uses:
            if used not in folders:
                report.add(path, line_of(text, match.start()), f"{folder.path} uses {used}, which no line above it declares")
        folders[folder.name] = folder
    return folders


def folder_of(path, root, folders):
    """The declared folder that holds the file: files may be one level below it."""
    relative = path.relative_to(root)
    for folder in folders.values():
        if str(relative).startswith(folder.path + "/"):
            return folder
    return None


def check_own(folder, header, folders, root):
    if "/" not in header:
        return f'"{header}" must be included as "{folder.name}/{header}"'
    name = header.split("/")[0]
    if name not in folders:
        return f'"{header}": there is no folder {name}'
    if name != folder.name and name not in folder.uses:
        return f'"{header}": {folder.path} may not use {name} (see its line in CMakeLists.txt)'
    if not (root / folders[name].path).parent.joinpath(header).exists():
        return f'"{header}" does not exist'
    return None


def check_library(folder, header):
    for pattern, target, only in LIBRARIES:
        if not pattern.fullmatch(header):
            continue
        if only is not None and folder.path not in only:
            return f"<{header}> may be included only in {', '.join(sorted(only))}"
        if target not in folder.libraries:
            return f"<{header}>: {folder.path} does not list {target} in CMakeLists.txt"
    return None


def main():
    options = arguments(__doc__)
    report = Report("includes", options.root)
    folders = read_folders(options.root, report)
    for path in files(options.root, {".c", ".h"}):
        folder = folder_of(path, options.root, folders)
        if folder is None:
            report.add(path, 1, "this folder has no runlet_folder() line in CMakeLists.txt")
            continue
        text = blank(path.read_text(), strings=False)
        for match in INCLUDE.finditer(text):
            own = match.group(1) == '"'
            problem = check_own(folder, match.group(2), folders, options.root) if own else check_library(folder, match.group(2))
            if problem:
                report.add(path, line_of(text, match.start()), problem, match.group(2))
    report.finish()


if __name__ == "__main__":
    main()
