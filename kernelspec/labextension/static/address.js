// The page's address as a source of parameters: `…/t.ipynb?city=Oslo&tag=a&tag=b`.

import { own } from './json.js';

/** What Jupyter, JupyterHub and their extensions put into addresses; never a parameter. */
const RESERVED = new Set([
  'token', 'reset', 'clone', 'kernel', 'kernel_name', 'path', 'factory', 'workspace', 'mode', 'file-browser-path',
  'autostart', 'redirects', 'next', '_xsrf',
]);

/** Longer addresses are refused by proxies: then the page's is left as it is. In characters. */
const LONGEST = 4000;

/** Where one document is the page, and so the address stays the document's. */
const SINGLE = [/^\/doc(?:\/workspaces\/[^/]+)?\/tree\/(.+)$/, /^\/notebooks\/(.+)$/];
const WITH_OTHERS = /^\/lab(?:\/workspaces\/[^/]+)?\/tree\/(.+)$/;

/** The parameters of a query string, each as the list of its values. */
export function paramsOf(search) {
  const found = Object.create(null); // Any name may come.
  for (const [key, value] of new URLSearchParams(search)) {
    if (key && !RESERVED.has(key)) {
      (found[key] ??= []).push(value);
    }
  }
  return found;
}

/** A query string of parameters; "" if there are none. What of `search` is reserved stays in front. */
export function searchOf(params, search = '') {
  const query = new URLSearchParams();
  for (const [key, value] of new URLSearchParams(search)) {
    if (RESERVED.has(key)) {
      query.append(key, value);
    }
  }
  for (const [key, values] of Object.entries(params)) {
    for (const value of RESERVED.has(key) ? [] : values) {
      query.append(key, value);
    }
  }
  const text = query.toString();
  return text && `?${text}`;
}

export class Address {
  /** To be made while extensions load: soon after, JupyterLab takes the query string away. */
  constructor({ PageConfig, URLExt }) {
    this.pages = { PageConfig, URLExt };
    const base = URLExt.parse(PageConfig.getBaseUrl()).pathname.replace(/\/$/, '');
    const path = location.pathname.startsWith(base) ? location.pathname.slice(base.length) : location.pathname;
    const single = SINGLE.map(pattern => path.match(pattern)).find(Boolean);
    const named = single ?? path.match(WITH_OTHERS);
    /** Whether this page is one document. */
    this.single = Boolean(single);
    /** The notebook that the address names. */
    this.path = named ? decodeURIComponent(named[1]) : null;
    this.params = paramsOf(location.search);
    this.inAddress = Object.keys(this.params).length > 0;
  }

  /** Follows a notebook that is renamed. */
  renamed(from, to) {
    if (this.path === from) {
      this.path = to;
    }
  }

  /** What the address still says of the notebook at `path`, other than what is `saved` in it. */
  overrides(path, saved) {
    if (path !== this.path) {
      return {};
    }
    const same = (key, values) => JSON.stringify([own(saved, key)].flat()) === JSON.stringify(values);
    return Object.fromEntries(Object.entries(this.params).filter(([key, values]) => !same(key, values)));
  }

  /**
   * Takes up what the kernel says of the notebook at `path`: what was set since is no longer overridden, and an
   * address that stays shows what cells see, once it has said anything or something was changed.
   */
  follow(path, { override, effective }, changed) {
    if (path !== this.path) {
      return;
    }
    for (const key of Object.keys(this.params)) {
      if (!Object.hasOwn(override, key)) {
        delete this.params[key];
      }
    }
    if (this.single && (this.inAddress || changed)) {
      const search = searchOf(effective, location.search);
      if (search !== location.search && search.length <= LONGEST) {
        history.replaceState(history.state, '', `${location.pathname}${search}${location.hash}`);
      }
      this.inAddress = true;
    }
  }

  /** A link that opens the notebook at `path` with these parameters, in the kind of page that this is. */
  link(path, params) {
    const { PageConfig, URLExt } = this.pages;
    const classic = PageConfig.getOption('notebookPage') !== '';
    const page = classic
      ? URLExt.join(PageConfig.getShareUrl(), 'notebooks', URLExt.encodeParts(path))
      : PageConfig.getUrl({ treePath: path, workspace: PageConfig.defaultWorkspace, toShare: true });
    return page + searchOf(params);
  }
}
