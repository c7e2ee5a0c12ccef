// Small marks below cells whose result came from the cache: "from cache · saved 1.2 s · 5 min old".
//
// They come from the metadata of execute_reply and are never written into the notebook.

import { age, duration, size } from './words.js';

/** How often ages are brought up to date, in milliseconds. */
const REFRESH = 20_000;

/** The marks of one notebook, in all its views. */
export class Marks {
  /**
   * @param context the notebook's document context
   * @param panels gives the notebook's views
   * @param conversation its conversation with the kernel
   */
  constructor(context, panels, conversation) {
    this.context = context;
    this.panels = panels;
    this.conversation = conversation;
    /** What is known of a cell, by its id: `{key, hit, saved, stored, name, kind}`, `stored` in ms since 1970. */
    this.entries = new Map();
    /** Requests that are not answered, by their id: the cell's id. */
    this.asked = new Map();
    /** Called after each change. */
    this.listeners = new Set();
    this.kernel = null;
    context.sessionContext.kernelChanged.connect(this.attach, this);
    this.timer = setInterval(() => this.refresh(), REFRESH);
    context.disposed.connect(() => clearInterval(this.timer));
    this.attach();
  }

  attach() {
    this.kernel?.anyMessage.disconnect(this.onMessage, this);
    this.kernel = this.context.sessionContext.session?.kernel ?? null;
    this.kernel?.anyMessage.connect(this.onMessage, this);
    this.asked.clear();
  }

  onMessage(_, { msg, direction }) {
    const type = msg.header.msg_type;
    if (direction === 'send' && type === 'execute_request' && msg.metadata.cellId) {
      this.asked.set(msg.header.msg_id, msg.metadata.cellId);
      this.remove(msg.metadata.cellId);
    } else if (direction === 'recv' && type === 'execute_reply') {
      const cell = this.asked.get(msg.parent_header.msg_id);
      this.asked.delete(msg.parent_header.msg_id);
      const told = msg.metadata.cellar;
      if (cell && told?.key) {
        this.put(cell, {
          key: told.key,
          hit: told.cache === 'hit',
          saved: told.saved_s,
          stored: told.age_s === undefined ? undefined : Date.now() - told.age_s * 1000,
          name: told.name,
          kind: told.kind,
        });
      }
    }
  }

  /** What is known of a cell, if anything. */
  of(cell) {
    return this.entries.get(cell?.model.id);
  }

  put(id, entry) {
    this.remove(id);
    const model = this.views(id)[0]?.model;
    if (!model) {
      return;
    }
    // What is edited or cleared did not come from the cache.
    const onEdit = (_, change) => change.sourceChange && this.remove(id);
    const onState = (_, change) =>
      change.name === 'executionCount' && change.newValue === null && this.remove(id);
    model.sharedModel.changed.connect(onEdit);
    model.stateChanged.connect(onState);
    entry.release = () => {
      model.sharedModel.changed.disconnect(onEdit);
      model.stateChanged.disconnect(onState);
    };
    this.entries.set(id, entry);
    this.show(id);
  }

  remove(id) {
    const entry = this.entries.get(id);
    if (!entry) {
      return;
    }
    entry.release();
    this.entries.delete(id);
    for (const cell of this.views(id)) {
      cell.node.classList.remove('cellar-mod-kept');
      erase(footerOf(cell));
    }
    this.changed();
  }

  /** Has the kernel clear the entry of a cell, and says below the cell what came of it. */
  async forget(id) {
    const entry = this.entries.get(id);
    if (!entry || entry.clearing) {
      return;
    }
    entry.clearing = true;
    entry.said = 'clearing the cache entry…';
    this.show(id);
    try {
      const { entries, bytes } = await this.conversation.forget(entry.key);
      entry.said = entries
        ? `cache entry cleared (${size(bytes)}): the next run computes`
        : 'there was no cache entry any more';
      entry.cleared = true;
    } catch (error) {
      entry.said = `the cache entry is not cleared: ${error.message}`;
      entry.clearing = false;
    }
    if (this.entries.get(id) === entry) {
      this.show(id);
    }
  }

  /** Draws a cell's mark in all views of the notebook. */
  show(id) {
    this.drawAll(id);
    this.changed();
  }

  /** Draws all marks: ages grow, and views are added. */
  refresh() {
    for (const id of this.entries.keys()) {
      this.drawAll(id);
    }
  }

  drawAll(id) {
    const entry = this.entries.get(id);
    for (const cell of this.views(id)) {
      // A cell that was never in view has no footer yet.
      void cell.ready.then(() => this.entries.get(id) === entry && this.draw(cell, entry));
    }
  }

  draw(cell, entry) {
    const footer = footerOf(cell);
    if (!footer) {
      return;
    }
    cell.node.classList.toggle('cellar-mod-kept', !entry.cleared);
    if (!entry.hit && !entry.said) {
      erase(footer);
      return;
    }
    let mark = footer.querySelector('.cellar-Mark');
    if (!mark) {
      footer.classList.add('cellar-mod-marked');
      mark = footer.appendChild(document.createElement('div'));
      mark.className = 'cellar-Mark';
      const text = mark.appendChild(document.createElement('span'));
      text.className = 'cellar-Mark-text';
      const button = mark.appendChild(document.createElement('button'));
      button.className = 'cellar-Mark-clear';
      button.type = 'button';
      button.textContent = 'clear';
      button.title = "Clear this cell's cache entry";
      button.setAttribute('aria-label', button.title);
      button.addEventListener('click', () => void this.forget(cell.model.id));
    }
    const text = mark.querySelector('.cellar-Mark-text');
    const words = entry.said ?? wordsOf(entry);
    // Read aloud is what somebody asked for, not each hit and each minute.
    text.setAttribute('role', entry.said ? 'status' : 'note');
    if (text.textContent !== words) {
      text.textContent = words;
    }
    mark.title = entry.said ? '' : explanationOf(entry);
    mark.querySelector('.cellar-Mark-clear').hidden = Boolean(entry.clearing);
  }

  /** The cell's widget in each view. */
  views(id) {
    return this.panels().flatMap(panel => panel.content.widgets.filter(cell => cell.model.id === id));
  }

  changed() {
    for (const listener of this.listeners) {
      listener(this);
    }
  }
}

function footerOf(cell) {
  return cell.node.querySelector(':scope > .jp-CellFooter');
}

function erase(footer) {
  footer?.classList.remove('cellar-mod-marked');
  footer?.querySelector('.cellar-Mark')?.remove();
}

function wordsOf({ saved, stored }) {
  const words = ['from cache'];
  if (saved !== undefined) {
    words.push(`saved ${duration(saved)}`);
  }
  if (stored !== undefined) {
    words.push(age((Date.now() - stored) / 1000));
  }
  return words.join(' · ');
}

function explanationOf({ saved, stored, name, kind }) {
  const what = kind === 'resource' ? 'The instance' : 'The result';
  const lines = [`${what} of this cell${name ? ` (${name})` : ''} came from Cellar's cache; nothing was run.`];
  if (stored !== undefined) {
    lines.push(`Made ${new Date(stored).toLocaleString()}.`);
  }
  if (saved !== undefined) {
    lines.push(`Running it took ${duration(saved)}.`);
  }
  return lines.join('\n');
}
