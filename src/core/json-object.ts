// JSON from outside, of which nothing is known yet.

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** No document in use comes near; whatever walks one may call itself for each level. */
const MOST_LEVELS = 1000;

/** Null for what is no JSON object, and for one that is nested to exhaust the stack. */
export function parseObject(text: Buffer | string): Record<string, unknown> | null {
  const json = text.toString();
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) && levelsOf(json) <= MOST_LEVELS ? value : null;
  } catch {
    return null;
  }
}

/** Of valid JSON. */
function levelsOf(json: string): number {
  let level = 0;
  let most = 0;
  for (let at = 0; at < json.length; at += 1) {
    const char = json[at];
    if (char === '"') at = endOfString(json, at);
    else if (char === '{' || char === '[') most = Math.max(most, ++level);
    else if (char === '}' || char === ']') level -= 1;
  }
  return most;
}

function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at;
}

export const isTextMap = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every((member) => typeof member === 'string');
