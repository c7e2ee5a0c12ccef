"""A notebook's window with what Cellar's extension adds: parameters, their panel, marks of cached cells."""

import json
import urllib.parse

import psutil

from playwright.sync_api import expect

from support import wait
from support.lab import SLOW, WIDGET, Lab

# The kernel has answered: only then does the extension know the parameters.
KNOWN = "() => window.jupyterapp.commands.isEnabled('cellar:copy-link')"
# What the panel lists.
ROWS = """() => Object.fromEntries(Array.from(document.querySelectorAll('.cellar-Params-row'), row =>
    [row.querySelector('label').innerText, Array.from(row.querySelectorAll('input, textarea'), each => each.value)]))"""


class Window(Lab):
    def __init__(self, page, address, file, at, query=""):
        self.file = file
        self.address = address
        self.at = at
        self.errors = []
        # Those of the application itself and of others are not ours to judge.
        ours = lambda error: "labextensions/cellar" in (error.stack or "")
        page.on("pageerror", lambda error: ours(error) and self.errors.append(error.stack))
        super().__init__(page, address, urllib.parse.quote(file.name), at, query)

    def another(self):
        """The same notebook in a second window."""
        return Window(self.page.context.new_page(), self.address, self.file, self.at)

    def ready(self):
        """Waits until the kernel has told the parameters."""
        self.page.wait_for_function(KNOWN, timeout=SLOW)
        return self

    def run(self, n):
        """Runs a cell and gives the text below it."""
        self.page.bring_to_front()
        self.run_cell(n)
        self.idle()
        return self.output(n).first.inner_text().strip() if self.output(n).count() else ""

    def type(self, n, text):
        """Puts another text into a cell."""
        self.cell(n).locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Escape")

    def command(self, name, **arguments):
        return self.page.evaluate(f"given => window.jupyterapp.commands.execute('{name}', given)", arguments)

    def palette(self, words):
        """Runs a command from the palette, by keyboard."""
        self.page.keyboard.press("Control+Shift+c")
        self.page.locator("#modal-command-palette input, #command-palette input").first.fill(words)
        self.page.locator(".lm-CommandPalette-item", has_text=words).first.wait_for()
        self.page.keyboard.press("Enter")

    def metadata(self):
        """`metadata.cellar` as the window has it."""
        return self.page.evaluate(f"() => {WIDGET}.context.model.getMetadata('cellar') ?? null")

    def set_metadata(self, value):
        """As editors of metadata do."""
        self.page.evaluate(f"value => {WIDGET}.context.model.setMetadata('cellar', value)", value)

    def expect_metadata(self, value):
        wait.until(lambda: self.metadata() == value, timeout=SLOW / 1000, what=f"{value} in the metadata")

    def saved_metadata(self):
        """Saves, and reads `metadata.cellar` from the file."""
        self.page.bring_to_front()
        return json.loads(json.dumps(self.saved(self.file).metadata.get("cellar")))

    def dirty(self):
        return self.page.evaluate(f"() => {WIDGET}.context.model.dirty")

    def query(self):
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.page.url).query)

    def restart(self):
        self.menu("Kernel", "Restart Kernel…")
        self.accept()
        self.idle()
        return self.ready()

    def kill_kernel(self):
        """As the system does when memory runs out; Jupyter starts another one."""
        kernel = self.page.evaluate(f"() => {WIDGET}.sessionContext.session.kernel.id")
        (process,) = [
            process
            for process in psutil.process_iter(["cmdline"])
            if any(f"kernel-{kernel}" in word for word in process.info["cmdline"] or [])
            and "kernel" in process.info["cmdline"][1:2]
        ]
        process.kill()

    def shut_down_kernel(self):
        self.page.evaluate(f"() => {WIDGET}.sessionContext.shutdown()")

    def screenshots_in_both_themes(self, name):
        """`name.png` and `name-dark.png`. The theme is light afterwards, as it is for all windows."""
        self.screenshot(name)
        self.theme("JupyterLab Dark", light=False)
        self.screenshot(f"{name}-dark")
        self.theme("JupyterLab Light", light=True)

    def theme(self, name, light):
        self.command("apputils:change-theme", theme=name)
        wait.until(
            lambda: self.page.evaluate("() => document.body.dataset.jpThemeLight") == str(light).lower()
            and not self.page.locator("#jupyterlab-splash").count(),
            timeout=SLOW / 1000,
            what=f"the theme {name}",
        )

    # The panel.

    @property
    def panel(self):
        return self.page.locator(".cellar-Params")

    def field(self, label):
        return self.panel.get_by_label(label, exact=True)

    def shown(self):
        """What the panel lists: names with their values."""
        # In one go: the panel may be drawn anew meanwhile.
        return self.page.evaluate(ROWS)

    def expect_shown(self, params):
        wait.until(lambda: self.shown() == params, timeout=SLOW / 1000, what=f"{params} in the panel")

    # Marks.

    def mark(self, n):
        return self.cell(n).locator(".cellar-Mark")

    def expect_mark(self, n, text):
        expect(self.mark(n)).to_contain_text(text, timeout=SLOW)

    def expect_no_mark(self, n):
        expect(self.mark(n)).to_have_count(0)
