// RUN [--mount=…] [--network=…] [--security=…] [--device=…] COMMAND.

import { suggest } from '../../core/suggest.ts';
import type { RunInstruction } from '../ast.ts';
import { checkFlags, convertFlag, flagProperty, flagText, type RawFlag, valueSpan } from '../flags.ts';
import { heredocNode } from '../heredoc-bodies.ts';
import type { InstructionInput } from '../instruction-input.ts';
import { parseCommand } from './command.ts';
import { parseMount } from './mount.ts';

const NETWORK_MODES = ['default', 'none', 'host'];
const SECURITY_MODES = ['sandbox', 'insecure'];

export function parseRun(input: InstructionInput): RunInstruction | null {
  const flags = checkFlags(input, { mount: 'strings', network: 'string', security: 'string', device: 'strings' });
  const devices = flags.get('device') ?? [];
  checkMode(
    input,
    flags.get('network')?.[0],
    NETWORK_MODES,
    'parse/network-mode',
    (mode) => `invalid network mode ${JSON.stringify(mode)}`,
  );
  checkMode(
    input,
    flags.get('security')?.[0],
    SECURITY_MODES,
    'parse/security-mode',
    (mode) => `security ${JSON.stringify(mode)} is not valid`,
  );
  checkDevices(input, devices);
  const mounts = (flags.get('mount') ?? []).flatMap((flag) => {
    const fields = parseMount(input, flag);
    return fields === null ? [] : [convertFlag(flag, () => fields)];
  });
  const command = parseCommand(input, input.args);
  if (command === null) return null;
  return {
    ...input.base,
    kind: 'run',
    command,
    heredocs: input.heredocs.map((body) => heredocNode(input.source, input.fileText, body, false)),
    mounts,
    ...flagProperty(flags, 'network', 'network', flagText),
    ...flagProperty(flags, 'security', 'security', flagText),
    devices: devices.map((flag) => convertFlag(flag, flagText)),
  };
}

function checkMode(
  input: InstructionInput,
  flag: RawFlag | undefined,
  known: readonly string[],
  code: 'parse/network-mode' | 'parse/security-mode',
  message: (mode: string) => string,
): void {
  if (flag === undefined || known.includes(flagText(flag))) return;
  const near = suggest(flagText(flag), known);
  input.error(code, message(flagText(flag)), valueSpan(flag), {
    hint: near === null ? `use ${known.slice(0, -1).join(', ')} or ${known.at(-1)}` : `did you mean ${near}?`,
  });
}

/** `--device=[name=]NAME[,required[=bool]]`; each name once. */
function checkDevices(input: InstructionInput, flags: readonly RawFlag[]): void {
  for (const flag of flags) {
    const names = flagText(flag)
      .split(',')
      .filter((field) => !/^required(?:=|$)/i.test(field))
      .map((field) => field.replace(/^name=/i, ''));
    if (names.length > 1) {
      input.error('parse/device', 'device name already set', valueSpan(flag), { hint: 'give each device a --device flag of its own' });
    } else if ((names[0] ?? '') === '') {
      input.error('parse/device', 'a device needs a name', valueSpan(flag), { hint: 'write --device=vendor.com/class=name' });
    }
  }
}
