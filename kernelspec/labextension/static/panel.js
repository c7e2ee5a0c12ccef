// The panel that lists and edits a notebook's parameters.

import { own } from './json.js';

/** How long a command palette takes at most to give the focus back, in milliseconds. */
const PALETTE = 500;

/** How long a change may take before the panel says that it waits, in milliseconds. */
const PATIENCE = 700;

/** Where a value is edited. */
const VALUE = 'input, textarea';

let rows = 0;

export class ParamsPanel {
  /** @param jupyter `Widget` and `LabIcon`; @param copyLink copies the link with parameters */
  constructor({ Widget, LabIcon }, copyLink) {
    this.node = element('div', { className: 'cellar-Params', tabIndex: -1 });
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Parameters');
    this.widget = new Widget({ node: this.node });
    this.widget.id = 'cellar-params';
    this.widget.title.icon = new LabIcon({ name: 'cellar:params', svgstr: ICON });
    this.widget.title.caption = 'Parameters';
    this.copyLink = copyLink;
    this.conversation = null;

    this.title = element('div', { className: 'cellar-Params-notebook' });
    this.notice = element('p', { className: 'cellar-Params-notice' });
    this.notice.setAttribute('role', 'status');
    this.failure = element('p', { className: 'cellar-Params-error' });
    this.failure.setAttribute('role', 'alert');
    this.list = element('ul', { className: 'cellar-Params-list' });
    this.problems = element('ul', { className: 'cellar-Params-problems' });
    this.form = this.makeForm();
    this.link = button('Copy link', 'Copy a link to this notebook with these parameters', () => this.copyLink());
    this.link.className = 'cellar-Params-button';
    const heading = element('h2', { className: 'cellar-Params-title', textContent: 'Parameters' });
    this.node.append(heading, this.title, this.notice, this.failure, this.list, this.form, this.problems, this.link);
    this.listener = () => this.update();
    /** By input: the value, and what of it the input shows. */
    this.given = new WeakMap();
  }

  /** Shows the parameters of another notebook; null if there is none. */
  follow(conversation) {
    if (conversation === this.conversation) {
      return;
    }
    this.conversation?.listeners.delete(this.listener);
    this.conversation = conversation;
    conversation?.listeners.add(this.listener);
    this.drawn = null;
    this.update();
  }

  /** Puts the keyboard where one will most likely want it. */
  focus() {
    const first = this.list.querySelector(VALUE) ?? this.form.querySelector('input');
    (first && !this.form.hidden ? first : this.node).focus();
  }

  /** The same for a command: the palette from which it was called gives the focus back to where it was. */
  takeFocus() {
    const back = event => this.node.contains(event.target) || this.focus();
    const ends = ['keydown', 'pointerdown'];
    const stop = () => {
      document.removeEventListener('focusin', back);
      ends.forEach(type => document.removeEventListener(type, stop, true));
    };
    this.focus();
    document.addEventListener('focusin', back);
    ends.forEach(type => document.addEventListener(type, stop, true));
    setTimeout(stop, PALETTE);
  }

  update() {
    const { conversation } = this;
    const state = conversation?.state ?? null;
    this.title.textContent = conversation ? conversation.path.split('/').pop() : '';
    this.title.title = conversation?.path ?? '';
    this.form.hidden = this.link.hidden = this.list.hidden = this.problems.hidden = !state;
    const error = conversation?.error;
    set(this.failure, error ? error.message : '');
    set(this.notice, this.whatIsMissing());
    if (this.adding && !conversation?.waiting) {
      this.adding = false;
      if (!error) {
        this.form.reset();
      }
    }
    clearTimeout(this.timer);
    if (conversation?.waiting) {
      const say = () => conversation.waiting && set(this.notice, 'Waiting for the cell that runs…');
      this.timer = setTimeout(say, PATIENCE);
    }
    // What is typed stays while nothing else changes; a change that was refused is taken back.
    if (state && (state !== this.drawn || error)) {
      this.draw(state);
    }
    this.drawn = state;
  }

  whatIsMissing() {
    const { conversation } = this;
    if (!conversation) {
      return 'Parameters are those of a notebook that runs on Cellar. None is open here.';
    }
    if (!conversation.kernel) {
      return 'This notebook has no kernel. Start one to see its parameters.';
    }
    if (!conversation.isCellar) {
      return 'This notebook runs on another kernel than Cellar.';
    }
    if (!conversation.state) {
      return 'Waiting for the kernel…';
    }
    return Object.keys(conversation.state.effective).length ? '' : 'This notebook has no parameters yet.';
  }

  draw(state) {
    const focus = this.rememberFocus();
    this.list.replaceChildren(...Object.entries(state.effective).map(([key, values]) => this.row(key, values, state)));
    this.problems.replaceChildren(...state.problems.map(text => element('li', { textContent: text })));
    focus();
  }

  row(key, values, state) {
    const id = `cellar-param-${++rows}`;
    const row = element('li', { className: 'cellar-Params-row' });
    row.dataset.key = key;
    const label = element('label', { textContent: key, htmlFor: id, title: key });
    const more = button('+', `Add a value to ${key}`, () => {
      const field = this.field(key, '', values.length, values);
      row.querySelector('.cellar-Params-values').append(field);
      field.querySelector(VALUE).focus();
    });
    const head = element('div', { className: 'cellar-Params-head' });
    head.append(label, more);
    const fields = element('div', { className: 'cellar-Params-values' });
    fields.append(...values.map((value, n) => this.field(key, value, n, values)));
    const first = fields.querySelector(VALUE);
    if (first) {
      first.id = id;
    }
    row.append(head, fields);
    if (Object.hasOwn(state.override, key)) {
      const saved = own(state.params, key);
      const text = saved === undefined ? 'not saved' : `saved is ${[saved].flat().join(', ')}`;
      row.append(element('div', { className: 'cellar-Params-note', textContent: `for this run only; ${text}` }));
    }
    return row;
  }

  /** One value, which can be edited and removed. */
  field(key, value, n, values) {
    const field = element('div', { className: 'cellar-Params-field' });
    const input = textField(value);
    // The browser may show line breaks otherwise: what is not edited keeps those that it has.
    this.given.set(input, { value, shown: input.value });
    const single = values.length < 2 && n === 0;
    input.setAttribute('aria-label', single ? key : `${key}, value ${n + 1}`);
    let sent = n < values.length ? input.value : null;
    const send = () => {
      if (input.value !== sent) {
        sent = input.value;
        this.conversation.set(key, this.valuesIn(input));
      }
    };
    input.addEventListener('change', send);
    input.addEventListener('keydown', event => {
      if (event.key === 'Enter' && (input.matches('input') || event.ctrlKey || event.metaKey)) {
        send(); // What was put back while it was typed is no change for the browser.
      } else if (event.key === 'Escape') {
        input.value = value;
        event.stopPropagation();
      }
    });
    const remove = button('×', single ? `Remove ${key}` : `Remove value ${n + 1} of ${key}`, () => {
      if (n >= values.length) {
        field.remove(); // It was never sent.
        return;
      }
      const rest = values.filter((_, other) => other !== n);
      this.conversation.set(key, rest.length ? rest : null);
    });
    field.append(input, remove);
    return field;
  }

  valuesIn(input) {
    const inputs = input.closest('.cellar-Params-values').querySelectorAll(VALUE);
    return Array.from(inputs, each => {
      const { value, shown } = this.given.get(each);
      return each.value === shown ? value : each.value;
    });
  }

  makeForm() {
    const form = element('form', { className: 'cellar-Params-form' });
    const key = element('input', { type: 'text', placeholder: 'name', required: true, spellcheck: false });
    key.setAttribute('aria-label', 'Name of the new parameter');
    const value = element('input', { type: 'text', placeholder: 'value', spellcheck: false });
    value.setAttribute('aria-label', 'Value of the new parameter');
    const add = element('button', { type: 'submit', textContent: 'Add', className: 'cellar-Params-button' });
    key.autocomplete = value.autocomplete = 'off';
    form.append(key, value, add);
    form.addEventListener('submit', event => {
      event.preventDefault();
      const name = key.value.trim();
      if (name) {
        const before = own(this.conversation.state?.effective, name) ?? [];
        // What was typed stays until it is accepted.
        this.adding = true;
        key.focus();
        this.conversation.set(name, [...before, value.value]);
      }
    });
    return form;
  }

  /** Gives a function that puts the focus, and what was being typed, back into the list drawn anew. */
  rememberFocus() {
    const active = document.activeElement;
    const row = this.list.contains(active) ? active.closest('.cellar-Params-row') : null;
    if (!row) {
      return () => {};
    }
    const { key } = row.dataset;
    const place = Array.from(row.querySelectorAll(`${VALUE}, button`)).indexOf(active);
    const typed = active.matches(VALUE) && active.value !== this.given.get(active).shown ? active.value : null;
    const index = Array.from(this.list.children).indexOf(row);
    return () => {
      const again = Array.from(this.list.children).find(each => each.dataset.key === key);
      const parts = Array.from((again ?? this.list.children[index] ?? this.form).querySelectorAll(`${VALUE}, button`));
      const target = parts[Math.min(place, parts.length - 1)] ?? this.form.querySelector('input');
      target.focus();
      if (again && typed !== null && target.matches(VALUE)) {
        target.value = typed;
      }
    };
  }
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

/** Where a value can be edited: in several lines if it has them. */
function textField(value) {
  const lines = value.split(/\r\n|\r|\n/).length;
  const kind = lines > 1 ? element('textarea', { rows: Math.min(lines, 8) }) : element('input', { type: 'text' });
  return Object.assign(kind, { defaultValue: value, spellcheck: false, autocomplete: 'off' });
}

function button(text, label, onclick) {
  const made = element('button', { type: 'button', className: 'cellar-Params-small', textContent: text, title: label });
  made.setAttribute('aria-label', label);
  made.addEventListener('click', onclick);
  return made;
}

/** Sets a text that is not there when empty. Not set when it is the same: it would be read aloud again. */
function set(node, text) {
  node.hidden = !text;
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** Three sliders. */
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M3 5h9v2H3zM16 5h5v2h-5zM3 11h3v2H3zM10 11h11v2H10zM3 17h11v2H3zM18 17h3v2h-3z"/>
    <circle cx="14" cy="6" r="2.6"/><circle cx="8" cy="12" r="2.6"/><circle cx="16" cy="18" r="2.6"/>
  </g>
</svg>`;
