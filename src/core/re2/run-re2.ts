// Runs a program over text: all ways through the expression side by side, each character looked at once.
// Time is bounded by characters times instructions, whatever the expression (Thompson 1968, Pike's VM).
import type { Instruction } from './compile-re2.ts';
import type { Assertion } from './re2-node.ts';

export interface Machine {
  readonly program: readonly Instruction[];
  readonly start: number;
  /** Two per group, the whole match first; 0 when only "does it match" is asked. */
  readonly slots: number;
}

/** A way that waits for the next character, with the positions of its groups. */
interface Way {
  readonly at: number;
  readonly saved: Int32Array;
}

/** Positions that are not set. */
const UNSET = -1;

/**
 * The leftmost match in `codes` (code points) at or after `from`: positions by slot, -1 for groups that took no
 * part. `spend` is told how many instructions were looked at, and may throw.
 */
export function runRe2(machine: Machine, codes: readonly number[], from: number, spend: (steps: number) => void): Int32Array | null {
  const { program, slots } = machine;
  const seen = new Uint32Array(program.length);
  const fresh = new Int32Array(slots).fill(UNSET);
  let found: Int32Array | null = null;
  let ways: Way[] = [];
  for (let at = from; at <= codes.length; at += 1) {
    const reached: Way[] = [];
    // Each position has a mark of its own, so that `seen` is never cleared.
    const place: Place = { codes, at, seen, mark: at - from + 1 };
    const code = codes[at - 1];
    for (const way of ways) {
      const instruction = program[way.at];
      if (instruction?.type === 'char' && code !== undefined && instruction.test(code))
        follow(machine, place, instruction.next, way.saved, reached);
    }
    // The leftmost match wins: a later start is worth less than all ways that are on.
    if (found === null) follow(machine, place, machine.start, withSlot(fresh, 0, at), reached);
    spend(reached.length + ways.length + 1);
    // Ways behind one that has matched are worse than it.
    const match = reached.findIndex((way) => program[way.at]?.type === 'match');
    if (match === -1) ways = reached;
    else {
      found = withSlot(reached[match]?.saved ?? fresh, 1, at);
      ways = slots === 0 ? [] : reached.slice(0, match);
    }
    if (found !== null && ways.length === 0) return found;
  }
  return found;
}

interface Place {
  readonly codes: readonly number[];
  readonly at: number;
  /** Instruction → the last mark under which it was visited. */
  readonly seen: Uint32Array;
  readonly mark: number;
}

/** Follows everything that takes no character, best way first, and adds where it ends. */
function follow({ program }: Machine, place: Place, start: number, saved: Int32Array, reached: Way[]): void {
  const pending: Way[] = [{ at: start, saved }];
  for (let way = pending.pop(); way !== undefined; way = pending.pop()) {
    if (place.seen[way.at] === place.mark) continue;
    place.seen[way.at] = place.mark;
    const instruction = program[way.at];
    switch (instruction?.type) {
      case 'split':
        pending.push({ at: instruction.other, saved: way.saved }, { at: instruction.next, saved: way.saved });
        break;
      case 'assertion':
        if (holds(instruction.assertion, place)) pending.push({ at: instruction.next, saved: way.saved });
        break;
      case 'save':
        pending.push({ at: instruction.next, saved: withSlot(way.saved, instruction.slot, place.at) });
        break;
      default:
        reached.push(way);
    }
  }
}

function withSlot(saved: Int32Array, slot: number, position: number): Int32Array {
  if (slot >= saved.length) return saved;
  const out = saved.slice();
  out[slot] = position;
  return out;
}

function holds(assertion: Assertion, { codes, at }: Place): boolean {
  switch (assertion) {
    case 'text-start':
      return at === 0;
    case 'text-end':
      return at === codes.length;
    case 'line-start':
      return at === 0 || codes[at - 1] === 0x0a;
    case 'line-end':
      return at === codes.length || codes[at] === 0x0a;
    case 'word-boundary':
      return isWord(codes[at - 1]) !== isWord(codes[at]);
    case 'no-word-boundary':
      return isWord(codes[at - 1]) === isWord(codes[at]);
  }
}

const isWord = (code: number | undefined): boolean =>
  code !== undefined &&
  ((code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || (code >= 0x61 && code <= 0x7a));
