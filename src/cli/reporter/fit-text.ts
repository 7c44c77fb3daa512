// Text in a given number of columns of a terminal.
import { displayCells } from '../../core/display-text.ts';

export const textWidth = (text: string): number => displayCells(text).reduce((width, cell) => width + cell.width, 0);

/** Exactly `width` columns: cut with `…`, or padded with blanks. */
export function fitText(text: string, width: number): string {
  const whole = textWidth(text);
  if (whole <= width) return text + ' '.repeat(width - whole);
  return clipText(text, width).padEnd(width);
}

/** At most `width` columns. */
export function clipText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width < 1) return '';
  let shown = '';
  let used = 0;
  for (const cell of displayCells(text)) {
    if (used + cell.width > width - 1) break;
    shown += cell.text;
    used += cell.width;
  }
  return `${shown}…`;
}
