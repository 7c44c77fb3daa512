// Progress for logs that people read afterwards: all lines of a step stand together, however long it
// runs. On GitHub and GitLab each step is a section that folds.
import { BuildState, type Step } from './build-state.ts';
import { stripColours } from './log-lines.ts';
import type { Folding, Reporter, Terminal } from './reporter.ts';
import { type TurnFormat, Turns } from './turns.ts';

export function openGroupReporter(terminal: Terminal, folding: Folding): Reporter {
  const marks = MARKS[folding];
  const format: TurnFormat = {
    patience: null,
    open: (step) => marks.open(step, `#${step.number} ${step.title}`),
    line: (_step, line) => `${marks.line(terminal.color ? line : stripColours(line))}\n`,
    close: (step, end) => `${marks.line(`#${step.number} ${end}`)}\n${marks.close(step)}`,
    pause: () => '',
  };
  return new BuildState(() => new Turns(terminal.write, format));
}

interface Marks {
  open(step: Step, title: string): string;
  line(line: string): string;
  close(step: Step): string;
}

const MARKS: Readonly<Record<Folding, Marks>> = {
  none: { open: (_step, title) => `${title}\n`, line: (line) => line, close: () => '\n' },
  github: {
    open: (_step, title) => `::group::${withoutCommands(title)}\n`,
    line: withoutCommands,
    close: () => '::endgroup::\n',
  },
  gitlab: {
    open: (step, title) => `\x1b[0Ksection_start:${Math.floor(step.started / 1000)}:step_${step.number}[collapsed=true]\r\x1b[0K${title}\n`,
    line: (line) => line,
    close: (step) => `\x1b[0Ksection_end:${Math.floor(Date.now() / 1000)}:step_${step.number}\r\x1b[0K\n`,
  },
};

/** GitHub obeys lines like `::add-mask::x` and `##[command]`; those of a step are its output and nothing else. */
function withoutCommands(line: string): string {
  return line.replace(/^(\s*):(?=:)/, '$1: ').replaceAll('##[', '## [');
}
