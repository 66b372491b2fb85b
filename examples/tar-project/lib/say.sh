say() {
    echo "tar-project: $*"
}
