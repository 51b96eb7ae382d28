"""Bytes and speeds of safetensors files under ZipNN: python3 benches/zipnn_sizes.py FOLDER [PROGRAM]

Prints a Markdown table to set beside that of `benches/peers`, or says that ZipNN is not installed and ends well. Bytes are
the smaller of whole files and tensor by tensor; speeds are of whole files on one thread, the best of five. Where pcodec
is installed, too, its bytes of each tensor at level 8 stand beside. With the command line `losslaw` as PROGRAM a last row
times its `fast` in the same run, process start and reading of the file included.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}

REPEATS = 5


def coder(zipnn, dtype):
    return zipnn.ZipNN(input_format="byte", bytearray_dtype=DTYPES[dtype], threads=1)


def packed(zipnn, data, dtype):
    """A buffer's bytes, which must come back."""
    out = coder(zipnn, dtype).compress(bytearray(data))
    if bytes(coder(zipnn, dtype).decompress(out)) != data:
        raise SystemExit("a buffer does not come back")
    return out


def seconds(work):
    """The least time of several."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def speeds(zipnn, data, out, dtype):
    """MB/s both ways; compressing works on a copy, since it changes its input."""
    copies = iter([bytearray(data) for _ in range(REPEATS)])
    encode = seconds(lambda: coder(zipnn, dtype).compress(next(copies)))
    decode = seconds(lambda: coder(zipnn, dtype).decompress(out))
    return len(data) / 1e6 / encode, len(data) / 1e6 / decode


def pcodec_bytes(file, start, entries):
    """Bytes tensor by tensor at level 8 and of the header, or None where pcodec is not installed."""
    try:
        import numpy
        from pcodec import ChunkConfig, standalone
    except ImportError:
        return None
    types = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1", "I8": "i1"}
    total = start
    for entry in entries:
        begin, end = (start + offset for offset in entry["data_offsets"])
        numbers = numpy.frombuffer(file[begin:end], types.get(entry["dtype"], "u1"))
        ways = [numbers]
        if entry["dtype"] == "BF16":
            # As they are, as wider floats, and in the order of the numbers.
            ways.append((numbers.astype("<u4") << 16).view("<f4"))
            ways.append(numpy.where(numbers >> 15 == 1, ~numbers, numbers | 0x8000).astype("<u2"))
        config = ChunkConfig(compression_level=8)
        if numbers.dtype.itemsize == 1:
            config.enable_8_bit = True
        total += min(len(standalone.simple_compress(way, config)) for way in ways)
    return total


def row(zipnn, path):
    """ZipNN has no mode for integers."""
    file = path.read_bytes()
    start = 8 + int.from_bytes(file[:8], "little")
    entries = [entry for name, entry in json.loads(file[8:start]).items() if name != "__metadata__"]
    pcodec = pcodec_bytes(file, start, entries) or "–"
    dtype = max(DTYPES, key=lambda name: sum(entry["dtype"] == name for entry in entries))
    if not any(entry["dtype"] == dtype for entry in entries):
        return f"| {path.stem} | {len(file)} | – | {pcodec} | – |"
    parts = start
    for entry in entries:
        begin, end = (start + offset for offset in entry["data_offsets"])
        few = end - begin < 64 or entry["dtype"] not in DTYPES
        parts += end - begin if few else min(end - begin, len(packed(zipnn, file[begin:end], entry["dtype"])))
    whole = packed(zipnn, file, dtype)
    encode, decode = speeds(zipnn, file, whole, dtype)
    return f"| {path.stem} | {len(file)} | {min(parts, len(whole))} | {pcodec} | {encode:.0f} / {decode:.0f} |"


def own_speeds(program, path):
    """`fast` of the command line on one thread, in the same run."""
    with tempfile.TemporaryDirectory() as folder:
        out, back = pathlib.Path(folder) / "packed", pathlib.Path(folder) / "back"
        run = lambda *words: subprocess.run([program, *map(str, words)], check=True, capture_output=True)
        encode = seconds(
            lambda: run("compress", "--effort", "fast", "--threads", 1, "--no-verify", path, out)
        )
        decode = seconds(lambda: run("decompress", "--threads", 1, out, back))
        megabytes = path.stat().st_size / 1e6
        return f"| {path.stem}, losslaw `fast` | | {out.stat().st_size} | | {megabytes / encode:.0f} / {megabytes / decode:.0f} |"


def main():
    try:
        import zipnn
    except ImportError as error:
        print(f"ZipNN is skipped: {error}", file=sys.stderr)
        return
    print("| file | raw | ZipNN | pcodec | ZipNN MB/s, both ways |\n|---|---:|---:|---:|---:|")
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.safetensors")):
        print(row(zipnn, path), flush=True)
        if len(sys.argv) > 2 and "bf16" in path.stem:
            print(own_speeds(sys.argv[2], path), flush=True)


if __name__ == "__main__":
    main()
