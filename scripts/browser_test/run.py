#!/usr/bin/env python3
"""Drives the studio's pages in headless Chromium, and fails on any fault of theirs.

usage: run.py [--shots FOLDER] [--photo FILE] [--train DURATION] [--only NAMES] -- SERVER [ARGUMENT...]

The server is started with --port and --data after its own arguments. Chromium is found as chromium, chromium-browser or
google-chrome, or at the path in CHROMIUM. Python's standard library alone.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.dont_write_bytecode = True  # the folder is part of the repository

from chrome import Chrome, Failed
from files import write_inputs
import scenarios


def main():
    options = arguments()
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if not program:
        sys.exit("Chromium was not found; expected it on the PATH or in CHROMIUM. On Debian: apt-get install chromium")
    shots = pathlib.Path(options.shots)
    shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        scratch = pathlib.Path(folder)
        inputs = write_inputs(scratch, options.photo)
        server, origin = start_server(options.server, scratch)
        chrome = Chrome(program, scratch / "profile")
        try:
            failures = run(chrome, origin, inputs, shots, options)
        finally:
            chrome.close()
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
    sys.exit(1 if failures else 0)


def arguments():
    parser = argparse.ArgumentParser(description="Drives the studio's pages in headless Chromium.")
    parser.add_argument("--shots", default="demo/studio", help="folder for screenshots")
    parser.add_argument("--photo", help="a photograph to restore; default: a small one is made")
    parser.add_argument("--train", default="1m", help="duration of the training (training.duration)")
    parser.add_argument("--only", help="names of scenarios, separated by commas")
    parser.add_argument("server", nargs="+", help="the server's command, after --")
    return parser.parse_args()


def start_server(command, scratch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = open(scratch / "server.log", "wb")
    server = subprocess.Popen([*command, "--port", str(port), "--data", str(scratch / "data")], stdout=log, stderr=subprocess.STDOUT)
    origin = f"http://127.0.0.1:{port}"
    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{origin}/api/v1/status", timeout=2).close()
            return server, origin
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    server.kill()
    sys.exit(f"the server did not start: {(scratch / 'server.log').read_text(errors='replace')[-2000:]}")


def run(chrome, origin, inputs, shots, options):
    failures = 0
    for name, scenario in scenarios.ALL.items():
        if options.only and name not in options.only.split(","):
            continue
        page = chrome.page(origin)
        stage = scenarios.Stage(chrome, page, origin, inputs, shots, options.train)
        start, problem = time.monotonic(), None
        try:
            scenario(stage)
        except Failed as failure:
            problem = str(failure)
            page.screenshot(shots / f"failed-{name}.png")
        page.close()
        cancel_all(origin)
        faults = page.faults + stage.faults
        failures += bool(problem or faults)
        print(f"{'failed' if problem or faults else 'ok':8}{name} ({time.monotonic() - start:.1f} s)", flush=True)
        for text in filter(None, [problem, *dict.fromkeys(faults)]):
            print(f"        {text}", flush=True)
    return failures


def cancel_all(origin):
    """Ends what a scenario has left, so that the next one does not wait for it."""
    with urllib.request.urlopen(f"{origin}/api/v1/jobs") as answer:
        jobs = json.load(answer)["jobs"]
    for job in jobs:
        if job["state"] in ("waiting", "running"):
            request = urllib.request.Request(f"{origin}/api/v1/jobs/{job['id']}/cancel", b"{}", {"X-Sfumato": "1", "Content-Type": "application/json"})
            urllib.request.urlopen(request).close()


if __name__ == "__main__":
    main()
