// Positions in source text. A span is half-open and in UTF-16 offsets of one file; line and column
// are derived only when something is shown to a person.

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface SourceFile {
  /** As shown to the user: the path they typed, `-` for stdin. */
  readonly name: string;
  readonly text: string;
  /** Offsets at which each line starts, where many places are shown (indexLines). */
  readonly starts?: readonly number[];
}

/** 1-based line and 1-based column (in UTF-16 units). */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The file with its lines counted once. */
export const indexLines = (file: SourceFile): SourceFile => ({ ...file, starts: lineStarts(file) });

/** Offsets at which each line starts; `\n` ends a line. */
export function lineStarts({ text, starts: known }: SourceFile): readonly number[] {
  if (known !== undefined) return known;
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

export function positionAt(starts: readonly number[], offset: number): Position {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}
