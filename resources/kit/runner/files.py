"""What the runners of a kit read and write: the manifest, the partial file, the results. Python 3.8 and nothing else.

`run_kit.py` measures this machine, `collect_android.py` a phone behind adb; both keep every burst in a `Journal` as
soon as it is there, and write the same results.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import time

FORMAT, VERSION = "nasstudio-kit-results", 1
KIT_FORMAT, KIT_VERSION = "nasstudio-kit", 1
INTERRUPTED = 1.10  # wall over CPU time of a sample that lost its core
LEAST_PROCESSES = 2  # of every model, whatever the budget: networks are compared between two


class KitError(Exception):
    """Something a person can do something about; the message says what."""


# -- the kit ----------------------------------------------------------------------------------------------------------


class Kit:
    """The manifest of a kit and the models of one format in it.

    `models` are dictionaries with `id`, `kind` (``empty``, ``layer``, ``network``), `layer` or `genome`, and `path`.
    """

    def __init__(self, folder, format):
        self.folder = folder
        path = os.path.join(folder, "manifest.json")
        try:
            with open(path, "rb") as file:
                content = file.read()
            manifest = json.loads(content.decode("utf-8"))
            if manifest["format"] != KIT_FORMAT:
                raise KitError(f"{path} is not the manifest of a kit.")
            if manifest["version"] != KIT_VERSION:
                raise KitError(
                    f"The kit is of version {manifest['version']}; this runner reads {KIT_VERSION}."
                )
            self.hash = hashlib.sha256(content).hexdigest()
            self.space_hash = manifest["space_hash"]
            self.title = manifest["title"]
            self.formats = dict(manifest["formats"])
            self.models = [
                _with_file(m, folder, format) for m in manifest["models"] if format in m["files"]
            ]
        except OSError as problem:
            raise KitError(
                f"{path} can't be read: {problem.strerror}. Run the script inside the kit."
            ) from None
        except (ValueError, KeyError, TypeError) as problem:
            raise KitError(
                f"{path} is damaged ({type(problem).__name__} {problem}). Copy the kit again."
            ) from None
        if not self.models:
            have = ", ".join(self.formats) or "none"
            raise KitError(
                f"The kit has no {format} models; it has: {have}. Make it again with --formats {format}."
            )

    def verify(self):
        """Compare every model with its hash."""
        for model in self.models:
            try:
                with open(model["path"], "rb") as file:
                    found = hashlib.sha256(file.read()).hexdigest()
            except OSError as problem:
                raise KitError(
                    f"{model['path']} can't be read: {problem.strerror}. Copy the kit again."
                ) from None
            if found != model["sha256"]:
                raise KitError(
                    f"{model['path']} is not what the manifest says. Copy the kit again."
                )

    def reference(self):
        """The layer that is measured in every process: the one in the middle by the size of its file."""
        layers = sorted(
            (m for m in self.models if m["kind"] == "layer"), key=lambda m: (m["bytes"], m["id"])
        )
        return layers[len(layers) // 2] if layers else self.models[0]


def _with_file(model, folder, format):
    file = model["files"][format]
    parts = file["path"].split("/")
    if os.path.isabs(file["path"]) or ".." in parts:
        raise ValueError(f"the path {file['path']}")
    known = {key: model.get(key) for key in ("id", "kind", "layer", "genome", "input")}
    return dict(
        known, path=os.path.join(folder, *parts), sha256=file["sha256"], bytes=int(file["bytes"])
    )


# -- what is kept meanwhile -------------------------------------------------------------------------------------------


class Journal:
    """Every burst so far, in a file that only grows. `bursts` are (threads, process, model id, wall, cpu, count)."""

    def __init__(self, path, about):
        self.path = path
        self.bursts = []
        self.spent = {}
        self.process = 0
        fresh = not os.path.exists(path)
        if not fresh:
            self._read(about)
        try:
            self._file = open(path, "a", encoding="utf-8", newline="\n")  # noqa: SIM115 - it is kept open
        except OSError as problem:
            raise KitError(
                f"{path} can't be written: {problem.strerror}. Choose another place with --out."
            ) from None
        if fresh:
            self._write({"about": about})

    def _read(self, about):
        with open(self.path, "rb") as file:
            content = file.read()
        lines = content.split(b"\n")
        for number, line in enumerate(lines[:-1]):  # the last is empty, or torn
            try:
                entry = json.loads(line.decode("utf-8"))
                if number == 0:
                    before = entry["about"]
                else:
                    self._take(entry)
            except (ValueError, KeyError, TypeError):
                raise KitError(
                    f"{self.path}, line {number + 1}, does not read. Begin anew with --restart."
                ) from None
        if len(lines) < 2:
            raise KitError(f"{self.path} is empty. Begin anew with --restart.")
        changed = sorted(
            key for key in set(before) | set(about) if before.get(key) != about.get(key)
        )
        if changed:
            raise KitError(
                f"{self.path} was made under other conditions ({', '.join(changed)} changed). Begin anew with"
                " --restart, or give the results another name with --title."
            )
        if lines[-1]:
            with open(self.path, "r+b") as file:
                file.truncate(len(content) - len(lines[-1]))

    def _take(self, entry):
        if "spent" in entry:
            self.spent[entry["t"]] = self.spent.get(entry["t"], 0.0) + entry["spent"]
        else:
            wall = entry["w"]
            self.bursts.append(
                (entry["t"], entry["p"], entry["m"], wall, entry["c"], entry.get("n", len(wall)))
            )
            self.process = max(self.process, entry["p"])

    def add(self, threads, process, model, wall, cpu, count=None):
        """Keep a burst; `count` says how many calls are behind it if a tool has averaged them."""
        entry = {"t": threads, "p": process, "m": model, "w": wall, "c": cpu}
        if count is not None:
            entry["n"] = count
        self._take(entry)
        self._write(entry)

    def add_spent(self, threads, seconds):
        """Count time against the budget."""
        entry = {"t": threads, "spent": round(seconds, 3)}
        self._take(entry)
        self._write(entry)

    def _write(self, entry):
        self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")

    def flush(self):
        """Put what is kept on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self):
        """Flush and close the file."""
        self.flush()
        self._file.close()

    def processes(self, threads):
        """Numbers of the processes that have measured each model, in order: model id -> list."""
        found = {}
        for t, process, model, _, _, _ in self.bursts:
            if t == threads:
                found.setdefault(model, {})[process] = True
        return {model: sorted(numbers) for model, numbers in found.items()}


# -- the results ------------------------------------------------------------------------------------------------------


def quantile(values, q):
    """Quantile of a list, linear between its sorted values."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * q
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def counted(bursts):
    """The samples that kept their core (all, if under a third did), the median CPU time, the share that did not."""
    wall = [w for burst in bursts for w in burst[3]]
    cpu = [c for burst in bursts for c in burst[4] or ()]
    if len(cpu) != len(wall):
        return wall, None, None
    kept = [w for w, c in zip(wall, cpu) if w <= INTERRUPTED * c]  # noqa: B905 - Python 3.8
    lost = 1 - len(kept) / len(wall)
    return (kept if 3 * len(kept) >= len(wall) else wall), quantile(cpu, 0.5), lost


def times(bursts):
    """Median, quantiles and count of some bursts, ms."""
    wall, cpu, _ = counted(bursts)
    found = {
        "ms": round(quantile(wall, 0.5) / 1e6, 7),
        "p10": round(quantile(wall, 0.1) / 1e6, 7),
        "p90": round(quantile(wall, 0.9) / 1e6, 7),
        "n": sum(burst[5] for burst in bursts),
        "processes": len({burst[1] for burst in bursts}),
    }
    if cpu is not None:
        found["cpu_ms"] = round(cpu / 1e6, 7)
    return found


def summary(kit, journal, threads):
    """One run of the results: everything about one number of threads. None while a model has too few processes."""
    by_model = {}
    for burst in journal.bursts:
        if burst[0] == threads:
            by_model.setdefault(burst[2], []).append(burst)
    processes = journal.processes(threads)
    if any(len(processes.get(model["id"], ())) < LEAST_PROCESSES for model in kit.models):
        return None
    layers, networks, empty = [], [], None
    for model in kit.models:
        bursts = by_model[model["id"]]
        if model["kind"] == "empty":
            empty = times(bursts)
        elif model["kind"] == "layer":
            layers.append(dict(layer=model["layer"], **times(bursts)))
        else:
            order = processes[model["id"]]
            rounds = [[b for b in bursts if order.index(b[1]) % 2 == half] for half in (0, 1)]
            networks.append({"genome": model["genome"], "rounds": [times(half) for half in rounds]})
    reference = kit.reference()["id"]
    each = [counted([b for b in by_model[reference] if b[1] == p])[0] for p in processes[reference]]
    lost = [
        share for share in (counted(bursts)[2] for bursts in by_model.values()) if share is not None
    ]
    return {
        "threads": threads,
        "empty": empty,
        "reference": {
            "model": reference,
            "ms": [round(quantile(wall, 0.5) / 1e6, 7) for wall in each],
        },
        "layers": layers,
        "networks": networks,
        "interrupted": round(sum(lost) / len(lost), 4) if lost else None,
        "processes": len({p for numbers in processes.values() for p in numbers}),
        "seconds": round(journal.spent.get(threads, 0.0), 1),
    }


def document(kit, device, machine, runs, title):
    """The whole results, with the hash that tells whether somebody changed them."""
    made = {
        "format": FORMAT,
        "version": VERSION,
        "kit": {"title": kit.title, "manifest_sha256": kit.hash, "space_hash": kit.space_hash},
        "title": title,
        "device": device,
        "machine": machine,
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "runs": runs,
    }
    return dict(made, sha256=digest(made))


def digest(made):
    """Hash of the results without it."""
    plain = {key: value for key, value in made.items() if key != "sha256"}
    text = json.dumps(
        plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def write_results(path, made):
    """Write the file whole or not at all."""
    temporary = path + ".part"
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            json.dump(made, file, indent=1, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        raise KitError(
            f"{path} can't be written: {problem.strerror}. Choose another place with --out."
        ) from None


def file_name(title):
    """A name that every system takes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", title).strip("-.") or "device"


def noise_of(run):
    """Mean difference of a network between its two rounds, and the spread of the reference, as shares."""
    pairs = [[r["ms"] for r in network["rounds"]] for network in run["networks"]]
    differences = [2 * abs(a - b) / (a + b) for a, b in pairs]
    each = run["reference"]["ms"]
    drift = (max(each) - min(each)) / 2 / quantile(each, 0.5)
    return (sum(differences) / len(differences) if differences else None), drift
