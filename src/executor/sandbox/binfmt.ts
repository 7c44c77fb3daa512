// Handlers for foreign programs as binfmt_misc shows them (kernel documentation admin-guide/binfmt-misc.rst):
// one file each, with its state, interpreter, flags, and the bytes that programs begin with.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readHostFile } from './host-file.ts';

export interface BinfmtHandler {
  readonly name: string;
  readonly interpreter: string;
  /** The interpreter was opened when the handler was registered (F): containers need not have it. */
  readonly fixed: boolean;
  /** e_machine of the ELF programs it is for; null when it is for others. */
  readonly machine: number | null;
}

const BIG_ENDIAN = 2;

/** Null for a handler that is switched off. */
export function parseHandler(name: string, text: string): BinfmtHandler | null {
  const field = (key: string): string => new RegExp(`^${key}:? ?(.*)$`, 'm').exec(text)?.[1] ?? '';
  if (!/^enabled$/m.test(text)) return null;
  const magic = Buffer.from(field('magic'), 'hex');
  const elf = magic.length >= 20 && magic.readUInt32BE(0) === 0x7f454c46;
  const machine = !elf ? null : magic[5] === BIG_ENDIAN ? magic.readUInt16BE(18) : magic.readUInt16LE(18);
  return { name, interpreter: field('interpreter'), fixed: field('flags').includes('F'), machine };
}

/** Empty where binfmt_misc is not mounted at `directory`. */
export function readHandlers(directory: string): readonly BinfmtHandler[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter((name) => name !== 'register' && name !== 'status')
    .map((name) => parseHandler(name, readHostFile(join(directory, name)) ?? ''))
    .filter((handler) => handler !== null);
}
