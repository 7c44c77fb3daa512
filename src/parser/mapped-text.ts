// Text that was put together from pieces of the source (continuations removed, flag quotes removed,
// JSON escapes decoded) and still knows where each piece came from, so that spans stay exact.
import type { Span } from '../core/span.ts';

export type Escape = '\\' | '`';

export interface MappedText {
  readonly text: string;
  /** Offset in `text` at which each piece begins, ascending, first is 0. */
  readonly starts: readonly number[];
  /** Source offset of the same piece. */
  readonly origins: readonly number[];
}

/** Half-open range of a MappedText. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export const mappedText = (text: string, origin: number): MappedText => ({ text, starts: [0], origins: [origin] });

export interface MappedTextBuilder {
  /** Adds `text` whose first unit stands at source offset `origin`. */
  append(text: string, origin: number): void;
  /** `emptyOrigin` places the text when nothing was appended. */
  finish(emptyOrigin: number): MappedText;
}

export function mappedTextBuilder(): MappedTextBuilder {
  const pieces: string[] = [];
  const starts: number[] = [];
  const origins: number[] = [];
  let length = 0;
  let expected = -1;
  return {
    append(text, origin) {
      if (text === '') return;
      if (origin !== expected) {
        starts.push(length);
        origins.push(origin);
      }
      pieces.push(text);
      length += text.length;
      expected = origin + text.length;
    },
    finish: (emptyOrigin) => (starts.length === 0 ? mappedText('', emptyOrigin) : { text: pieces.join(''), starts, origins }),
  };
}

/** Source offset of `at`. */
export function originOf(source: MappedText, at: number): number {
  const { starts, origins } = source;
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return (origins[low] ?? 0) + at - (starts[low] ?? 0);
}

/** Source span of a range; the end is one past the last unit, so it never swallows a continuation. */
export function spanOf(source: MappedText, start: number, end: number): Span {
  const from = originOf(source, start);
  return { start: from, end: end > start ? originOf(source, end - 1) + 1 : from };
}

/** Copies a range with its origins to a builder. */
export function appendRange(builder: MappedTextBuilder, source: MappedText, start: number, end: number): void {
  const { starts, origins, text } = source;
  if (starts.length === 1) {
    builder.append(text.slice(start, end), (origins[0] ?? 0) + start);
    return;
  }
  let at = start;
  while (at < end) {
    const origin = originOf(source, at);
    let stop = at + 1;
    while (stop < end && originOf(source, stop) === origin + stop - at) stop += 1;
    builder.append(text.slice(at, stop), origin);
    at = stop;
  }
}
