"""Disks as a power cut could leave them, from a log of every write and flush (QEMU's blklogwrites, dm-log-writes format).

What was written before the last flush is there. Of what came after it, any part may be: pages of 4 KiB, each there or not.
"""
import random
import struct

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD = 1, 2, 4
PAGE = 4096


class Entry:
    def __init__(self, offset, size, flags, at):
        self.offset, self.size, self.flags, self.at = offset, size, flags, at


class WriteLog:
    def __init__(self, path):
        self.file = open(path, "rb")
        magic, _, count, sector = struct.unpack("<QQQI", self.file.read(28))
        if magic != MAGIC:
            raise ValueError("not a log of writes: %s" % path)
        self.entries = []
        at = sector
        for _ in range(count):
            self.file.seek(at)
            header = self.file.read(32)
            if len(header) < 32:
                break
            start, sectors, flags, _ = struct.unpack("<QQQQ", header)
            at += sector
            self.entries.append(Entry(start * sector, sectors * sector, flags, at))
            if not flags & DISCARD:
                at += sectors * sector

    def __len__(self):
        return len(self.entries)

    def close(self):
        self.file.close()

    def data(self, entry):
        if entry.flags & DISCARD:
            return bytes(entry.size)
        self.file.seek(entry.at)
        return self.file.read(entry.size)

    def flushed(self, end):
        """How many of the first `end` entries a flush made durable."""
        return max((i for i, e in enumerate(self.entries[:end]) if e.flags & FLUSH), default=0)

    def apply(self, disk, begin, end):
        """Writes the entries [begin, end) to an open file."""
        for entry in self.entries[begin:end]:
            disk.seek(entry.offset)
            disk.write(self.data(entry))

    def apply_torn(self, disk, begin, end, seed):
        """Writes a part of the entries [begin, end): what the disk had not been asked to keep."""
        chance = random.Random(seed)
        for entry in self.entries[begin:end]:
            data = self.data(entry)
            if entry.flags & FUA:
                disk.seek(entry.offset)
                disk.write(data)
                continue
            for at in range(0, len(data), PAGE):
                if chance.random() < 0.5:
                    disk.seek(entry.offset + at)
                    disk.write(data[at:at + PAGE])
