// Making untrusted text safe and aligned on a terminal: control characters become visible, tabs become
// blanks, and every character knows how many columns it takes.

const TAB_WIDTH = 4;

/** Characters that change the direction or hide; shown as `<U+202E>`. */
const HIDDEN = /[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/;
/** Shown as it is. */
const PLAIN = /^[\x20-\x7e]*$/;
const COMBINING = /^\p{M}$/u;

/** One source character as shown. */
export interface Cell {
  /** Offset of the character within the line, in UTF-16 units. */
  readonly offset: number;
  readonly text: string;
  readonly width: number;
}

/** Cells of one line without its newline. */
export function displayCells(line: string): Cell[] {
  const cells: Cell[] = [];
  let offset = 0;
  for (const char of line) {
    const text = displayChar(char);
    cells.push({ offset, text, width: text === char ? charWidth(char) : text.length });
    offset += char.length;
  }
  return cells;
}

/** Text of messages: one line, nothing that a terminal would obey. */
export const displayText = (text: string): string => (PLAIN.test(text) ? text : Array.from(text, (char) => displayChar(char)).join(''));

function displayChar(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code === 0x09) return ' '.repeat(TAB_WIDTH);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code < 0x7f) return char;
  if (code === 0x7f) return '\u2421';
  if (code < 0xa0 || HIDDEN.test(char)) return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
  return code >= 0xd800 && code <= 0xdfff ? '\ufffd' : char;
}

/** Columns of a printable character: 0 for combining marks, 2 for East Asian wide ones and emoji. */
function charWidth(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (COMBINING.test(char)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}
