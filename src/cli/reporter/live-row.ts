// One row of a live view: a mark, what it is about, and a time or size at the right edge.
import { clipText, fitText, textWidth } from './fit-text.ts';

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
  /** Milliseconds, the clock of events. */
  readonly now: number;
}

export const GREEN = 32;
export const RED = 31;
export const YELLOW = 33;
export const CYAN = 36;
const DIM = 2;

/** Narrower than this, the right side is left out. */
const LEAST_ROOM = 12;

export const paint = (screen: Pick<Screen, 'color'>, colour: number, text: string): string =>
  screen.color ? `\x1b[${colour}m${text}\x1b[0m` : text;
export const dim = (screen: Pick<Screen, 'color'>, text: string): string => paint(screen, DIM, text);

/** The last column stays free: terminals wrap when it is written. */
const widthOf = (screen: Screen): number => Math.max(1, screen.columns - 1);

export function row(screen: Screen, mark: readonly [colour: number, text: string], text: string, right: string): string {
  const width = widthOf(screen);
  if (width < 4) return clipText(text, width);
  const room = width - 4 - textWidth(right);
  const shown = paint(screen, ...mark);
  if (right === '' || room < LEAST_ROOM) return ` ${shown} ${clipText(text, width - 3)}`;
  return ` ${shown} ${fitText(text, room)} ${dim(screen, right)}`;
}

/** A dim line without a mark. */
export const note = (screen: Screen, text: string): string => dim(screen, clipText(text, widthOf(screen)));
