// Advice on RUN that Docker does not give: scripts that hide failures, package lists left behind.
import type { Mount } from '../../graph/op.ts';
import type { RunInstruction } from '../../parser/ast.ts';
import { chompedContent, isSoleOpener } from '../heredoc.ts';
import type { Reporter } from '../reporter.ts';

export interface RunFacts {
  readonly instruction: RunInstruction;
  readonly mounts: readonly Mount[];
  readonly shell: readonly string[];
  /** Files of the stage are in the image. */
  readonly inImage: boolean;
}

export function checkRun(facts: RunFacts, reporter: Reporter): void {
  checkErrexit(facts, reporter);
  checkAptGet(facts, reporter);
}

/** `-e`, `-eu`, `-xe`, `-o errexit` among the words of a shell or of its `set`. */
const ERREXIT = /(?:^|\s)-[a-zA-Z]*e[a-zA-Z]*(?:[\s;&|]|$)|\berrexit\b/;
const SHELL_PROGRAM = /(?:^|\/)(?:ba|da|a|k|z)?sh$/;
const SHELL_SHEBANG = /^#!\s*(?:\S*\/)?(?:env\s+(?:-\S+\s+)?)?(?:\S*\/)?(?:ba|da|a|k|z)?sh\b(.*)/;
const MAX_SCRIPT = 1 << 16;

/** A script of several commands whose shell goes on after a failure. */
function checkErrexit({ instruction, shell }: RunFacts, reporter: Reporter): void {
  const [document] = instruction.heredocs;
  const { command } = instruction;
  if (document === undefined || command.form !== 'shell' || instruction.heredocs.length > 1 || !isSoleOpener(command.text)) return;
  const script = chompedContent(document).slice(0, MAX_SCRIPT);
  const [first = ''] = script.split('\n', 1);
  const shebang = script.startsWith('#!') ? SHELL_SHEBANG.exec(first) : undefined;
  if (shebang === null || (shebang === undefined && !SHELL_PROGRAM.test(shell[0] ?? ''))) return;
  const options = shebang === undefined ? shell.slice(1).join(' ') : (shebang[1] ?? '');
  if (ERREXIT.test(options) || commandsIn(script) < 2 || setsErrexit(script)) return;
  const message = 'A failing command does not stop this script: only the status of its last command counts';
  reporter.warn('HeredocWithoutErrexit', document.span, message, { hint: 'begin the script with `set -e`' });
}

/** Lines that begin a command; continued lines and comments do not count. */
function commandsIn(script: string): number {
  const lines = script.split('\n').map((line) => line.trim());
  return lines.filter((line, at) => line !== '' && !line.startsWith('#') && !/(?:\\|&&|\|\||\|)$/.test(lines[at - 1] ?? '')).length;
}

const setsErrexit = (script: string): boolean =>
  script.split('\n').some((line) => /^\s*set\s/.test(line) && ERREXIT.test(line.slice(line.indexOf('set') + 3)));

// Bounds keep hostile scripts from being searched again and again.
const APT_INSTALL = /\bapt(?:-get)?\s+(?:-\S+\s+){0,20}install\b/;
const APT_CLEAN = /\bapt(?:-get)?\s+(?:-\S+\s+){0,20}dist-?clean\b/;
const LISTS = /\/var\/lib\/(?:apt|\{(?:[^}]{0,200},)?apt\b)/;

/** Whether a script installs packages and does not remove the lists again. */
function leavesLists(script: string): boolean {
  const commands = script.replaceAll('\\\n', ' ').split(/[\n;&|]/);
  return (
    commands.some((command) => APT_INSTALL.test(command)) &&
    !commands.some((command) => APT_CLEAN.test(command) || (/\brm\b/.test(command) && LISTS.test(command)))
  );
}

function checkAptGet({ instruction, mounts, inImage }: RunFacts, reporter: Reporter): void {
  if (!inImage) return;
  const { command, heredocs } = instruction;
  const text = [command.form === 'shell' ? command.text : command.args.join(' '), ...heredocs.map((heredoc) => heredoc.content)]
    .join('\n')
    .slice(0, MAX_SCRIPT);
  const mounted = mounts.some((mount) => 'target' in mount && /^\/var\/lib\/apt(?:\/|$)/.test(mount.target ?? ''));
  if (mounted || !leavesLists(text)) return;
  const hint = 'end the step with `&& rm -rf /var/lib/apt/lists/*`, or mount a cache at /var/lib/apt';
  reporter.warn('AptGetWithoutCleanup', instruction.keyword.span, 'apt-get install leaves its package lists in the image', { hint });
}
