// One does the work, whoever asks; who may end it; who goes on when the one who did it is gone.
import { describe, expect, it } from 'vitest';
import { SharedTask } from '../../../src/build/shared-task.ts';

/** Work that ends when told, or with its signal's reason. */
function controlled() {
  const begun: PromiseWithResolvers<string>[] = [];
  const work = (signal: AbortSignal): Promise<string> => {
    const run = Promise.withResolvers<string>();
    begun.push(run);
    signal.addEventListener('abort', () => run.reject(signal.reason));
    return run.promise;
  };
  return { begun, work };
}
const never = new AbortController().signal;

describe('SharedTask', () => {
  it('does the work once, for those who come before and after it is done', async () => {
    const { begun, work } = controlled();
    const task = new SharedTask<string>();
    const waits: string[] = [];
    const results = ['first', 'second'].map((name) => task.join(never, work, () => waits.push(name)));
    begun[0]?.resolve('made');
    expect(await Promise.all(results)).toEqual(['made', 'made']);
    expect(await task.join(never, work, () => waits.push('third'))).toBe('made');
    expect(begun).toHaveLength(1);
    expect(waits).toEqual(['second', 'third']);
  });

  it('keeps a failure of the work for all', async () => {
    const { begun, work } = controlled();
    const task = new SharedTask<string>();
    const results = [task.join(never, work), task.join(never, work)];
    begun[0]?.reject(new Error('exit code 1'));
    await Promise.allSettled(results);
    await expect(results[0]).rejects.toThrow('exit code 1');
    await expect(results[1]).rejects.toThrow('exit code 1');
    await expect(task.join(never, work)).rejects.toThrow('exit code 1');
    expect(begun).toHaveLength(1);
  });

  it('keeps a failure although whoever did it ends because of it', async () => {
    const { begun, work } = controlled();
    const task = new SharedTask<string>();
    const leader = new AbortController();
    const led = task.join(leader.signal, work);
    begun[0]?.reject(new Error('exit code 1'));
    await expect(led).rejects.toThrow('exit code 1');
    leader.abort(new Error('exit code 1'));
    await expect(task.join(never, work)).rejects.toThrow('exit code 1');
    expect(begun).toHaveLength(1);
  });

  it('goes on until the last who wants it has given up', async () => {
    const { begun, work } = controlled();
    const task = new SharedTask<string>();
    const [leader, follower] = [new AbortController(), new AbortController()];
    const led = task.join(leader.signal, work);
    const followed = task.join(follower.signal, work);
    leader.abort(new Error('leader gave up'));
    begun[0]?.resolve('made');
    expect(await followed).toBe('made');
    expect(await led).toBe('made');
  });

  it('ends when all have given up, and can be begun again', async () => {
    const { begun, work } = controlled();
    const task = new SharedTask<string>();
    const [leader, follower] = [new AbortController(), new AbortController()];
    const led = task.join(leader.signal, work);
    const followed = task.join(follower.signal, work);
    follower.abort(new Error('follower gave up'));
    await expect(followed).rejects.toThrow('follower gave up');
    leader.abort(new Error('leader gave up'));
    await expect(led).rejects.toThrow('leader gave up');
    const again = task.join(never, work);
    begun[1]?.resolve('made');
    expect(await again).toBe('made');
  });

  it('is begun again by who waits when the one who did it is stopped by something else', async () => {
    const { begun, work } = controlled();
    const task = new SharedTask<string>();
    const leader = new AbortController();
    const led = task.join(leader.signal, work);
    const followed = task.join(never, work);
    leader.abort(new Error('another step failed'));
    begun[0]?.reject(new Error('the directory is gone'));
    await expect(led).rejects.toThrow('the directory is gone');
    await expect.poll(() => begun.length).toBe(2);
    begun[1]?.resolve('made');
    expect(await followed).toBe('made');
  });
});
