import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvariantError, TsbuildError } from '../../../src/core/errors.ts';
import {
  decodeError,
  encodeError,
  encodeLogHeader,
  encodeMessage,
  FRAME_STDERR,
  FRAME_STDOUT,
  FrameDecoder,
} from '../../../src/executor/wire.ts';

function decodeAll(bytes: Buffer, cuts: readonly number[]): unknown[] {
  const seen: unknown[] = [];
  const decoder = new FrameDecoder({
    message: (message) => seen.push(message),
    log: (stream, id, data) => seen.push({ stream, id, text: Buffer.from(data).toString('latin1') }),
  });
  let from = 0;
  for (const cut of [...cuts, bytes.length].map((at) => Math.min(at, bytes.length)).sort((a, b) => a - b)) {
    decoder.push(bytes.subarray(from, cut));
    from = cut;
  }
  return seen;
}

describe('frames', () => {
  const frame = fc.oneof(
    fc.record({ message: fc.string({ maxLength: 300 }) }),
    fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      id: fc.nat(0xffffffff),
      text: fc.string({ maxLength: 300, unit: 'binary-ascii' }),
    }),
  );

  test('arrive whole and in order however the stream is cut', () => {
    // biome-ignore lint/nursery/noFloatingPromises: a synchronous property returns nothing
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(3_000), { maxLength: 20 }), (frames, cuts) => {
        const parts = frames.map((one) => {
          if ('message' in one) return encodeMessage({ type: 'notice', message: one.message });
          const data = Buffer.from(one.text, 'latin1');
          return Buffer.concat([encodeLogHeader(one.stream === 'stdout' ? FRAME_STDOUT : FRAME_STDERR, one.id, data.length), data]);
        });
        const expected = frames.map((one) => ('message' in one ? { type: 'notice', message: one.message } : one));
        expect(decodeAll(Buffer.concat(parts), cuts)).toEqual(expected);
      }),
    );
  });

  test('carry bytes and names that are not Unicode', () => {
    const value = { bytes: new Uint8Array([0, 255]), name: '\udc80x' };
    const [message] = decodeAll(encodeMessage({ type: 'result', id: 1, value }), [1, 2, 3]) as [{ value: typeof value }];
    expect(message.value.name).toBe(value.name);
    expect([...message.value.bytes]).toEqual([0, 255]);
  });
});

describe('errors', () => {
  test('keep code, hint and facts', () => {
    const error = decodeError(encodeError(new TsbuildError({ code: 'exec/no-runtime', message: 'm', hint: 'h', data: { a: 1 } })));
    expect(error).toMatchObject({ code: 'exec/no-runtime', message: 'm', hint: 'h', data: { a: 1 } });
  });

  test('of the system become one with a hint', () => {
    const error = decodeError(encodeError(Object.assign(new Error('write: no space'), { code: 'ENOSPC' })));
    expect(error).toMatchObject({ code: 'exec/syscall', data: { errno: 'ENOSPC' }, hint: expect.stringContaining('prune') });
  });

  test('of a clean-up after a failure do not hide the failure', async () => {
    const failing = async (): Promise<void> => {
      await using stack = new AsyncDisposableStack();
      for (const what of ['unmount', 'remove']) stack.defer(() => Promise.reject(new Error(`cannot ${what}`)));
      throw new TsbuildError({ code: 'exec/no-runtime', message: 'first' });
    };
    const thrown: unknown = await failing().catch((error: unknown) => error);
    expect(decodeError(encodeError(thrown))).toMatchObject({ code: 'exec/no-runtime', message: 'first' });
  });

  test('that are bugs stay bugs', () => {
    expect(decodeError(encodeError(new InvariantError('no')))).toBeInstanceOf(InvariantError);
    expect(decodeError(encodeError('text')).message).toBe('text');
  });
});
