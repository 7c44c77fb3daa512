// Go's filepath.Match, the dialect of COPY and ADD wildcards (C-05): `*` and `?` stay within a
// component, `[a-z]` and `[^a-z]` classes, `\` takes the next character literally. Runs in time
// proportional to pattern times name: only the last `*` is ever retried.

/** One thing that takes exactly one character. */
type Item =
  | { readonly kind: 'literal'; readonly code: number }
  | { readonly kind: 'any' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] };

/** Items in a row, after a `*` when `star`. */
interface Chunk {
  readonly star: boolean;
  readonly items: readonly Item[];
}

/** A compiled pattern; null stands for a malformed one. */
export type Glob = readonly Chunk[];

const SLASH = 0x2f;

/** Compiles a pattern, or null where Go answers ErrBadPattern. */
export function compileGlob(pattern: string): Glob | null {
  const codes = Array.from(pattern, (char) => char.codePointAt(0) ?? 0);
  const chunks: { star: boolean; items: Item[] }[] = [{ star: false, items: [] }];
  let at = 0;
  while (at < codes.length) {
    const code = codes[at] ?? 0;
    const last = chunks.at(-1);
    if (code === 0x2a /* * */) {
      if (last?.star && last.items.length === 0) at += 1;
      else {
        chunks.push({ star: true, items: [] });
        at += 1;
      }
      continue;
    }
    const read = readItem(codes, at);
    if (read === null) return null;
    last?.items.push(read.item);
    at = read.next;
  }
  return chunks;
}

function readItem(codes: readonly number[], at: number): { item: Item; next: number } | null {
  const code = codes[at] ?? 0;
  if (code === 0x3f /* ? */) return { item: { kind: 'any' }, next: at + 1 };
  if (code === 0x5b /* [ */) return readClass(codes, at + 1);
  if (code !== 0x5c /* \ */) return { item: { kind: 'literal', code }, next: at + 1 };
  const escaped = codes[at + 1];
  return escaped === undefined ? null : { item: { kind: 'literal', code: escaped }, next: at + 2 };
}

function readClass(codes: readonly number[], start: number): { item: Item; next: number } | null {
  let at = start;
  const negated = codes[at] === 0x5e; /* ^ */
  if (negated) at += 1;
  const ranges: [number, number][] = [];
  while (!(codes[at] === 0x5d /* ] */ && ranges.length > 0)) {
    const low = readClassChar(codes, at);
    if (low === null) return null;
    let high = low;
    if (codes[low.next] === 0x2d /* - */) {
      const end = readClassChar(codes, low.next + 1);
      if (end === null) return null;
      high = end;
    }
    ranges.push([low.code, high.code]);
    at = high.next;
  }
  return { item: { kind: 'class', negated, ranges }, next: at + 1 };
}

/** A class member; `-`, `]` and the end of the pattern are errors where a member is due. */
function readClassChar(codes: readonly number[], at: number): { code: number; next: number } | null {
  let next = at;
  if (codes[next] === 0x2d || codes[next] === 0x5d) return null;
  if (codes[next] === 0x5c) next += 1;
  const code = codes[next];
  return code === undefined || next + 1 >= codes.length ? null : { code, next: next + 1 };
}

/** Whether the whole of `name` matches; components are separated by `/`. */
export function matchGlob(glob: Glob, name: string): boolean {
  const codes = Array.from(name, (char) => char.codePointAt(0) ?? 0);
  let at = 0;
  for (const [index, chunk] of glob.entries()) {
    const final = index === glob.length - 1;
    if (chunk.star && final && chunk.items.length === 0) return !codes.includes(SLASH, at);
    const end = seekChunk(chunk, codes, at, final);
    if (end === -1) return false;
    at = end;
  }
  return at === codes.length;
}

/** Position after the chunk's match at or (after a `*`) behind `at`, or -1; the final chunk must reach the end. */
function seekChunk(chunk: Chunk, codes: readonly number[], at: number, final: boolean): number {
  for (let from = at; ; from += 1) {
    const end = matchItems(chunk.items, codes, from);
    if (end !== -1 && (!final || end === codes.length)) return end;
    if (!chunk.star || from >= codes.length || codes[from] === SLASH) return -1;
  }
}

function matchItems(items: readonly Item[], codes: readonly number[], from: number): number {
  let at = from;
  for (const item of items) {
    const code = codes[at];
    if (code === undefined) return -1;
    if (item.kind === 'literal' ? code !== item.code : item.kind === 'any' ? code === SLASH : !inClass(item, code)) return -1;
    at += 1;
  }
  return at;
}

const inClass = (item: Extract<Item, { kind: 'class' }>, code: number): boolean =>
  item.ranges.some(([low, high]) => low <= code && code <= high) !== item.negated;

/** Whether a class in the pattern takes a slash: in Go only `*` and `?` refuse it. */
export const crossesSlash = (glob: Glob): boolean =>
  glob.some((chunk) => chunk.items.some((item) => item.kind === 'class' && inClass(item, SLASH)));

/** Go's `filepath.Match(pattern, name)`; 'malformed' is its ErrBadPattern. */
export function goMatch(pattern: string, name: string): boolean | 'malformed' {
  const glob = compileGlob(pattern);
  return glob === null ? 'malformed' : matchGlob(glob, name);
}

/** Whether COPY treats `text` as a pattern rather than a name: an unescaped `*`, `?` or `[`. */
export function hasWildcard(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\') at += 1;
    else if (char === '*' || char === '?' || char === '[') return true;
  }
  return false;
}
