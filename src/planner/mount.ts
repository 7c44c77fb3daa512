// One --mount value: keys are read left to right as BuildKit does, so `type=` must come before keys
// that only some types take (M-01…M-09, M-54).
import type { Span } from '../core/span.ts';
import type { MountField, Word } from '../parser/ast.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Reporter } from './reporter.ts';

export const MOUNT_TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
type MountType = (typeof MOUNT_TYPES)[number];
const SHARING = ['shared', 'private', 'locked'] as const;

/** Text members are '' when not given. */
export interface MountSpec {
  readonly type: MountType;
  readonly from: string;
  readonly fromSpan?: Span;
  readonly source: string;
  readonly target: string;
  readonly targetSpan?: Span;
  readonly id: string;
  readonly env?: string;
  readonly readonly?: boolean;
  readonly required: boolean;
  readonly sharing?: (typeof SHARING)[number];
  readonly size?: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

type Draft = { -readonly [K in keyof MountSpec]: MountSpec[K] };
type Key = (typeof KEYS)[number];

const KEYS = [
  'type', 'from', 'source', 'target', 'readonly', 'readwrite', 'required', 'size', 'id', 'sharing', 'mode', 'uid', 'gid', 'env',
] as const; // biome-ignore format: one list

const ALIASES: Readonly<Record<string, Key>> = { src: 'source', dst: 'target', destination: 'target', ro: 'readonly', rw: 'readwrite' };

class MountProblem {
  readonly span: Span;
  readonly message: string;
  readonly hint: string | undefined;
  constructor(span: Span, message: string, hint?: string) {
    this.span = span;
    this.message = message;
    this.hint = hint;
  }
}

/** undefined after an error that was reported (through `expand` or here). */
export function parseMount(
  fields: readonly MountField[],
  span: Span,
  expand: (word: Word) => string | undefined,
  reporter: Reporter,
): MountSpec | undefined {
  const draft: Draft = { type: 'bind', from: '', source: '', target: '', id: '', required: false };
  try {
    for (const field of fields) {
      const key = keyOf(field);
      const value = field.value === undefined ? undefined : key === 'from' ? fromText(field, field.value) : expand(field.value);
      if (field.value !== undefined && value === undefined) return undefined;
      applyField(draft, key, value, field);
    }
    checkFit(draft, span);
    return draft;
  } catch (error) {
    if (!(error instanceof MountProblem)) throw error;
    reporter.error('plan/invalid-mount', error.span, error.message, error.hint === undefined ? {} : { hint: error.hint });
    return undefined;
  }
}

function keyOf(field: MountField): Key {
  const written = field.key.text.toLowerCase();
  const key = (Object.hasOwn(ALIASES, written) ? ALIASES[written] : undefined) ?? KEYS.find((known) => known === written);
  const shown = field.value === undefined ? field.key.text : `${field.key.text}=${field.value.raw}`;
  if (field.value === undefined && key !== 'readonly' && key !== 'readwrite' && key !== 'required') {
    const hint = shown === '' ? 'fields are separated by commas alone: remove the blank behind the comma, or the comma' : undefined;
    throw new MountProblem(field.span, `invalid field '${shown}' must be a key=value pair`, hint);
  }
  if (key !== undefined) return key;
  const near = didYouMean(written, [...KEYS, ...Object.keys(ALIASES)]).hint;
  throw new MountProblem(field.key.span, `unexpected key '${written}' in '${shown}'`, near);
}

/** M-04. */
function fromText(field: MountField, word: Word): string {
  if (/\$./.test(word.raw)) {
    const hint = 'write FROM …$ARG… AS name with a global ARG, and mount from that name';
    throw new MountProblem(field.span, "'from' doesn't support variable expansion, define alias stage instead", hint);
  }
  return word.parts.map((part) => (part.type === 'literal' ? part.text : '')).join('');
}

function applyField(draft: Draft, key: Key, value: string | undefined, field: MountField): void {
  switch (key) {
    case 'type':
      draft.type = oneOf(MOUNT_TYPES, (value ?? '').toLowerCase(), field, 'unsupported mount type');
      return;
    case 'from':
      draft.from = value ?? '';
      draft.fromSpan = field.value?.span ?? field.span;
      return;
    case 'target':
      draft.target = value ?? '';
      draft.targetSpan = field.span;
      return;
    case 'source':
    case 'id':
    case 'env':
      draft[key] = value ?? '';
      return;
    case 'readonly':
      draft.readonly = flagValue(value, field);
      return;
    case 'readwrite':
      draft.readonly = !flagValue(value, field);
      return;
    case 'required':
      if (draft.type !== 'secret' && draft.type !== 'ssh') throw unexpected(draft, field);
      draft.required = flagValue(value, field);
      return;
    case 'size':
      if (draft.type !== 'tmpfs') throw unexpected(draft, field);
      draft.size = parseSize(value ?? '', field);
      return;
    case 'sharing':
      draft.sharing = oneOf(SHARING, (value ?? '').toLowerCase(), field, 'unsupported sharing value');
      return;
    case 'mode':
      draft.mode = parseNumber(value ?? '', 8, field) % 0o10000;
      return;
    case 'uid':
    case 'gid':
      draft[key] = parseNumber(value ?? '', 10, field);
      return;
  }
}

const unexpected = (draft: Draft, field: MountField): MountProblem =>
  new MountProblem(
    field.span,
    `unexpected key '${field.key.text.toLowerCase()}' for mount type '${draft.type}'`,
    'keys are read from left to right: write type= first',
  );

const badValue = (value: string, field: MountField): MountProblem =>
  new MountProblem(field.value?.span ?? field.span, `invalid value for ${field.key.text.toLowerCase()}: ${value}`);

function oneOf<T extends string>(allowed: readonly T[], value: string, field: MountField, message: string): T {
  const found = allowed.find((item) => item === value);
  if (found !== undefined) return found;
  const hint = didYouMean(value, allowed).hint ?? `use one of ${allowed.join(', ')}`;
  throw new MountProblem(field.value?.span ?? field.span, `${message} ${JSON.stringify(value)}`, hint);
}

/** Go's strconv.ParseBool; a bare key is true. */
function flagValue(value: string | undefined, field: MountField): boolean {
  if (value === undefined || /^(?:1|t|T|true|TRUE|True)$/.test(value)) return true;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(value)) return false;
  throw badValue(value, field);
}

/** An unsigned number of 32 bits. */
function parseNumber(value: string, radix: 8 | 10, field: MountField): number {
  const number = (radix === 8 ? /^[0-7]{1,12}$/ : /^\d{1,12}$/).test(value) ? Number.parseInt(value, radix) : Number.NaN;
  if (!(number <= 0xffff_ffff)) throw badValue(value, field);
  return number;
}

/** Bytes of `64m`, `1.5GiB`: units are powers of 1024 (M-40). */
function parseSize(value: string, field: MountField): number {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])i?)?b?$/i.exec(value);
  if (match === null) throw badValue(value, field);
  const power = match[2] === undefined ? 0 : 'kmgtp'.indexOf(match[2].toLowerCase()) + 1;
  const bytes = Math.floor(Number(match[1]) * 1024 ** power);
  if (!Number.isSafeInteger(bytes)) throw badValue(value, field);
  return bytes;
}

/** Options that do not fit the type (M-08) and the rules of secrets and ssh (M-54, M-60). */
function checkFit(draft: Draft, span: Span): void {
  const refuse = (message: string): never => {
    throw new MountProblem(span, message);
  };
  if (draft.type === 'bind' || draft.type === 'tmpfs') {
    for (const key of ['mode', 'uid', 'gid'] as const) {
      if (draft[key] !== undefined) refuse(`${key} not allowed for "${draft.type}" type mounts`);
    }
  }
  if (draft.sharing !== undefined && draft.type !== 'cache') refuse(`invalid cache sharing set for ${draft.type} mount`);
  if (draft.type === 'secret') {
    if (draft.from !== '') refuse('secret mount should not have a from');
    if (draft.source === '' && draft.target === '' && draft.id === '') refuse('invalid secret mount. one of source, target required');
    if (draft.source !== '' && draft.id !== '') refuse("both source and id can't be set");
  }
  if (draft.type === 'ssh' && draft.source !== '') refuse('ssh does not support source');
}
