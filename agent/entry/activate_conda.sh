# shellcheck shell=bash
# activate_conda.sh PREFIX PROGRAM ARGUMENT... - does what `conda activate` does for an environment that was unpacked, and becomes the
# program. Read by bash, inside the job and with its rights alone.
prefix=$1
shift

# conda-pack leaves it: it puts the folder's name into the files that hold the name of the one they were made in. Some packs come without
# it, and some lack what it wants to change; their programs mostly run all the same.
if [ -w "$prefix" ] && [ -f "$prefix/bin/conda-unpack" ] && ! "$prefix/bin/python" "$prefix/bin/conda-unpack" >&2; then
    echo "runlet: conda-unpack failed in $prefix: files there may name the folder in which the environment was made" >&2
fi

export CONDA_PREFIX=$prefix CONDA_DEFAULT_ENV=${prefix##*/} CONDA_SHLVL=1
case $PATH in
"$prefix/bin:"*) ;;
*) export PATH=$prefix/bin:$PATH ;;
esac
for script in "$prefix"/etc/profile.d/*.sh "$prefix"/etc/conda/activate.d/*.sh; do
    # shellcheck source=/dev/null
    if [ -r "$script" ]; then . "$script"; fi
done
unset prefix script
exec "$@"
