#!/usr/bin/env bash
# build.sh OUTDIR - packs the examples that run from archives: zip-project.zip, tar-project.tar.gz, train-project.zip with the job
# (quickstart.yaml) that names it and, where there is a JDK, app.jar.
set -euo pipefail

[[ $# -eq 1 ]] || { echo "usage: ${0##*/} OUTDIR" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")"

# The content of the project at the top of the archive, as `zip -r` inside it would do.
(cd zip-project && python3 -m zipfile -c "$out/zip-project.zip" main.py report/ words.txt)
# The project as a folder, as `zip -r train-project.zip train-project` and `tar -czf` beside it would do.
python3 -m zipfile -c "$out/train-project.zip" train-project/
sed 's#scriptPathURI: train-project$#scriptPathURI: train-project.zip#' quickstart.yaml >"$out/quickstart.yaml"
tar -czf "$out/tar-project.tar.gz" --owner=0 --group=0 --numeric-owner tar-project

if command -v javac >/dev/null && command -v jar >/dev/null; then
    classes=$(mktemp -d)
    trap 'rm -rf "$classes"' EXIT
    javac -d "$classes" fat-jar/src/demo/*.java
    cp fat-jar/resources/* "$classes"
    jar --create --file "$out/app.jar" --manifest fat-jar/manifest.txt -C "$classes" .
else
    echo "${0##*/}: there is no JDK here: app.jar is left out" >&2
fi
