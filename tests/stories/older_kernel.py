"""Runs a command as on an older kernel: every system call with a number from FIRST on does not exist (ENOSYS).

    older_kernel.py FIRST COMMAND...

From pidfd_open (434) on, all machines number system calls alike, in the order in which they came into Linux: 436 is where Linux 5.4
ends. What the command starts inherits it. Needs CAP_SYS_ADMIN: no_new_privs would be a difference that the command could see.
"""
import ctypes
import os
import struct
import sys

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
LOAD_WORD, JUMP_AT_LEAST, RETURN = 0x20, 0x35, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
ENOSYS = 38
AFTER_LINUX_5_4 = 436


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def take_away(first):
    """Ends the calling thread's calls from number `first` on."""
    text = b"".join(struct.pack("=HBBI", *step) for step in [
        (LOAD_WORD, 0, 0, 0), (JUMP_AT_LEAST, 0, 1, first), (RETURN, 0, 0, ERRNO | ENOSYS), (RETURN, 0, 0, ALLOW)])
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(text) // 8, text)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp: " + os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    take_away(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
