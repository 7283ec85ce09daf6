#!/usr/bin/env python3
"""Loads a studio and prints what that takes: clients that poll while a job computes, streams of events, and hostile requests.

usage: scripts/studio_load.py PROGRAM [--clients 200] [--streams 20] [--seconds 30] [--hostile 10000]

PROGRAM is sfumato-studio; start this script with the environment in which it runs (`./dev studio` shows that it does). Needs Linux.
"""
import argparse
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


def threads(pid):
    """Seconds of processor time by name of thread."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/stat") as file:
                text = file.read()
        except OSError:
            continue
        name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
        found[(task, name)] = (int(rest[11]) + int(rest[12])) / TICKS
    return found


def memory(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmRSS"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Studio:
    def __init__(self, program, data):
        self.process = subprocess.Popen([program, "--port", "0", "--data", data], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def ask(self, method, path, body=None, connection=None):
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"X-Sfumato": "1", "Content-Type": "application/json"} if method != "GET" else {}
        connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else (b"" if method == "POST" else None), headers)
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data else None


def poll(studio, stop, count, answers, lock):
    connection = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=30)
    time.sleep(random.random() * 2)
    while not stop.is_set():
        start = time.monotonic()
        try:
            status, _ = studio.ask("GET", "/jobs" if count % 2 else "/status", connection=connection)
        except (OSError, http.client.HTTPException):
            status = 0
            connection = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=30)
        with lock:
            answers.append((status, time.monotonic() - start))
        stop.wait(max(0, 2 - (time.monotonic() - start)))


def stream(studio, job, stop, received):
    with socket.create_connection(("127.0.0.1", studio.port), timeout=2) as client:
        client.sendall(f"GET /api/v1/jobs/{job}/events HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\n\r\n".encode())
        while not stop.is_set():
            try:
                data = client.recv(65536)
            except TimeoutError:
                continue
            if not data:
                return
            received.append(data.count(b"event: "))


def serving(before, after, computing):
    """Seconds of the threads that serve: all but those that compute, which libtorch and the jobs have."""
    return sum(seconds - before.get(key, 0) for key, seconds in after.items() if key not in computing)


def load(studio, options):
    pid, answers, received, stop, lock = studio.process.pid, [], [], threading.Event(), threading.Lock()
    # Which threads compute shows before there are clients.
    before = threads(pid)
    _, job = studio.ask("POST", "/jobs", {"kind": "sample", "model": "digits", "count": 64, "steps": 990, "sampler": "ddim"})
    job = job["id"]
    time.sleep(4)
    computing = {key for key, seconds in threads(pid).items() if seconds - before.get(key, 0) > 0.5 or "jobs" in key[1]}
    clients = [threading.Thread(target=poll, args=(studio, stop, n, answers, lock)) for n in range(options.clients)]
    clients += [threading.Thread(target=stream, args=(studio, job, stop, received)) for _ in range(options.streams)]
    for client in clients:
        client.start()
    time.sleep(3)
    answers.clear()
    start, before = time.monotonic(), threads(pid)
    time.sleep(options.seconds)
    seconds, after = time.monotonic() - start, threads(pid)
    state = studio.ask("GET", f"/jobs/{job}")[1]["state"]
    share = serving(before, after, computing) / seconds
    with lock:
        times = sorted(time for _, time in answers)
        good = sum(status == 200 for status, _ in answers)
    print(f"{options.clients} clients, {options.streams} streams for {seconds:.0f} s while a job is {state}:")
    print(f"  {len(times)} requests, {good} answered with 200, {sum(received)} events")
    print(f"  answered within {1000 * times[len(times) // 2]:.1f} ms (half), {1000 * times[len(times) * 99 // 100]:.1f} ms (99 %)")
    print(f"  serving took {100 * share:.1f} % of a core; memory {memory(pid)} MB, {descriptors(pid)} descriptors")
    stop.set()
    for client in clients:
        client.join()
    studio.ask("POST", f"/jobs/{job}/cancel")
    time.sleep(3)
    print(f"  after the clients left: {descriptors(pid)} descriptors")


def hostile_bytes(port, number):
    host = f"Host: 127.0.0.1:{port}\r\n"
    post = f"POST /api/v1/jobs HTTP/1.1\r\n{host}X-Sfumato: 1\r\nContent-Type: application/json\r\n"
    deep = "[" * 50_000
    kinds = [
        lambda: os.urandom(random.randrange(1, 4000)),
        lambda: b"GET /" + b"../" * 300 + b"etc/passwd HTTP/1.1\r\n" + host.encode() + b"\r\n",
        lambda: ("GET / HTTP/1.1\r\n" + "".join(f"A{i}: {'x' * 500}\r\n" for i in range(200))).encode(),
        lambda: (post + "Content-Length: 999999999999\r\n\r\n").encode(),
        lambda: (post + "Content-Length: 1000\r\n\r\n{").encode(),
        lambda: (post + f"Content-Length: {len(deep)}\r\n\r\n{deep}").encode(),
        lambda: (post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n").encode(),
        lambda: b"GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        lambda: (post.replace("/jobs", "/pictures").replace("application/json", "image/png") + "Content-Length: 33\r\n\r\n").encode()
        + b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\x00\x00\x00\x00\x00\x00\x00",
        lambda: f"GET /api/v1/jobs/%2e%2e%2f{number}/results/x HTTP/1.1\r\n{host}\r\n".encode(),
        lambda: b"",
    ]
    return kinds[number % len(kinds)]()


def attack(studio, numbers):
    for number in numbers:
        try:
            with socket.create_connection(("127.0.0.1", studio.port), timeout=5) as client:
                client.sendall(hostile_bytes(studio.port, number))
                # Half of them leave at once.
                if number % 2:
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
        except OSError:
            pass


def attacks(studio, count):
    pid = studio.process.pid
    attack(studio, range(500))
    time.sleep(2)
    before, start = memory(pid), time.monotonic()
    workers = [threading.Thread(target=attack, args=(studio, range(n, count, 8))) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.monotonic() - start
    time.sleep(3)
    status = studio.ask("GET", "/status")[0]
    print(f"{count} hostile requests in {seconds:.0f} s: memory {before} MB before, {memory(pid)} MB after, {descriptors(pid)} descriptors; "
          f"then a status answered with {status}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--hostile", type=int, default=10_000)
    options = parser.parse_args()
    data = tempfile.mkdtemp(prefix="studio-load-")
    studio = Studio(options.program, data)
    try:
        load(studio, options)
        attacks(studio, options.hostile)
    finally:
        studio.process.terminate()
        studio.process.wait(150)
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main()
