// Progress for logs and CI: one line per fact, each prefixed with the step's number, as
// `docker build --progress=plain` prints it.
import type { BuildEvent } from '../../core/events.ts';
import { formatSize } from '../sizes.ts';
import { LogLines } from './log-lines.ts';
import type { Reporter, Terminal } from './reporter.ts';

interface Step {
  readonly number: number;
  readonly started: number;
  readonly lines: LogLines;
}

export function openPlainReporter(terminal: Terminal): Reporter {
  const steps = new Map<string, Step>();
  let last = 0;

  const start = (id: string, name: string, time: number): Step => {
    const known = steps.get(id);
    if (known !== undefined) return known;
    const number = ++last;
    const step: Step = {
      number,
      started: time,
      lines: new LogLines((line) => terminal.write(`#${number} ${((Date.now() - time) / 1000).toFixed(3)} ${line}\n`)),
    };
    steps.set(id, step);
    terminal.write(`#${number} ${name}\n`);
    return step;
  };

  const finish = (event: Extract<BuildEvent, { type: 'vertex-finished' }>): void => {
    const step = start(event.vertex.id, event.vertex.name, event.time);
    step.lines.end();
    const because = event.because === undefined ? '' : ` (${event.because})`;
    const took = ((event.time - step.started) / 1000).toFixed(1);
    if (event.error !== undefined) terminal.write(`#${step.number} ERROR: ${event.error.split('\n')[0]}\n\n`);
    else if (event.cached) terminal.write(`#${step.number} CACHED\n\n`);
    else terminal.write(`#${step.number} DONE ${took}s${because}\n\n`);
  };

  return {
    event(event) {
      switch (event.type) {
        case 'vertex-started':
          start(event.vertex.id, event.vertex.name, event.time);
          break;
        case 'vertex-log':
          steps.get(event.id)?.lines.push(event.data);
          break;
        case 'vertex-finished':
          finish(event);
          break;
        case 'progress':
          if (event.done && event.current > 0)
            terminal.write(`# ${event.action} ${event.digest?.slice(0, 19) ?? event.id} ${formatSize(event.current)} done\n`);
          break;
        case 'notice':
          terminal.write(`note: ${event.message}\n`);
          break;
        case 'diagnostic':
          break;
      }
    },
    close() {
      for (const step of steps.values()) step.lines.end();
    },
  };
}
