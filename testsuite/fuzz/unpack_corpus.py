#!/usr/bin/env python3
"""Unpacks the corpus, or packs it again:  unpack_corpus.py CORPUS FOLDER,  unpack_corpus.py --pack FOLDER CORPUS

CORPUS holds one TARGET.tar.xz for each fuzz target; FOLDER one folder for each, with its inputs as files.
"""

import io
import lzma
import os
import sys
import tarfile


def unpack(corpus: str, folder: str) -> None:
    for name in sorted(os.listdir(corpus)):
        if not name.endswith(".tar.xz"):
            continue
        to = os.path.join(folder, name[: -len(".tar.xz")])
        os.makedirs(to, exist_ok=True)
        with tarfile.open(os.path.join(corpus, name)) as archive:
            for member in archive:
                data = archive.extractfile(member)
                if data:
                    with open(os.path.join(to, os.path.basename(member.name)), "wb") as file:
                        file.write(data.read())


def pack(folder: str, corpus: str) -> None:
    os.makedirs(corpus, exist_ok=True)
    for target in sorted(os.listdir(folder)):
        source = os.path.join(folder, target)
        if not os.path.isdir(source):
            continue
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name in sorted(os.listdir(source)):
                with open(os.path.join(source, name), "rb") as file:
                    data = file.read()
                # Nothing but names and bytes: the same inputs make the same archive.
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        with open(os.path.join(corpus, target + ".tar.xz"), "wb") as file:
            file.write(lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def main() -> int:
    if sys.argv[1] == "--pack":
        pack(sys.argv[2], sys.argv[3])
    else:
        unpack(sys.argv[1], sys.argv[2])
    return 0


if __name__ == "__main__":
    sys.exit(main())
