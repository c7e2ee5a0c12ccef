// The plugin: notebooks, commands and the panel, put together.

import { Address } from './address.js';
import { Conversation } from './conversation.js';
import { Marks } from './marks.js';
import { ParamsPanel } from './panel.js';

const CATEGORY = 'Cellar';

/** @param jupyter what is used of the application's modules, by name */
export function makePlugin(jupyter) {
  // Not when the plugin is activated: by then the query string is gone.
  const address = new Address(jupyter);
  addStyle();
  return {
    id: 'cellar:plugin',
    description: 'Notebook parameters and marks of cached cells, for the Rust kernel Cellar.',
    autoStart: true,
    // Pages without notebooks have no tracker, and need nothing of this.
    optional: [jupyter.INotebookTracker, jupyter.ICommandPalette, jupyter.IMainMenu],
    activate(app, tracker, palette, menu) {
      if (tracker) {
        new Extension(jupyter, app, tracker, address).start(palette, menu);
      }
    },
  };
}

class Extension {
  constructor(jupyter, app, tracker, address) {
    this.jupyter = jupyter;
    this.app = app;
    this.tracker = tracker;
    this.settings = {
      client: /lab/i.test(app.name) ? 'jupyterlab' : 'notebook',
      address,
      specs: () => app.serviceManager.kernelspecs.specs,
    };
    /** By document context: views of one notebook share them. */
    this.conversations = new WeakMap();
    this.marks = new WeakMap();
    this.panel = new ParamsPanel(jupyter, () => app.commands.execute('cellar:copy-link'));
  }

  start(palette, menu) {
    const { tracker, jupyter } = this;
    tracker.widgetAdded.connect((_, view) => this.onNotebook(view));
    tracker.forEach(view => this.onNotebook(view));
    tracker.currentChanged.connect(() => this.update());
    tracker.activeCellChanged.connect(() => this.app.commands.notifyCommandChanged('cellar:clear-entry'));
    // Emitted before the cell's execute_request is sent, and in the same turn.
    jupyter.NotebookActions.executionScheduled.connect((_, { notebook }) => {
      const view = tracker.find(each => each.content === notebook);
      if (view) {
        this.conversations.get(view.context)?.beforeExecution();
      }
    });
    this.addCommands(palette);
    menu?.viewMenu.addGroup([{ command: 'cellar:show-params' }], 9);
    this.update();
  }

  onNotebook(view) {
    const { context } = view;
    let conversation = this.conversations.get(context);
    if (!conversation) {
      conversation = new Conversation(context, this.settings);
      conversation.listeners.add(() => this.update());
      const marks = new Marks(context, () => this.tracker.filter(each => each.context === context), conversation);
      marks.listeners.add(() => this.app.commands.notifyCommandChanged('cellar:clear-entry'));
      this.conversations.set(context, conversation);
      this.marks.set(context, marks);
    }
    // Another view of a notebook that is open shows its marks, too.
    void view.revealed.then(() => this.marks.get(context).refresh());
    this.update();
  }

  /** The current notebook's conversation. */
  current() {
    const view = this.tracker.currentWidget;
    return view ? this.conversations.get(view.context) ?? null : null;
  }

  update() {
    const conversation = this.current();
    // Who has no notebook on Cellar sees nothing of it.
    if (conversation?.isCellar && !this.panel.widget.isAttached && !this.added) {
      this.added = true;
      this.app.shell.add(this.panel.widget, 'right', { rank: 600, type: 'Parameters' });
    }
    this.panel.follow(conversation);
    this.app.commands.notifyCommandChanged();
  }

  addCommands(palette) {
    const { commands, shell, contextMenu } = this.app;
    const isVisible = () => Boolean(this.current()?.isCellar);
    const add = (id, label, isEnabled, execute) => {
      commands.addCommand(id, { label, isVisible, isEnabled, execute });
      palette?.addItem({ command: id, category: CATEGORY });
    };
    add('cellar:show-params', 'Show Parameters', isVisible, () => {
      shell.activateById(this.panel.widget.id);
      this.panel.takeFocus();
    });
    const known = () => isVisible() && Boolean(this.current().state);
    add('cellar:copy-link', 'Copy Link with Parameters', known, () => this.copyLink());
    const marked = () => isVisible() && Boolean(this.activeEntry()?.key) && !this.activeEntry().cleared;
    add('cellar:clear-entry', "Clear This Cell's Cache Entry", marked, () => {
      const { context, content } = this.tracker.currentWidget;
      return this.marks.get(context).forget(content.activeCell.model.id);
    });
    contextMenu?.addItem({
      command: 'cellar:clear-entry',
      selector: '.jp-Notebook .jp-CodeCell.cellar-mod-kept',
      rank: 9,
    });
  }

  activeEntry() {
    const view = this.tracker.currentWidget;
    return view ? this.marks.get(view.context)?.of(view.content.activeCell) : undefined;
  }

  copyLink() {
    const { path, state, settings } = this.current();
    const link = settings.address.link(path, state.effective);
    this.jupyter.Clipboard.copyToSystem(link);
    this.jupyter.Notification.success('Copied a link with the parameters', { autoClose: 3000 });
    return link;
  }
}

function addStyle() {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = new URL('style.css', import.meta.url);
  document.head.append(link);
}
