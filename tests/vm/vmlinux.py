#!/usr/bin/env python3
"""vmlinux.py VMLINUZ OUT - takes the uncompressed kernel (ELF) out of a compressed one: QEMU loads it without unpacking at each start."""
import lzma
import subprocess
import sys
import zlib

# Debian's cloud kernel is lz4; the others have been or may be. What follows the compressed part is passed over as garbage.
METHODS = (
    (b"\x02\x21\x4c\x18", lambda data: _piped(data, "lz4", "-dc")),
    (b"\x28\xb5\x2f\xfd", lambda data: _piped(data, "zstd", "-dcq")),
    (b"\xfd7zXZ\0", lambda data: lzma.LZMADecompressor().decompress(data)),
    (b"\x1f\x8b\x08", lambda data: zlib.decompressobj(31).decompress(data)),
)


def _piped(data, *command):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


def kernel_of(image):
    """The ELF file inside; ValueError when there is none that this program can unpack."""
    for magic, unpack in METHODS:
        at = image.find(magic)
        while at >= 0:
            try:
                found = unpack(image[at:])
            except (lzma.LZMAError, zlib.error):
                found = b""
            if found.startswith(b"\x7fELF"):
                return found
            at = image.find(magic, at + 1)
    raise ValueError("no kernel that could be unpacked")


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as source:
        elf = kernel_of(source.read())
    with open(sys.argv[2], "wb") as target:
        target.write(elf)
