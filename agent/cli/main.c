/* main.c - runlet: the command for people. */
#include "cli/cli.h"

#include "base/crash_point.h"

int main(int argc, char **argv)
{
    CRASH_ROLE("runlet");
    CRASH_POINT("main");
    return cli_main(argc, argv, stdout, stderr);
}
