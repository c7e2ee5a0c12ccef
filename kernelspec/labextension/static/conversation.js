// The conversation with the kernel about one notebook's parameters: the comm `cellar.params`.
//
// The kernel never opens it. It has to be open before the first cell runs, so it is opened when the kernel is
// connected and, synchronously, when a cell is about to be sent (`beforeExecution`), whichever comes first.

import { same } from './json.js';

const TARGET = 'cellar.params';
const VERSION = 1;

/** Names of kernels that are known to be Cellar's, and of those that are known not to be. */
const KNOWN = new Map();

/** States of a kernel after which nothing comes from the process that was there. */
const ENDING = new Set(['restarting', 'autorestarting', 'dead', 'terminating']);

export class Conversation {
  /**
   * @param context the notebook's document context
   * @param settings `client`, the name of the front end; `address`; `specs`, the kernelspecs
   */
  constructor(context, settings) {
    this.context = context;
    this.settings = settings;
    /** What the kernel said last; null while there is none that speaks of parameters. */
    this.state = null;
    /** Why the kernel refused a change last: `{message, key}`. */
    this.error = null;
    /** Whether a change was sent that is not answered yet. */
    this.waiting = false;
    /** Called with this after each change. */
    this.listeners = new Set();
    this.comm = null;
    this.kernel = null;
    /** The session id of the kernel's process: another one is another process. */
    this.process = null;
    /** What both sides know of `metadata.cellar.params`. */
    this.known = null;
    /** Whether the metadata is gone for a moment. */
    this.replacing = false;
    /** What cells saw when the notebook was opened. */
    this.first = null;
    /** Waiting for the answer to `forget`, by cache key. */
    this.forgetting = new Map();

    const { sessionContext, model } = context;
    sessionContext.kernelChanged.connect(this.attach, this);
    sessionContext.statusChanged.connect(this.onStatus, this);
    sessionContext.connectionStatusChanged.connect(this.onConnection, this);
    sessionContext.iopubMessage.connect(this.onIopub, this);
    model.metadataChanged.connect(this.onMetadata, this);
    context.pathChanged.connect(this.onPath, this);
    this.path = this.localPath();
    this.attach();
  }

  /** Whether the notebook's kernel is Cellar's, as far as is known. */
  get isCellar() {
    return Boolean(this.kernel) && KNOWN.get(this.kernel.name) === true;
  }

  /** Asks the kernel to make `values` the key's values, or with null to remove the key. */
  set(key, values) {
    this.open();
    if (!this.comm) {
      this.error = { key, message: 'The kernel is not there to take the change. Restart it and try again.' };
      this.changed();
      return;
    }
    this.error = null;
    this.waiting = true;
    this.comm.send({ op: 'set', key, values });
    this.changed();
  }

  /** Clears the cache's entry of `key`; resolves with `{entries, bytes}`. */
  forget(key) {
    this.open();
    if (!this.comm) {
      return Promise.reject(new Error('the kernel is not there'));
    }
    return new Promise((resolve, reject) => {
      this.forgetting.set(key, { resolve, reject });
      this.comm.send({ op: 'forget', key });
    });
  }

  /** To be called before a cell is sent: what it reads must have arrived. */
  beforeExecution() {
    if (!this.kernel || KNOWN.get(this.kernel.name) === false) {
      return;
    }
    // Who the kernel is may not be known yet. A comm with an unknown target harms no kernel, so the language will do.
    if (this.isCellar || this.settings.specs()?.kernelspecs[this.kernel.name]?.language === 'rust') {
      this.open();
    }
  }

  attach() {
    this.drop();
    this.process = null;
    const kernel = this.context.sessionContext.session?.kernel ?? null;
    this.kernel = kernel;
    if (this.isCellar) {
      this.open(); // A cell may have waited for this kernel, and is sent next.
    }
    this.changed();
    void this.recognise(kernel);
  }

  async recognise(kernel) {
    if (!kernel) {
      return;
    }
    let info;
    try {
      info = await kernel.info;
    } catch {
      return; // It went before it said what it is.
    }
    KNOWN.set(kernel.name, info.implementation === 'cellar');
    if (kernel !== this.kernel) {
      return;
    }
    if (this.isCellar) {
      this.open();
    } else {
      this.drop();
    }
    this.changed();
  }

  onStatus(_, status) {
    if (ENDING.has(status)) {
      this.drop();
      this.process = null;
      this.changed();
    }
  }

  onConnection(_, status) {
    if (status === 'connected' && this.isCellar) {
      this.open();
    }
  }

  /** A kernel that restarted by itself is known by its messages; its connection never went away. */
  onIopub(_, message) {
    // Of a restart the server tells, in a session of its own.
    if (message.header.msg_type === 'status' && ENDING.has(message.content.execution_state)) {
      return;
    }
    const process = message.header.session;
    if (process === this.process) {
      return;
    }
    // What was opened since the last process ended went to this one, unless that one had a last word.
    const another = this.process !== null;
    this.process = process;
    if (this.isCellar) {
      if (another) {
        this.drop();
      }
      this.open();
    }
  }

  open() {
    const { kernel, context } = this;
    // A page may have several connections to a kernel, and only the first of them has comms.
    if ((this.comm && !this.comm.isDisposed) || !kernel?.handleComms || ENDING.has(kernel.status)) {
      return;
    }
    if (!context.isReady) {
      void context.ready.then(() => this.isCellar && this.open());
      return;
    }
    const comm = kernel.createComm(TARGET);
    comm.onMsg = message => comm === this.comm && this.onMessage(message.content.data);
    comm.onClose = () => {
      if (comm === this.comm) {
        this.drop();
        this.changed();
      }
    };
    this.comm = comm;
    this.known = this.saved();
    const data = { version: VERSION, path: this.path, client: this.settings.client };
    if (this.known !== null) {
      data.params = this.known;
    }
    const override = this.settings.address.overrides(this.path, this.known);
    if (Object.keys(override).length) {
      data.override = override;
    }
    comm.open(data);
  }

  /** Forgets the comm. Nothing is sent: there is nobody to send it to. */
  drop() {
    const { comm } = this;
    this.comm = null;
    this.state = null;
    this.waiting = false;
    comm?.dispose();
    for (const { reject } of this.forgetting.values()) {
      reject(new Error('the kernel has gone'));
    }
    this.forgetting.clear();
  }

  onMessage(data) {
    if (data.op === 'state') {
      this.onState(data);
    } else if (data.op === 'error' && this.forgetting.has(data.key)) {
      this.forgetting.get(data.key).reject(new Error(data.message));
      this.forgetting.delete(data.key);
    } else if (data.op === 'error') {
      this.waiting = false;
      this.error = { key: data.key, message: data.message };
      this.changed();
    } else if (data.op === 'forgotten') {
      this.forgetting.get(data.key)?.resolve(data);
      this.forgetting.delete(data.key);
    }
  }

  onState(state) {
    this.waiting = false;
    this.error = null;
    this.state = state;
    this.first ??= state.effective;
    this.write(state.params ?? null);
    const changed = !same(this.first, state.effective);
    this.settings.address.follow(this.path, state, changed);
    this.changed();
  }

  /** `metadata.cellar.params` of the notebook, null if there is none. */
  saved() {
    const params = this.context.model.getMetadata('cellar')?.params;
    return params === undefined ? null : JSON.parse(JSON.stringify(params));
  }

  /** Makes it `params`. Only a difference is written: to open a notebook must not make it dirty. */
  write(params) {
    const { model } = this.context;
    this.known = params;
    if (same(this.saved(), params)) {
      return;
    }
    const { params: _, ...rest } = Object(model.getMetadata('cellar'));
    if (params !== null) {
      model.setMetadata('cellar', { ...rest, params });
      if (!same(this.saved(), params)) {
        // JupyterLab takes `{}` and `{constructor: …}` for the same, and then writes nothing.
        this.replacing = true;
        model.deleteMetadata('cellar');
        model.setMetadata('cellar', { ...rest, params });
        this.replacing = false;
      }
    } else if (Object.keys(rest).length) {
      model.setMetadata('cellar', rest);
    } else {
      model.deleteMetadata('cellar');
    }
  }

  /** The metadata was edited, or the notebook was read from its file once more. */
  onMetadata() {
    if (!this.comm || this.context.isDisposed || this.replacing) {
      return;
    }
    const params = this.saved();
    if (!same(params, this.known)) {
      this.known = params;
      this.comm.send({ op: 'replace', params });
    }
  }

  onPath() {
    const path = this.localPath();
    this.settings.address.renamed(this.path, path);
    this.path = path;
    this.changed();
  }

  /** The path without the name of a drive. */
  localPath() {
    return this.context.localPath ?? this.context.path;
  }

  changed() {
    for (const listener of this.listeners) {
      listener(this);
    }
  }
}
