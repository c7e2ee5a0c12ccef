"""JupyterLab in a headless browser, driven as a person drives it."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request

from playwright.sync_api import expect, sync_playwright

from support import notebooks, paths, wait

# What is shown in front, in the page.
WIDGET = "window.jupyterapp.shell.currentWidget"

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CONNECTED = """async () => {
    const session = window.jupyterapp.shell.currentWidget.sessionContext;
    await session.ready;
    await session.session.kernel.info;
}"""
SLOW = 60_000  # ms: a first cell waits for the compiler to warm up


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def quiet():
    """No question about news, no look for updates: there is no network to ask."""
    folder = pathlib.Path(os.environ["JUPYTER_CONFIG_DIR"]) / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    (folder / "default_setting_overrides.json").write_text(json.dumps(settings))


@contextlib.contextmanager
def server(folder):
    """JupyterLab on `folder`; gives its address."""
    port = free_port()
    quiet()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *(f"--port={port}", "--port-retries=0", f"--notebook-dir={folder}"),
            *("--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.disable_check_xsrf=True"),
            *("--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    address = f"http://127.0.0.1:{port}"

    def answers():
        assert process.poll() is None, "JupyterLab did not start"
        try:
            return urllib.request.urlopen(f"{address}/api/status", timeout=2).status == 200
        except (urllib.error.URLError, OSError):
            return False

    try:
        wait.until(answers, timeout=60, what="JupyterLab's answer")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def shut_down_kernels(address):
    with urllib.request.urlopen(f"{address}/api/kernels") as answer:
        kernels = json.load(answer)
    for kernel in kernels:
        request = urllib.request.Request(f"{address}/api/kernels/{kernel['id']}", method="DELETE")
        urllib.request.urlopen(request).close()


@contextlib.contextmanager
def browser_page(profile):
    """A page of the machine's Chromium with an empty profile."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile),
            executable_path=shutil.which("chromium"),
            headless=True,
            args=CHROMIUM_FLAGS,
            viewport={"width": 1280, "height": 900},
        )
        try:
            yield context.new_page()
        finally:
            context.close()


class Lab:
    """One open notebook, in JupyterLab or (at `notebooks`) in Notebook 7."""

    def __init__(self, page, address, name, at="doc/tree", query="reset"):
        self.page = page
        # `doc/tree` is one document alone: no file browser, no launcher, nothing remembered from elsewhere.
        self.opened = f"{address}/{at}/{name}" + (f"?{query}" if query else "")
        self.load(self.opened)

    def load(self, url):
        page = self.page
        page.goto(url)
        page.locator(".jp-Notebook").wait_for(timeout=SLOW)
        # Before the kernel is connected its status is already "idle", and cells that are run are not sent.
        page.evaluate(CONNECTED)
        self.idle()

    def status(self):
        return self.page.evaluate(f"() => {WIDGET}.sessionContext.session?.kernel?.status")

    def idle(self, timeout=SLOW / 1000):
        """Waits until nothing runs: a cell has its star as soon as it is sent, before the kernel is busy."""
        waiting = self.page.locator(".jp-InputPrompt", has_text="[*]")
        wait.until(lambda: self.status() == "idle" and not waiting.count(), timeout=timeout, what="an idle kernel")

    def all_ran(self, timeout=SLOW / 1000):
        """Waits until every cell of code has run. Of many, those out of sight have no star, and the kernel is idle between two."""
        ran = f"""() => Array.from({WIDGET}.context.model.cells)
            .every(cell => cell.type !== 'code' || cell.executionCount !== null)"""
        wait.until(lambda: self.page.evaluate(ran), timeout=timeout, what="the end of all cells")
        self.idle(timeout)

    def busy(self):
        wait.until(lambda: self.status() == "busy", timeout=20, what="a busy kernel")

    def menu(self, *names):
        """Chooses an entry of the menu bar."""
        first, *rest = names
        self.page.get_by_role("menuitem", name=first, exact=True).click()
        for name in rest:
            self.page.get_by_role("menuitem", name=name).first.click()

    def accept(self):
        """Says yes to the dialog that is open."""
        self.page.locator(".jp-Dialog .jp-mod-accept").click()

    def cell(self, n):
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(n)

    def output(self, n):
        return self.cell(n).locator(".jp-OutputArea-output")

    def expect_output(self, n, text):
        expect(self.cell(n).locator(".jp-Cell-outputArea")).to_contain_text(text, timeout=SLOW)

    def expect_no_output(self, n):
        expect(self.output(n)).to_have_count(0)

    def run_cell(self, n):
        self.cell(n).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def prompt(self, n):
        return self.cell(n).locator(".jp-InputPrompt").inner_text()

    def clear_outputs(self):
        self.menu("Edit", "Clear Outputs of All Cells")

    def saved(self, path):
        """Saves the notebook and reads the file."""
        before = path.stat().st_mtime_ns
        self.menu("File", "Save Notebook")
        # JupyterLab empties the file before it writes it.
        wait.until(
            lambda: path.stat().st_mtime_ns != before and path.read_text().rstrip().endswith("}"),
            timeout=20,
            what="the saved notebook",
        )
        return notebooks.read(path)

    def screenshots(self, name):
        """All of the notebook, in pages: `name-1.png` and so on."""
        view = self.page.locator(".jp-WindowedPanel-outer")
        scroll = "(panel, down) => { const old = panel.scrollTop; panel.scrollTop += down; return panel.scrollTop - old; }"
        view.evaluate("panel => { panel.scrollTop = 0; }")
        for number in range(1, 50):
            self.page.wait_for_timeout(500)  # Cells are drawn when they come into view.
            self.screenshot(f"{name}-{number}")
            if view.evaluate(scroll, view.bounding_box()["height"] - 40) < 1:
                return

    def screenshot(self, name):
        self.page.screenshot(path=str(paths.SCREENSHOTS / f"{name}.png"))
