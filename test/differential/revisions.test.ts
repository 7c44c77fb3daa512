// Layers of an older tsbuild must not be taken for what this one makes: what is recorded of steps changes only
// together with the revisions that are part of their keys.
import { describe, expect, it, vi } from 'vitest';
import { cacheKeyOf } from '../../src/core/digest.ts';
import { layerKey } from '../../src/graph/cache-key.ts';
import type { CopyOp, LayerOp } from '../../src/graph/op.ts';
import { REVISIONS, type StepKind } from '../../src/graph/revisions.ts';
import type { Vertex, VertexId } from '../../src/graph/vertex.ts';
import { complaintAbout, currentResults, readLedger } from '../support/differential/revisions.ts';

const copy = (keyword: 'COPY' | 'ADD'): CopyOp => ({
  type: 'copy',
  keyword,
  sources: [],
  dest: '/',
  destIsDir: true,
  link: false,
  parents: false,
  exclude: [],
  unpack: 'never',
});
const STEPS: Readonly<Record<StepKind, LayerOp>> = {
  RUN: { type: 'exec', args: [], env: [], cwd: '/', user: '', mounts: [], network: 'default', security: 'sandbox' },
  COPY: copy('COPY'),
  ADD: copy('ADD'),
  WORKDIR: { type: 'mkdir', path: '/', user: '' },
};

function keys(): Record<string, string> {
  const meta: Vertex['meta'] = { label: '', stage: '', noCache: false, proxyEnv: [], platform: { os: 'linux', architecture: 'amd64' } };
  const inputs = { base: cacheKeyOf('base'), sources: [] };
  const keyOf = (op: LayerOp): string => layerKey({ id: '' as VertexId, op, inputs: [], meta }, inputs, 'content').key;
  return Object.fromEntries(Object.entries(STEPS).map(([kind, op]) => [kind, keyOf(op)]));
}

describe('revisions', () => {
  it.each(Object.keys(STEPS) as StepKind[])('of %s change the keys of such steps and of no others', (kind) => {
    const before = keys();
    vi.spyOn(REVISIONS, kind, 'get').mockReturnValue(REVISIONS[kind] + 1);
    const after = keys();
    vi.restoreAllMocks();
    expect(Object.keys(STEPS).filter((step) => before[step] !== after[step])).toEqual([kind]);
  });

  it('are those under which results were recorded (else: node scripts/record-revisions.ts)', () => {
    const recorded = readLedger();
    const now = currentResults();
    expect(Object.keys(recorded).length).toBeGreaterThan(150);
    const complaints = Object.entries(now).flatMap(([name, result]) => complaintAbout(name, recorded[name], result) ?? []);
    expect(complaints).toEqual([]);
    for (const [name, result] of Object.entries(recorded)) expect(result, name).toEqual(now[name]);
  });

  it('have to be raised when a step makes something else of the same input', () => {
    const before = { inputs: 'i', layers: 'l', revisions: { COPY: 1, RUN: 1 } };
    expect(complaintAbout('case', before, { ...before, layers: 'other' })).toMatch(/^case: .* raise the revision of COPY or RUN$/);
    expect(complaintAbout('case', before, { ...before, layers: 'other', revisions: { COPY: 2, RUN: 1 } })).toBeNull();
    expect(complaintAbout('case', before, { ...before, layers: 'other', revisions: { COPY: 1, RUN: 0 } })).not.toBeNull();
    expect(complaintAbout('case', before, { ...before, layers: 'other', inputs: 'another case' })).toBeNull();
    expect(complaintAbout('case', undefined, before)).toBeNull();
  });
});
