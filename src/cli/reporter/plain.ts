// Progress for logs and CI: each line prefixed with the step's number and time, as
// `docker build --progress=plain` prints it. Lines of one step stand together for as long as others can
// wait; a step that gave way (`#5 ...`) is named again when it goes on.
import { formatSize } from '../sizes.ts';
import { BuildState, type Progress } from './build-state.ts';
import type { Reporter, Terminal } from './reporter.ts';
import { type TurnFormat, Turns } from './turns.ts';

/** As long as nobody minds a log to lag behind. */
const PATIENCE_MS = 1000;

export function openPlainReporter(terminal: Terminal): Reporter {
  return new BuildState(() => new PlainView(terminal.write, FORMAT));
}

const FORMAT: TurnFormat = {
  patience: PATIENCE_MS,
  open: (step) => `#${step.number} ${step.title}\n`,
  line: (step, line, time) => `#${step.number} ${((time - step.started) / 1000).toFixed(3)} ${line}\n`,
  close: (step, end) => `#${step.number} ${end}\n\n`,
  pause: (step) => `#${step.number} ...\n\n`,
};

class PlainView extends Turns {
  moved({ action, digest, id, current }: Progress): void {
    if (current > 0 && action !== 'layer') this.between(`# ${action} ${digest?.slice(0, 19) ?? id} ${formatSize(current)} done\n`);
  }
}
