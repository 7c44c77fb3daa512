// The tree back to text in a plain layout: one line per instruction, no continuations, escape
// character and heredocs kept. Parsing the result gives the same tree apart from spans.
import type { Command, CopyInstruction, DockerfileAst, Flag, HealthcheckInstruction, Heredoc, Instruction, Word } from './ast.ts';

/** Text of a whole file; ends with a newline unless there is nothing to print. */
export function printDockerfile(ast: DockerfileAst): string {
  const directives = ast.directives.map((directive) => `# ${directive.name}=${directive.value}\n`);
  const instructions = ast.instructions.map((instruction) => {
    // An empty line keeps comments from becoming directives.
    return `${instruction.comments.length === 0 ? '' : '\n'}${printComments(instruction)}${printInstruction(instruction)}\n`;
  });
  return [...directives, ...instructions].join('');
}

/** A blank line between those that are attached to the instruction and those that are not. */
function printComments({ comments }: Instruction): string {
  const print = (attached: boolean): string =>
    comments.flatMap((comment) => (comment.attached === attached ? [`# ${comment.text}\n`] : [])).join('');
  const apart = print(false);
  return `${apart}${apart === '' ? '' : '\n'}${print(true)}`;
}

/** One instruction without comments; heredoc bodies follow on their own lines. */
function printInstruction(instruction: Instruction): string {
  return join([instruction.keyword.text, ...printArguments(instruction)]) + printBodies(instruction);
}

const join = (parts: readonly string[]): string => parts.filter((part) => part !== '').join(' ');

function printArguments(instruction: Instruction): string[] {
  switch (instruction.kind) {
    case 'from':
      return [
        ...one('platform', instruction.platform, raw),
        instruction.image.raw,
        ...(instruction.as === undefined ? [] : [instruction.as.keyword.text, instruction.as.name.text]),
      ];
    case 'run':
      return [
        ...instruction.mounts.map((mount) =>
          flag(
            'mount',
            mount.value
              .map((field) => csvField(field.value === undefined ? field.key.text : `${field.key.text}=${field.value.raw}`))
              .join(','),
          ),
        ),
        ...one('network', instruction.network, (value) => value),
        ...one('security', instruction.security, (value) => value),
        ...instruction.devices.map((device) => flag('device', device.value)),
        ...afterFlags(printCommand(instruction.command)),
      ];
    case 'copy':
    case 'add':
      return printCopy(instruction);
    case 'env':
    case 'label':
      return instruction.pairs.map(({ key, value }) => `${key.raw}${instruction.legacy ? ' ' : '='}${value.raw}`);
    case 'arg':
      return instruction.args.map(({ name, value }) => (value === undefined ? name.text : `${name.text}=${value.raw}`));
    case 'cmd':
    case 'entrypoint':
      return afterFlags(printCommand(instruction.command));
    case 'shell':
      return [JSON.stringify(instruction.args)];
    case 'healthcheck':
      return printHealthcheck(instruction);
    case 'expose':
    case 'volume':
      return instruction.json ? [JSON.stringify(instruction.words.map(raw))] : instruction.words.map(raw);
    case 'user':
    case 'workdir':
    case 'stopsignal':
      return [instruction.word.raw];
    case 'maintainer':
      return [instruction.name.text];
    case 'onbuild':
      return [instruction.trigger.text];
    case 'invalid':
      return [instruction.original.trim().slice(instruction.keyword.text.length).trim()];
  }
}

/** A bare `--` ends the flags when what follows looks like one (P-31). */
const afterFlags = (text: string): string[] => (text.startsWith('--') ? ['--', text] : [text]);

function printCopy(copy: CopyInstruction): string[] {
  const paths = [...copy.sources.map((source) => (source.type === 'path' ? source.word.raw : printOpener(source.heredoc))), copy.dest.raw];
  // Empty words and words with blanks or quotes around them exist only in the JSON form.
  const json = paths.some((path) => path === '' || /[\s\u0085]/.test(path)) || paths[0]?.startsWith('[') === true;
  return [
    ...one('from', copy.from, (value) => value),
    ...one('chown', copy.chown, raw),
    ...one('chmod', copy.chmod, raw),
    ...one('link', copy.link, String),
    ...one('parents', copy.parents, String),
    ...copy.exclude.map((pattern) => flag('exclude', pattern.value.raw)),
    ...one('checksum', copy.checksum, raw),
    ...one('keep-git-dir', copy.keepGitDir, String),
    ...one('unpack', copy.unpack, String),
    ...(json ? [JSON.stringify(paths)] : paths),
  ];
}

function printHealthcheck({ check }: HealthcheckInstruction): string[] {
  if (check.type === 'none') return ['NONE'];
  const options = [
    ['interval', check.interval],
    ['timeout', check.timeout],
    ['start-period', check.startPeriod],
    ['start-interval', check.startInterval],
  ] as const;
  return [
    ...options.flatMap(([name, nanoseconds]) => (nanoseconds === 0 ? [] : [`--${name}=${nanoseconds}ns`])),
    ...(check.retries === 0 ? [] : [`--retries=${check.retries}`]),
    'CMD',
    printCommand(check.command),
  ];
}

const raw = (word: Word): string => word.raw;

const printCommand = (command: Command): string => (command.form === 'shell' ? command.text : JSON.stringify(command.args));

const one = <T>(name: string, value: Flag<T> | undefined, text: (value: T) => string): string[] =>
  value === undefined ? [] : [flag(name, text(value.value))];

/** Flag text undergoes one round of quote removal with escape `\` (P-31). */
const flag = (name: string, value: string): string => `--${name}=${value.replace(/[\\'"\s\u0085]/g, '\\$&')}`;

const csvField = (field: string): string => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);

function printOpener(heredoc: Heredoc): string {
  const plain = heredoc.name.replace(/[\\'"]/g, '\\$&');
  const name = heredoc.expand ? plain : `"${heredoc.name.replace(/["$\\]/g, '\\$&')}"`;
  return `${heredoc.fd}<<${heredoc.chomp ? '-' : ''}${name}`;
}

function printBodies(instruction: Instruction): string {
  if (instruction.kind === 'run') return instruction.heredocs.map(printBody).join('');
  if (instruction.kind !== 'copy' && instruction.kind !== 'add') return '';
  return instruction.sources.map((source) => (source.type === 'heredoc' ? printBody(source.heredoc) : '')).join('');
}

const printBody = (heredoc: Heredoc): string => `\n${heredoc.content}${heredoc.name}`;
