"""Bytes of safetensors files under ZipNN, whole and tensor by tensor: python3 benches/zipnn_sizes.py FOLDER

Prints a Markdown table to set beside that of `benches/peers`, or says that ZipNN is not installed and ends well.
"""

import json
import pathlib
import sys

DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}


def packed(zipnn, data, dtype):
    """Bytes of a buffer, which must come back."""
    coder = lambda: zipnn.ZipNN(input_format="byte", bytearray_dtype=DTYPES[dtype], threads=1)
    out = coder().compress(bytearray(data))
    if bytes(coder().decompress(out)) != data:
        raise SystemExit("a buffer does not come back")
    return len(out)


def row(zipnn, path):
    """The smaller of both ways; ZipNN has no mode for integers."""
    file = path.read_bytes()
    start = 8 + int.from_bytes(file[:8], "little")
    entries = [entry for name, entry in json.loads(file[8:start]).items() if name != "__metadata__"]
    dtype = max(DTYPES, key=lambda name: sum(entry["dtype"] == name for entry in entries))
    if not any(entry["dtype"] == dtype for entry in entries):
        return f"| {path.stem} | {len(file)} | – |"
    parts = start
    for entry in entries:
        begin, end = (start + offset for offset in entry["data_offsets"])
        few = end - begin < 64 or entry["dtype"] not in DTYPES
        parts += end - begin if few else min(end - begin, packed(zipnn, file[begin:end], entry["dtype"]))
    return f"| {path.stem} | {len(file)} | {min(parts, packed(zipnn, file, dtype))} |"


def main():
    try:
        import zipnn
    except ImportError as error:
        print(f"ZipNN is skipped: {error}", file=sys.stderr)
        return
    print("| file | raw | ZipNN |\n|---|---:|---:|")
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.safetensors")):
        print(row(zipnn, path))


if __name__ == "__main__":
    main()
