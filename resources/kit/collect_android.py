#!/usr/bin/env python3
"""Measure a phone with a kit of NAS Studio, by adb: ``python3 collect_android.py --tool executor_runner --binary ...``.

Python 3.8 or newer, adb, and the tool built for the phone; README.md says where it comes from. Every model is measured
by several fresh processes of the tool, each round in a new order, and every number is kept in a partial file as soon
as it is there: the same command goes on after Ctrl+C. At the end it writes ``results-NAME.json``.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import re
import subprocess
import sys
import time

from runner.files import (
    LEAST_PROCESSES,
    Journal,
    Kit,
    KitError,
    document,
    file_name,
    noise_of,
    summary,
    write_results,
)

PLACE = "/data/local/tmp/nasstudio"
TOOLS = {
    "benchmark_model": ("litert", "tflite"),
    "executor_runner": ("executorch", "pte"),
}
SAMPLE_MS = 300  # calls of executor_runner take about so long together
WARM_UP = 10  # its first calls do not count, where it says the time of each


# -- what the tools print ---------------------------------------------------------------------------------------------


def parse_benchmark_model(text):
    """Median (the mean, where the tool knows no median) of a call, us, and the number of calls.

    The tool prints a line of statistics for the warm-up and one for the measurement (``count=50 first=... avg=...``,
    newer ones with percentiles on the lines after it), then ``Inference timings in us: ..., Inference (avg): ...``.
    """
    blocks = re.findall(r"\bcount=\d+[^\n]*(?:\n[^\n]*\b(?:p\d+|median)=[^\n]*)*", text)
    average = re.search(r"Inference timings in us:.*Inference \(avg\): ([0-9.eE+]+)", text)
    if not blocks or average is None:
        raise KitError(f"benchmark_model has printed no times:\n{_last_lines(text)}")
    values = dict(re.findall(r"\b(count|avg|median|std)=([0-9.eE+]+)", blocks[-1]))
    count = int(values["count"])
    return [_above_zero(values.get("median") or values.get("avg") or average.group(1))], count


def parse_executor_runner(text):
    """Times of the calls, us, and their number.

    New versions print ``Iteration 3 of 60: 0.312000 ms`` for each call: the first ones are left out. All print
    ``Model executed successfully 60 time(s) in 18.724000 ms.``, the sum.
    """
    each = [float(ms) for ms in re.findall(r"Iteration \d+ of \d+: ([0-9.]+) ms", text)]
    total = re.search(r"Model executed successfully (\d+) time\(s\) in ([0-9.]+) ms", text)
    if total is None:
        raise KitError(
            "executor_runner has printed no time. It must be a build of ExecuTorch 0.4 or newer, with logging on:\n"
            + _last_lines(text)
        )
    count = int(total.group(1))
    if len(each) == count and count > 2 * WARM_UP:
        each = each[WARM_UP:]
        return [_above_zero(ms) * 1000 for ms in each], len(each)
    return [_above_zero(total.group(2)) * 1000 / count], count


def _above_zero(text):
    value = float(text)
    if not 0 < value < math.inf:
        raise KitError(f"The tool says that a call took {text}.")
    return value


def _last_lines(text):
    return "\n".join(text.strip().splitlines()[-6:]) or "(nothing)"


# -- the phone --------------------------------------------------------------------------------------------------------


class Phone:
    """A phone behind adb."""

    def __init__(self, adb, serial):
        self._adb = [adb] + (["-s", serial] if serial else [])

    def adb(self, *arguments):
        """What an adb command prints."""
        try:
            done = subprocess.run(
                [*self._adb, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=600,
            )
        except OSError:
            raise KitError(
                f"{self._adb[0]} can't be started. Install the Android platform tools, or name it with --adb."
            ) from None
        except subprocess.TimeoutExpired:
            raise KitError(f"adb {arguments[0]} did not end within ten minutes.") from None
        text = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            raise KitError(f"adb {' '.join(arguments)[:200]} failed:\n{_last_lines(text)}")
        return text

    def property(self, name):
        """One system property."""
        return self.adb("shell", "getprop", name).strip()

    def hardware(self):
        """Processor and model of the phone."""
        maker, soc = self.property("ro.soc.manufacturer"), self.property("ro.soc.model")
        chip = " ".join(part for part in (maker, soc) if part) or self.property("ro.board.platform")
        model = " ".join(
            part
            for part in (
                self.property("ro.product.manufacturer"),
                self.property("ro.product.model"),
            )
            if part
        )
        return " · ".join(part for part in (model, chip) if part) or "Android device"

    def conditions(self):
        """What to write beside the numbers."""
        battery = self.adb("shell", "dumpsys", "battery")
        heat = re.search(r"temperature: (\d+)", battery)
        found = {
            "system": f"Android {self.property('ro.build.version.release')}",
            "machine": self.property("ro.product.cpu.abi"),
            "build": self.property("ro.build.id"),
            "governor": self.adb(
                "shell",
                "cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null || true",
            ).strip(),
            "temperature_c": int(heat.group(1)) / 10 if heat else None,
        }
        return {key: value for key, value in found.items() if value not in ("", None)}


class Tool:
    """A tool on the phone that measures one model a call."""

    def __init__(self, phone, options):
        self.phone, self.options = phone, options
        self.binary = f"{PLACE}/{options.tool}"
        self._calls = {}

    def install(self):
        """Bring the tool to the phone."""
        if not os.path.isfile(self.options.binary):
            raise KitError(
                f"{self.options.binary} is not there. README.md says where the tool comes from."
            )
        self.phone.adb("shell", "mkdir", "-p", PLACE)
        self.phone.adb("push", self.options.binary, self.binary)
        self.phone.adb("shell", "chmod", "+x", self.binary)

    def measure(self, model):
        """Times of a model's calls, us, and their number, by a fresh process."""
        there = f"{PLACE}/{os.path.basename(model['path'])}"
        self.phone.adb("push", model["path"], there)
        try:
            if self.options.tool == "benchmark_model":
                return parse_benchmark_model(self._benchmark(there))
            return parse_executor_runner(self._execute(model, there))
        finally:
            self.phone.adb("shell", "rm", "-f", there)

    def _shell(self, *words):
        before = ["taskset", self.options.taskset] if self.options.taskset else []
        return self.phone.adb("shell", *before, self.binary, *words)

    def _benchmark(self, there):
        return self._shell(
            f"--graph={there}",
            f"--num_threads={self.options.threads}",
            "--use_xnnpack=true",
            "--warmup_runs=20",
            "--num_runs=50",
            "--min_secs=0.3",
        )

    def _execute(self, model, there):
        """Run it as often as `SAMPLE_MS` hold; how often that is, the first process of a model has found out."""
        if model["id"] not in self._calls:
            times, _ = parse_executor_runner(self._executed(there, 3 * WARM_UP))
            each = sum(times) / len(times) / 1000
            self._calls[model["id"]] = 2 * WARM_UP + max(20, min(3000, math.ceil(SAMPLE_MS / each)))
        return self._executed(there, self._calls[model["id"]])

    def _executed(self, there, calls):
        """What it says: on its own output, or in the log of Android, where builds for Android write it."""
        self.phone.adb("logcat", "-c")
        said = self._shell(
            f"--model_path={there}",
            f"--num_executions={calls}",
            f"--cpu_threads={self.options.threads}",
            "--print_output=none",
        )
        if "Model executed successfully" not in said:
            said += self.phone.adb("logcat", "-d", "-s", "ExecuTorch")
        return said


# -- the command ------------------------------------------------------------------------------------------------------


def collect(kit, tool, journal, options, say):
    """Measure in rounds until there were enough, or the time is over and every model was measured twice."""
    threads = options.threads
    began = time.monotonic()
    while True:
        processes = journal.processes(threads)
        counts = {m["id"]: len(processes.get(m["id"], ())) for m in kit.models}
        fewest = min(counts.values())
        over = time.monotonic() - began > 60 * options.budget_minutes
        if fewest >= options.rounds or (over and fewest >= LEAST_PROCESSES):
            return
        todo = [m for m in kit.models if counts[m["id"]] == fewest]
        random.Random(journal.process).shuffle(todo)
        for number, model in enumerate(todo, start=1):
            say(f"round {fewest + 1} of {options.rounds}: {number} of {len(todo)}, {model['id']}")
            started = time.monotonic()
            times, count = tool.measure(model)
            journal.add(
                threads, journal.process + 1, model["id"], [us * 1000 for us in times], None, count
            )
            journal.add_spent(threads, time.monotonic() - started)
            journal.flush()
            time.sleep(options.pause)


def parser():
    """The options."""
    top = argparse.ArgumentParser(description="Measure an Android phone with a kit of NAS Studio.")
    top.add_argument("--tool", choices=sorted(TOOLS), required=True)
    top.add_argument("--binary", required=True, help="the tool, built for the phone")
    top.add_argument("--threads", type=int, default=1, metavar="N", help="number of threads (1)")
    top.add_argument(
        "--rounds", type=int, default=4, metavar="N", help="fresh processes for every model (4)"
    )
    top.add_argument(
        "--budget-minutes",
        type=float,
        default=60.0,
        metavar="M",
        help="no new round after that (60)",
    )
    top.add_argument(
        "--pause", type=float, default=0.2, metavar="S", help="rest between models, s (0.2)"
    )
    top.add_argument(
        "--taskset",
        default="",
        metavar="MASK",
        help="stay on these cores, e.g. f0 for cores 4 to 7",
    )
    top.add_argument("--serial", default="", help="which phone, as `adb devices` lists it")
    top.add_argument("--adb", default="adb", help="the adb program")
    top.add_argument("--version", default="", help="version of the tool, for the record")
    top.add_argument("--title", default="", help="name of the device; the phone's model by default")
    top.add_argument(
        "--out", default="", metavar="FOLDER", help="where the results go; the kit by default"
    )
    top.add_argument("--restart", action="store_true", help="throw a partial file away")
    return top


def run(options, say):
    """Measure and write the results. Returns the path of the file."""
    if options.threads < 1 or options.rounds < LEAST_PROCESSES:
        raise KitError(f"--threads is at least 1, --rounds at least {LEAST_PROCESSES}.")
    if options.taskset and not re.fullmatch(r"[0-9a-fA-F]+", options.taskset):
        raise KitError("--taskset takes a mask of cores in hexadecimal digits, e.g. f0.")
    runtime = TOOLS[options.tool][0]
    folder = os.path.dirname(os.path.abspath(__file__))
    kit = Kit(folder, runtime)
    kit.verify()
    phone = Phone(options.adb, options.serial)
    hardware = phone.hardware() + (f" · cores {options.taskset}" if options.taskset else "")
    version = options.version or (kit.formats[runtime] if runtime == "executorch" else "")
    device = {
        "hardware": hardware,
        "runtime": runtime,
        "version": version,
        "precision": "fp32",
        "batch": 1,
    }
    machine = phone.conditions()
    say(f"{hardware}: {len(kit.models)} models")
    tool = Tool(phone, options)
    tool.install()
    name = file_name(options.title or hardware)
    out = os.path.abspath(options.out or folder)
    partial = os.path.join(out, f"partial-{name}.jsonl")
    if options.restart and os.path.exists(partial):
        os.remove(partial)
    journal = Journal(partial, {"kit": kit.hash, "device": device, "threads": options.threads})
    try:
        collect(kit, tool, journal, options, say)
    finally:
        journal.close()
    made = summary(kit, journal, options.threads)
    path = os.path.join(out, f"results-{name}.json")
    write_results(path, document(kit, device, machine, [made], options.title))
    noise, _ = noise_of(made)
    if noise is not None:
        say(f"Networks differ by {noise:.1%} when they are measured again.")
    say(f"Written: {path}")
    return path


def main():
    """The command. Returns the exit code."""
    options = parser().parse_args()
    try:
        run(options, lambda text: print(text, flush=True))
    except KitError as problem:
        print(f"collect_android: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; nothing that is measured is lost. The same command goes on.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
