"""check_events.py FOLDER LOG TIMING: the event file in FOLDER holds the scalars of log.jsonl and timing.jsonl, to single
precision. It is read by TensorBoard itself where that is installed, and always by a reader of our own, which shares nothing
with the writer: framing with checksums, and Protocol Buffers."""
import glob
import json
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    while data:
        length, check = struct.unpack("<QI", data[:12])
        body = data[12:12 + length]
        assert masked(data[:8]) == check, "the checksum of a length"
        assert masked(body) == struct.unpack("<I", data[12 + length:16 + length])[0], "the checksum of a record"
        yield body
        data = data[16 + length:]


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            if key & 7 == 2:
                size, at = varint(data, at)
            else:
                size = {1: 8, 5: 4}[key & 7]
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def read_events(path):
    """[(wall time, step, {tag: value})], after the record that names the version."""
    events = []
    with open(path, "rb") as file:
        for record in records(file.read()):
            wall_time, step, version, scalars = 0.0, 0, None, {}
            for field, value in fields(record):
                if field == 1:
                    wall_time = struct.unpack("<d", value)[0]
                elif field == 2:
                    step = value
                elif field == 3:
                    version = value
                elif field == 5:
                    for _, scalar in fields(value):
                        parts = dict(fields(scalar))
                        tag = parts[1].decode()
                        assert tag not in scalars, f"{tag} is there twice"
                        scalars[tag] = struct.unpack("<f", parts[2])[0]
            assert (version == b"brain.Event:2") == (not events), "the version begins the file, and only there"
            events.append((wall_time, step, scalars))
    return events[1:]


def read_by_tensorboard(folder):
    """The same, or None where TensorBoard is not installed."""
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        return None
    read = EventAccumulator(folder, size_guidance={"scalars": 0})
    read.Reload()
    events = {}
    for tag in read.Tags()["scalars"]:
        for event in read.Scalars(tag):
            events.setdefault((event.wall_time, event.step), {})[tag] = event.value
    return [(wall_time, step, scalars) for (wall_time, step), scalars in sorted(events.items())]


def recorded(log, timing):
    with open(log, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file if line.endswith("\n")]
    with open(timing, encoding="utf-8") as file:
        times = {line["epoch"]: line for line in map(json.loads, file)}
    events = []
    for line in lines:
        scalars = {key: line[key] for key in ("learning_rate", "gradient_norm")}
        scalars.update({"loss/" + key: value for key, value in line["loss"].items()})
        for flow, figures in line["validation"].items():
            scalars.update({f"validation/{flow}/{key}": value for key, value in figures.items()})
        scalars.update({"selected/" + key: line[key] for key in ("complete", "missing", "mean") if key in line})
        time = times[line["epoch"]]
        scalars.update({"time/" + key: time[key] for key in ("seconds", "training_seconds", "clips_per_second")})
        single = {key: struct.unpack("<f", struct.pack("<f", value))[0] for key, value in scalars.items()}
        events.append((time["unix_milliseconds"] / 1000, line["epoch"], single))
    return events


def main():
    folder, log, timing = sys.argv[1:]
    assert masked(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF
    files = glob.glob(folder + "/*tfevents*")
    assert len(files) == 1, files
    wanted = recorded(log, timing)
    assert wanted and all(len(scalars) >= 14 for _, _, scalars in wanted)
    for name, found in (("our reader", read_events(files[0])), ("TensorBoard", read_by_tensorboard(folder))):
        if found is None:
            print("TensorBoard is not installed: read by our own reader alone")
        elif found != wanted:
            sys.exit(f"{files[0]}: {name} reads\n{found}\nbut the run recorded\n{wanted}")


main()
