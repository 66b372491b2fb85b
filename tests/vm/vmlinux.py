#!/usr/bin/env python3
"""vmlinux.py VMLINUZ OUT - takes the uncompressed kernel (ELF) out of a compressed one: QEMU loads it without unpacking at each start."""
import lzma
import subprocess
import sys
import zlib

METHODS = (
    (b"\xfd7zXZ\0", lambda data: lzma.LZMADecompressor().decompress(data)),
    (b"\x1f\x8b\x08", lambda data: zlib.decompressobj(31).decompress(data)),
    (b"\x28\xb5\x2f\xfd", lambda data: subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE,
                                                      stderr=subprocess.DEVNULL).stdout),
)


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
