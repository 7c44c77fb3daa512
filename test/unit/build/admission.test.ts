// Which steps run beside each other: number, processors, memory; order; who gives up.
import { describe, expect, it } from 'vitest';
import { Admission, type AdmissionOptions, type StepWeight } from '../../../src/build/solve/admission.ts';

const GIB = 2 ** 30;
const never = new AbortController().signal;
/** Steps that run until told to end; `running` are their names in the order they began. */
function machine(options: Partial<AdmissionOptions> = {}) {
  const admission = new Admission({ steps: 100, cpus: 4, available: () => 8 * GIB, ...options });
  const running: string[] = [];
  const ends = new Map<string, () => void>();
  const begin = (name: string, weight: StepWeight = {}, signal = never): Promise<void> =>
    admission.run(weight, signal, async () => {
      running.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      running.splice(running.indexOf(name), 1);
    });
  return { begin, running, end: (name: string) => ends.get(name)?.() };
}

describe('Admission', () => {
  it('runs as many at a time as asked, in the order they came', async () => {
    const { begin, running, end } = machine({ steps: 2 });
    const all = ['a', 'b', 'c', 'd'].map((name) => begin(name));
    await expect.poll(() => running).toEqual(['a', 'b']);
    end('a');
    await expect.poll(() => running).toEqual(['b', 'c']);
    end('b');
    await expect.poll(() => running).toEqual(['c', 'd']);
    end('c');
    end('d');
    await Promise.all(all);
  });

  const heavy: readonly [string, StepWeight][] = [
    ['processors', { cpus: 3 }],
    ['memory', { memory: 5 * GIB }],
  ];
  it.each(heavy)('does not promise the same %s twice, and lets nobody overtake', async (_, weight) => {
    const { begin, running, end } = machine();
    const all = [begin('first', weight), begin('second', weight), begin('light')];
    await expect.poll(() => running).toEqual(['first']);
    end('first');
    await expect.poll(() => running).toEqual(['second', 'light']);
    end('second');
    end('light');
    await Promise.all(all);
  });

  it('runs a step alone that needs more than there is', async () => {
    const { begin, running, end } = machine({ available: () => GIB });
    const all = [begin('huge', { cpus: 64, memory: 64 * GIB }), begin('light')];
    await expect.poll(() => running).toEqual(['huge']);
    end('huge');
    await expect.poll(() => running).toEqual(['light']);
    end('light');
    await Promise.all(all);
  });

  it('waits for memory that something else uses, and sees when it comes free', async () => {
    let available = 8 * GIB;
    const { begin, running, end } = machine({ available: () => available });
    const first = begin('first');
    available = 0;
    const second = begin('second');
    await expect.poll(() => running).toEqual(['first']);
    available = 8 * GIB;
    await expect.poll(() => running, { timeout: 10_000 }).toEqual(['first', 'second']);
    end('first');
    end('second');
    await Promise.all([first, second]);
  });

  it('forgets who gives up waiting, and makes room after a failure', async () => {
    const { begin, running, end } = machine({ steps: 1 });
    const admission = new Admission({ steps: 1, cpus: 1, available: () => GIB });
    await expect(admission.run({}, never, () => Promise.reject(new Error('exit code 1')))).rejects.toThrow('exit code 1');
    expect(await admission.run({}, never, async () => 'next')).toBe('next');
    const giver = new AbortController();
    const [first, second, third] = [begin('first'), begin('second', {}, giver.signal), begin('third')];
    giver.abort(new Error('given up'));
    await expect(second).rejects.toThrow('given up');
    end('first');
    await expect.poll(() => running).toEqual(['third']);
    end('third');
    await Promise.all([first, third]);
  });
});
