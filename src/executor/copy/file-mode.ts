// --chmod (C-33): octal, or symbolic as BSD's setmode(3) reads it. The planner has checked the text;
// a mode that is still malformed leaves files as they are, never half changed.

export type ChangeMode = (mode: number, directory: boolean) => number;

export interface ModeChange {
  readonly apply: ChangeMode;
  /** Set for octal modes: also the mode of directories made on the way (C-24). */
  readonly octal: number | null;
}

const OCTAL = /^[0-7]+$/;
const SET_ID = 0o6000;
const STICKY = 0o1000;
const WHO_BITS: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o0007, a: 0o6777 };
const EVERYBODY = 0o6777;
const CLAUSE = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/;

/** Null when `text` is neither an octal mode up to 07777 nor a symbolic one. */
export function parseModeChange(text: string): ModeChange | null {
  if (OCTAL.test(text)) {
    const octal = Number.parseInt(text, 8);
    return octal > 0o7777 ? null : { apply: () => octal, octal };
  }
  const commands: Command[] = [];
  for (const clause of text.split(',')) {
    const match = CLAUSE.exec(clause);
    if (match === null) return null;
    let who = 0;
    for (const letter of match[1] ?? '') who |= WHO_BITS[letter] ?? 0;
    for (const [, operator, letters] of (match[2] ?? '').matchAll(/([-+=])([rwxXstugo]*)/g)) {
      compileAction(commands, who, operator as Operator, letters ?? '');
    }
  }
  return { apply: (mode, directory) => runCommands(commands, mode, directory), octal: null };
}

type Operator = '+' | '-' | '=';

type Command =
  | { readonly type: 'set' | 'clear' | 'set-if-executable'; readonly bits: number }
  | { readonly type: 'copy'; readonly from: 'u' | 'g' | 'o'; readonly who: number; readonly operator: Operator };

const PERMISSION: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111 };

/** One operator with its letters; letters before a copied class (`u`, `g`, `o`) take effect before the copy. */
function compileAction(commands: Command[], named: number, operator: Operator, letters: string): void {
  let who = named;
  let permission = 0;
  let executable = 0;
  let assigned = false;
  const flush = (): void => {
    const mask = who === 0 ? EVERYBODY : who;
    if (operator === '=' && !assigned) {
      commands.push({ type: 'clear', bits: mask });
      assigned = true;
    }
    if (permission !== 0)
      commands.push({ type: operator === '-' ? 'clear' : 'set', bits: (who === 0 ? EVERYBODY | STICKY : who) & permission });
    permission = 0;
  };
  for (const letter of letters) {
    if (letter === 'u' || letter === 'g' || letter === 'o') {
      if (permission !== 0) flush();
      // A copied class replaces the three permission bits only: set-id bits stay (unlike `=` with letters).
      assigned = true;
      commands.push({ type: 'copy', from: letter, who: who === 0 ? EVERYBODY : who, operator });
    } else if (letter === 'X') executable = 0o111;
    else if (letter === 's') permission |= onlyOthers(who) ? 0 : SET_ID;
    else if (letter === 't') {
      if (onlyOthers(who)) continue;
      who |= STICKY;
      permission |= STICKY;
    } else permission |= PERMISSION[letter] ?? 0;
  }
  flush();
  if (executable !== 0) commands.push({ type: 'set-if-executable', bits: (who === 0 ? EVERYBODY : who) & executable });
}

/** `o+s` and `o+t` mean nothing. */
const onlyOthers = (who: number): boolean => who !== 0 && (who & ~0o7) === 0;

function runCommands(commands: readonly Command[], original: number, directory: boolean): number {
  let mode = original;
  for (const command of commands) {
    switch (command.type) {
      case 'set':
        mode |= command.bits;
        break;
      case 'clear':
        mode &= ~command.bits;
        break;
      case 'set-if-executable':
        // The mode before the whole list counts, not what earlier clauses made of it.
        if (directory || (original & 0o111) !== 0) mode |= command.bits;
        break;
      case 'copy':
        mode = copyClass(mode, command.from, command.who, command.operator);
        break;
    }
  }
  return mode & 0o7777;
}

const SHIFT = { u: 6, g: 3, o: 0 } as const;

function copyClass(mode: number, from: 'u' | 'g' | 'o', who: number, operator: Operator): number {
  const value = (mode >> SHIFT[from]) & 0o7;
  let result = mode;
  for (const shift of [6, 3, 0]) {
    if ((who & (0o7 << shift)) === 0) continue;
    if (operator === '=') result &= ~(0o7 << shift);
    if (operator === '-') result &= ~(value << shift);
    else result |= value << shift;
  }
  return result;
}
