"""Headless Chromium over its debugging pipe: commands, events, pages that note every fault."""

import base64
import json
import os
import pathlib
import subprocess
import threading
import time
import urllib.parse

FLAGS = [
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars",
    "--disable-default-apps", "--metrics-recording-only", "--mute-audio",
]


class Failed(Exception):
    """A claim of the test that does not hold."""


class Chrome:
    """A browser of its own profile; messages are JSON that ends with a zero byte (DevTools protocol)."""

    def __init__(self, program, profile):
        (command_out, self.commands), (self.answers, answer_in) = os.pipe(), os.pipe()

        def connect():  # in the child: Chromium reads from 3 and writes to 4
            spare = os.dup(answer_in)
            os.dup2(command_out, 3)
            os.dup2(spare, 4)
            os.set_inheritable(3, True)  # also where a descriptor was in its place before
            os.set_inheritable(4, True)

        flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else []) + [f"--user-data-dir={profile}"]
        self.process = subprocess.Popen(
            [program, *flags, "about:blank"], preexec_fn=connect, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(command_out)
        os.close(answer_in)
        self.number, self.lock = 0, threading.Lock()
        self.waiting, self.listeners = {}, {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        buffer = b""
        while chunk := os.read(self.answers, 1 << 16):
            *messages, buffer = (buffer + chunk).split(b"\0")
            for message in messages:
                self._take(json.loads(message))

    def _take(self, message):
        if "id" in message:
            slot = self.waiting.pop(message["id"], None)
            if slot:
                slot["answer"] = message
                slot["done"].set()
        elif listener := self.listeners.get(message.get("sessionId")):
            listener(message["method"], message["params"])

    def send(self, method, params=None, session=None, timeout=30):
        slot = {"done": threading.Event()}
        with self.lock:
            self.number += 1
            number = self.number
            self.waiting[number] = slot
            message = {"id": number, "method": method, "params": params or {}}
            if session:
                message["sessionId"] = session
            os.write(self.commands, json.dumps(message).encode() + b"\0")
        if not slot["done"].wait(timeout):
            raise Failed(f"Chromium did not answer {method} within {timeout} s")
        if "error" in slot["answer"]:
            raise Failed(f"{method}: {slot['answer']['error']['message']}")
        return slot["answer"]["result"]

    def page(self, origin, **options):
        target = self.send("Target.createTarget", {"url": "about:blank", "newWindow": True})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        return Page(self, target, session, origin, **options)

    def close(self):
        try:
            self.send("Browser.close", timeout=5)
            self.process.wait(10)
        except (Failed, subprocess.TimeoutExpired, OSError):
            self.process.kill()
            self.process.wait()


# Runs before the page's own scripts; the policy forbids nothing to it.
WATCH = "window.violations = []; addEventListener('securitypolicyviolation', (event) => violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));"


class Page:
    """A tab. `faults` lists errors of the console, violations of the policy and requests to elsewhere."""

    def __init__(self, chrome, target, session, origin, width=1360, height=900):
        self.chrome, self.target, self.session, self.origin = chrome, target, session, origin
        self.faults, self.requests, self.expected = [], [], []
        chrome.listeners[session] = self._event
        for domain in ["Page", "Runtime", "Log", "Network", "DOM", "Accessibility"]:
            self.send(f"{domain}.enable")
        self.send("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.resize(width, height)

    def send(self, method, params=None, timeout=30):
        return self.chrome.send(method, params, self.session, timeout)

    def _event(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.faults.append(f"exception: {details.get('exception', {}).get('description', details['text'])}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.faults.append(f"console: {[argument.get('value', argument.get('description')) for argument in params['args']]}")
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            entry = params["entry"]
            if not any(part in f"{entry['text']} {entry.get('url', '')}" for part in self.expected):
                self.faults.append(f"log: {entry['text']} {entry.get('url', '')}")
        elif method == "Network.requestWillBeSent":
            address = params["request"]["url"]
            self.requests.append(address)
            if not address.startswith((self.origin, "data:", "blob:", "about:")):
                self.faults.append(f"request to elsewhere: {address}")

    # ---- What is there

    def evaluate(self, expression):
        result = self.send("Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True})
        if "exceptionDetails" in result:
            raise Failed(f"{expression}: {result['exceptionDetails'].get('exception', {}).get('description')}")
        return result["result"].get("value")

    def until(self, expression, what, seconds=20):
        """Waits until an expression of JavaScript is true; returns its value."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := self.evaluate(f"((found) => found instanceof Node || found)({expression})"):
                return value
            time.sleep(0.1)
        raise Failed(f"not within {seconds} s: {what}; the view shows: {self.evaluate('document.body.innerText')[-1500:]}")

    def go(self, route):
        if self.evaluate("location.origin") == self.origin:
            self.evaluate(f"location.hash = {json.dumps(route)}")
        else:
            self.send("Page.navigate", {"url": f"{self.origin}/{route}"})
        self.until("document.querySelector('.view:not([hidden])') !== null", f"the page {route}")

    def reload(self):
        self.collect()
        self.evaluate("window.old = true")
        self.send("Page.reload")
        self.until("!window.old && document.querySelector('.view:not([hidden])') !== null", "the page after a reload")

    # ---- What a person does

    def box(self, selector):
        """Scrolls an element to where it can be seen and returns its left, top, width and height."""
        script = f"""(() => {{ const found = [...document.querySelectorAll({json.dumps(selector)})].find((one) => one.checkVisibility());
            if (!found) return null; found.scrollIntoView({{block: 'center', behavior: 'instant'}});
            const {{left, top, width, height}} = found.getBoundingClientRect(); return [left, top, width, height]; }})()"""
        return self.until(script, f"an element {selector}")

    def click(self, selector):
        left, top, width, height = self.box(selector)
        self.drag([(left + width / 2, top + height / 2)])

    def press(self, text, within=""):
        """Clicks the button or link of a name."""
        mark = f"""(() => {{ const found = [...document.querySelectorAll({json.dumps(within)} + ' ' + 'button, ' + {json.dumps(within)} + ' a, ' + {json.dumps(within)} + ' summary')]
            .find((one) => one.checkVisibility() && !one.disabled && one.textContent.trim().startsWith({json.dumps(text)}));
            document.querySelectorAll('[data-test]').forEach((one) => delete one.dataset.test); if (found) found.dataset.test = ''; return Boolean(found); }})()"""
        self.until(mark, f"a control '{text}'")
        self.click("[data-test]")

    def drag(self, points, steps=4):
        """Presses the mouse at the first point, moves over the others, and releases it."""
        def mouse(kind, x, y, buttons):
            self.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1})

        mouse("mouseMoved", *points[0], 0)
        mouse("mousePressed", *points[0], 1)
        for (from_x, from_y), (to_x, to_y) in zip(points, points[1:]):
            for step in range(1, steps + 1):
                mouse("mouseMoved", from_x + (to_x - from_x) * step / steps, from_y + (to_y - from_y) * step / steps, 1)
        mouse("mouseReleased", *points[-1], 0)

    def wheel(self, x, y, delta):
        self.send("Input.dispatchMouseEvent", {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": delta})

    def pinch(self, x, y, start, end, steps=8):
        """Two fingers at some distance from a point draw apart."""
        self.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
        for step in range(steps + 1):
            reach = (start + (end - start) * step / steps) / 2
            fingers = [{"x": x - reach, "y": y, "id": 0}, {"x": x + reach, "y": y, "id": 1}]
            self.send("Input.dispatchTouchEvent", {"type": "touchMove" if step else "touchStart", "touchPoints": fingers})
        self.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        self.send("Emulation.setTouchEmulationEnabled", {"enabled": False})

    def key(self, name, text=""):
        code = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowRight": 39}.get(name, 0)
        event = {"key": name, "windowsVirtualKeyCode": code, "text": text or {"Enter": "\r", " ": " "}.get(name, "")}
        self.send("Input.dispatchKeyEvent", {"type": "keyDown", **event})
        self.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def set(self, label, value):
        """Sets the control of a label, as typing or moving it would."""
        script = f"""(() => {{ const label = [...document.querySelectorAll('label')].find((one) => one.checkVisibility() && one.textContent.trim() === {json.dumps(label)});
            const control = label && (label.control ?? label.querySelector('input')); if (!control) return false;
            if (control.type === 'checkbox') control.checked = {json.dumps(bool(value))}; else control.value = {json.dumps(str(value))};
            for (const kind of ['input', 'change']) control.dispatchEvent(new Event(kind, {{bubbles: true}})); return true; }})()"""
        self.until(script, f"a control of the label '{label}'")

    def drop(self, selector, files):
        """Drops files on an element."""
        left, top, width, height = self.box(selector)
        data = {"items": [], "files": [str(pathlib.Path(file).resolve()) for file in files], "dragOperationsMask": 1}
        for kind in ["dragEnter", "dragOver", "drop"]:
            self.send("Input.dispatchDragEvent", {"type": kind, "x": left + width / 2, "y": top + height / 2, "data": data})

    # ---- What it looks like

    def resize(self, width, height, is_phone=False):
        self.send("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 2 if is_phone else 1, "mobile": is_phone})

    def scheme(self, name):
        self.send("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]})

    def screenshot(self, path):
        self.evaluate("scrollTo(0, 0)")
        time.sleep(0.3)
        pathlib.Path(path).write_bytes(base64.b64decode(self.send("Page.captureScreenshot", {"format": "png"})["data"]))

    def unlabelled(self):
        """Controls and pictures without a name for screen readers, of what is shown now."""
        roles = {"button", "textbox", "searchbox", "combobox", "slider", "spinbutton", "checkbox", "radio", "link", "progressbar", "meter", "dialog", "application"}
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        bare = [node["role"]["value"] for node in nodes
                if not node.get("ignored") and node.get("role", {}).get("value") in roles and not node.get("name", {}).get("value", "").strip()]
        pictures = self.evaluate("[...document.images].filter((one) => one.checkVisibility() && !one.hasAttribute('alt')).length")
        broken = self.evaluate("[...document.images].filter((one) => one.checkVisibility() && one.complete && one.getAttribute('src') && !one.naturalWidth).map((one) => one.src)")
        return bare + ["img"] * pictures + [f"broken picture {urllib.parse.unquote(address)}" for address in broken]

    def collect(self):
        """Violations of the policy are kept in the page, and are gone after a reload."""
        self.faults += [f"policy: {text}" for text in self.evaluate("window.violations?.splice(0) ?? []")]

    def close(self):
        self.collect()
        self.chrome.send("Target.closeTarget", {"targetId": self.target})
