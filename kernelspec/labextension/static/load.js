// What JupyterLab and Notebook 7 load. It does by hand what a bundler would generate: a container with
// `init` and `get`, as module federation has it. The extension itself is the modules beside this file.
(() => {
  // Must be the name in package.json.
  const NAME = 'cellar';
  const here = document.currentScript.src;
  let scope;

  /** A module that the application shares with its extensions. */
  async function shared(name) {
    const versions = scope[name];
    const newest = Object.keys(versions)
      .sort((a, b) => a.localeCompare(b, undefined, { numeric: true }))
      .pop();
    return (await versions[newest].get())();
  }

  async function load() {
    const [{ makePlugin }, notebook, apputils, mainmenu, coreutils, components, widgets] = await Promise.all([
      import(new URL('plugin.js', here)),
      shared('@jupyterlab/notebook'),
      shared('@jupyterlab/apputils'),
      shared('@jupyterlab/mainmenu'),
      shared('@jupyterlab/coreutils'),
      shared('@jupyterlab/ui-components'),
      shared('@lumino/widgets'),
    ]);
    const { INotebookTracker, NotebookActions } = notebook;
    const { Clipboard, ICommandPalette, Notification } = apputils;
    const { PageConfig, URLExt } = coreutils;
    return makePlugin({
      ...{ INotebookTracker, NotebookActions, Clipboard, ICommandPalette, Notification, PageConfig, URLExt },
      IMainMenu: mainmenu.IMainMenu,
      LabIcon: components.LabIcon,
      Widget: widgets.Widget,
    });
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init(given) {
      scope = given;
    },
    async get() {
      const exported = { __esModule: true, default: await load() };
      return () => exported;
    },
  };
})();
