"""What a person does in the studio, and what must then be true."""

import json
import time

from chrome import Failed


class Stage:
    """What a scenario needs: the browser, its page, pictures to use, a folder for screenshots."""

    def __init__(self, chrome, page, origin, inputs, shots, train):
        self.chrome, self.page, self.origin, self.inputs, self.shots, self.train = chrome, page, origin, inputs, shots, train
        self.faults = []

    def look(self, name, whole=True):
        """Screenshots in light, dark and at phone width; controls must have names, and nothing may be wider than a phone."""
        page = self.page
        self.faults += [f"{name}: without a name: {one}" for one in page.unlabelled()]
        for scheme in ["light", "dark"]:
            page.scheme(scheme)
            page.screenshot(self.shots / f"{name}-{scheme}.png")
        page.scheme("light")
        if not whole:
            return
        page.resize(360, 780, is_phone=True)
        time.sleep(0.2)
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 360:
            self.faults.append(f"{name}: {width} px wide on a phone of 360 px")
        page.screenshot(self.shots / f"{name}-phone.png")
        page.resize(1360, 900)
        time.sleep(0.2)

    def check(self, expression, what):
        if not self.page.evaluate(expression):
            raise Failed(what)


def job_state(view, state):
    return f"document.querySelector('.{view} .job')?.dataset.state === {json.dumps(state)}"


def views(stage):
    page = stage.page
    page.go("#/restore")
    for route in ["restore", "sample", "train", "runs", "doctor"]:
        page.go(f"#/{route}")
        page.until(f"document.querySelector('.view.{route}').checkVisibility()", f"the view {route}")
        time.sleep(0.5)
        if route == "doctor":
            page.until("document.querySelectorAll('.checks li').length > 0 && !document.querySelector('.doctor button').disabled", "the checks", 60)
        stage.look(f"1-{route}")


def keyboard(stage):
    """The skip link, the navigation and a sampling, by keys alone."""
    page = stage.page
    page.go("#/restore")
    page.key("Tab")
    stage.check("document.activeElement.className === 'skip'", "the first stop of the Tab key is not the skip link")
    for _ in range(40):
        page.key("Tab")
        if page.evaluate("document.activeElement.textContent === 'Sample' && document.activeElement.tagName === 'A'"):
            break
    stage.check("getComputedStyle(document.activeElement).outlineStyle !== 'none'", "the focus is not visible")
    page.key("Enter")
    page.until("document.querySelector('.view.sample').checkVisibility()", "the view Sample")
    page.set("Images", 1)
    for _ in range(60):
        page.key("Tab")
        if page.evaluate("document.activeElement.textContent === 'Sample' && document.activeElement.tagName === 'BUTTON'"):
            break
    page.key(" ")
    page.until("document.querySelectorAll('.samples li').length === 1", "one image", 60)


def restore(stage):
    page = stage.page
    page.go("#/restore")
    page.drop(".drop", [stage.inputs["photo"]])
    page.until("document.querySelector('.restore .stage-content')?.naturalWidth > 0", "the photograph")
    page.until("document.querySelector('.details img')?.src.startsWith('blob:')", "the restored detail", 120)
    page.until("document.querySelector('.plan')?.textContent.includes('Plan')", "the plan", 60)
    first = page.evaluate("document.querySelector('.details img').src")
    left, top, width, height = page.box(".detail-box")
    page.drag([(left + width / 2, top + height / 2), (left + width / 2 + 40, top + height / 2 + 30)])
    page.until(f"document.querySelector('.details img').src !== {json.dumps(first)}", "the detail at another place", 120)
    second = page.evaluate("document.querySelector('.details img').src")
    page.set("Noise", 0.4)
    page.until(f"document.querySelector('.details img').src !== {json.dumps(second)}", "the detail of another strength", 120)
    stage.check("!document.querySelector('.restore fieldset input[type=checkbox]').checked", "Auto is still on after a slider was moved")
    stage.look("2-restore-detail")
    page.set("Scale", 2)
    page.press("Restore", ".restore .actions")
    page.until(job_state("restore", "finished"), "the restoration's end", 300)
    page.until("document.querySelector('.compare .stage-content')?.checkVisibility()", "before and after")
    left, top, width, height = page.box(".compare .stage-view")
    before = page.evaluate("document.querySelector('.compare .zoom').textContent")
    page.wheel(left + width / 2, top + height / 2, -400)
    page.until(f"document.querySelector('.compare .zoom').textContent !== {json.dumps(before)}", "the zoom")
    page.evaluate("document.querySelector('.compare .stage-view').focus()")
    by_wheel = page.evaluate("document.querySelector('.compare .zoom').textContent")
    page.key("+", "+")
    page.until(f"document.querySelector('.compare .zoom').textContent !== {json.dumps(by_wheel)}", "the zoom by a key")
    page.press("Fit", ".compare")
    left, top, width, height = page.box(".compare .stage-view")
    page.pinch(left + width / 4, top + height / 4, 40, 120)
    stage.check(f"parseFloat(document.querySelector('.compare .zoom').textContent) > 2 * parseFloat({json.dumps(before)})", "two fingers did not zoom")
    page.drag([(left + width / 2, top + height / 3), (left + width / 4, top + height / 3)])
    stage.check("Math.abs(parseFloat(document.querySelector('.divider').style.left) - 25) < 4", "the divider did not follow the mouse")
    page.press("Fit", ".compare")
    stage.check("document.querySelector('.stage-head a[download]').href.includes('/results/')", "no download")
    stage.look("3-restore-compare")


def several(stage):
    """Several pictures, one of them unreadable: the others are restored, and each can be downloaded."""
    page = stage.page
    page.expected.append("422")
    page.go("#/restore")
    page.drop(".drop", [stage.inputs["second"], stage.inputs["broken"], stage.inputs["rings"][0]])
    page.until("document.querySelectorAll('.pictures li').length === 3 && document.querySelector('.pictures .bad')", "three pictures, one refused")
    page.press("Restore 2", ".restore .actions")
    page.until(job_state("restore", "finished"), "the restoration's end", 300)
    page.until("document.querySelectorAll('.pictures a[download]').length === 2", "two downloads")
    stage.look("4-restore-several")


def sample(stage):
    page = stage.page
    page.go("#/sample")
    page.until("document.querySelectorAll('.chip').length > 1", "the classes")
    page.press("None", ".sample")
    page.press("3", ".chips")
    page.press("7", ".chips")
    page.set("Images", 12)
    page.set("Seed", 5)
    page.set("Steps", 60)
    page.press("Sample", ".sample .actions")
    page.until("document.querySelector('.live[alt*=denoise]')?.naturalWidth > 0 && document.querySelector('.live').checkVisibility()", "a preview", 60)
    first = page.evaluate("document.querySelector('.live').getAttribute('src')")
    page.until(f"document.querySelectorAll('.samples li').length || document.querySelector('.live').getAttribute('src') !== {json.dumps(first)}", "a second preview", 60)
    stage.look("5-sample-live", whole=False)
    page.until("document.querySelectorAll('.samples li').length === 12", "the images", 120)
    stage.check("[...document.querySelectorAll('.samples .caption')].every((one) => ['3', '7'].includes(one.textContent))", "other classes than asked for")
    stage.look("6-sample")
    page.click(".samples li:nth-child(2) .pick")
    page.until("document.querySelector('dialog[open] .stage-content')?.naturalWidth > 0", "the image, larger")
    stage.look("7-sample-image")
    page.press("Vary", "dialog")
    page.until("document.querySelector('.sample .thumb')?.checkVisibility() && document.querySelector('.sample .thumb').naturalWidth > 0", "the start picture")
    page.set("Strength", 0.5)
    shown = page.evaluate("document.querySelector('.samples img').src")
    page.press("Sample", ".sample .actions")
    page.until(f"document.querySelector('.samples img') && document.querySelector('.samples img').src !== {json.dumps(shown)}", "variations", 120)
    page.click(".samples li:nth-child(1) .pick")
    page.press("Take its seed", "dialog")
    page.until("document.activeElement.value === '5'", "the seed in its field")
    page.click(".samples li:nth-child(1) .pick")
    page.press("Animate", "dialog")
    page.until("document.querySelector('.live[alt^=Animation]')?.checkVisibility()", "the animation", 120)


def inpaint(stage):
    page = stage.page
    page.go("#/sample")
    page.set("Images", 4)
    page.press("Sample", ".sample .actions")
    page.until("document.querySelectorAll('.samples li').length === 4", "the images", 120)
    page.click(".samples li:nth-child(1) .pick")
    page.press("Inpaint", "dialog")
    page.until("document.querySelector('dialog[open] canvas')", "the brush")
    left, top, width, height = page.box("dialog canvas")
    at = lambda x, y: (left + x * width, top + y * height)
    page.drag([at(0.3, 0.3), at(0.7, 0.3), at(0.7, 0.5)], steps=8)
    page.drag([at(0.3, 0.8), at(0.6, 0.8)])
    painted = "(() => { const one = document.querySelector('dialog canvas'); const copy = new OffscreenCanvas(one.width, one.height).getContext('2d'); copy.drawImage(one, 0, 0); const pixels = copy.getImageData(0, 0, one.width, one.height).data; let sum = 0; for (let i = 3; i < pixels.length; i += 4) sum += pixels[i] > 128; return sum; })()"
    two = page.evaluate(painted)
    stage.look("8-brush")
    page.press("Undo", "dialog")
    one = page.evaluate(painted)
    if not 0 < one < two:
        raise Failed(f"undo left {one} of {two} painted pixels")
    page.press("Use this mask", "dialog")
    page.until("document.querySelector('.sample .panel').textContent.includes('The painted part will be replaced')", "the mask")
    shown = page.evaluate("document.querySelector('.samples img').src")
    page.press("Sample", ".sample .actions")
    page.until(f"document.querySelectorAll('.samples li').length === 4 && document.querySelector('.samples img').src !== {json.dumps(shown)}", "the repainted images", 300)
    stage.look("9-inpainted")


def cancel(stage):
    """Two jobs: the running one is cancelled at a step, the waiting one from the tray."""
    page = stage.page
    page.go("#/sample")
    page.set("Images", 64)
    page.set("Steps", 400)
    page.press("Sample", ".sample .actions")
    page.until(job_state("sample", "running"), "a running job", 60)
    page.press("Sample", ".sample .actions")
    page.until(job_state("sample", "waiting"), "a waiting job", 60)
    page.press("Jobs", ".tray")
    page.until("document.querySelector('.tray .job[data-state=waiting]')", "the waiting job in the tray")
    stage.look("10-tray")
    page.click(".tray .job[data-state=waiting] button")
    page.until(job_state("sample", "cancelled"), "the waiting job's end")
    page.click(".tray .job[data-state=running] button")
    page.until("!document.querySelector('.tray .job[data-state=running]')", "the running job's end", 30)


def reload(stage):
    """A reload in the middle of a job shows it further on, with its settings."""
    page = stage.page
    page.go("#/sample")
    page.set("Images", 32)
    page.set("Steps", 150)
    page.press("Sample", ".sample .actions")
    page.until(job_state("sample", "running"), "a running job", 60)
    page.reload()
    page.until(job_state("sample", "running") + " && document.querySelector('.sample .job progress').value >= 0", "the job after the reload")
    stage.check("[...document.querySelectorAll('.sample input[type=number]')].some((one) => one.value === '32')", "the settings were lost")
    page.until("document.querySelector('.live')?.naturalWidth > 0", "previews after the reload", 30)
    page.press("Cancel", ".sample .job")
    page.until(job_state("sample", "cancelled"), "the job's end", 30)


def windows(stage):
    """Two windows show the same jobs; one cancels what the other started."""
    page, other = stage.page, stage.chrome.page(stage.origin)
    page.go("#/sample")
    other.go("#/doctor")
    page.set("Images", 64)
    page.set("Steps", 400)
    page.press("Sample", ".sample .actions")
    page.until(job_state("sample", "running"), "a running job", 60)
    tray = "document.querySelector('.tray summary').textContent"
    other.until(f"{tray}.includes('Sample 64 images')", "the job in the other window", 15)
    other.press("Jobs", ".tray")
    other.click(".tray .job[data-state=running] button")
    page.until(job_state("sample", "cancelled"), "the end of what the other window cancelled", 30)
    other.close()
    stage.faults += other.faults


def train(stage):
    page = stage.page
    page.expected.append("422")
    page.go("#/train")
    page.until("document.querySelector('.train option[value=new]') && document.querySelector('.train .recipe-field')", "data and recipe")
    page.set("Pictures to train on", "new")
    for name in ["rings", "bars"]:
        page.set("Class of the pictures dropped next", name)
        page.drop(".train .drop", stage.inputs[name] + ([stage.inputs["broken"]] if name == "bars" else []))
        page.until(f"document.querySelector('.removable')?.textContent.includes('{name}')", f"the class {name}")
    page.press("Upload", ".train")
    page.until("document.querySelector('.train .sheet')?.naturalWidth > 0", "the contact sheet", 60)
    page.until("document.querySelector('.train').textContent.includes('cannot be read')", "the unreadable file")
    stage.look("11-train-data")
    page.set("Duration", "soon")
    page.press("Check", ".train")
    page.until("document.querySelector('.train .actions .notice.bad')?.textContent.includes('soon')", "the refusal of an impossible duration", 60)
    for label, value in [("Duration", stage.train), ("Batch size", 16), ("Preview every", 400), ("Log every", 80), ("Checkpoint every", 1000)]:
        page.set("Find a setting", label)
        if page.evaluate(f"[...document.querySelectorAll('.train label')].some((one) => one.checkVisibility() && one.textContent === {json.dumps(label)})"):
            page.set(label, value)
    page.set("Find a setting", "")
    page.press("Check", ".train")
    page.until("document.querySelector('.train .plan')?.textContent.includes('Ready')", "the check", 60)
    page.press("Start training", ".train")
    page.until(job_state("train", "running"), "a running training", 60)
    page.until("document.querySelector('.plot .smooth')", "the curve", 120)
    page.until("document.querySelector('.previews img')?.naturalWidth > 0", "a preview", 180)
    left, top, width, height = page.box(".plot")
    page.send("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": left + width / 2, "y": top + height / 2})
    page.until("document.querySelector('.cross circle')", "the values under the pointer")
    page.reload()
    page.until("document.querySelector('.plot .smooth')", "the curve after a reload", 60)
    page.press("Stop and save", ".train .job")
    page.until(job_state("train", "cancelled"), "the stopped training", 60)
    stage.look("12-train-stopped")
    page.press("Resume", ".train .job")
    page.until(job_state("train", "running"), "the resumed training", 60)
    page.until(job_state("train", "finished"), "the training's end", 240)
    stage.look("13-train")
    page.go("#/runs")
    page.until("document.querySelectorAll('.runs a[href*=\"run=\"]').length", "the run")
    page.click(".runs a[href*='run=']")
    page.until("document.querySelector('.runs .plot .smooth')", "the run's curve")
    stage.look("14-run")
    page.press("Sample from it", ".runs")
    page.until("[...document.querySelectorAll('.chip')].some((one) => one.textContent === 'rings')", "the classes of the trained model")
    page.press("Sample", ".sample .actions")
    page.until("document.querySelectorAll('.samples li').length === 16", "images of the trained model", 120)
    stage.look("15-sample-trained", whole=False)
    page.go("#/runs?model=digits")
    page.until("document.querySelector('.runs pre')?.textContent.includes('network')", "the model's recipe")
    stage.look("16-model")


ALL = {scenario.__name__: scenario for scenario in [views, keyboard, restore, several, sample, inpaint, cancel, reload, windows, train]}
