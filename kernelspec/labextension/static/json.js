// JSON objects whose keys are the user's: `valueOf` and `constructor` are names like others.

/** What an object itself has under a key; undefined if that is nothing. */
export function own(object, key) {
  return object && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Whether two JSON values are the same, whatever the order of keys. */
export function same(one, other) {
  if (one === other) {
    return true;
  }
  if (typeof one !== 'object' || typeof other !== 'object' || !one || !other) {
    return false;
  }
  if (Array.isArray(one) !== Array.isArray(other)) {
    return false;
  }
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length
    && keys.every(key => Object.hasOwn(other, key) && same(one[key], other[key]));
}
