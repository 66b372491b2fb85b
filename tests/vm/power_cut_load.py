"""power_cut_load.py DISK OFFSET COUNT - in the guest: submits COUNT runs, waits for each, and marks on the disk itself what it was told.

A mark is one sector, written past the file system and past the page cache: in the log of writes it stands exactly where the promise was
made. What it says is "submit RUN" once runlet submit has returned, and "end RUN" once runlet wait has.
"""
import mmap
import os
import subprocess
import sys
import threading

SECTOR = 4096
JOB = "for i in $(seq 40); do echo $RUNLET_NUMBER line $i; done\nexit 3\n"


class Marks:
    def __init__(self, disk, offset):
        self.fd = os.open(disk, os.O_WRONLY | os.O_DIRECT)
        self.offset = offset
        self.page = mmap.mmap(-1, SECTOR)
        self.lock = threading.Lock()

    def put(self, text):
        with self.lock:
            self.page[:] = ("MARK %s\n" % text).encode().ljust(SECTOR, b"\0")
            os.pwrite(self.fd, self.page, self.offset)
            self.offset += SECTOR


def wait(run, marks):
    done = subprocess.run(["runlet", "wait", run], check=False)
    marks.put("end %s %d" % (run, done.returncode))


def main():
    disk, offset, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    marks = Marks(disk, offset)
    with open("/root/load.sh", "w") as job:
        job.write(JOB)
    waiters = []
    for number in range(count):
        run = subprocess.run(["runlet", "submit", "--env", "RUNLET_NUMBER=%d" % number, "/root/load.sh"], stdout=subprocess.PIPE,
                             text=True, check=True).stdout.strip()
        marks.put("submit %s %d" % (run, number))
        waiters.append(threading.Thread(target=wait, args=(run, marks)))
        waiters[-1].start()
    for waiter in waiters:
        waiter.join()


main()
