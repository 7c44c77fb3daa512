// One `--mount=key=value,…` of RUN: splitting, and the checks that need no expansion (M-01 to M-09,
// M-50 to M-60). Values that contain variables are checked by the planner.
import { suggest } from '../../core/suggest.ts';
import type { MountField, Word } from '../ast.ts';
import { splitCsv } from '../csv.ts';
import { type RawFlag, valueSpan } from '../flags.ts';
import type { InstructionInput } from '../instruction-input.ts';
import { type MappedText, spanOf } from '../mapped-text.ts';
import { literalText } from '../word-parts.ts';
import { parseWord } from '../words.ts';

export const MOUNT_TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
export const SHARING_MODES = ['shared', 'private', 'locked'] as const;

/** Every key, under the name it is an alias of (M-03). */
export const MOUNT_KEYS: Readonly<Record<string, string>> = {
  type: 'type',
  from: 'from',
  source: 'source',
  src: 'source',
  target: 'target',
  dst: 'target',
  destination: 'target',
  readonly: 'readonly',
  ro: 'readonly',
  readwrite: 'readwrite',
  rw: 'readwrite',
  required: 'required',
  id: 'id',
  sharing: 'sharing',
  size: 'size',
  mode: 'mode',
  uid: 'uid',
  gid: 'gid',
  env: 'env',
};

const BARE_KEYS = new Set(['readonly', 'readwrite', 'required']);

/** Keys that only some types take (M-08, M-09). */
const ONLY_FOR: Readonly<Record<string, readonly string[]>> = {
  size: ['tmpfs'],
  required: ['secret', 'ssh'],
  sharing: ['cache'],
  env: ['secret'],
  mode: ['cache', 'secret', 'ssh'],
  uid: ['cache', 'secret', 'ssh'],
  gid: ['cache', 'secret', 'ssh'],
};

/** Fields in order; null when the value is not even a list of fields. */
export function parseMount(input: InstructionInput, flag: RawFlag): readonly MountField[] | null {
  if (flag.value === null) return null;
  const parts = splitCsv(flag.value);
  if (typeof parts === 'string') {
    input.error('parse/mount-field', `failed to parse csv mounts: ${parts}`, valueSpan(flag), {
      hint: 'write --mount=type=TYPE,key=value',
    });
    return null;
  }
  const fields = parts.map((part) => readField(input, part));
  checkMount(input, flag, fields);
  return fields;
}

function readField(input: InstructionInput, part: MappedText): MountField {
  const { text } = part;
  const equals = text.indexOf('=');
  const keyEnd = equals === -1 ? text.length : equals;
  const key = { text: text.slice(0, keyEnd).toLowerCase(), span: spanOf(part, 0, keyEnd) };
  const span = spanOf(part, 0, text.length);
  return equals === -1 ? { key, span } : { key, span, value: parseWord(part, equals + 1, text.length, input.escapeChar) };
}

interface MountState {
  /** Null once a variable stands where the type is. */
  type: string | null;
  readonly seen: Map<string, MountField>;
}

function checkMount(input: InstructionInput, flag: RawFlag, fields: readonly MountField[]): void {
  const state: MountState = { type: 'bind', seen: new Map() };
  for (const field of fields) {
    const key = Object.hasOwn(MOUNT_KEYS, field.key.text) ? (MOUNT_KEYS[field.key.text] ?? '') : '';
    if (key === '') reportKey(input, field);
    else if (field.value === undefined && !BARE_KEYS.has(key)) {
      input.error('parse/mount-field', `invalid field '${field.key.text}' must be a key=value pair`, field.span, {
        hint: `write ${field.key.text}=VALUE`,
      });
    } else {
      checkOrder(input, state, key, field);
      state.seen.set(key, field);
      if (field.value !== undefined) checkValue(input, state, key, field, field.value);
    }
  }
  checkFit(input, flag, state);
}

function reportKey(input: InstructionInput, field: MountField): void {
  const text = field.key.text;
  if (field.value === undefined && text === '') {
    input.error('parse/mount-field', "invalid field '' must be a key=value pair", field.span, { hint: 'remove the stray comma' });
    return;
  }
  const near = suggest(text, Object.keys(MOUNT_KEYS));
  const shown = field.value === undefined ? text : `${text}=${field.value.raw}`;
  const hint = near === null ? `known keys are ${Object.keys(MOUNT_KEYS).join(', ')}` : `did you mean ${near}?`;
  input.error('parse/unknown-mount-key', `unexpected key '${text}' in '${shown}'`, field.key.span, { hint });
}

/** `size` and `required` are refused unless a fitting `type=` came before them (M-09). */
function checkOrder(input: InstructionInput, state: MountState, key: string, field: MountField): void {
  if ((key !== 'size' && key !== 'required') || state.type === null) return;
  const types = ONLY_FOR[key] ?? [];
  if (types.includes(state.type)) return;
  const hint = state.seen.has('type') ? `only ${types.join(' and ')} mounts take ${key}` : `put type=${types.join(' or type=')} before it`;
  input.error('parse/mount-field', `unexpected key '${field.key.text}' for mount type '${state.type}'`, field.span, { hint });
}

const isBoolean = (text: string): boolean => /^(?:1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)$/.test(text);
const isUint32 = (text: string, radix: 8 | 10): boolean =>
  (radix === 8 ? /^[0-7]{1,32}$/ : /^\d{1,32}$/).test(text) && Number.parseInt(text, radix) <= 0xffff_ffff;

/** Sizes as Docker writes them: a number, a unit of 1024s, an optional `b` or `ib` (M-40). */
export const SIZE = /^\d+(?:\.\d+)? ?(?:[kmgtp]i?)?b?$/i;

function checkValue(input: InstructionInput, state: MountState, key: string, field: MountField, value: Word): void {
  if (key === 'from') {
    if (/\$./s.test(value.raw)) {
      input.error('parse/from-expansion', "'from' doesn't support variable expansion, define alias stage instead", value.span, {
        hint: 'add `FROM …$VARIABLE… AS name` above and use from=name',
      });
    }
    return;
  }
  const text = literalText(value);
  if (text === null) {
    if (key === 'type') state.type = null;
    return;
  }
  const bad = (message: string, hint: string): void => input.error('parse/mount-field', message, value.span, { hint });
  if (key === 'type') checkType(input, state, text, value);
  else if (key === 'sharing' && !SHARING_MODES.some((mode) => mode === text.toLowerCase())) {
    const near = suggest(text, SHARING_MODES);
    bad(`unsupported sharing value "${text}"`, near === null ? `use ${SHARING_MODES.join(', ')}` : `did you mean ${near}?`);
  } else if (BARE_KEYS.has(key) && !isBoolean(text)) bad(`invalid value for ${field.key.text}: ${text}`, 'use true or false');
  else if (key === 'size' && !SIZE.test(text)) bad(`invalid value for size: ${text}`, 'use a number with an optional unit: 64m, 1g');
  else if (key === 'mode' && !isUint32(text, 8)) bad(`invalid value ${text} for mode`, 'use an octal number such as 0755');
  else if ((key === 'uid' || key === 'gid') && !isUint32(text, 10)) bad(`invalid value ${text} for ${key}`, 'use a decimal number');
}

function checkType(input: InstructionInput, state: MountState, text: string, value: Word): void {
  const type = text.toLowerCase();
  if (MOUNT_TYPES.some((known) => known === type)) {
    state.type = type;
    return;
  }
  const near = suggest(text, MOUNT_TYPES);
  const hint = near === null ? `known types are ${MOUNT_TYPES.join(', ')}` : `did you mean ${near}?`;
  input.error('parse/unknown-mount-type', `unsupported mount type "${text}"`, value.span, { hint });
  state.type = null;
}

/** Checks that need the whole list (M-08, M-54, M-60). */
function checkFit(input: InstructionInput, flag: RawFlag, state: MountState): void {
  const { type, seen } = state;
  if (type === null) return;
  const complain = (message: string, field: MountField | undefined, hint: string): void =>
    input.error('parse/mount-field', message, field?.span ?? valueSpan(flag), { hint });
  for (const [key, field] of seen) {
    const types = ONLY_FOR[key];
    if (types === undefined || types.includes(type) || key === 'size' || key === 'required') continue;
    complain(`${key} not allowed for "${type}" type mounts`, field, `only ${types.join(', ')} mounts take ${key}`);
  }
  if (type === 'secret') {
    if (seen.has('from'))
      complain('secret mount should not have a from', seen.get('from'), 'secrets come from --secret of the command line');
    if (!['source', 'target', 'id', 'env'].some((key) => seen.has(key))) {
      complain('invalid secret mount. one of source, target required', undefined, 'add id=NAME');
    }
    if (seen.has('source') && seen.has('id'))
      complain("both source and id can't be set", seen.get('source'), 'source is another name for id');
  }
  if (type === 'ssh' && seen.has('source')) complain('ssh mount does not support source', seen.get('source'), 'use id=NAME');
}
