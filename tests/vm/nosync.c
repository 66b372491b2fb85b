/* nosync.c - loaded before everything else it makes a machine that forgets to ask the disk for anything: the power-cut story must fail on it. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

int syncfs(int fd)
{
    (void)fd;
    return 0;
}
