#!/usr/bin/env python3
"""Measure this machine with a kit of NAS Studio: ``python run_kit.py``.

Python 3.8 or newer, and nothing but onnxruntime (``python -m pip install onnxruntime``; numpy comes with it). Every
model of the kit is measured in several fresh processes, in rounds of a new order each, so that drift of the machine
meets all models alike. Each burst of samples is kept in a partial file as soon as it is there: stop it with Ctrl+C,
start it again, and it goes on. At the end it writes ``results-NAME.json``; drop that on the Devices page.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import random
import socket
import subprocess
import sys
import threading
import time

from runner.child import child
from runner.files import (
    LEAST_PROCESSES,
    Journal,
    Kit,
    KitError,
    document,
    file_name,
    noise_of,
    quantile,
    summary,
    write_results,
)
from runner.machine import conditions, fast_cores, parse_cores, processor

# Stop before the budget is spent if all are known to half a per cent.
KNOWN_PROCESSES, KNOWN = 6, 0.005
MALLOC = {  # glibc: without these the same call takes 1.4 or 2.5 ms from process to process
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024**2),
    "MALLOC_MMAP_THRESHOLD_": str(256 * 1024**2),
    "MALLOC_TOP_PAD_": str(64 * 1024**2),
}
PIP = "python -m pip install --upgrade onnxruntime"


# -- the parent: it starts one child after another --------------------------------------------------------------------


class Screen:
    """Progress on the terminal: one line that is written over; whole lines where it is a file."""

    def __init__(self):
        self.live = sys.stdout.isatty()
        self._wide = 0

    def show(self, text):
        """Show what is going on now."""
        if self.live:
            sys.stdout.write("\r" + text[:110].ljust(self._wide))
            self._wide = min(len(text), 110)
            sys.stdout.flush()

    def say(self, text):
        """Say something that stays."""
        if self.live and self._wide:
            sys.stdout.write("\r" + " " * self._wide + "\r")
            self._wide = 0
        print(text, flush=True)


class Measurement:
    """Measures the models of a kit with one number of threads until the budget is spent."""

    def __init__(self, kit, journal, options, threads, screen):
        self.kit, self.journal, self.threads, self.screen = kit, journal, threads, screen
        self.options = options
        self.budget_s = 60 * options.budget_minutes / len(options.threads)
        self.index = {model["id"]: number for number, model in enumerate(kit.models)}
        self.always = [m for m in kit.models if m["kind"] == "empty" or m is kit.reference()]

    def run(self):
        """Start children until every model is known, or the budget is spent and each was in two processes."""
        while True:
            processes = self.journal.processes(self.threads)
            open_models = self._open(processes)
            if not open_models:
                return
            group = self._group(open_models, processes)
            began = time.monotonic()
            try:
                self._child(group)
            finally:
                self.journal.add_spent(self.threads, time.monotonic() - began)
                self.journal.flush()

    def _open(self, processes):
        """The models that need another process."""
        counts = {m["id"]: len(processes.get(m["id"], ())) for m in self.kit.models}
        lacking = [m for m in self.kit.models if counts[m["id"]] < LEAST_PROCESSES]
        spent = self.journal.spent.get(self.threads, 0.0)
        if lacking or spent >= self.budget_s or self.options.quick:
            return lacking
        if min(counts.values()) >= KNOWN_PROCESSES and self._known(processes):
            return []
        return list(self.kit.models)

    def _known(self, processes):
        """Whether nearly every model's median is known to `KNOWN` (standard error of its processes' medians)."""
        medians = {}
        for t, process, model, wall, _, _ in self.journal.bursts:
            if t == self.threads:
                medians.setdefault(model, {}).setdefault(process, []).extend(wall)
        errors = []
        for each in medians.values():
            values = [quantile(wall, 0.5) for wall in each.values()]
            mean = sum(values) / len(values)
            spread = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
            errors.append(spread / math.sqrt(len(values)) / mean)
        return quantile(errors, 0.95) <= KNOWN

    def _group(self, models, processes):
        """Models for the next process: those that were in the fewest, as many as the memory holds."""
        rng = random.Random(self.journal.process)
        order = [(len(processes.get(m["id"], ())), rng.random(), m) for m in models]
        order.sort(key=lambda entry: entry[:2])
        room = self.options.memory_mb * 1024**2
        group = list(self.always)
        used = sum(map(_memory, group))
        for _, _, model in order:
            if model in group:
                continue
            if len(group) > len(self.always) and used + _memory(model) > room:
                continue
            group.append(model)
            used += _memory(model)
        return group

    def _child(self, group):
        process = self.journal.process + 1
        least, most = (1, 1) if self.options.quick else (2, 8)
        order = {
            "models": [[self.index[m["id"]], m["path"]] for m in group],
            "threads": self.threads,
            "cores": self.options.cores,
            "seed": process,
            "least_rounds": least,
            "most_rounds": most,
            "seconds": 0 if self.options.quick else 5,
        }
        count = str(self.threads)
        environment = dict(os.environ, **MALLOC)
        environment.update(OMP_NUM_THREADS=count, OMP_WAIT_POLICY="passive", PYTHONUNBUFFERED="1")
        self._progress(f"process {process}: loading {len(group)} models")
        opened = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        last_words = []
        # A full pipe of errors would stop the child.
        drain = threading.Thread(target=lambda: last_words.extend(opened.stderr), daemon=True)
        drain.start()
        try:
            opened.stdin.write(json.dumps(order).encode() + b"\n")
            opened.stdin.flush()
            opened.stdin.close()
            self._listen(opened, process)
        except BrokenPipeError:
            pass  # it is gone; its status says why
        except KeyboardInterrupt:
            self._rescue(opened, process)
            raise
        finally:
            if opened.poll() is None:
                try:
                    opened.wait(5)
                except subprocess.TimeoutExpired:
                    opened.kill()
                    opened.wait()
            drain.join(5)
        if opened.returncode:
            said = b"".join(last_words[-3:]).decode("utf-8", "replace").strip()
            raise KitError(
                f"The measuring process ended with status {opened.returncode}. {said}\n"
                "If the memory was full, try a smaller --memory-mb; what is measured is kept."
            )

    def _rescue(self, opened, process):
        """After Ctrl+C: the child tells what it has of this round."""
        try:
            self._listen(opened, process)
        except (KeyboardInterrupt, KitError):
            opened.kill()

    def _listen(self, opened, process):
        rounds, seen = 0, set()
        for line in opened.stdout:
            try:
                said = json.loads(line.decode("utf-8"))
            except ValueError:
                break  # torn: the child was killed
            if "error" in said:
                raise KitError(
                    f"onnxruntime can't run {said['path']}: {said['error']}\nTry a newer one: {PIP}"
                )
            if "loaded" in said:
                self._progress(f"process {process}: {said['loaded']} models loaded")
                continue
            if said["m"] in seen or not seen:
                rounds, seen = rounds + 1, set()
                self._progress(f"process {process}: round {rounds + 1}")
            seen.add(said["m"])
            model = self.kit.models[said["m"]]["id"]
            self.journal.add(self.threads, process, model, said["w"], said["c"])

    def _progress(self, what):
        processes = self.journal.processes(self.threads)
        done = sum(len(processes.get(m["id"], ())) >= LEAST_PROCESSES for m in self.kit.models)
        left = max(0.0, self.budget_s - self.journal.spent.get(self.threads, 0.0))
        eta = f", at most {left / 60:.0f} min left" if left >= 30 and not self.options.quick else ""
        self.screen.show(
            f"{self.threads} thread(s): {done} of {len(self.kit.models)} models in two processes; {what}{eta}"
        )


def _memory(model):
    """Memory of a loaded model, roughly: the file, its packed weights, activations and the session."""
    return 3 * model["bytes"] + 3 * 1024**2


# -- the command ------------------------------------------------------------------------------------------------------


def parser():
    """The options."""
    top = argparse.ArgumentParser(description="Measure this machine with a kit of NAS Studio.")
    top.add_argument(
        "--threads", type=int, nargs="+", default=[1], metavar="N", help="numbers of threads: 1 2"
    )
    top.add_argument(
        "--budget-minutes", type=float, default=20.0, metavar="M", help="time for all (20)"
    )
    top.add_argument(
        "--quick",
        action="store_true",
        help="the least that makes results: a try, not a measurement",
    )
    top.add_argument(
        "--title", default="", help="name of the device; the computer's name by default"
    )
    top.add_argument(
        "--out", default="", metavar="FOLDER", help="where the results go; the kit by default"
    )
    top.add_argument(
        "--cores",
        default="",
        metavar="LIST",
        help="stay on these cores, e.g. 0-3; the fast ones by default",
    )
    top.add_argument(
        "--memory-mb", type=int, default=1024, metavar="MB", help="models loaded at a time (1024)"
    )
    top.add_argument("--restart", action="store_true", help="throw a partial file away")
    return top


def installed_version():
    """Version of onnxruntime, looked up without importing it."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise KitError(f"onnxruntime is not installed for {sys.executable}.\nInstall it: {PIP}")
    from importlib import metadata

    for name in ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"


def shares_threads(version):
    """Whether the models of a process can share threads: onnxruntime from 1.23 on. Nobody knows of an unknown one."""
    parts = version.split(".")[:2]
    return not all(part.isdigit() for part in parts) or tuple(map(int, parts)) >= (1, 23)


def run(options, screen):
    """Measure and write the results. Returns the path of the file."""
    if min(options.threads) < 1 or len(set(options.threads)) != len(options.threads):
        raise KitError("--threads takes different numbers from 1 on, e.g. --threads 1 2.")
    if not 0 < options.budget_minutes < math.inf or options.memory_mb < 1:
        raise KitError("--budget-minutes and --memory-mb are more than 0.")
    chosen = parse_cores(options.cores) if options.cores else None
    options.cores = chosen or fast_cores()
    version = installed_version()
    if max(options.threads) > 1 and not shares_threads(version):
        raise KitError(
            f"Several threads need onnxruntime 1.23 or newer; this is {version}.\n"
            f"Update it: {PIP}\nOr measure with --threads 1."
        )
    folder = os.path.dirname(os.path.abspath(__file__))
    kit = Kit(folder, "onnx")
    screen.say(f"{kit.title}: {len(kit.models)} models. Verifying...")
    kit.verify()
    hardware = processor() + (f", cores {','.join(map(str, chosen))}" if chosen else "")
    device = {
        "hardware": hardware,
        "runtime": "onnxruntime",
        "version": version,
        "precision": "fp32",
        "batch": 1,
    }
    screen.say(f"{hardware}, onnxruntime {version}")
    name = file_name(options.title or socket.gethostname())
    out = os.path.abspath(options.out or folder)
    partial = os.path.join(out, f"partial-{name}.jsonl")
    if options.restart and os.path.exists(partial):
        os.remove(partial)
    journal = Journal(partial, {"kit": kit.hash, "device": device, "quick": options.quick})
    if journal.bursts:
        screen.say(f"Going on with {partial} ({len(journal.bursts)} bursts).")
    machine = conditions()
    try:
        for threads in options.threads:
            Measurement(kit, journal, options, threads, screen).run()
    finally:
        journal.close()
    runs = [summary(kit, journal, threads) for threads in options.threads]
    path = os.path.join(out, f"results-{name}.json")
    write_results(path, document(kit, device, machine, runs, options.title))
    for made in runs:
        noise, drift = noise_of(made)
        again = (
            f"networks differ by {noise:.1%} when they are measured again, "
            if noise is not None
            else ""
        )
        screen.say(
            f"{made['threads']} thread(s): {again}the reference layer by {drift:.1%} between processes."
        )
        if (made["interrupted"] or 0) > 0.1:
            screen.say(
                "The machine was busy with something else. Close other programs and run it with --restart."
            )
    screen.say(
        f"Written: {path}\nDrop it on the Devices page, or: nasstudio table PROJECT --import {path}"
    )
    return path


def main():
    """The command. Returns the exit code."""
    if sys.argv[1:] == ["--child"]:
        try:
            return child()
        except (KeyboardInterrupt, BrokenPipeError):
            return 0
    options = parser().parse_args()
    screen = Screen()
    try:
        run(options, screen)
    except KitError as problem:
        screen.say("")
        print(f"run_kit: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        screen.say("Stopped; nothing that is measured is lost. The same command goes on.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
